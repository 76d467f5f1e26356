"""What the test says of the arms' true qualities, as chances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from steelyard.seeds import generator
from steelyard.stats import holm
from steelyard.stats.posterior import (
    Posterior,
    blended,
    chance_at_least,
    effective_items,
    item_covariance,
)
from steelyard.stats.resample import Floats, cluster_codes
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.pairs import pair

_Z = 1.959964  # the intervals read back here are of 95 %
_DIGITS = 9  # of an expected quality; what lies behind is the rounding of sums


@dataclass(frozen=True)
class Beliefs:
    """The joint posterior of some arms' qualities; see `steelyard.stats.posterior`.

    ``covariance`` is that of one item's scores, (k, k), in the order of ``arms``.
    """

    arms: tuple[Candidate, ...]
    covariance: Floats
    items: int
    apart: bool = False
    seed: int = 0
    """Of the simulation. Not the task's: which arm is the choice is no matter of luck."""

    @cached_property
    def measured(self) -> Floats:
        return np.array([arm.quality.value or 0.0 for arm in self.arms])

    @cached_property
    def posterior(self) -> Posterior:
        return Posterior(self.measured, self.covariance / self.items, apart=self.apart)

    @cached_property
    def mean(self) -> Floats:
        """What is expected of each arm on new inputs: of many arms, the best-looking ones are drawn in.

        Rounded, so that arms which answer alike are equal, whatever order they were added up in.
        """
        return np.asarray(self.posterior.mean.round(_DIGITS), dtype=np.float64)

    @cached_property
    def draws(self) -> Floats:
        return self.posterior.draws(generator(self.seed, "verdict"))

    def near_best(self, margin: float) -> Floats:
        """The chance of each arm to lie within ``margin`` of the best of them."""
        best = self.draws.max(axis=1, keepdims=True)
        return np.asarray((self.draws >= best - margin).mean(axis=0), dtype=np.float64)

    def by_name(self, values: Floats) -> dict[str, float]:
        return {
            arm.name: round(float(value), 4) for arm, value in zip(self.arms, values, strict=True)
        }


def beliefs_of(case: Case, arms: Sequence[Candidate], *, apart: bool = False) -> Beliefs:
    """The joint posterior of ``arms``, all of them measured; see `Posterior` for ``apart``."""
    arms = tuple(sorted(arms, key=lambda arm: arm.name))  # their order changes no draw
    items = len(arms[0].scores)
    if case.decomposable:
        scores = np.array([arm.scores for arm in arms])
        covariance = item_covariance(scores, case.clusters)
    else:
        covariance = _from_intervals(case, arms)
    return Beliefs(arms, covariance, items, apart)


class BesideFloor(NamedTuple):
    """Draws of some arms' qualities, (draws, k), and of the floor's, (draws,)."""

    arms: Floats
    floor: Floats


def beside_floor(case: Case, beliefs: Beliefs, floor: Candidate) -> tuple[BesideFloor, BesideFloor]:
    """The joint posterior of arms and of always giving the most common answer, by two priors.

    By the first the floor is an arm like the others, and is drawn towards them; by the second nothing is
    supposed of it, and its quality follows its measurement and what the errors have in common. Which holds is
    not known: a chance that is to be relied on holds by both.
    """
    joint = beliefs_of(case, (*beliefs.arms, floor))
    place = joint.arms.index(floor)
    alike = BesideFloor(np.delete(joint.draws, place, axis=1), joint.draws[:, place])
    shared = np.delete(joint.covariance[place], place) / joint.items
    of_arms = np.delete(np.delete(joint.covariance, place, 0), place, 1) / joint.items
    weights = np.linalg.solve(of_arms, shared)
    left = max(0.0, joint.covariance[place, place] / joint.items - shared @ weights)
    noise = generator(beliefs.seed, "floor").normal(scale=left**0.5, size=len(beliefs.draws))
    free = (floor.quality.value or 0.0) - (beliefs.measured - beliefs.draws) @ weights + noise
    return alike, BesideFloor(beliefs.draws, np.clip(free, 0.0, 1.0))


def _from_intervals(case: Case, arms: Sequence[Candidate]) -> Floats:
    """The covariance of a metric that is no mean of scores, read back from intervals.

    ``2 cov(a, b) = var(a) + var(b) - var(a - b)``.
    """
    k, items = len(arms), len(arms[0].scores)
    covariance = np.diag([variance_of(arm) for arm in arms])
    for i in range(k):
        for j in range(i):
            both = pair(case, arms[i], arms[j])
            apart = ((both.high - both.low) / 2 / _Z) ** 2
            covariance[i, j] = covariance[j, i] = (covariance[i, i] + covariance[j, j] - apart) / 2
    values, vectors = np.linalg.eigh(covariance)
    positive = (vectors * np.clip(values, 1e-9, None)) @ vectors.T
    return blended(positive * items, _units(case, items), items)


def variance_of(arm: Candidate) -> float:
    """Variance of an arm's measured quality, by its interval."""
    low, high = arm.quality.low, arm.quality.high
    return 0.25 if low is None or high is None else ((high - low) / 2 / _Z) ** 2


def chance_of_minimum(case: Case, arm: Candidate) -> float:
    """The chance that an arm reaches ``min_quality``; 1 where the task has none."""
    least, value = case.limits.min_quality, arm.quality.value
    if least is None:
        return 1.0
    if value is None:
        return 0.0
    return float(chance_at_least(value, weight_of(case, arm), least))


def weight_of(case: Case, arm: Candidate) -> float:
    """How many independent right-or-wrong answers an arm's measured quality is worth."""
    value, units = arm.quality.value or 0.0, _units(case, len(arm.scores))
    is_binary = units == len(arm.scores) and bool(np.isin(arm.scores, (0, 1)).all())
    plain = is_binary and case.decomposable
    variance = value * (1 - value) / units if plain else variance_of(arm)
    return effective_items(value, variance, units)


def above_floor(
    case: Case, arms: Sequence[Candidate], floor: Candidate | None
) -> Mapping[str, bool]:
    """Which arms are shown to be above always giving the most common answer.

    One-sided paired tests, corrected by Holm over the arms: of many useless ones none may pass by luck. They
    ask another question than the two-sided family of all pairs, and have p-values of their own.
    """
    if floor is None:
        return {arm.name: True for arm in arms}
    tests = [pair(case, arm, floor) for arm in arms]
    one_sided = [t.p_value / 2 if t.difference > 0 else 1 - t.p_value / 2 for t in tests]
    adjusted = holm(one_sided)
    return {arm.name: p <= case.alpha for arm, p in zip(arms, adjusted, strict=True)}


def _units(case: Case, items: int) -> int:
    return int(cluster_codes(case.clusters, items).max(initial=-1)) + 1
