"""Several tests at once: p-values corrected so that the chance of any false difference is held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations
from math import comb

import numpy as np

from steelyard.core import Comparison
from steelyard.stats.paired import PairTest
from steelyard.stats.resample import Clusters, Floats, design_effect


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    Comparing an adjusted value with ``alpha`` holds the chance of one or more false differences at
    ``alpha``, whatever the dependence between the tests. Holm (1979), Scandinavian Journal of
    Statistics 6, 65-70.
    """
    return _step_down(p_values, range(len(p_values), 0, -1))


def shaffer(p_values: Sequence[float], arms: int) -> list[float]:
    """Adjust the p-values of all pairs of ``arms``, in the order given: never above `holm`'s.

    Equality is transitive: once two arms differ, not every number of the other pairs can still be equal.
    Each step counts the most that can be (method S1 of Shaffer 1986, JASA 81, 826-831), and so holds the
    chance of any false difference as Holm does, whatever the dependence. All pairs are one family because
    "the best" arm is picked by the data that it is then tested on.
    """
    tests = comb(arms, 2)
    if len(p_values) != tests:
        raise ValueError(f"{arms} arms have {tests} pairs, got {len(p_values)} p-values")
    counts = sorted(_equal_pairs(arms))
    return _step_down(
        p_values, [max(c for c in counts if c <= tests - step) for step in range(tests)]
    )


@dataclass(frozen=True)
class Family:
    """All pairs of some arms, tested on the same items and corrected together by `shaffer`.

    Each pair has one p-value, whichever arm it is looked at from and whatever it is looked at for.
    ``design_effect`` is how many test items count as one independent item.
    """

    arms: tuple[str, ...]
    tests: Sequence[PairTest]
    alpha: float = 0.05
    design_effect: float = 1.0

    @classmethod
    def of(
        cls,
        arms: Sequence[str],
        tests: Sequence[PairTest],
        scores: Sequence[Floats],
        clusters: Clusters | None,
        alpha: float = 0.05,
    ) -> Family:
        """The family with its design effect, by the arms' ``scores`` of the same items."""
        if not tests:
            return cls(tuple(arms), (), alpha)
        differences = np.array([a - b for a, b in combinations(scores, 2)])
        return cls(tuple(arms), tests, alpha, design_effect(differences, clusters))

    @cached_property
    def _tests(self) -> dict[frozenset[str], tuple[PairTest, float]]:
        p_values = shaffer([test.p_value for test in self.tests], len(self.arms))
        return {
            frozenset(test.names): (test, p) for test, p in zip(self.tests, p_values, strict=True)
        }

    def covers(self, arms: Iterable[str]) -> bool:
        return set(self.arms).issuperset(arms)

    def corrected(self, a: str, b: str) -> Comparison:
        """The comparison ``a - b`` with its adjusted p-value.

        Its interval has the level at which this pair was tested: it excludes 0 where the adjusted p-value
        is at most ``alpha``, and nowhere else.
        """
        test, p_adjusted = self._tests[frozenset((a, b))]
        level = tested_level(test.p_value, p_adjusted, self.alpha)
        return replace(_oriented(test.at(level), a), p_adjusted=p_adjusted)

    def alone(self, a: str, b: str) -> Comparison:
        """The comparison ``a - b`` by itself: p-value uncorrected, interval at ``1 - alpha``."""
        test, _ = self._tests[frozenset((a, b))]
        return _oriented(test.at(1 - self.alpha), a)


def _oriented(comparison: Comparison, first: str) -> Comparison:
    return comparison if comparison.a == first else comparison.turned()


def tested_level(p_value: float, p_adjusted: float, alpha: float) -> float:
    """The level of the interval that agrees with an adjusted p-value."""
    return 1 - alpha * (p_value / p_adjusted if p_adjusted > 0 else 1.0)


def _step_down(p_values: Sequence[float], counts: Sequence[int]) -> list[float]:
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted_values = [1.0] * len(p_values)
    largest = 0.0
    for count, index in zip(counts, order, strict=True):
        largest = max(largest, min(1.0, count * p_values[index]))
        adjusted_values[index] = largest
    return adjusted_values


@lru_cache(maxsize=64)
def _equal_pairs(arms: int) -> frozenset[int]:
    """How many pairs of ``arms`` can be equal: those within sets that are equal, all splits into sets."""
    if arms <= 1:
        return frozenset({0})
    return frozenset(
        comb(first, 2) + others
        for first in range(1, arms + 1)
        for others in _equal_pairs(arms - first)
    )
