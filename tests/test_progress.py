"""Quiet, plain and rich displays, and the log."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import pytest

from steelyard.progress import Display, PlainDisplay, RichDisplay, display_for, logged


def use(display: Display) -> None:
    display.say("three arms [bold]")
    with display.job("few_shot: test") as progress:
        progress(1, 4)
        progress(4, 4)
    with display.job("few_shot: latency") as progress:
        progress(20, 20)
    with display.job("lora: fit"):
        pass


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    use(display_for(quiet=True))
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_plain_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    display = display_for(quiet=False)
    assert type(display) is PlainDisplay
    use(display)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "three arms [bold]"
    assert re.fullmatch(r"few_shot: test: \d+\.\d s", lines[1])
    assert not any("latency" in line for line in lines), "short probes are not worth a line"
    assert "\x1b" not in captured.err


def test_a_long_job_shows_its_rate(capsys: pytest.CaptureFixture[str]) -> None:
    with PlainDisplay().job("lora: fit") as progress:
        time.sleep(0.5)
        progress(20, 20)
    assert re.fullmatch(r"lora: fit: \d+\.\d s, \d+\.\d/s\n", capsys.readouterr().err)


def test_figures_stand_beside_a_job_while_it_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = PlainDisplay(line_seconds=0.0)
    with display.job("lora: fit") as progress:
        display.note("loss 0.512")
        progress(1, 4)
    with display.job("lora: fit") as progress:
        progress(1, 4)
    first, _, second, _ = capsys.readouterr().err.splitlines()
    assert ", loss 0.512, " in first and "loss" not in second


@pytest.mark.parametrize("columns", ["80", "160"])
def test_figures_stand_beside_a_bar(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    display = RichDisplay()
    with display.job("lora: fit") as progress:
        progress(1, 240)
        display.note("loss 0.512, rate 1.2e-04, 3,400 tokens/s")
        time.sleep(0.3)
    text = capsys.readouterr().err
    assert "3,400 tokens/s" in text and "1/240" in text
    display.note("loss 0.1")
    assert capsys.readouterr().err == "", "no job goes on"


def test_a_text_that_is_printed_is_not_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logged(tmp_path):
        for display in (Display(), PlainDisplay(), RichDisplay()):
            display.print("1 |  .\n  +---")
    assert capsys.readouterr().err.count("+---") == 2
    assert (tmp_path / "run.log").read_text(encoding="utf-8") == ""


def test_bars_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    use(RichDisplay())
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "three arms [bold]" in captured.err
    assert "few_shot: test" in captured.err and "4/4" in captured.err


def test_the_log_is_appended_and_let_go(tmp_path: Path) -> None:
    for _ in range(2):
        with logged(tmp_path):
            use(Display())
    text = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert text.count("few_shot: test: started") == 2
    assert logging.getLogger("steelyard").handlers == []
