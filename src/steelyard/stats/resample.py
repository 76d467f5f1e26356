"""Resampling: the bootstrap over items or clusters, and the sign-flip test."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Clusters = Sequence[Hashable]

RESAMPLES = 4000
PERMUTATIONS = 9999
_CELLS = 2_000_000  # random numbers held at once
_ENUMERATED = 12  # up to here every sign pattern is tried, and the test is exact


class Units(NamedTuple):
    """What is drawn as one: the sum of the scores in each cluster, and its size."""

    sums: Floats
    sizes: Floats

    @property
    def mean(self) -> float:
        return float(self.sums.sum() / self.sizes.sum())


def cluster_codes(clusters: Clusters | None, n: int) -> Indices:
    """Return each item's cluster number. A ``None`` cluster is a cluster of its own."""
    if clusters is None:
        return np.arange(n)
    if len(clusters) != n:
        raise ValueError(f"clusters has {len(clusters)} entries for {n} items")
    codes: dict[Hashable, int] = {}
    keys = [("alone", i) if key is None else ("in", key) for i, key in enumerate(clusters)]
    return np.array([codes.setdefault(key, len(codes)) for key in keys], dtype=np.int64)


def units(scores: Floats, clusters: Clusters | None) -> Units:
    """Gather scores into the units that are drawn together."""
    codes = cluster_codes(clusters, len(scores))
    sums, sizes = np.bincount(codes, weights=scores), np.bincount(codes)
    return Units(np.asarray(sums, dtype=np.float64), np.asarray(sizes, dtype=np.float64))


def _chunks(total: int, width: int) -> Iterator[int]:
    rows = max(1, _CELLS // max(width, 1))
    while total > 0:
        yield min(rows, total)
        total -= rows


def bootstrap_means(drawn: Units, rng: np.random.Generator, resamples: int) -> Floats:
    """Means of ``resamples`` draws of the units with replacement."""
    m = len(drawn.sums)
    parts = []
    for rows in _chunks(resamples, m):
        picks = rng.integers(0, m, size=(rows, m))
        parts.append(drawn.sums[picks].sum(axis=1) / drawn.sizes[picks].sum(axis=1))
    return np.concatenate(parts)


def jackknife_means(drawn: Units) -> Floats:
    """The mean without each unit in turn."""
    means: Floats = (drawn.sums.sum() - drawn.sums) / (drawn.sizes.sum() - drawn.sizes)
    return means


def draws(codes: Indices, rng: np.random.Generator, resamples: int) -> Iterator[Indices]:
    """Yield index arrays: whole clusters drawn with replacement."""
    order = np.argsort(codes, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    for _ in range(resamples):
        picks = rng.integers(0, len(members), size=len(members))
        yield np.concatenate([members[pick] for pick in picks])


def jackknife(function: Callable[[Indices], float], codes: Indices) -> Floats:
    """The statistic without each cluster in turn."""
    return np.array([function(np.flatnonzero(codes != code)) for code in range(codes.max() + 1)])


def bca(estimates: Floats, value: float, left_out: Floats, level: float) -> tuple[float, float]:
    """Return the bias-corrected and accelerated limits; they always enclose ``value``.

    Efron (1987), JASA 82, 171-185. Where the correction is undefined (every resample on one side of
    the value) the percentile limits are used.
    """
    from scipy.special import ndtr, ndtri

    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    below = float((np.sum(estimates < value) + np.sum(estimates <= value)) / 2 / len(estimates))
    if 0 < below < 1:
        deviations = left_out.mean() - left_out
        spread = float(np.sum(deviations**2)) ** 1.5
        acceleration = float(np.sum(deviations**3)) / (6 * spread) if spread > 0 else 0.0
        bias = ndtri(below)
        shifted = bias + ndtri(tails)
        tails = ndtr(bias + shifted / (1 - acceleration * shifted))
    low, high = np.quantile(estimates, tails)
    return min(float(low), value), max(float(high), value)


def sign_flip(sums: Floats, rng: np.random.Generator) -> float:
    """Two-sided p-value that paired differences are symmetric about zero.

    ``sums`` holds one total difference per unit. Exact by enumeration for few units; otherwise by
    random signs, with the observed pattern counted (Phipson and Smyth 2010), so that it is never 0
    and the level is held.
    """
    sums = sums[sums != 0]
    if len(sums) == 0:
        return 1.0
    observed = abs(float(sums.sum())) * (1 - 1e-12)
    if len(sums) <= _ENUMERATED:
        signs = np.array(list(product((-1.0, 1.0), repeat=len(sums))))
        return float(np.mean(np.abs(signs @ sums) >= observed))
    hits = 0
    for rows in _chunks(PERMUTATIONS, len(sums)):
        flips = rng.integers(0, 2, size=(rows, len(sums)), dtype=np.int8).astype(np.float64)
        hits += int(np.sum(np.abs((2 * flips - 1) @ sums) >= observed))
    return (hits + 1) / (PERMUTATIONS + 1)
