"""What a model answers with the evidence alone: by it the answers of its other arms are told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from steelyard.core import Example
from steelyard.strategy import traits_of
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.documents.readings import ArmReadings


class Oracle(NamedTuple):
    """A ceiling's answers to test: whether each is right, and whether it had the evidence before it."""

    right: Sequence[bool]
    saw_evidence: Sequence[bool]

    def is_right(self, place: int) -> bool | None:
        """Whether it is right about a question, with the evidence; ``None`` where it had not."""
        return self.right[place] if self.saw_evidence[place] else None


def oracles_of(
    arms: Sequence[MeasuredArm],
    readings: Mapping[str, ArmReadings],
    examples: Sequence[Example],
    right_from: float,
) -> dict[str, Oracle]:
    """The best ceiling of each model, by the model's account."""
    best: dict[str, tuple[float, Oracle]] = {}
    for measured in arms:
        reading = readings[measured.arm.name].only
        if reading is None or not traits_of(measured.arm.strategy).is_ceiling:
            continue
        right = [record.score >= right_from for record in measured.records]
        saw = [reading.look.lost_at(at, example) is None for at, example in enumerate(examples)]
        value = measured.quality.value or 0.0
        if reading.account not in best or value > best[reading.account][0]:
            best[reading.account] = value, Oracle(right, saw)
    return {account: oracle for account, (_, oracle) in best.items()}
