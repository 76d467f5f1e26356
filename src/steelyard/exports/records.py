"""What an export states: where it lies, how it answered, or why there is none."""

from __future__ import annotations

from steelyard.result.base import Omitted, ResultPart


class Rescored(ResultPart):
    """The exported files against the measured arm, on ``items`` of the run's ``of`` test examples.

    ``equal`` answers are the same. Where fewer than 99 % are, ``difference`` is the metric of the export
    less that of the arm on the same items, with its interval at ``level``; its lower limit must not be
    below minus ``tolerance``. ``reason`` says what failed, or why there is no difference.
    """

    items: int = 0
    of: int = 0
    equal: int = 0
    metric: str = ""
    measured: float | None = None
    exported: float | None = None
    difference: Omitted[float] = None
    low: Omitted[float] = None
    high: Omitted[float] = None
    level: Omitted[float] = None
    method: Omitted[str] = None
    tolerance: float = 0.0
    passed: bool = False
    reason: Omitted[str] = None

    @property
    def equal_share(self) -> float:
        return self.equal / self.items if self.items else 0.0


class Export(ResultPart):
    """One arm in one format. ``folder`` is ``None`` where it was refused: ``reasons`` say why.

    ``notes`` are what users of the files must know. ``size_bytes`` counts all files but the card.
    """

    arm: str = ""
    format: str = ""
    precision: str = ""
    folder: str | None = None
    published: bool = False
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rescored: Rescored | None = None
    size_bytes: int = 0
