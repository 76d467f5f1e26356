"""Which arms dev shows cannot win: they need not be asked the test.

An arm stops where another that costs no more is better on dev, with little doubt: whatever a wrong answer
costs, the other one is the choice before it. References, the user's own prompt, the best prompt, the best
tuned arm, hybrids and what they join always finish. Nothing is claimed from dev, where prompts and
checkpoints were chosen: a stopped arm is listed with what it had shown. Stopping weak candidates early:
Jamieson and Talwalkar (2016), AISTATS 51, 240-248.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from steelyard.core import PROMPT_FAMILIES
from steelyard.stats.posterior import Posterior, item_covariance
from steelyard.stats.resample import Clusters, Floats
from steelyard.strategy import traits_of

SURE = 0.97
LEAST_GAIN = 0.01
"""The rival must be better by this much: copies of one arm differ by less, and by chance."""
FEWEST_ITEMS = 30
"""Fewer dev examples stop no arm."""


@dataclass(frozen=True)
class Racer:
    """An arm on dev: ``scores``, one per item in the same order; money in one currency."""

    name: str
    strategy: str
    scores: Floats
    upfront: Decimal | None
    per_request: Decimal | None

    @property
    def quality(self) -> float:
        return float(self.scores.mean())

    def costs_no_more(self, other: Racer) -> bool:
        """Whether it is known to cost no more than ``other``, upfront and per request."""
        if self.upfront is None or self.per_request is None:
            return False
        if other.upfront is None or other.per_request is None:
            return False
        return self.upfront <= other.upfront and self.per_request <= other.per_request


@dataclass(frozen=True)
class Lost:
    """An arm that cannot win: ``rival`` costs no more and is better with this ``chance``."""

    arm: Racer
    rival: Racer
    chance: float


def losers(
    racers: Sequence[Racer], clusters: Clusters | None, rng: np.random.Generator
) -> list[Lost]:
    """The arms that need not finish, in the order of ``racers``."""
    if len(racers) < 2 or len(racers[0].scores) < FEWEST_ITEMS:
        return []
    scores = np.array([racer.scores for racer in racers])
    covariance = item_covariance(scores, clusters) / scores.shape[1]
    draws = Posterior(scores.mean(axis=1), covariance).draws(rng)
    finish = _finishers(racers)
    lost = []
    for place, racer in enumerate(racers):
        chances = [
            (float((draws[:, other] > draws[:, place] + LEAST_GAIN).mean()), rival.quality, other)
            for other, rival in enumerate(racers)
            if other != place and rival.costs_no_more(racer)
        ]
        chance, _, best = max(chances, default=(0.0, 0.0, place))
        if racer.name not in finish and chance >= SURE:
            lost.append(Lost(racer, racers[best], chance))
    return lost


def _finishers(racers: Sequence[Racer]) -> set[str]:
    """References, the user's own prompt, the best prompt, the best tuned arm, and what a hybrid joins."""
    joined = {name for racer in racers for name in traits_of(racer.strategy).joins or ()}
    names = {
        racer.name
        for racer in racers
        if racer.strategy in joined or traits_of(racer.strategy).must_finish
    }
    names |= _best(racers, lambda racer: traits_of(racer.strategy).family in PROMPT_FAMILIES)
    return names | _best(racers, lambda racer: traits_of(racer.strategy).tunes)


def _best(racers: Sequence[Racer], belongs: Callable[[Racer], bool]) -> set[str]:
    best = max(filter(belongs, racers), key=lambda racer: racer.quality, default=None)
    return set() if best is None else {best.name}
