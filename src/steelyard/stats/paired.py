"""The paired difference of two arms on the same items: interval, test and correction for many tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Comparison
from steelyard.errors import DataError
from steelyard.stats.resample import (
    RESAMPLES,
    Clusters,
    Floats,
    Indices,
    bca,
    bootstrap_means,
    cluster_codes,
    draws,
    jackknife,
    jackknife_means,
    sign_flip,
    units,
)

STATISTIC_RESAMPLES = 1000
STATISTIC_PERMUTATIONS = 1999


def compare(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    names: tuple[str, str],
    metric: str,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Comparison:
    """Compare two arms by their scores on the same items; ``difference`` is ``a - b``.

    0/1 scores of independent items: McNemar's test in its exact form and Tango's score interval.
    Otherwise a sign-flip test and a BCa bootstrap, both over whole clusters: they assume that under
    no difference each unit's difference is as likely positive as negative.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        raise ValueError(f"paired scores differ in shape: {first.shape} and {second.shape}")
    if len(first) == 0:
        raise DataError(f"nothing to compare {names[0]} and {names[1]} on: the test split is empty")
    drawn = units(first - second, clusters)
    independent = len(drawn.sums) == len(first)
    if independent and np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all():
        only_a, only_b = int(np.sum(first > second)), int(np.sum(first < second))
        low, high = tango(only_a, only_b, len(first), level)
        p, method = mcnemar(only_a, only_b), "exact McNemar; Tango score interval"
    else:
        p = sign_flip(drawn.sums, rng)
        method = "sign-flip test; BCa bootstrap" + ("" if independent else ", over clusters")
        if np.ptp(drawn.sums / drawn.sizes) == 0:
            low, high = _no_spread(drawn.mean, len(drawn.sums), level)
        else:
            means = bootstrap_means(drawn, rng, RESAMPLES)
            low, high = bca(means, drawn.mean, jackknife_means(drawn), level)
    return Comparison(*names, metric, drawn.mean, low, high, p, None, method)


def compare_statistic(
    function: Callable[[NDArray[Any], Indices], float],
    a: NDArray[Any],
    b: NDArray[Any],
    names: tuple[str, str],
    metric: str,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Comparison:
    """Compare two arms by a figure that is not a mean of item scores, such as macro-F1.

    ``a`` and ``b`` hold the two arms' answers in item order; ``function(answers, index)`` is the
    figure over the items ``index``. The test swaps the two answers of random items (approximate
    randomisation, Noreen 1989); the interval is a paired BCa bootstrap.
    """
    if len(a) == 0:
        raise DataError(f"nothing to compare {names[0]} and {names[1]} on: the test split is empty")
    everything, codes = np.arange(len(a)), cluster_codes(clusters, len(a))

    def difference(index: Indices) -> float:
        return function(a, index) - function(b, index)

    value = difference(everything)
    p = _randomisation(function, a, b, codes, rng)
    method = "approximate randomisation; BCa bootstrap"
    estimates = np.array([difference(i) for i in draws(codes, rng, STATISTIC_RESAMPLES)])
    if np.ptp(estimates) == 0:
        low, high = _no_spread(value, int(codes.max()) + 1, level)
    else:
        low, high = bca(estimates, value, jackknife(difference, codes), level)
    return Comparison(*names, metric, value, low, high, p, None, method)


def _randomisation(
    function: Callable[[NDArray[Any], Indices], float],
    a: NDArray[Any],
    b: NDArray[Any],
    codes: Indices,
    rng: np.random.Generator,
) -> float:
    everything = np.arange(len(a))
    observed = abs(function(a, everything) - function(b, everything)) - 1e-12
    hits = 0
    for _ in range(STATISTIC_PERMUTATIONS):
        swap = rng.integers(0, 2, size=int(codes.max()) + 1).astype(bool)[codes]
        mixed = function(np.where(swap, b, a), everything)
        hits += abs(mixed - function(np.where(swap, a, b), everything)) >= observed
    return (hits + 1) / (STATISTIC_PERMUTATIONS + 1)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value: given the items on which the arms differ, each side is a fair coin.

    McNemar (1947), Psychometrika 12, 153-157, in its exact binomial form. Never exceeds its level.
    """
    from scipy.stats import binomtest

    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b, 0.5).pvalue)


def tango(only_a: int, only_b: int, n: int, level: float) -> tuple[float, float]:
    """Score interval for a paired difference of shares. Tango (1998), Stat. Med. 17, 891-908."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    value = (only_a - only_b) / n

    def score(delta: float) -> float:
        root_b = -only_a - only_b + (2 * n - only_a + only_b) * delta
        root_c = -only_b * delta * (1 - delta)
        share = (sqrt(max(0.0, root_b**2 - 8 * n * root_c)) - root_b) / (4 * n)
        variance = n * (2 * share + delta * (1 - delta))
        return (only_a - only_b - n * delta) / sqrt(max(variance, 1e-300))

    edge = 1 - 1e-12
    low = -1.0 if value <= -edge else float(brentq(lambda d: score(d) - z, -edge, value))
    high = 1.0 if value >= edge else float(brentq(lambda d: score(d) + z, value, edge))
    return low, high


def _no_spread(value: float, drawn: int, level: float) -> tuple[float, float]:
    """Limits when every unit differs alike: Tango's for as many units that do not differ."""
    low, high = tango(0, 0, drawn, level)
    return max(-1.0, value + low), min(1.0, value + high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    Comparing an adjusted value with ``alpha`` holds the chance of one or more false differences at
    ``alpha``, whatever the dependence between the tests. Holm (1979), Scandinavian Journal of
    Statistics 6, 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
