"""At which price of a wrong answer the choice turns from one arm to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from steelyard.economics import to_number
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
    difference in cost over the expected difference in wrong answers; its interval comes from that of the
    paired difference in quality, and has no upper end where the better arm may be no better.
    """
    quality = {arm.name: float(mean) for arm, mean in zip(beliefs.arms, beliefs.mean, strict=True)}
    arms = list(beliefs.arms)
    if floor is not None and not broken_limits(case, floor):
        arms.append(floor)
        quality[floor.name] = floor.quality.value or 0.0
    steps, prices = _frontier(case, arms, quality), []
    for cheaper, better in pairwise(steps):
        extra = _cost(case, better) - _cost(case, cheaper)
        gain = quality[better.name] - quality[cheaper.name]
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


def _frontier(
    case: Case, arms: Sequence[Candidate], quality_of: Mapping[str, float]
) -> list[Candidate]:
    """The arms that are the least costly in all at some price of a wrong answer, the cheapest first."""
    priced = [arm for arm in arms if arm.total_cost(case.requests) is not None]
    priced.sort(key=lambda arm: (_cost(case, arm), -quality_of[arm.name], arm.name))
    hull: list[tuple[float, float, Candidate]] = []
    for arm in priced:
        cost, quality = _cost(case, arm), quality_of[arm.name]
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


def _cost(case: Case, arm: Candidate) -> float:
    return float(arm.total_cost(case.requests) or 0)
