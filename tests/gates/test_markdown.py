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
from steelyard.result.run import StoppedArm, UnmeasuredArm
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


def test_arms_without_figures_are_listed_with_why() -> None:
    stopped = StoppedArm(arm="few", quality=0.5, rival="zero", rival_quality=0.9, chance=0.99, n=30)
    ended = [
        UnmeasuredArm(arm="lora", reason="the <endpoint> went away"),
        UnmeasuredArm(strategy="few_shot", model_tag="big", reason="no answer"),
    ]
    before = made_run("a", {"zero": [1.0] * 10, "few": [1.0] * 10, "old": [1.0] * 10})
    now = made_run("b", {"zero": [1.0] * 10}, stopped=[stopped], ended=ended)
    summary = RunSummary("t", now.result, Gating((), compare_runs(before, now)))
    text = markdown(summary)
    assert "- lora: ended early: the \\<endpoint\\> went away" in text
    assert "- few\\_shot on big: ended early: no answer" in text
    assert (
        "- few: stopped before the test, with 0.50 on 30 dev examples against 0.90 of zero" in text
    )
    assert "No longer there: old." in text
    assert "Without figures now, see above: few." in text
    many = Result(stopped=tuple(stopped.updated(arm=f"arm{at}") for at in range(40)))
    assert "- And 25 more arms without figures" in markdown(RunSummary("t", many))


def test_a_ceiling_is_told_and_stands_last() -> None:
    arms = (
        ArmResult(name="oracle", is_ceiling=True, quality=Quality(value=1.0)),
        ArmResult(name="rag", quality=Quality(value=0.5)),
    )
    rows = [row for row in markdown(RunSummary("t", Result(arms=arms))).splitlines() if "|" in row]
    assert [row.split("|")[1].strip() for row in rows[2:]] == ["rag", escaped("oracle (ceiling)")]
