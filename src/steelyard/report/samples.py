"""Test examples with every arm's answer, cut to a page's length."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.answers import SampleAnswer, SampleResult

_SHOWN_CHARACTERS = 900
_ANSWER_CHARACTERS = 1600
_MOST_SAMPLES = 60


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
