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
from steelyard.verdict.beliefs import Beliefs, chance_of_minimum
from steelyard.verdict.limits import broken_limits

ALIKE = 1e-4
"""Expected qualities closer than this are equal, and the cheaper arm is the choice."""
LIKELY_NEAR = 0.5
"""An arm counts as near the best where it is more likely so than not."""
LIKELY_KEPT = 0.5
"""An arm is taken to reach ``min_quality`` where it is more likely than not; the chance is told."""
SURE, FAIRLY_SURE = 0.95, 0.75
FEWEST_ITEMS = 20
"""From fewer test items than these nothing is predicted: whatever they show may be chance."""
LEVEL_LOSS = 0.05
"""A choice is right where no other costs less by more than this share, wrong answers included."""


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

    @property
    def confidence(self) -> str:
        """``high``, ``moderate`` or ``low``: of fewer than `FEWEST_ITEMS` items always low."""
        if len(self.arm.scores) < FEWEST_ITEMS:
            return "low"
        chance = min(self.chance, self.kept)
        if chance >= SURE:
            return "high"
        return "moderate" if chance >= FAIRLY_SURE else "low"


def choose(case: Case, beliefs: Beliefs) -> BestArm:
    """The best arm in expectation."""
    near = beliefs.near_best(case.limits.margin)
    owned, totals = owning_costs(case, beliefs.arms), None
    if case.error_cost is None or np.isinf(owned).all():
        [place] = pick_near(case, beliefs.arms, near[None], beliefs.mean[None])
        chance = float(near[place])
    else:
        worth = error_worth(case)
        totals = owned + worth * (1 - beliefs.mean)
        place = int(np.argmin(totals))
        drawn = owned + worth * (1 - beliefs.draws)
        chance = float((drawn[:, place] <= drawn.min(axis=1) * (1 + LEVEL_LOSS)).mean())
    arm = beliefs.arms[place]
    return BestArm(arm, chance, near, totals, chance_of_minimum(case, arm))


def none_pays(case: Case, beliefs: Beliefs, floor: Candidate) -> BestArm | None:
    """Always giving the most common answer as the choice, where it costs less in all than any arm.

    With the wrong answers priced, and only where it keeps the constraints.
    """
    owned, owns = floor.total_cost(case.requests), owning_costs(case, beliefs.arms)
    if case.error_cost is None or owned is None or broken_limits(case, floor):
        return None
    worth = error_worth(case)
    total = float(owned) + worth * (1 - (floor.quality.value or 0.0))
    totals = owns + worth * (1 - beliefs.mean)
    if np.isinf(totals).any() or total >= totals.min():  # an arm of unknown cost may pay
        return None
    drawn = (owns + worth * (1 - beliefs.draws)).min(axis=1)
    chance = float((total <= drawn * (1 + LEVEL_LOSS)).mean())
    return BestArm(floor, chance, beliefs.near_best(case.limits.margin), totals)


def pick_near(case: Case, arms: Sequence[Candidate], near: Floats, mean: Floats) -> Indices:
    """The place of the cheapest arm that is likely near the best, or of the likeliest where none is.

    Of those that cost about as little, the best. ``near`` and ``mean``: (cases, k); returns (cases,).
    """
    owned = owning_costs(case, arms)
    likely = near >= np.minimum(LIKELY_NEAR, near.max(axis=1, keepdims=True))
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
    """What each arm costs over the horizon; infinite where that is not known."""
    costs = [arm.total_cost(case.requests) for arm in arms]
    return np.array([np.inf if cost is None else float(cost) for cost in costs])
