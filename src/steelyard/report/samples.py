"""Test examples with every arm's answer, and the audit's lists, cut to a page's length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import View
from steelyard.result.answers import SampleAnswer, SampleResult
from steelyard.result.audit import Conflicts, SkippedRows

_MOST_SAMPLES = 60
_MOST_LISTED = 12


class SampleView(NamedTuple):
    """One test example and its answers, in the order of the arms."""

    sample: SampleResult
    answers: dict[str, SampleAnswer]

    @property
    def failed(self) -> dict[str, SampleAnswer]:
        return {arm: answer for arm, answer in self.answers.items() if answer.output is None}

    @property
    def missed_by(self) -> str:
        """The names of the arms that were not right, set apart by blanks."""
        return " ".join(arm for arm, answer in self.answers.items() if answer.mark != "right")


@dataclass(frozen=True)
class Aside:
    """A short list in the audit: ``rows`` shown of ``total``."""

    title: str
    total: int
    rows: list[str]


def samples(view: View) -> list[SampleView]:
    """The run's samples, those the shown arm missed first."""
    views = [_sample(view, sample) for sample in view.result.samples]
    name = view.main_arm.name if view.main_arm else ""
    return sorted(views, key=lambda sample: name not in sample.missed_by.split())[:_MOST_SAMPLES]


def _sample(view: View, sample: SampleResult) -> SampleView:
    names = [arm.name for arm in view.arms if arm.name in sample.answers]
    return SampleView(sample, {name: sample.answers[name] for name in names})


def asides(view: View) -> list[Aside]:
    """The audit's lists: conflicts, rows left out, rows alike across parts."""
    conflicts, skipped = view.audit.conflicts, view.audit.skipped or SkippedRows()
    left_out = [f"{row.file}:{row.line}: {row.reason}" for row in skipped.rows]
    lists = [
        _aside("Same input, different reference", conflicts.inputs or 0, _conflicts(conflicts)),
        _aside("Rows left out", skipped.count, left_out),
    ]
    for likeness, leaks in view.audit.leaks.items():
        rows = [
            f"{row.source} ({row.part}) as {row.also_source} ({row.also_in})" for row in leaks.rows
        ]
        lists.append(_aside(f"Shared between parts: {likeness}", leaks.count, rows))
    return [aside for aside in lists if aside.total]


def _aside(title: str, total: int, rows: list[str]) -> Aside:
    return Aside(title, total, [formats.clip(row, 240) for row in rows[:_MOST_LISTED]])


def _conflicts(conflicts: Conflicts) -> list[str]:
    return [
        f"“{formats.clip(conflict.input, 120)}”: "
        + ", ".join(f"{row.output} in {row.source}" for row in conflict.rows)
        for conflict in conflicts.found
    ]
