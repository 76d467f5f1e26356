"""``cost``: a file, an example or the figures of two ways; what it prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from steelyard.calculator.worked_examples import EXAMPLES, worked_example
from steelyard.cli import main
from steelyard.cli.two_ways import FLAGS as ALL_FLAGS

FLAGS = (
    "--prompt-tokens 500 --tuned-tokens 50 --price-per-1k 0.03 --requests-per-day 10000 "
    "--training 200-500"
).split()


def test_flags_give_the_fields_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *FLAGS]) == 0
    out = capsys.readouterr().out
    for text in ("$4,500.00", "$450.00", "saves $4,050.00 a month", "14,815 to 37,038 requests"):
        assert text in out
    dearer = "above 100 (gpt-4o-mini: 2x), 212 (gpt-4o: 1.5x), 22 (gpt-3.5-turbo: 6x in, 4x out)"
    for text in (dearer, "45,333", "caching:", "retraining:"):
        assert text in " ".join(out.split())


@pytest.mark.parametrize("volume", ["10,000", "10_000", "10000"])
def test_a_volume_may_have_separators(volume: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", *FLAGS, "--requests-per-day", volume]) == 0
    assert "10,000 requests a day" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            ["--requests-per-day", "10,00"],
            "--requests-per-day: '10,00' can be read in two ways",
        ),
        (["--requests-per-day", "10.000"], "'10.000' can be read in two ways: write 10000 or 10"),
        (["--training", "1,00"], "--training: '1,00' can be read in two ways"),
        (["--price-per-1k", "0,03"], "--price-per-1k: '0,03' can be read in two ways"),
        (["--training", "€350"], "--training has €, and this sum is in USD"),
        (["--training", "$350", "--currency", "EUR"], "has $, and this sum is in EUR"),
        (["--price-per-1k", "€1"], "--price-per-1k: '€1' is not an amount of money in USD"),
        (["--currency", "euro"], "--currency: 'euro' is no currency: write its code, such as EUR"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", *FLAGS, *flags]) != 0
    assert message in " ".join(capsys.readouterr().err.split())


def test_another_currency_has_no_dollars_but_those_that_vendors_ask(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cost", *FLAGS, "--currency", "EUR", "--training", "€350"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "€4,500.00" in out and "at this volume long prompt is cheaper above €5.59 an hour" in out
    assert out.count("$") == out.count("seen: $1.70 an hour") == 1


@pytest.mark.parametrize("value", ["-1", "x", "1e30", "nobody-7"])
@pytest.mark.parametrize("flag", [flag.name for flag in ALL_FLAGS])
def test_a_refused_figure_is_named_by_its_flag(
    flag: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = FLAGS if flag != "model" else [*FLAGS[:4], *FLAGS[6:]]
    assert main(["cost", *flags, f"--{flag}", value]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--{flag}" in line
    assert not [word for word in ("ways.", "prices", "traffic.", "your model") if word in line]
    assert "Decimal" not in line


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--output-tokens", "10"], "--output-price-per-1k is missing: give what 1,000 output"),
        (["--cached-share", "0.5"], "--cached-price-per-1k is missing: give what 1,000 cached"),
        (["--cached-price-per-1k", "0.01"], "Not used: - --cached-price-per-1k"),
        (
            ["--cached-share", "0.5", "--cached-price-per-1k", "1"],
            "--cached-price-per-1k is 1, more than the 0.03 of tokens",
        ),
        (["--output-tokens", "-1"], "error: --output-tokens must be at least 0, not '-1'\n"),
        (["--price-per-1k", "-1"], "error: --price-per-1k must be at least 0, not '-1'\n"),
    ],
)
def test_what_figures_lack_is_asked_for_by_flag(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["cost", *FLAGS, *flags])
    printed = capsys.readouterr()
    assert message in (printed.err or " ".join(printed.out.split()))


def test_a_model_that_nobody_knows_is_likened_to_those_of_the_book(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["cost", *FLAGS[:4], *FLAGS[6:], "--model", "gpt4.1"]) == 2
    assert "(did you mean 'gpt-4.1'?): correct --model" in capsys.readouterr().err


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_fits_100_columns(
    example: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["cost", "--example", example, "--map"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "requests a day  1 month" in out


def test_a_file_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "costs.yaml"
    file.write_text(yaml.safe_dump(worked_example("azure")), encoding="utf-8")
    assert main(["cost", str(file), "--json", "--prices-at", "2026-03-01"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [way["month_total"]["low"] for way in answer["ways"]] == [1422.0, 1422.0]
    assert answer["day"] == "2026-03-01"
    assert [price["is_stale"] for price in answer["prices"]] == [False]


def test_less_than_a_request_a_day_is_no_zero(capsys: pytest.CaptureFixture[str]) -> None:
    flags = [*FLAGS[:7], "0.1", *FLAGS[8:]]
    assert main(["cost", *flags]) == 0
    out = capsys.readouterr().out
    assert "\n0.1 requests a day" in f"\n{out}"
    assert " 0 requests a day" not in out


def test_what_is_not_used_and_what_ranges_leave_open_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    way = {"model": "v", "input_tokens": 1000}
    config = {
        "traffic": {"requests_per_day": 1000},
        "prices": {"v": {"input": 2, "cached": 1}},
        "ways": {
            "long": {**way, "search": "0-600"},
            "tuned": {**way, "input_tokens": 100, "training": "100-700"},
        },
    }
    file = tmp_path / "costs.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert main(["cost", str(file), "--map"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Not used: - prices.v.cached" in out
    assert "long or tuned, depending on where in their ranges the amounts lie" in out
    assert "not within 365 days at the other ends of the ranges" in out
    assert "the map holds amounts in the middle of their ranges" in out


def test_a_stale_price_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--example", "azure", "--prices-at", "2026-12-01"]) == 0
    assert "293 days old, older than 180 days" in capsys.readouterr().out.replace("\n    ", " ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "nothing to price"),
        (["absent.yaml"], "cannot read absent.yaml"),
        (["--example", "feild"], "did you mean 'field'"),
        (["--example", "field", "--training", "3"], "leave out --training"),
        (FLAGS[:-2], "--training is missing"),
        (FLAGS[2:], "--prompt-tokens is missing"),
        ([*FLAGS, "--model", "gpt-4o"], "--price-per-1k, or --model"),
        ([*FLAGS, "--output-tokens", "100"], "--output-price-per-1k is missing"),
        ([*FLAGS[:5], "much", *FLAGS[6:]], "'much' is not an amount of money"),
        ([*FLAGS[:5], "-1", *FLAGS[6:]], "must be at least 0"),
        ([*FLAGS, "--horizon-days", "never"], "--horizon-days must be a whole number"),
        ([*FLAGS[:4], "--model", "gpt-nobody", *FLAGS[6:]], "no token price for 'gpt-nobody'"),
        ([*FLAGS, "--prices-at", "soon"], "'soon' is not a date"),
        ([*FLAGS, "--prices-at", "2999-01-01"], "2999-01-01 is still to come"),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["cost", *argv]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1
