"""Paired tests among candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np

from steelyard.core import Comparison
from steelyard.seeds import generator
from steelyard.stats import (
    ASSUMED_DISCORDANT,
    Family,
    NeededItems,
    PairTest,
    items_for_interval,
    items_for_mean,
    items_needed,
    pair_tests,
)
from steelyard.verdict.base import Candidate, Case

_GUESSED_ITEMS = 10  # weight of the assumed discordance against the observed one


def family_of(case: Case) -> Family:
    """The tests of all pairs of the case's arms, corrected together; made once.

    All arms are in it, whatever is asked of which: the best of them is picked by the data that it is then
    tested on, so that any pair may come to be named.
    """
    names = tuple(candidate.name for candidate in case.candidates)
    if case.family is not None and case.family.covers(names):
        return case.family
    if names not in case.memo:
        scores = [candidate.scores for candidate in case.candidates]
        case.memo[names] = Family.of(names, _tests(case), scores, case.clusters, case.alpha)
    return case.memo[names]


def _tests(case: Case) -> list[PairTest]:
    """A test of each pair: a given one, or by the scores."""
    if len(case.candidates) < 2:
        return []
    pairs = list(combinations((candidate.name for candidate in case.candidates), 2))
    comparisons = {frozenset((c.a, c.b)): c for c in case.comparisons}
    if all(frozenset(pair) in comparisons for pair in pairs):
        return [PairTest.of(comparisons[frozenset(pair)]) for pair in pairs]
    by_scores = pair_tests(
        [candidate.name for candidate in case.candidates],
        [candidate.scores for candidate in case.candidates],
        case.metric,
        generator(case.seed, "pairs"),
        clusters=case.clusters,
    )
    return [
        PairTest.of(comparisons[frozenset(test.names)])
        if frozenset(test.names) in comparisons
        else test
        for test in by_scores
    ]


def pair(case: Case, a: Candidate, b: Candidate) -> Comparison:
    """The comparison ``a - b`` by itself: p-value uncorrected, interval at ``1 - alpha``."""
    return family_of(case).alone(a.name, b.name)


def oriented(comparisons: Iterable[Comparison], a: str, b: str) -> Comparison | None:
    """Return the comparison of ``a`` with ``b``, turned round if it is kept as ``b`` with ``a``."""
    for comparison in comparisons:
        if (comparison.a, comparison.b) == (a, b):
            return comparison
        if (comparison.a, comparison.b) == (b, a):
            return comparison.turned()
    return None


def against(case: Case, one: Candidate, others: Sequence[Candidate]) -> dict[str, Comparison]:
    """Compare ``one`` with each other arm; p-values and intervals are corrected over all pairs of arms."""
    family = family_of(case)
    return {other.name: family.corrected(one.name, other.name) for other in others}


def differs(case: Case, comparison: Comparison) -> bool:
    """Whether the corrected test shows a difference between the two arms."""
    return comparison.p_adjusted is not None and comparison.p_adjusted <= case.alpha


def items_to_show(case: Case, a: Candidate, b: Candidate, tests: int) -> NeededItems:
    """Test items it takes to show the difference observed between two arms, at the strictest step.

    ``tests`` share the level; all pairs of the case's arms do in any case.
    """
    tests = max(tests, len(family_of(case).tests))
    differences = a.scores - b.scores
    observed, level = pair(case, a, b).difference, 1 - case.alpha
    square = _mean_square(differences)
    effect = family_of(case).design_effect
    if bool(np.isin(a.scores, (0, 1)).all() and np.isin(b.scores, (0, 1)).all()):
        return items_needed(observed, square, level, comparisons=tests, design_effect=effect)
    variance = max(1e-9, square - observed**2)
    return items_for_mean(observed, variance, level, comparisons=tests, design_effect=effect)


def items_to_bound(case: Case, a: Candidate, b: Candidate, half_width: float) -> int | None:
    """Test items after which the interval of ``a - b`` has this half width."""
    variance, effect = _mean_square(a.scores - b.scores), family_of(case).design_effect
    return items_for_interval(variance, half_width, 1 - case.alpha, effect)


def _mean_square(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Mean squared difference, drawn toward the assumed discordance where items are few."""
    total = float(np.sum(differences**2)) + _GUESSED_ITEMS * ASSUMED_DISCORDANT
    return total / (len(differences) + _GUESSED_ITEMS)
