"""What a fit found on its way to an arm: its search, its training, and what they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from steelyard.config.records import read_as


@dataclass(frozen=True)
class TrainingRecord:
    """A training of weights: its time in seconds, the tokens that passed through it, what was measured.

    ``notes`` say what a reader of its figures must know; see `steelyard.train.base.Tuned`.
    """

    seconds: float
    tokens: int
    left_out_too_long: int = 0
    trace: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FitRecord:
    """What a fit found.

    ``search`` holds ``dev_score``, ``tried``, ``dev_calls`` and ``trace``, and what a search of its own
    kind adds; it is empty where nothing was searched. ``spread`` is each format's best score.
    ``seconds`` is the wall time of a part's fit that no request accounts for, ``embedded`` the tokens that
    endpoints were asked to encode, by account.
    """

    search: Mapping[str, Any] = field(default_factory=dict)
    spread: Mapping[str, float] | None = None
    training: TrainingRecord | None = None
    seconds: float = 0.0
    embedded: Mapping[str, float] = field(default_factory=dict)

    @property
    def dev_score(self) -> float | None:
        """The metric of the choice over dev; ``None`` where dev was not asked."""
        return self.search.get("dev_score")

    def to_options(self) -> dict[str, Any]:
        """Return the record as ``result.json`` holds it, among an arm's options."""
        parts = {
            "spread": None if self.spread is None else dict(self.spread),
            "search": dict(self.search) or None,
            "training": None if self.training is None else asdict(self.training),
        }
        return {name: part for name, part in parts.items() if part is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the record as ``arm.json`` holds it, among the options too."""
        more = {"fit_seconds": self.seconds, "embedded": dict(self.embedded)}
        return self.to_options() | {name: part for name, part in more.items() if part}

    @classmethod
    def take_from(cls, saved: dict[str, Any]) -> FitRecord:
        """Rebuild the record from saved options, and take it out of them. Raises `ValueError`."""
        fields = {
            "search": saved.pop("search", {}),
            "spread": saved.pop("spread", None),
            "training": saved.pop("training", None),
            "seconds": saved.pop("fit_seconds", 0.0),
            "embedded": saved.pop("embedded", {}),
        }
        record: FitRecord = read_as(cls, fields)
        return record
