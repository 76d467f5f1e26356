"""Two ways to help at once: whether their gains add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Estimate
from steelyard.stats.paired import compare
from steelyard.stats.resample import Clusters, Floats


class Factorial(NamedTuple):
    """Scores in [0, 1] of the same items, each of shape (items,), without either way, with one, with both."""

    neither: Sequence[float] | Floats
    first: Sequence[float] | Floats
    second: Sequence[float] | Floats
    both: Sequence[float] | Floats


def interaction(
    scores: Factorial,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Estimate:
    """The gain of both ways together less the sum of the gains of each, in [-2, 2]; 0 where gains add.

    It is the interaction contrast of a 2 x 2 design on the additive scale (VanderWeele and Knol 2014, A
    Tutorial on Interaction, Epidemiologic Methods 3, 33-72, 2.2), a mean over items of ``both - first -
    second + neither``: twice the paired difference of the mean of ``both`` and ``neither`` and the mean of
    ``first`` and ``second``, whose scores lie in [0, 1] as well, so that test and interval are those of
    `compare`, over whole clusters where there are some.
    """
    neither, first, second, both = (np.asarray(one, dtype=np.float64) for one in scores)
    mixed, single = (both + neither) / 2, (first + second) / 2
    half = compare(mixed, single, ("mixed", "single"), "", rng, clusters=clusters, level=level)
    limits = (2 * half.low, 2 * half.high)
    return Estimate(2 * half.difference, *limits, half.level, len(both), half.method)
