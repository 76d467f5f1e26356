"""The rule: which arm is the best in expectation, and how sure that is.

With a price of a wrong answer, the arm that costs least in all, wrong answers included (Zellinger and
Thomson 2025, arXiv 2507.03834). Without one, the cheapest arm that is more likely than not within
``margin`` of the best; of arms that cost about as little as it, the best. Arms that cannot be told apart
are not taken for equal: what counts is the chance that one is much better.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from steelyard.stats.resample import Floats, Indices
from steelyard.verdict.base import LEVEL_COST, LEVEL_SHARE, Candidate, Case
from steelyard.verdict.beliefs import Beliefs, beside_floor, chance_of_minimum
from steelyard.verdict.limits import broken_limits

ALIKE = 1e-4
"""Expected qualities closer than this are equal, and the cheaper arm is the choice."""
LIKELY_NEAR = 0.5
"""An arm counts as near the best where it is more likely so than not."""
LEVEL_CHANCE = 0.03
"""Where none does, chances this close are equal, and cost decides; a simulation cannot tell them apart."""
LIKELY_KEPT = 0.5
"""An arm is taken to reach ``min_quality`` where it is more likely than not; the chance is told."""
SURE, FAIRLY_SURE = 0.95, 0.75
FEWEST_ITEMS = 20
"""From fewer test items than these nothing is predicted: whatever they show may be chance."""
LEVEL_LOSS = 0.05
"""A choice is right where no other costs less by more than this share, wrong answers included."""
_DUST = 1e-12


@dataclass(frozen=True)
class BestArm:
    """The arm to use among ``beliefs.arms``; ``chance`` is how likely that is right.

    ``kept`` is how likely it reaches ``min_quality``.
    """

    arm: Candidate
    chance: float
    chances: Floats
    totals: Floats | None
    """Expected cost over the horizon with wrong answers, where these have a price; inf: not known."""
    kept: float = 1.0
    unpriced: tuple[Candidate, ...] = ()
    """Arms whose cost is not known and that may cost less in all."""

    @property
    def confidence(self) -> str:
        """``high``, ``moderate`` or ``low``.

        Always low of fewer than `FEWEST_ITEMS` items, or where an arm of unknown cost may be the best.
        """
        if len(self.arm.scores) < FEWEST_ITEMS or self.unpriced:
            return "low"
        chance = min(self.chance, self.kept)
        if chance >= SURE:
            return "high"
        return "moderate" if chance >= FAIRLY_SURE else "low"


def choose(case: Case, beliefs: Beliefs, floor: Candidate | None = None) -> BestArm:
    """The best arm in expectation; ``floor`` is what it is to beat where errors have a price."""
    near = beliefs.near_best(case.limits.margin)
    owned = owning_costs(case, beliefs.arms)
    if case.error_cost is None or np.isinf(owned).all():
        [place] = pick_near(case, beliefs.arms, near[None], beliefs.mean[None])
        arm = beliefs.arms[place]
        return BestArm(arm, float(near[place]), near, None, chance_of_minimum(case, arm))
    totals = owned + error_worth(case) * (1 - beliefs.mean)
    place = least_total(totals, beliefs.mean)
    arm = beliefs.arms[place]
    return BestArm(
        arm,
        _chance_of_least(case, beliefs, place, floor_in_choice(case, floor)),
        near,
        totals,
        chance_of_minimum(case, arm),
        _may_cost_less(case, beliefs, place),
    )


def none_pays(case: Case, beliefs: Beliefs, floor: Candidate) -> BestArm | None:
    """Always giving the most common answer as the choice, where it costs less in all than any arm.

    With the wrong answers priced, and only where it keeps the constraints.
    """
    if case.error_cost is None or floor_in_choice(case, floor) is None:
        return None
    total = total_of_floor(case, floor)
    totals = owning_costs(case, beliefs.arms) + error_worth(case) * (1 - beliefs.mean)
    if np.isinf(totals).any() or total >= totals.min():  # an arm of unknown cost may pay
        return None
    chance = _chance_of_least(case, beliefs, None, floor)
    return BestArm(floor, chance, beliefs.near_best(case.limits.margin), totals)


def floor_in_choice(case: Case, floor: Candidate | None) -> Candidate | None:
    """Always giving the most common answer, where that is allowed and its cost is known."""
    if floor is None or floor.total_cost(case.requests) is None or broken_limits(case, floor):
        return None
    return floor


def total_of_floor(case: Case, floor: Candidate) -> float:
    """What always giving the most common answer costs over the horizon, wrong answers included."""
    wrong = 1 - (floor.quality.value or 0.0)
    return float(owning_costs(case, [floor])[0]) + error_worth(case) * wrong


def totals_by_name(case: Case, beliefs: Beliefs, choice: BestArm) -> dict[str, float]:
    """The expected totals by arm, the floor's where that is the choice; none without a price of errors."""
    if choice.totals is None:
        return {}
    totals = {
        arm.name: float(total) for arm, total in zip(beliefs.arms, choice.totals, strict=True)
    }
    return totals | (
        {choice.arm.name: total_of_floor(case, choice.arm)} if choice.arm.is_floor else {}
    )


def least_total(totals: Floats, mean: Floats) -> int:
    """The place of the least total; of equals the best, then the first by name."""
    level = totals <= totals.min() * (1 + _DUST)
    return int(np.argmax(np.where(level, mean, -np.inf)))


def _chance_of_least(
    case: Case, beliefs: Beliefs, place: int | None, floor: Candidate | None
) -> float:
    """The chance that the arm at ``place`` (``None``: the floor) costs at most `LEVEL_LOSS` more than any.

    An arm of unknown cost is taken to cost nothing, so that the chance is one that holds.
    """
    worth, owned = error_worth(case), owning_costs(case, beliefs.arms)
    owned = np.where(np.isinf(owned), 0.0, owned)
    if floor is None:
        drawn = owned + worth * (1 - beliefs.draws)
        return _share_least(drawn, place or 0)
    owns = owning_costs(case, [floor])[0]
    chances = []
    for draws in beside_floor(case, beliefs, floor):
        of_floor = owns + worth * (1 - draws.floor)
        drawn = np.column_stack([owned + worth * (1 - draws.arms), of_floor])
        chances.append(_share_least(drawn, drawn.shape[1] - 1 if place is None else place))
    return min(chances)


def _share_least(drawn: Floats, place: int) -> float:
    return float((drawn[:, place] <= drawn.min(axis=1) * (1 + LEVEL_LOSS)).mean())


def _may_cost_less(case: Case, beliefs: Beliefs, place: int) -> tuple[Candidate, ...]:
    """The arms of unknown cost that may cost less in all than the one at ``place``, the likeliest first."""
    worth, owned = error_worth(case), owning_costs(case, beliefs.arms)
    mine = owned[place] + worth * (1 - beliefs.draws[:, place])
    chances = [
        (float((worth * (1 - beliefs.draws[:, other]) < mine).mean()), arm)
        for other, arm in enumerate(beliefs.arms)
        if np.isinf(owned[other])
    ]
    likely = [entry for entry in chances if entry[0] > 1 - SURE]
    return tuple(arm for _, arm in sorted(likely, key=lambda entry: (-entry[0], entry[1].name)))


def pick_near(case: Case, arms: Sequence[Candidate], near: Floats, mean: Floats) -> Indices:
    """The place of the cheapest arm that is likely near the best, or as likely as any where none is.

    Of those that cost about as little, the best; of equals the cheapest, then the first by name. ``near`` and
    ``mean``: (cases, k); returns (cases,).
    """
    owned = owning_costs(case, arms)
    likely = near >= np.minimum(LIKELY_NEAR, near.max(axis=1, keepdims=True) - LEVEL_CHANCE)
    costs = np.where(likely, owned, np.inf)
    cheapest = costs.min(axis=1, keepdims=True)
    least = float(LEVEL_COST.get(case.currency, 0))
    level = costs <= np.maximum(cheapest + least, cheapest * (1 + float(LEVEL_SHARE)))
    quality = np.where(likely & level, mean, -np.inf)
    alike = quality >= quality.max(axis=1, keepdims=True) - ALIKE
    return np.asarray(np.argmin(np.where(alike, costs, np.inf), axis=1))


def error_worth(case: Case) -> float:
    """What it costs over the horizon to get every answer wrong."""
    return float((case.error_cost or Decimal(0)) * case.requests)


def owning_costs(case: Case, arms: Sequence[Candidate]) -> Floats:
    """What each arm costs over the horizon; infinite where that is not known.

    To twelve digits, so that costs which differ by the rounding of sums are equal.
    """
    costs = [arm.total_cost(case.requests) for arm in arms]
    return np.array([np.inf if cost is None else float(f"{cost:.12g}") for cost in costs])
