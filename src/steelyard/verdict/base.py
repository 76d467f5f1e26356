"""What a verdict is made from."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from steelyard.core import PROMPT_FAMILIES, Comparison, Estimate, Recommendation
from steelyard.economics import CostSheet, Money, Traffic
from steelyard.stats import Detectable, Family
from steelyard.strategy import traits_of

LEVEL_SHARE = Decimal("0.05")
"""Costs over the horizon closer than this share count as equal."""
LEVEL_COST = {currency: Decimal(1) for currency in ("USD", "EUR", "GBP", "CHF")}
"""And so do those closer than this amount; in a currency that is not here only the share counts."""


@dataclass(frozen=True)
class Candidate:
    """One arm as the verdict sees it. ``scores`` has one entry per test item, in the same order.

    Money is in the case's currency; ``upfront`` and ``per_request`` are ``None`` when not known. The limits
    of the latency's interval are ``None`` where ``latency_requests`` do not bound it on that side.
    """

    name: str
    strategy: str
    quality: Estimate
    scores: NDArray[np.float64]
    upfront: Decimal | None = None
    per_request: Decimal | None = None
    monthly: Decimal | None = None
    sheet: CostSheet | None = None
    """All that it costs, where some of that does not follow the requests: else both amounts say it."""
    latency_p95_seconds: float | None = None
    latency_p95_low_seconds: float | None = None
    latency_p95_high_seconds: float | None = None
    latency_requests: int = 0
    failed: int = 0
    cut: int = 0
    cut_early: int = 0
    """Of those that were cut, by a limit of the server below the one asked."""
    coverage_shown: float | None = None
    """The share of answers shown to be as right as the limits ask; ``None`` where not measured."""

    @property
    def family(self) -> Recommendation:
        return family_of(self.strategy)

    @property
    def is_floor(self) -> bool:
        """Whether it gives every input the same answer, which any other arm must beat."""
        return traits_of(self.strategy).is_floor

    @property
    def prompt_only(self) -> bool:
        return self.family in PROMPT_FAMILIES

    @property
    def money(self) -> tuple[Decimal | None, Decimal | None]:
        return self.upfront, self.per_request

    @property
    def costs(self) -> CostSheet | None:
        """All that it costs, as data; ``None`` where a part is not known."""
        if self.sheet is not None or self.upfront is None or self.per_request is None:
            return self.sheet
        upfront, each = Money(self.upfront), Money(self.per_request)
        return CostSheet(self.name, upfront={"search": upfront}, extras={"requests": each})

    def total_cost(self, requests: Decimal | int) -> Decimal | None:
        """Total cost over ``requests`` requests; ``None`` when a part is not known."""
        if self.upfront is None or self.per_request is None:
            return None
        return self.upfront + self.per_request * requests


@dataclass(frozen=True)
class Limits:
    """What an arm must keep to stay in the choice; ``None`` is no limit."""

    min_quality: float | None = None
    max_latency_p95_ms: float | None = None
    max_monthly_cost: Decimal | None = None
    min_accuracy_at_coverage: float | None = None
    margin: float = 0.02


@dataclass(frozen=True)
class Notes:
    """What the audit found that the verdict must warn of."""

    leaks: int = 0
    conflicts: int = 0
    skipped_rows: int = 0
    left_out: int = 0
    instruction: str | None = None
    """What is wrong with the instruction."""
    old_prices: tuple[str, ...] = ()
    """A sentence for each price that is too old."""


@dataclass(frozen=True)
class Case:
    """Everything a verdict is decided on.

    ``family`` holds the tests of all pairs of arms where they were made elsewhere. Else a pair is looked up
    in ``comparisons`` (uncorrected in ``p_value``), or compared by ``scores``, with ``clusters`` in the order
    of the items. The metric lies in [0, 1]. ``detectable`` is what the plan said the test can show, ``None``
    where it could not say.
    ``memo`` keeps the families made, by the names of their arms.
    """

    candidates: tuple[Candidate, ...]
    requests_per_day: int
    horizon_days: int
    metric: str = "accuracy"
    limits: Limits = Limits()
    comparisons: tuple[Comparison, ...] = ()
    clusters: tuple[Hashable, ...] | None = None
    notes: Notes = Notes()
    detectable: Detectable | None = None
    alpha: float = 0.05
    seed: int = 0
    currency: str = "USD"
    growth_per_month: Decimal = Decimal(0)
    peak: Decimal = Decimal(1)
    error_cost: Decimal | None = None
    label_cost: Decimal | None = None
    hour_cost: Decimal | None = None
    """What an hour of a person costs."""
    price_day: date = date.min
    """The day from which an end of life is counted."""
    decomposable: bool = True
    """Whether the metric is the mean of the items' scores."""
    family: Family | None = None
    memo: dict[tuple[str, ...], Family] = field(default_factory=dict, repr=False)

    @property
    def requests(self) -> Decimal:
        """Requests over the horizon; with growth not always a whole number."""
        if not self.growth_per_month:
            return Decimal(self.requests_per_day * self.horizon_days)
        return self.traffic.requests

    @property
    def traffic(self) -> Traffic:
        days, growth = self.horizon_days, self.growth_per_month
        return Traffic(Decimal(self.requests_per_day), days, growth, self.peak)


def family_of(strategy: str) -> Recommendation:
    """Map a strategy to what recommending it amounts to; an unknown one raises `ConfigError`."""
    return traits_of(strategy).family


def costs_level(one: Decimal, other: Decimal, currency: str) -> bool:
    """Whether two costs over the horizon are too close to decide anything."""
    low, high = sorted((one, other))
    least = LEVEL_COST.get(currency, Decimal(0))
    return high <= max(low + least, low * (1 + LEVEL_SHARE))
