"""Figures with their intervals; ``value`` is ``None`` where ``reason`` says why."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Self

from steelyard.core import Estimate
from steelyard.result.base import Omitted, ResultPart


class Figure(ResultPart):
    """An `Estimate` as the file holds it: a share or score in [0, 1] over ``n`` items."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = 0
    method: str = ""
    reason: Omitted[str] = None

    @classmethod
    def of(cls, estimate: Estimate, **names: Any) -> Self:
        """Build it from an estimate; ``names`` are the fields of the subclass."""
        return cls(**names, **asdict(estimate))

    @property
    def estimate(self) -> Estimate:
        return Estimate(**{field.name: getattr(self, field.name) for field in fields(Estimate)})


class Quality(Figure):
    """A metric over the test split."""

    metric: str = ""


class PartFigure(Figure):
    """A part of a metric (a rule, a field) over the records that it applies to."""

    metric: str = ""
    part: str = ""


class Validity(ResultPart):
    """The share of test answers that fit the task's JSON schema."""

    value: float | None = None
    low: Omitted[float] = None
    high: Omitted[float] = None
    level: Omitted[float] = None
    n: Omitted[int] = None
    method: Omitted[str] = None
    reason: str | None = None


class Gap(ResultPart):
    """The metric on ``n`` train examples minus on test; ``reason`` says what is ``None``, and why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str | None = None


class LabelsNeeded(ResultPart):
    """How many labelled examples an arm takes; ``reason`` says how ``value`` came about."""

    value: int | None = None
    low: int | None = None
    high: int | None = None
    reason: str | None = None

    @classmethod
    def fitted_on(cls, examples: int | None) -> Self:
        """Those that an arm was fitted on: an upper bound of what it needs, without an interval."""
        why = "the training examples it was fitted on; whether fewer would do was not measured"
        return cls(value=examples, reason=why)
