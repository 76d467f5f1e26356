"""Test examples with every arm's answer, and the audit's lists, cut to a page's length."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.answers import SampleAnswer, SampleResult
from steelyard.result.audit import Conflicts, SkippedRows

_SHOWN_CHARACTERS = 900
_ANSWER_CHARACTERS = 1600
_MOST_SAMPLES = 60
_MOST_LISTED = 12


@dataclass(frozen=True)
class SampleReply:
    """What one arm said to one sample; ``right`` is ``None`` where a score is neither 0 nor 1."""

    arm: ArmView
    output: str | None
    reason: str | None
    score: float | None
    missed: tuple[str, ...] = ()

    @property
    def right(self) -> bool | None:
        if self.output is None or self.score == 0:
            return False
        return True if self.score == 1 else None

    @property
    def mark(self) -> str:
        """One word for the reader of the screen."""
        if self.output is None:
            return "failed"
        return {True: "right", False: "wrong", None: "partly"}[self.right]


@dataclass(frozen=True)
class SampleView:
    """One test example and its replies."""

    id: str
    input: str
    reference: str
    slice: str | None
    replies: list[SampleReply]

    @property
    def failed(self) -> list[SampleReply]:
        return [reply for reply in self.replies if reply.output is None]

    @property
    def missed_by(self) -> str:
        """The names of the arms that were not right, set apart by blanks."""
        return " ".join(reply.arm.name for reply in self.replies if reply.right is not True)


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
    return SampleView(
        id=sample.example_id,
        input=formats.clip(sample.input, _SHOWN_CHARACTERS),
        reference=formats.clip(sample.reference, _ANSWER_CHARACTERS),
        slice=sample.slice,
        replies=[
            _reply(arm, sample.answers[arm.name]) for arm in view.arms if arm.name in sample.answers
        ],
    )


def _reply(arm: ArmView, answer: SampleAnswer) -> SampleReply:
    output, reason = answer.output, answer.reason
    if output is None and answer.text:
        reason = f"{reason or 'no usable answer'}: “{formats.clip(answer.text, 80)}”"
    return SampleReply(
        arm=arm,
        output=None if output is None else formats.clip(output, _ANSWER_CHARACTERS),
        reason=reason,
        score=answer.score,
        missed=answer.missed or (),
    )


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
