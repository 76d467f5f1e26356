"""What a plan says of its prices: their currency and their age."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from steelyard.core import Price
from steelyard.errors import ConfigError
from steelyard.planning.forecast import plan
from steelyard.planning.plan import RunOptions, headlines, make_plan
from steelyard.planning.priced import NamedPrice, old_prices
from steelyard.result import AuditResult
from tests.tickets import write_task

DATED = """
currency: EUR
prices:
  smart: {input: 1, output: 2, date: 2020-01-01, source: a price list}
  machine: {per_hour: 1, date: 2020-01-02}
  label: {amount: 0.3, date: 2020-01-03}
  hour: 90
"""


def test_old_prices_are_told_by_the_plan_and_in_its_data(tmp_path: Path) -> None:
    task = write_task(tmp_path / "t", strategies=["zero_shot", "majority"], extra=DATED)
    made = make_plan(task, RunOptions())
    names = [one.name for one in made.priced]
    assert names == ["smart", "machine", "label", "hour"]
    assert [text.split(" is ")[0] for text in made.old_prices] == [
        "the price of smart (a price list)",
        "the price of machine",
        "the price of label",
    ]
    lines = headlines(made, AuditResult())
    assert all(f"note: {text}" in lines for text in made.old_prices)
    outlook = plan(task, tmp_path / "out")
    data = outlook.to_dict()
    assert set(made.old_prices) <= set(data["notes"])
    assert data["models"][0]["price"]["date"] == "2020-01-01"
    assert "price of smart: a price list, 2020-01-01" in data["assumptions"]
    undated = "price of hour: your prices in task.yaml, no date given, so that its age is not known"
    assert undated in data["assumptions"]
    assert data["total"]["currency"] == "EUR"


def test_the_book_is_as_old_as_its_newest_change() -> None:
    book = NamedPrice("gpt-4o-mini", Price(source="genai-prices 1", date="2026-01-01"))
    assert old_prices([book], date(2026, 6, 30)) == ()
    assert old_prices([book, book], date(2026, 7, 1)) == (
        "the price of gpt-4o-mini (genai-prices 1) is 181 days old, more than 180: check it",
    )


@pytest.mark.parametrize(
    ("model", "extra", "message"),
    [
        (
            "fake:smart",
            "currency: EUR\n",
            "no price of the machine is given, the assumed one is in USD",
        ),
        (
            "openai:gpt-4o-mini",
            "currency: EUR\nprices: {machine: {hour: 1}}\n",
            r"the price of gpt-4o-mini is in USD \(genai-prices .*\), and this task in EUR: give prices",
        ),
    ],
)
def test_no_two_currencies_enter_a_plan(
    tmp_path: Path, model: str, extra: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(write_task(tmp_path / "t", model=model, extra=extra), RunOptions())


@pytest.mark.parametrize(
    ("strategies", "is_noted"), [(["zero_shot"], True), (["zero_shot", "lora"], False)]
)
def test_retraining_of_nothing_is_noted(
    tmp_path: Path, strategies: list[str], is_noted: bool
) -> None:
    task = write_task(
        tmp_path / "t",
        model="smollm2-135m",
        strategies=strategies,
        extra="traffic: {requests_per_day: '10,000', retrain_days: 90}\n",
    )
    made = make_plan(task, RunOptions())
    assert made.task.traffic.requests_per_day == 10_000
    assert any("traffic.retrain_days 90: not used" in note for note in made.notes) == is_noted


def test_a_price_from_after_the_day_is_told(tmp_path: Path) -> None:
    late = "prices: {smart: {input: 1, output: 2, date: 2026-11-15}}\n"
    task = write_task(tmp_path / "t", strategies=["zero_shot"], extra=late)
    sentences = make_plan(task, RunOptions(prices_at="2026-06-01")).old_prices
    assert sentences[0] == (
        "the price of smart is from 2026-11-15, after 2026-06-01, at whose prices this is weighed"
    )


def test_a_model_of_unknown_price_is_told_by_the_plan(tmp_path: Path) -> None:
    task = write_task(tmp_path / "t", strategies=["zero_shot"], model="openai:nobody-9")
    outlook = plan(task, tmp_path / "out")
    [line] = [text for text in outlook.warnings if "not known" in text]
    assert line.startswith("the price of nobody-9 is not known: ") and "prices" in line
