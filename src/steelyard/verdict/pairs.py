"""Paired tests among candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from steelyard.core import Comparison
from steelyard.seeds import generator
from steelyard.stats import (
    ASSUMED_DISCORDANT,
    NeededItems,
    compare,
    holm,
    items_for_interval,
    items_for_mean,
    items_needed,
)
from steelyard.verdict.base import Candidate, Case

_GUESSED_ITEMS = 10  # weight of the assumed discordance against the observed one


def pair(case: Case, a: Candidate, b: Candidate) -> Comparison:
    """The comparison ``a - b``: a given one, an asked one, or by the scores."""
    earlier = oriented((*case.comparisons, *case.memo.values()), a.name, b.name)
    if earlier is not None:
        return earlier
    fresh = case.compare_by(a.name, b.name) if case.compare_by else _by_scores(case, a, b)
    case.memo[a.name, b.name] = fresh
    return fresh


def oriented(comparisons: Iterable[Comparison], a: str, b: str) -> Comparison | None:
    """Return the comparison of ``a`` with ``b``, turned round if it is kept as ``b`` with ``a``."""
    for comparison in comparisons:
        if (comparison.a, comparison.b) == (a, b):
            return comparison
        if (comparison.a, comparison.b) == (b, a):
            return comparison.turned()
    return None


def _by_scores(case: Case, a: Candidate, b: Candidate) -> Comparison:
    # Either order of the two draws the same resamples, and no other pair does.
    names = sorted((a.name, b.name))
    rng = generator(case.seed, f"pair:{names[0]}:{names[1]}")
    first, second = (a, b) if a.name == names[0] else (b, a)
    difference = compare(
        first.scores,
        second.scores,
        (first.name, second.name),
        case.metric,
        rng,
        clusters=case.clusters,
        level=1 - case.alpha,
    )
    return difference if first is a else difference.turned()


def against(case: Case, one: Candidate, others: Sequence[Candidate]) -> dict[str, Comparison]:
    """Compare ``one`` with each other arm, p-values corrected by Holm over all of them."""
    comparisons = [pair(case, one, other) for other in others]
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return {
        comparison.b: replace(comparison, p_adjusted=p)
        for comparison, p in zip(comparisons, adjusted, strict=True)
    }


def differs(case: Case, comparison: Comparison) -> bool:
    """Whether the corrected test shows a difference between the two arms."""
    return comparison.p_adjusted is not None and comparison.p_adjusted <= case.alpha


def items_to_show(case: Case, a: Candidate, b: Candidate, tests: int) -> NeededItems:
    """Test items it takes to show the difference observed between two arms."""
    differences = a.scores - b.scores
    observed, level = pair(case, a, b).difference, 1 - case.alpha
    square = _mean_square(differences)
    if bool(np.isin(a.scores, (0, 1)).all() and np.isin(b.scores, (0, 1)).all()):
        return items_needed(observed, square, level, comparisons=tests)
    return items_for_mean(observed, max(1e-9, square - observed**2), level, comparisons=tests)


def items_to_bound(case: Case, a: Candidate, b: Candidate, half_width: float) -> int | None:
    """Test items after which the interval of ``a - b`` has this half width."""
    return items_for_interval(_mean_square(a.scores - b.scores), half_width, 1 - case.alpha)


def _mean_square(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Mean squared difference, drawn toward the assumed discordance where items are few."""
    total = float(np.sum(differences**2)) + _GUESSED_ITEMS * ASSUMED_DISCORDANT
    return total / (len(differences) + _GUESSED_ITEMS)
