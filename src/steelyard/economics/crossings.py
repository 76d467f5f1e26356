"""Where the cheaper of two ways changes: over time at a volume, and over volume at a horizon.

Steps (replicas for the peak, retraining, a vendor's end) and a month's minimum make several crossings;
all of them are found, by looking at every piece between two steps, where costs are straight lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.economics.course import events, monthly_parts
from steelyard.economics.floats import FloatSheet
from steelyard.economics.money import DAYS_PER_MONTH, Money
from steelyard.economics.sheet import CostSheet, Traffic

MOST_VOLUME = 1e8
"""Requests a day up to which `volume_turns` looks."""
_MOST_STEPS = 200_000
_DIGITS = 60


class Crossing(NamedTuple):
    """From this day and request on, counted from the start, the way ``cheaper`` has cost less."""

    day: Decimal
    requests: int
    cheaper: str


@dataclass(frozen=True)
class BreakEvens:
    """The crossings within the horizon in order of time, and who is cheaper on the first day.

    ``start`` is ``None`` where they never differ; ``reason`` says why nothing is known.
    """

    start: str | None
    crossings: tuple[Crossing, ...] = ()
    reason: str | None = None


class VolumeTurn(NamedTuple):
    """Requests a day above which the way ``cheaper`` costs less over the horizon."""

    requests_per_day: float
    cheaper: str


class VolumeTurns(NamedTuple):
    """Every turn up to ``looked_to`` requests a day, in order.

    ``below`` is cheaper at the lowest volumes; ``None`` where both cost the same there.
    """

    below: str | None
    turns: tuple[VolumeTurn, ...]
    looked_to: float


def break_evens(a: CostSheet, b: CostSheet, traffic: Traffic) -> BreakEvens:
    """Find every day on which the way that has cost less so far changes.

    Equal to `steelyard.economics.break_even` where costs are an amount upfront and one per request. Two
    currencies raise `ValueError`.
    """
    gap = _sum(a.upfront.values(), a.currency) + _minus(_sum(b.upfront.values(), b.currency))
    if gap.amount is None:
        return BreakEvens(None, reason=gap.reason)
    with localcontext() as context:
        context.prec = _DIGITS
        walk = _Walk(a.name, b.name, gap.amount)
        steps = _steps(a, b, traffic)
        for month in range(traffic.months):
            slope = _slope(a, b, traffic, month)
            if slope.amount is None:
                return BreakEvens(None, reason=slope.reason)
            first = Decimal(DAYS_PER_MONTH * month)
            last = first + traffic.days_in(month)
            is_last = month == traffic.months - 1
            inside = {
                d: m for d, m in steps.items() if first <= d < last or (is_last and d == last)
            }
            if unknown := [money.reason for money in inside.values() if money.amount is None]:
                return BreakEvens(None, reason=unknown[0])
            walk.month(slope.amount, traffic.rate(month), first, last, inside)
    return BreakEvens(walk.start, tuple(walk.crossings))


def _steps(a: CostSheet, b: CostSheet, traffic: Traffic) -> dict[Decimal, Money]:
    """What falls on a day for the first less what does for the second, in order of time.

    Taken together, so that neither of two that pay the same on one day is the cheaper in between.
    """
    steps: dict[Decimal, Money] = {}
    paid = [(event.day, event.cost) for event in events(a, traffic)]
    for day, cost in [*paid, *((e.day, _minus(e.cost)) for e in events(b, traffic))]:
        steps[day] = cost if day not in steps else steps[day] + cost
    return dict(sorted(steps.items()))


class _Walk:
    """Follows the difference of two sums, the first less the second, and notes where its sign changes."""

    def __init__(self, a: str, b: str, gap: Decimal) -> None:
        self.names, self.gap, self.requests = (a, b), gap, Decimal(0)
        self.crossings: list[Crossing] = []
        self.start = self.cheaper = self._cheaper()

    def month(
        self,
        slope: Decimal,
        rate: Decimal,
        first: Decimal,
        last: Decimal,
        steps: Mapping[Decimal, Money],
    ) -> None:
        """Go through a month; ``slope`` is what the difference gains in 30 days."""
        day = first
        for step, cost in steps.items():
            self._line(slope, rate, day, step)
            self.gap += cost.amount or 0
            self._note(step, self.requests)
            day = step
        self._line(slope, rate, day, last)

    def _line(self, slope: Decimal, rate: Decimal, day: Decimal, until: Decimal) -> None:
        gap = self.gap + slope * (until - day) / DAYS_PER_MONTH
        if self.gap == 0:  # both cost the same so far: what differs does so from here on
            self.gap = gap
            self._note(day, self.requests)
        elif self.gap * gap < 0:
            # one division, so that whole numbers of requests stay whole
            requests = self.requests - self.gap * rate * DAYS_PER_MONTH / slope
            self.gap = gap
            self._note(day + (requests - self.requests) / rate, requests)
        self.gap, self.requests = gap, self.requests + rate * (until - day)
        self._note(until, self.requests)

    def _note(self, day: Decimal, requests: Decimal) -> None:
        cheaper = self._cheaper()
        if cheaper is None or cheaper == self.cheaper:
            return
        if self.cheaper is not None:
            whole = int(requests.to_integral_value(ROUND_CEILING))
            self.crossings.append(Crossing(+day, whole, cheaper))
        self.start = self.start if self.cheaper is not None else cheaper
        self.cheaper = cheaper

    def _cheaper(self) -> str | None:
        return None if self.gap == 0 else self.names[self.gap > 0]


def volume_turns(
    a: CostSheet, b: CostSheet, traffic: Traffic, most: float = MOST_VOLUME
) -> VolumeTurns:
    """Find every volume at which the cheaper of two ways over the horizon changes, up to ``most`` a day.

    In float64, to about nine digits. Fewer volumes are looked at where the steps are too many; see
    `VolumeTurns.looked_to`. Raises `ConfigError` where a cost is unknown.
    """
    one, two = FloatSheet.of(a), FloatSheet.of(b)
    most = min(most, one.most_volume(traffic), two.most_volume(traffic))
    steps = np.concatenate([one.steps(traffic, most), two.steps(traffic, most)])
    places = np.unique(np.concatenate([[0.0, most], steps]))
    if len(places) > _MOST_STEPS:
        places = places[:_MOST_STEPS]
    starts, ends = places[:-1], places[1:]
    width = ends - starts
    middle = starts + width / 2
    total = one.total(traffic, middle)
    gap = total - two.total(traffic, middle)
    slope = one.slope(traffic, middle) - two.slope(traffic, middle)
    start, end = gap - slope * width / 2, gap + slope * width / 2
    scale = 1e-9 * np.maximum(total, 1e-12)
    start[np.abs(start) < scale], end[np.abs(end) < scale] = 0.0, 0.0
    return _turns((a.name, b.name), starts, slope, start, end, float(places[-1]))


def _turns(
    names: tuple[str, str],
    starts: NDArray[np.float64],
    slope: NDArray[np.float64],
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    looked_to: float,
) -> VolumeTurns:
    turns: list[VolumeTurn] = []
    first, sign = None, 0.0
    # only pieces on which the sign changes, or which begin with another sign than the last one ended
    ends = np.sign(np.stack([start, end], axis=1))
    busy = np.flatnonzero((ends[:, 0] != ends[:, 1]) | (np.r_[0.0, ends[:-1, 1]] != ends[:, 0]))
    for piece in busy:
        for at, now in enumerate(ends[piece]):
            if now in (0.0, sign):
                continue
            name = names[int(now > 0)]
            place = starts[piece] - (start[piece] / slope[piece] if at else 0.0)
            if place > 0:  # from the other way, or from where both cost the same
                turns.append(VolumeTurn(float(place), name))
            else:
                first = name
            sign = now
    return VolumeTurns(first, tuple(turns), looked_to)


def _slope(a: CostSheet, b: CostSheet, traffic: Traffic, month: int) -> Money:
    one = _sum(monthly_parts(a, traffic, month).values(), a.currency)
    return one + _minus(_sum(monthly_parts(b, traffic, month).values(), b.currency))


def _sum(several: object, currency: str) -> Money:
    return sum(several, Money(Decimal(0), currency))  # type: ignore[call-overload, no-any-return]


def _minus(money: Money) -> Money:
    return money * -1
