"""Two runs compared, on a terminal: what each would deploy, the arms in both, what was set otherwise."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from steelyard.changes.records import (
    ArmChange,
    ComparedRun,
    DocumentsChange,
    ItemChange,
    RunComparison,
    SettingChange,
)
from steelyard.core import Comparison
from steelyard.report import formats
from steelyard.report.terminal import ArmLabel
from steelyard.words import counted, listed, one_line, points, shortened

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH = 80
_LONGEST, _LONGEST_ANSWER = 60, 40
_MOST_LINES = 12
_MOST_FILES = 5
ALPHA = 0.05


def changes_text(comparison: RunComparison) -> str:
    """Return both verdicts, and what each run would deploy compared; plain text in 80 columns."""
    lines = [_run("before", comparison.before), _run("now", comparison.now), ""]
    lines += textwrap.wrap(_deployed(comparison), _WIDTH)
    if text := documents_text(comparison):
        lines += ["", *textwrap.wrap(text, _WIDTH)]
    return "\n".join(lines)


def documents_text(comparison: RunComparison) -> str:
    """Say how the documents of the two runs differ, and what that means; empty where they do not."""
    change = comparison.documents
    if change is None:
        return ""
    text = f"The documents differ: {_files_text(change)}."
    if not change.arms:
        return text
    names = listed(change.arms)
    return (
        f"{text} What changes for {names} may come from the documents: it is no difference between arms "
        "over the same documents."
    )


def _files_text(change: DocumentsChange) -> str:
    if change.before is None or change.now is None:
        return f"only the run {'before' if change.now is None else 'now'} has some"
    if change.reason is not None:
        return f"which files is not known, because {change.reason}"
    kinds = {
        "added": (change.added, change.added_files),
        "removed": (change.removed, change.removed_files),
        "changed": (change.changed, change.changed_files),
    }
    return ", ".join(
        f"{counted(count, 'file')} {name} ({_names(files, count)})"
        for name, (count, files) in kinds.items()
        if count
    )


def _names(files: Sequence[str], count: int) -> str:
    first = [one_line(formats.plain(name), _LONGEST) for name in files[:_MOST_FILES]]
    more = count - len(first)
    return f"{', '.join(first)} and {more:,} more" if more else listed(first)


def _run(title: str, run: ComparedRun) -> str:
    verdict = f"{run.arm}, confidence {run.confidence}" if run.arm else "undecided"
    if not run.arm and run.deployed:
        verdict += f", {run.deployed} leads"
    return f"{title:<8}{run.folder}: {verdict}; {counted(run.test, 'test example')}"


def _deployed(comparison: RunComparison) -> str:
    change = comparison.deployed
    if change is None:
        return "What you would deploy cannot be compared: one of the runs names no arm."
    before, now, tested = change.before.arm, change.now.arm, change.comparison
    names = now if now == before else f"{now} instead of {before}"
    if change.same_answers == comparison.common:
        return (
            f"What you would deploy, {names}: no difference. All {comparison.common:,} answers to the "
            "test examples in both are the same."
        )
    return (
        f"What you would deploy, {names}: {_conclusion(tested)}. {comparison.metric_title} changes by "
        f"{formats.points(tested.difference)} points ({_interval(tested)}), p {_p(tested.p_value)}, on "
        f"{comparison.common:,} test examples in both; {change.better:,} better, {change.worse:,} worse."
    )


def _conclusion(tested: Comparison) -> str:
    if tested.p_value <= ALPHA:
        return "worse" if tested.difference < 0 else "better"
    limit = max(-tested.low, tested.high)
    return f"no difference shown; one beyond {points(limit)} is unlikely"


def _interval(tested: Comparison) -> str:
    return f"{formats.points(tested.low)} to {formats.points(tested.high)}"


def _p(p: float | None) -> str:
    return formats.plain(formats.p_value(p))


def quality_table(comparison: RunComparison) -> Table:
    """Return the quality of the arms in both runs, and the paired differences."""
    grid = _grid(["Arm", "Before", "Now", "Change, 95%", "p", "+/−", "Failed"])
    for arm in comparison.arms:
        tested = arm.comparison
        _add(
            grid,
            arm,
            [
                formats.percent(arm.before.quality.value),
                formats.percent(arm.now.quality.value),
                difference_text(arm, comparison.common),
                _p(tested.p_adjusted),
                f"{arm.better:,}/{arm.worse:,}",
                _steps(formats.count(arm.before.failed), formats.count(arm.now.failed)),
            ],
            is_bold=(tested.p_adjusted or 0.0) <= ALPHA,
        )
    return grid


def quality_caption(comparison: RunComparison) -> str:
    """Return how the table of qualities is read, in 80 columns."""
    text = (
        f"{comparison.metric_title} of each run over its own test; changes in points over the "
        f"{counted(comparison.common, 'example')} in both; p: Holm over the arms that changed; +/−: "
        "examples with a better and a worse score"
    )
    return textwrap.fill(text, _WIDTH)


def cost_table(comparison: RunComparison) -> Table:
    """Return what a request of the arms in both runs costs and takes, before and now."""
    grid = _grid(["Arm", "Cost per 1,000", "p50", "p95", "Tokens in", "out"])
    for arm in comparison.arms:
        before, now = arm.before, arm.now
        pairs = [
            (
                formats.per_thousand(before.per_request, before.currency),
                formats.per_thousand(now.per_request, now.currency),
            ),
            *(
                (formats.seconds(first), formats.seconds(second))
                for first, second in (
                    (before.latency_p50_seconds, now.latency_p50_seconds),
                    (before.latency_p95_seconds, now.latency_p95_seconds),
                )
            ),
            (formats.tokens(before.input_tokens), formats.tokens(now.input_tokens)),
            (formats.tokens(before.output_tokens), formats.tokens(now.output_tokens)),
        ]
        _add(grid, arm, [_steps(*pair) for pair in pairs])
    return grid


def _grid(heads: Sequence[str]) -> Table:
    from rich import box
    from rich.table import Table

    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    grid.add_column(heads[0], overflow="fold")
    for head in heads[1:]:
        grid.add_column(head, justify="right", overflow="fold")
    return grid


def _add(grid: Table, arm: ArmChange, cells: Sequence[str], *, is_bold: bool = False) -> None:
    from rich.text import Text

    figures = (Text(formats.plain(cell)) for cell in cells)
    grid.add_row(
        ArmLabel("", formats.plain(arm.now.arm)), *figures, style="bold" if is_bold else ""
    )


def difference_text(arm: ArmChange, common: int) -> str:
    """The difference with its interval; where no answer changed, there is none to estimate."""
    if arm.same_answers == common:
        return "same answers"
    return f"{formats.points(arm.comparison.difference)} ({_interval(arm.comparison)})"


def _steps(before: str, now: str) -> str:
    return now if before == now else f"{before} → {now}"


def details_text(comparison: RunComparison) -> str:
    """Return what follows the tables: arms in one run only, settings, notes, examples."""
    lines: list[str] = []
    for title, names in (
        ("Only before", comparison.gone),
        ("Only now", comparison.new),
    ):
        lines += textwrap.wrap(f"{title}: {listed(names, 20)}", _WIDTH) if names else []
    for title, arms in (
        ("Not measured now", comparison.missing_now),
        ("Not measured before", comparison.missing_before),
    ):
        lines += _block(title, [_wrapped(f"{arm.arm}: {arm.reason}") for arm in arms])
    lines += _block(
        "Settings that differ", [line for one in comparison.settings for line in _setting(one)]
    )
    lines += _block("Notes", [_wrapped(note) for note in comparison.notes])
    for arm in comparison.arms:
        lines += _block(f"{arm.now.arm}: examples that changed", map(_item, arm.items))
    return "\n".join(lines)


def _block(title: str, points: Sequence[str] | Iterator[str]) -> list[str]:
    texts = list(points)
    return ["", title, *texts] if texts else []


def _wrapped(note: str) -> str:
    return textwrap.fill(note, _WIDTH, initial_indent="  - ", subsequent_indent="    ")


def _setting(change: SettingChange) -> Iterator[str]:
    before, now = change.before, change.now
    if change.name in ("examples", "labels", "documents"):
        yield f"  {change.name}: they differ"
    elif isinstance(before, str) and isinstance(now, str) and len(before + now) > _LONGEST:
        yield f"  {change.name}:"
        lines = [
            line for line in difflib.ndiff(before.splitlines(), now.splitlines()) if line[0] in "-+"
        ]
        yield from (f"    {shortened(line, _WIDTH - 4)}" for line in lines[:_MOST_LINES])
        if (more := len(lines) - _MOST_LINES) > 0:
            yield f"    and {counted(more, 'more line')}: see --json"
    else:
        yield f"  {change.name}: {_value(before)} → {_value(now)}"


def _value(value: object) -> str:
    return one_line(formats.plain(formats.option(value)), _LONGEST)


def _item(item: ItemChange) -> str:
    mark = "worse" if item.score_now < item.score_before else "better"
    answers = [
        "failed" if text is None else repr(one_line(text, _LONGEST_ANSWER))
        for text in (item.before, item.now)
    ]
    reference = repr(one_line(item.reference, _LONGEST_ANSWER))
    return f"  {mark:<7}{item.example_id}: {answers[0]} → {answers[1]}, expected {reference}"
