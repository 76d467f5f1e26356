"""Intervals for one arm's quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Estimate
from steelyard.stats.resample import (
    RESAMPLES,
    Clusters,
    Floats,
    Units,
    bca,
    bootstrap_means,
    bootstrap_weights,
    cluster_codes,
    jackknife_means,
    units,
)

EXACT_BELOW = 40
STATISTIC_RESAMPLES = 2000


def proportion(successes: int, n: int, level: float = 0.95) -> Estimate:
    """Share of ``successes`` among ``n`` independent items.

    Clopper and Pearson (1934) below 40 items: never less than ``level``, at the price of width.
    Wilson (1927), JASA 22, 209-212, from there on: close to ``level`` on average.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"successes must lie in 0..{n}, got {successes}")
    if n == 0:
        return Estimate(None, level=level, reason="no items")
    exact = n < EXACT_BELOW
    low, high = (_clopper_pearson if exact else _wilson)(successes, n, level)
    method = "Clopper-Pearson" if exact else "Wilson"
    return Estimate(successes / n, low, high, level, n, method)


def share(
    right: Sequence[float] | NDArray[np.float64],
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> Estimate:
    """Share of ones among 0/1 items: :func:`proportion`, or over clusters Korn and Graubard's interval."""
    values = np.asarray(right, dtype=np.float64)
    if len(values) == 0:
        return Estimate(None, level=level, reason="no items")
    drawn = units(values, clusters)
    if len(drawn.sums) == len(values):
        return proportion(int(values.sum()), len(values), level)
    return _korn_graubard(drawn, level)


def mean(
    scores: Sequence[float] | NDArray[np.float64],
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> Estimate:
    """Mean score with its interval; items of one cluster are taken to depend on each other.

    0/1 scores: :func:`share`. Other scores: BCa bootstrap over items or whole clusters; it assumes some
    tens of units and runs narrow below.
    """
    values = np.asarray(scores, dtype=np.float64)
    n = len(values)
    if n == 0:
        return Estimate(None, level=level, reason="no items")
    if bool(np.isin(values, (0.0, 1.0)).all()):
        return share(values, level, clusters)
    drawn = units(values, clusters)
    value = drawn.mean
    if np.ptp(drawn.sums / drawn.sizes) == 0:
        return _bounded(value, len(drawn.sums), n, level)
    estimates = bootstrap_means(drawn, rng, RESAMPLES)
    low, high = bca(estimates, value, jackknife_means(drawn), level)
    method = "BCa bootstrap" if len(drawn.sums) == n else "BCa bootstrap over clusters"
    return Estimate(value, low, high, level, n, method)


def statistic(
    figure: Callable[[Floats], Floats],
    n: int,
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> Estimate:
    """Interval of a figure that is not a mean of item scores, such as macro-F1, by BCa bootstrap.

    ``figure`` takes weights of the items, whole numbers of shape (rows, n), and returns the figure of each
    row: an item of weight 2 counts as two items.
    """
    if n == 0:
        return Estimate(None, level=level, reason="no items")
    codes = cluster_codes(clusters, n)
    drawn = int(codes.max()) + 1
    value = float(figure(np.ones((1, n)))[0])
    if drawn == 1:
        return _bounded(value, 1, n, level)
    drawings = bootstrap_weights(drawn, rng, STATISTIC_RESAMPLES)
    estimates = np.concatenate([figure(weights[:, codes]) for weights in drawings])
    if np.ptp(estimates) == 0:
        return _bounded(value, drawn, n, level)
    left_out = figure(1.0 - (codes == np.arange(drawn)[:, None]))
    low, high = bca(estimates, value, left_out, level)
    method = "BCa bootstrap" if drawn == n else "BCa bootstrap over clusters"
    return Estimate(value, low, high, level, n, method)


def _wilson(successes: float, n: float, level: float) -> tuple[float, float]:
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def _clopper_pearson(successes: float, n: float, level: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    failures = n - successes
    low = float(betaincinv(successes, failures + 1, tail)) if successes > 0 else 0.0
    high = float(betaincinv(successes + 1, failures, 1 - tail)) if failures > 0 else 1.0
    return low, high


def _korn_graubard(drawn: Units, level: float) -> Estimate:
    """Clopper-Pearson at the effective sample size.

    The design effect is the cluster-robust variance over the binomial one, and the size is cut
    again by the squared ratio of t quantiles for few clusters. Where all items agree the variance
    says nothing, and every cluster counts as one item. Korn and Graubard (1998), Survey
    Methodology 24, 193-201.
    """
    from scipy.stats import t

    m, n, share = len(drawn.sums), float(drawn.sizes.sum()), drawn.mean
    method = "Korn-Graubard over clusters"
    if m == 1 or share in (0.0, 1.0):
        low, high = _clopper_pearson(share * m, m, level)
        return Estimate(share, low, high, level, int(n), method)
    residuals = drawn.sums - share * drawn.sizes
    variance = m / (m - 1) * float(np.sum(residuals**2)) / n**2
    effective = share * (1 - share) / variance if variance > 0 else n
    tail = (1 + level) / 2
    effective *= float(t.ppf(tail, n - 1) / t.ppf(tail, m - 1)) ** 2
    effective = min(effective, n)
    low, high = _clopper_pearson(share * effective, effective, level)
    return Estimate(share, low, high, level, int(n), method)


def _bounded(value: float, drawn: int, n: int, level: float) -> Estimate:
    """Interval where resampling shows no spread: of all scores in [0, 1] the 0/1 ones vary most."""
    if not 0 <= value <= 1:
        reason = f"no spread in {drawn} items, and the score is not bounded by 0 and 1"
        return Estimate(value, level=level, n=n, reason=reason)
    low, high = _clopper_pearson(value * drawn, drawn, level)
    return Estimate(value, low, high, level, n, "Clopper-Pearson bound (no spread to resample)")
