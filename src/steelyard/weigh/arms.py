"""What was measured of an arm, and its money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from steelyard.core import Record, Usage
from steelyard.economics import CostSheet, Money, to_number
from steelyard.model.planned import PlannedModel
from steelyard.result.arm import ArmCost, Latency, Tokens
from steelyard.result.figures import Gap, PartFigure, Quality
from steelyard.result.freshness import Freshness
from steelyard.result.steadiness import Calibration, Consistency
from steelyard.strategy import Arm
from steelyard.weigh.measure import machine_seconds

_NOT_TIMED = Latency(reason="it was not timed")


class ArmBlocks(NamedTuple):
    """Fields of an `ArmResult`, by their names; where one is ``None``, its reason says why."""

    parts: tuple[PartFigure, ...] = ()
    consistency: Consistency | None = None
    consistency_reason: str | None = None
    calibration: Calibration | None = None
    calibration_reason: str | None = None
    freshness: Freshness | None = None
    freshness_reason: str | None = None


@dataclass(frozen=True)
class MeasuredArm:
    """What was measured of one arm.

    ``search`` is what the fit asked of models, by `PlannedModel.names`; ``fit_seconds`` its wall time,
    ``training`` the machine time and trained tokens beyond those requests. ``model`` is the
    one it was fitted on, the first for one that spans models, ``None`` for a classical arm. ``slowdown``
    is how many times longer its test took than the same work did when the machine was calm.
    """

    arm: Arm
    model: PlannedModel | None
    records: Sequence[Record]
    quality: Quality
    more_qualities: Sequence[Quality]
    tokens: Tokens
    search: Mapping[str, Usage]
    fit_seconds: float
    training: Usage
    gap: Gap
    blocks: ArmBlocks
    latency: Latency = _NOT_TIMED
    slowdown: float = 1.0
    is_kept: bool = False
    """Measured before in the same folder; this run was not asked for it."""

    @property
    def machine_seconds(self) -> float | None:
        """Mean machine time of a request in batches, in seconds, as on a calm machine."""
        seconds = machine_seconds(self.records)
        return None if seconds is None else seconds / self.slowdown

    @property
    def failed(self) -> int:
        return sum(record.outcome == "failed" for record in self.records)


class RequestMoney(NamedTuple):
    """The money of a mean request; ``seconds`` of a machine make what is paid by its time.

    ``parts`` are both apart: ``tokens`` and ``embedding``, ``machine`` and ``retrieval``, which is finding
    passages on this machine; one that the arm does not have is not there.
    """

    tokens: Money
    machine: Money
    seconds: float = 0.0
    parts: Mapping[str, Money] = {}

    @property
    def total(self) -> Money:
        return self.tokens + self.machine


@dataclass(frozen=True)
class Costs:
    """An arm's money: before the first request by kind, per request over the horizon, in the first 30 days.

    ``sheet`` holds all of it as data; ``None`` where a part is not known, which is in ``whole`` all the same.
    """

    upfront_by: Mapping[str, Money]
    per_request: Money
    monthly: Money
    sheet: CostSheet | None = None
    dearest: Money | None = None
    """The dearest 30 days of the horizon, where months differ."""
    request: RequestMoney | None = None
    whole: CostSheet | None = None

    @property
    def upfront(self) -> Money:
        return self._sum(self.upfront_by.values())

    @property
    def fitting(self) -> Money:
        """What the fit asked of models, and training."""
        return self._sum(self.upfront_by[kind] for kind in ("search", "training"))

    def _sum(self, amounts: Iterable[Money]) -> Money:
        return sum(amounts, Money(Decimal(0), self.per_request.currency))

    @property
    def record(self) -> ArmCost:
        """What a result states of it; unknown amounts are ``None`` with a ``reason``."""
        amounts = (self.upfront, self.per_request, self.monthly)
        reasons = {money.reason for money in amounts if money.reason is not None}
        return ArmCost(
            upfront=to_number(self.upfront.amount),
            per_request=to_number(self.per_request.amount),
            monthly=to_number(self.monthly.amount),
            currency=self.per_request.currency,
            reason="; ".join(sorted(reasons)) or None,
        )
