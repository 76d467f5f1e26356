"""Test examples beside every arm's answer, and the audit's lists, cut to a page's length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard.report import formats
from steelyard.report.view import ArmView, View, entries, section

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
        """Whether the answer was right."""
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
        """The replies that are no usable answer."""
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
    made = [_sample(view, each) for each in entries(view.result, "samples")]
    name = view.shown.name if view.shown else ""
    return sorted(made, key=lambda each: name not in each.missed_by.split())[:_MOST_SAMPLES]


def _sample(view: View, data: Mapping[str, Any]) -> SampleView:
    answers = section(data, "answers")
    return SampleView(
        id=str(data.get("example_id") or ""),
        input=formats.clip(data.get("input") or "", _SHOWN_CHARACTERS),
        reference=formats.clip(data.get("reference") or "", _ANSWER_CHARACTERS),
        slice=None if data.get("slice") is None else str(data["slice"]),
        replies=[
            _reply(arm, section(answers, arm.name)) for arm in view.arms if arm.name in answers
        ],
    )


def _reply(arm: ArmView, data: Mapping[str, Any]) -> SampleReply:
    output = data.get("output")
    said = data.get("text")
    reason = data.get("reason")
    if output is None and said:
        reason = f"{reason or 'no usable answer'}: “{formats.clip(said, 80)}”"
    return SampleReply(
        arm=arm,
        output=None if output is None else formats.clip(output, _ANSWER_CHARACTERS),
        reason=None if reason is None else str(reason),
        score=formats.number(data.get("score")),
        missed=tuple(str(name) for name in data.get("missed") or ()),
    )


def asides(view: View) -> list[Aside]:
    """The audit's lists: conflicts, rows left out, rows alike across parts."""
    conflicts, skipped = section(view.audit, "conflicts"), section(view.audit, "skipped")
    made = [
        _aside("Same input, different reference", conflicts.get("inputs"), _conflicts(conflicts)),
        _aside("Rows left out", skipped.get("count"), _skipped(skipped)),
    ]
    for likeness, found in section(view.audit, "leaks").items():
        rows = [
            f"{each.get('source')} ({each.get('part')}) as {each.get('also_source')} "
            f"({each.get('also_in')})"
            for each in entries(found, "rows")
        ]
        title = f"Alike across parts: {likeness}"
        made.append(_aside(title, section({"found": found}, "found").get("count"), rows))
    return [aside for aside in made if aside.total]


def _aside(title: str, total: Any, rows: list[str]) -> Aside:
    figure = formats.number(total)
    return Aside(title, int(figure or 0), [formats.clip(row, 240) for row in rows[:_MOST_LISTED]])


def _conflicts(found: Mapping[str, Any]) -> list[str]:
    return [
        f"“{formats.clip(each.get('input') or '', 120)}”: "
        + ", ".join(f"{row.get('output')} in {row.get('source')}" for row in entries(each, "rows"))
        for each in entries(found, "found")
    ]


def _skipped(found: Mapping[str, Any]) -> list[str]:
    return [
        f"{row.get('file')}:{row.get('line')}: {row.get('reason')}"
        for row in entries(found, "rows")
    ]
