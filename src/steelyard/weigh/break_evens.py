"""Break-evens with their intervals: the verdict's, in scenarios of measured tokens and assumed prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import TypeVar

from steelyard.economics import BreakEvenRange, Traffic, break_even_ranges, to_number
from steelyard.result.verdict import BreakEvenWith, Crossover
from steelyard.verdict.base import Case
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.weigh.doubts import SCENARIOS, doubts_of

_MOST_FIGURES = 10_000_000
"""Of months of arms in scenarios; a longer horizon or more arms have fewer scenarios."""
_Ranges = Mapping[tuple[str, str], BreakEvenRange]
_Even = TypeVar("_Even", bound=BreakEvenWith)


def with_ranges(
    crossover: Crossover, arms: Sequence[MeasuredArm], costs: Mapping[str, Costs], case: Case
) -> Crossover:
    """Add each break-even's interval: both arms in the same scenarios, without wrong answers, as it is."""
    sheets = {
        measured.arm.name: sheet
        for measured in arms
        if (sheet := costs[measured.arm.name].sheet) is not None
    }
    evens = [(one.arm, one.even.against) for one in crossover.arms]
    evens += [(one.arm, one.against) for one in crossover.pairs]
    among = [(a, b) for a, b in dict.fromkeys(evens) if a in sheets and b in sheets]
    if not among:
        return crossover
    scenarios = min(SCENARIOS, _MOST_FIGURES // (case.traffic.months * len(sheets)))
    doubts = doubts_of(arms, sheets)
    ranges = break_even_ranges(
        list(sheets.values()), case.traffic, doubts, among, scenarios=scenarios, seed=case.seed
    )
    by_pair = {(one.arm, one.against): one for one in ranges}

    def ranged(even: _Even, arm: str | None) -> _Even:
        return _with_range(even, by_pair.get((arm or "", even.against or "")), case.traffic)

    arms_then = tuple(
        ranged(one, one.arm).updated(nearest=one.nearest and ranged(one.nearest, one.arm))
        for one in crossover.arms
    )
    head = next((dict(one) for one in arms_then if one.arm == crossover.arm), {})
    pairs = tuple(ranged(one, one.arm) for one in crossover.pairs)
    return crossover.updated(**head, arms=arms_then, pairs=pairs, scenarios=scenarios)


def _with_range(even: _Even, among: BreakEvenRange | None, traffic: Traffic) -> _Even:
    if among is None:
        return even
    return even.updated(
        days_low=to_number(among.days_low),
        days_high=to_number(among.days_high),
        requests_low=_requests(traffic, among.days_low),
        requests_high=_requests(traffic, among.days_high),
        never=round(1 - among.chance, 4),
    )


def _requests(traffic: Traffic, day: float | None) -> int | None:
    """Requests up to a day, whole."""
    if day is None:
        return None
    requests = traffic.requests_until(Decimal(f"{day:.9g}"))
    return int(requests.to_integral_value(ROUND_CEILING))
