"""Which of an arm's answers were given from documents, by which of its stages, and from which passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from steelyard.core import Example, Record
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy import Arm
from steelyard.weigh.documents.look import (
    ArmPassages,
    ReadingStage,
    are_stages_known,
    look_up,
    reading_stages,
)

NOT_RECORDED = (
    "a stage of it answers from documents, and its answers are from a version that did not record which "
    "stage gave each; run it again in another folder"
)
NEVER_READ = "no test answer came from a stage of it that reads documents"
T = TypeVar("T")


class StageReading(NamedTuple):
    """The answers that one stage of an arm gave: what stood before it, and their places in test."""

    look: ArmPassages
    places: Sequence[int]
    stage: ReadingStage

    def among(self, values: Sequence[T]) -> list[T]:
        """Those of ``values``, one for each test example, that belong to its answers."""
        return [values[place] for place in self.places]

    @property
    def account(self) -> str:
        """The model behind the stage: without adapter, or pace."""
        return self.stage.arm.spec.base.unpaced.account


@dataclass(frozen=True)
class ArmReadings:
    """What of an arm's answers was given from documents; ``reason`` says why nothing is known of it.

    ``is_whole``: every answer was, by the arm itself.
    """

    parts: tuple[StageReading, ...] = ()
    reason: str | None = None
    is_whole: bool = False

    @property
    def only(self) -> StageReading | None:
        """The one reading; ``None`` where there is none, or two stages read in ways of their own."""
        return self.parts[0] if len(self.parts) == 1 else None

    def elsewhere(self, answers: int) -> list[int]:
        """The places of the answers, of so many, that no reading stage gave."""
        read = {place for reading in self.parts for place in reading.places}
        return [place for place in range(answers) if place not in read]


def readings_of(
    arm: Arm, grounds: Grounds, examples: Sequence[Example], records: Sequence[Record]
) -> ArmReadings:
    """Look up what an arm had before it where it answered from documents; ``records`` are its own."""
    stages = reading_stages(arm)
    is_whole = any(not stage.path for stage in stages)
    if not stages:
        return ArmReadings()
    if not is_whole and not are_stages_known(records):
        return ArmReadings(reason=NOT_RECORDED)
    parts = []
    for stage in stages:
        places = stage.answered(records)
        if places or is_whole:
            asked = [examples[place] for place in places]
            answers = [records[place] for place in places]
            parts.append(StageReading(look_up(stage, grounds, asked, answers), places, stage))
    return ArmReadings(tuple(parts), None if parts else NEVER_READ, is_whole)
