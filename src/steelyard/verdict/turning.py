"""At which price of a wrong answer the choice turns from one arm to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Context, Decimal
from itertools import pairwise

import numpy as np

from steelyard.result.verdict import TurningPrice
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs
from steelyard.verdict.pairs import pair
from steelyard.verdict.rule import floor_in_choice, owning_costs

_DUST = 2e-9  # between expected qualities, which are rounded to nine digits


def turning_prices(
    case: Case, beliefs: Beliefs, floor: Candidate | None = None
) -> tuple[TurningPrice, ...]:
    """The steps of the frontier of cost and quality, by rising price, from the ``floor`` where it is cheaper.

    Below the first price the cheapest costs least in all, above the last the best one. A price is the
    difference in cost over the expected difference in wrong answers; its interval comes from that of the
    paired difference in quality, and has no upper end where the better arm may be no better.
    """
    quality = {arm.name: float(mean) for arm, mean in zip(beliefs.arms, beliefs.mean, strict=True)}
    arms, costs = list(beliefs.arms), owning_costs(case, beliefs.arms)
    floor = floor_in_choice(case, floor)
    if floor is not None and np.isfinite(costs).all():  # an arm of unknown cost may pay
        arms.append(floor)
        quality[floor.name] = floor.quality.value or 0.0
    steps, prices = _frontier(case, arms, quality), []
    for cheaper, better in pairwise(steps):
        extra = float(np.diff(owning_costs(case, [cheaper, better]))[0])
        gain = quality[better.name] - quality[cheaper.name]
        test = pair(case, better, cheaper)

        def price_at(difference: float, extra: float = extra) -> float | None:
            return (
                _rounded_up(extra / (float(case.requests) * difference)) if difference > 0 else None
            )

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
    points = [
        (float(cost), quality_of[arm.name], arm)
        for cost, arm in zip(owning_costs(case, arms), arms, strict=True)
        if np.isfinite(cost)
    ]
    points.sort(key=lambda point: (point[0], -point[1], point[2].name))
    hull: list[tuple[float, float, Candidate]] = []
    for cost, quality, arm in points:
        if hull and quality <= hull[-1][1] + _DUST:
            continue
        while len(hull) > 1 and _slope(hull[-1], (cost, quality)) <= _slope(hull[-2], hull[-1]):
            hull.pop()
        hull.append((cost, quality, arm))
    return [arm for _, _, arm in hull]


def _slope(one: Sequence[object], other: Sequence[object]) -> float:
    """Cost of a point of quality between two arms."""
    (cost, quality), (more, better) = one[:2], other[:2]
    return (float(more) - float(cost)) / (float(better) - float(quality))  # type: ignore[arg-type]


def _rounded_up(price: float) -> float:
    """To six significant digits, upwards: at the price that is told, the better arm is the choice."""
    six = Context(prec=6, rounding=ROUND_CEILING)
    return float(six.plus(Decimal(f"{price:.12g}")))
