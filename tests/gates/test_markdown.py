"""The summary for a comment: short, and a text from elsewhere is only text in it."""

from __future__ import annotations

import pytest

from steelyard.changes import compare_runs
from steelyard.gates.markdown import escaped, markdown
from steelyard.gates.rules import GateResult, Gating
from steelyard.gates.summary import RunSummary
from steelyard.result import Result
from steelyard.result.arm import ArmResult
from steelyard.result.figures import Quality
from tests.made_runs import made_run


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("a | b", " | b"),
        ("<img src=x>", " <img"),
        ("`code`", " `"),
        ("[x](http://evil)", "[x]("),
        ("ping @team", "@team"),
        ("see #12", "#12"),
        ("go to http://evil.example", "http://"),
        ("two\nlines", "\n"),
        ("\x1b[31m", "\x1b"),
        ("$x$ _y_ *z*", " _y"),
        ("\u202eright to left", "\u202e"),
    ],
)
def test_a_text_is_only_text(text: str, forbidden: str) -> None:
    assert forbidden not in " " + escaped(text)


def test_a_long_text_is_cut() -> None:
    assert len(escaped("x" * 10_000)) <= 400


def test_a_table_row_has_a_cell_for_each_column_whatever_the_names_hold() -> None:
    name = "few|shot\n| x | y |"
    before, now = (
        made_run("a", {name: [1.0] * 10}),
        made_run("b", {name: [0.0] * 10, "new": [1.0] * 10}),
    )
    summary = RunSummary("t", now.result, Gating((), compare_runs(before, now)))
    rows = [line for line in markdown(summary).splitlines() if line.startswith("|")]
    cells = {row.replace("\\|", "").count("|") for row in rows}
    assert (len(rows), cells) == (4, {8})


def test_many_arms_are_counted_and_not_listed() -> None:
    arms = tuple(
        ArmResult(name=f"arm{at}", quality=Quality(metric="accuracy", value=at / 40))
        for at in range(40)
    )
    text = markdown(RunSummary("t", Result(arms=arms)))
    assert text.count("| arm") == 15
    assert "And 25 more arms: see `result.json`." in text
    assert "arm39" in text and "arm0 " not in text


def test_a_gate_and_an_error_stand_first() -> None:
    gate = GateResult("--fail-below 0.9", "failed", "few has accuracy 80 %")
    text = markdown(RunSummary("t", Result(), Gating((gate,))))
    assert "- ❌ --fail-below 0.9 failed: few has accuracy 80 %" in text
    assert markdown(RunSummary("t", error="no run")) == "## Steelyard: t\n\n⚠️ no run\n"
