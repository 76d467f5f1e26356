"""A break-even with its interval: the day from which one way has cost less for good, in every scenario."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.economics.course import events
from steelyard.economics.money import DAYS_PER_MONTH
from steelyard.economics.scenarios import Row, World, draw_scenarios
from steelyard.economics.sheet import CostSheet, Traffic
from steelyard.economics.simulate import BAND, SCENARIOS, Doubts
from steelyard.errors import ConfigError
from steelyard.seeds import generator

_Days = NDArray[np.float64]
_NEVER = np.inf
_SAME = 1e-11
"""Sums that differ by no more than this share are the same: what adding them up may lose."""
_THREADS = 2


class BreakEvenRange(NamedTuple):
    """From what day on ``arm`` has cost less than ``against`` for good: 5 %, median and 95 %.

    ``chance`` is the share of scenarios in which it does by the end of the horizon; a day that is ``None``
    lies beyond it. Two that cost the same on every day break even on day 0.
    """

    arm: str
    against: str
    chance: float
    days_low: float | None
    days: float | None
    days_high: float | None


class _Stretch(NamedTuple):
    """Days of a month between two events, and what the first way pays more than the other at its end."""

    month: int
    first: float
    days: float
    share: float
    """Of the month's days."""
    step: float


def break_even_ranges(
    sheets: Sequence[CostSheet],
    traffic: Traffic,
    doubts: Doubts,
    pairs: Sequence[tuple[str, str]],
    *,
    scenarios: int = SCENARIOS,
    seed: int = 0,
) -> list[BreakEvenRange]:
    """Find each pair's break-even in every scenario, with both arms in the same one.

    In each of them costs are straight lines between ends of months and events, as in
    `steelyard.economics.break_evens`; in float64, as two large sums may differ by little. Raises
    `ConfigError` where a cost is unknown, or where the interval of retraining is drawn: events then have no
    day that all scenarios share.
    """
    world = World(tuple(sheets), traffic, np.float64)
    if not doubts.prices.retraining.is_sure or doubts.prices.retraining.mean:
        raise ConfigError("break-evens are found with retraining on its days: draw no interval")
    rng = generator(seed, "economics")
    draws = draw_scenarios(world, doubts.arms, doubts.prices, rng, scenarios)
    places = {name: at for at, name in enumerate(world.names)}
    months = {name: world.monthly(at, draws) for name, at in places.items()}

    def find(pair: tuple[str, str]) -> BreakEvenRange:
        one, other = (places[name] for name in pair)
        stretches = _stretches(sheets[one], sheets[other], traffic)
        upfront = draws.upfront[one] - draws.upfront[other]
        since = _since(upfront, (months[pair[0]], months[pair[1]]), stretches)
        low, middle, high = np.quantile(since, BAND, method="lower")
        return BreakEvenRange(
            *pair, float(np.isfinite(since).mean()), *map(_day, (low, middle, high))
        )

    with ThreadPoolExecutor(_THREADS) as threads:
        return list(threads.map(find, pairs))


def _stretches(one: CostSheet, other: CostSheet, traffic: Traffic) -> list[_Stretch]:
    steps = [(event.day, event.cost.amount or Decimal(0)) for event in events(one, traffic)]
    steps += [(event.day, -(event.cost.amount or Decimal(0))) for event in events(other, traffic)]
    ends = [DAYS_PER_MONTH * m + traffic.days_in(m) for m in range(traffic.months)]
    marks = sorted({*map(Decimal, ends), *(day for day, _ in steps)})
    stretches, first = [], Decimal(0)
    for mark in marks:
        month = min(int(first // DAYS_PER_MONTH), traffic.months - 1)
        step = sum((amount for day, amount in steps if day == mark), Decimal(0))
        days = float(mark - first)
        share = days / traffic.days_in(month)
        stretches.append(_Stretch(month, float(first), days, share, float(step)))
        first = mark
    return stretches


def _since(gap: Row, months: tuple[Row, Row], stretches: Sequence[_Stretch]) -> _Days:
    """The day since when the first of a pair has cost less, infinite where it costs more at the end."""
    one, other = months
    same = _SAME * max(1e-9, float(np.abs(gap).max() + one.sum(axis=0).max()))
    since = np.where(gap <= same, 0.0, _NEVER)
    for month, first, days, share, step in stretches:
        after = gap + (one[month] - other[month]) * share
        since = _moved(since, gap, after, (first, days, same))
        gap = after
        if step:
            gap = after + step
            since = _moved(since, after, gap, (first + days, 0.0, same))
    return since


def _moved(since: _Days, gap: Row, after: Row, on: tuple[float, float, float]) -> _Days:
    """``since`` once the gap has gone in a straight line from ``gap`` to ``after``.

    ``on`` is the first day, for how many days, and up to which amount both cost the same.
    """
    first, days, same = on
    paid = np.isfinite(since)
    is_below = (after < -same) | ((after <= same) & paid)
    begins = is_below & ~paid
    if not begins.any():
        return np.where(is_below, since, _NEVER)
    share = np.clip(gap, 0, None) / np.where(begins, gap - after, 1.0)
    return np.where(begins, first + days * share, np.where(is_below, since, _NEVER))


def _day(day: float) -> float | None:
    return float(day) if np.isfinite(day) else None
