"""At which price of a wrong answer the choice turns from one arm to the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from steelyard.cost import to_number
from steelyard.result.verdict import TurningPrice
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs
from steelyard.verdict.limits import broken_limits
from steelyard.verdict.pairs import pair
from steelyard.verdict.rule import ALIKE


def turning_prices(
    case: Case, beliefs: Beliefs, floor: Candidate | None = None
) -> tuple[TurningPrice, ...]:
    """The steps of the frontier of cost and quality, by rising price, from the ``floor`` where it is cheaper.

    Below the first price the cheapest costs least in all, above the last the best one. A price is the
    difference in cost over the difference in wrong answers; its interval comes from that of the paired
    difference in quality, and has no upper end where the better arm may be no better.
    """
    may_be_least = floor is not None and not broken_limits(case, floor)
    steps = _frontier(case, (*beliefs.arms, *([floor] if floor and may_be_least else [])))
    prices = []
    for cheaper, better in pairwise(steps):
        extra = _cost(case, better) - _cost(case, cheaper)
        gain = _quality(better) - _quality(cheaper)
        test = pair(case, better, cheaper)

        def price_at(difference: float, extra: float = extra) -> float | None:
            amount = extra / (case.requests * difference) if difference > 0 else None
            return to_number(amount)

        prices.append(
            TurningPrice(
                cheaper=cheaper.name,
                better=better.name,
                error_cost=price_at(gain),
                low=price_at(max(test.high, gain)),
                high=price_at(min(test.low, gain)),
            )
        )
    return tuple(prices)


def _frontier(case: Case, arms: Sequence[Candidate]) -> list[Candidate]:
    """The arms that are the least costly in all at some price of a wrong answer, the cheapest first."""
    priced = [arm for arm in arms if arm.total_cost(case.requests) is not None]
    priced.sort(key=lambda arm: (_cost(case, arm), -_quality(arm), arm.name))
    hull: list[tuple[float, float, Candidate]] = []
    for arm in priced:
        cost, quality = _cost(case, arm), _quality(arm)
        if hull and quality <= hull[-1][1] + ALIKE:
            continue
        while len(hull) > 1 and _slope(hull[-1], (cost, quality)) <= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append((cost, quality, arm))
    return [arm for _, _, arm in hull]


def _slope(one: Sequence[object], other: Sequence[object]) -> float:
    """Cost of a point of quality between two arms."""
    (cost, quality), (more, better) = one[:2], other[:2]
    return (float(more) - float(cost)) / (float(better) - float(quality))  # type: ignore[arg-type]


def _quality(arm: Candidate) -> float:
    return arm.quality.value or 0.0


def _cost(case: Case, arm: Candidate) -> float:
    return float(arm.total_cost(case.requests) or 0)
