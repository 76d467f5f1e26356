"""Resampling: the bootstrap over items or clusters, and the sign-flip test."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Clusters = Sequence[Hashable]

RESAMPLES = 4000
PERMUTATIONS = 9999
CELLS = 2_000_000  # numbers held at once
_ROUNDING = 1e-12  # what is closer than this is a tie
_ENUMERATED = 12  # up to here every sign pattern is tried, and the test is exact


class Units(NamedTuple):
    """What is drawn as one: the sum of the scores in each cluster, and its size.

    ``sums`` has the shape (units,), or (pairs, units) for several pairs of the same items.
    """

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
    """Gather scores, shape (..., items), into the units that are drawn together."""
    codes = cluster_codes(clusters, scores.shape[-1])
    sizes = np.bincount(codes).astype(np.float64)
    if len(sizes) == len(codes):
        return Units(scores, sizes)
    sums = np.zeros((len(sizes), *scores.shape[:-1]))
    np.add.at(sums, codes, np.moveaxis(scores, -1, 0))
    return Units(np.moveaxis(sums, 0, -1), sizes)


def _chunks(total: int, width: int) -> Iterator[int]:
    rows = max(1, CELLS // max(width, 1))
    while total > 0:
        yield min(rows, total)
        total -= rows


def bootstrap_weights(m: int, rng: np.random.Generator, resamples: int) -> Iterator[Floats]:
    """Yield in parts how often each of ``m`` units is drawn with replacement, shape (rows, m)."""
    for rows in _chunks(resamples, m):
        picks = rng.integers(0, m, size=(rows, m)) + m * np.arange(rows)[:, None]
        counts = np.bincount(picks.ravel(), minlength=rows * m)
        yield counts.reshape(rows, m).astype(np.float64)


def bootstrap_means(drawn: Units, rng: np.random.Generator, resamples: int) -> Floats:
    """Means of ``resamples`` draws of the units with replacement, shape (resamples, ...).

    ``drawn.sums`` may have the shape (..., units): several arms or pairs are drawn alike.
    """
    parts = [
        (weights @ drawn.sums.T).T / (weights @ drawn.sizes)
        for weights in bootstrap_weights(len(drawn.sizes), rng, resamples)
    ]
    return np.concatenate(parts, axis=-1).T


def jackknife_means(drawn: Units) -> Floats:
    """The mean without each unit in turn, in the shape of ``drawn.sums``."""
    total = drawn.sums.sum(axis=-1, keepdims=True)
    means: Floats = (total - drawn.sums) / (drawn.sizes.sum() - drawn.sizes)
    return means


def design_effect(differences: Floats, clusters: Clusters | None) -> float:
    """How many items count as one independent item, by paired ``differences`` of shape (pairs, items).

    The variance of a mean over whole clusters, over that of as many independent items (Kish 1965, Survey
    Sampling, 8.2): the median over the pairs that differ at all, never below 1.
    """
    drawn, n = units(differences, clusters), differences.shape[-1]
    m = len(drawn.sizes)
    if m in (1, n):
        return 1.0 if m == n else float(n)
    means = differences.mean(axis=1, keepdims=True)
    residuals = drawn.sums - means * drawn.sizes
    clustered = m / (m - 1) * (residuals**2).sum(axis=1) / n**2
    alone = differences.var(axis=1, ddof=1) / n
    effects = clustered[alone > 0] / alone[alone > 0]
    return max(1.0, float(np.median(effects))) if len(effects) else 1.0


@dataclass(frozen=True)
class Bca:
    """The bias-corrected and accelerated bootstrap of one figure. Efron (1987), JASA 82, 171-185.

    ``estimates`` are sorted. Where the correction is undefined (every resample on one side of the value)
    it is zero, and the limits are percentiles.
    """

    estimates: Floats
    value: float
    bias: float = 0.0
    acceleration: float = 0.0

    @classmethod
    def of(cls, estimates: Floats, value: float, left_out: Floats) -> Bca:
        """From resampled figures, the figure itself, and the figure without each unit in turn."""
        from scipy.special import ndtri

        ordered = np.sort(estimates)
        near = _ROUNDING * max(1.0, abs(value))
        least = np.searchsorted(ordered, value - near, side="left")
        below = (
            float(least + np.searchsorted(ordered, value + near, side="right")) / 2 / len(ordered)
        )
        if not 0 < below < 1:
            return cls(ordered, value)
        deviations = left_out.mean() - left_out
        spread = float(np.sum(deviations**2)) ** 1.5
        acceleration = float(np.sum(deviations**3)) / (6 * spread) if spread > 0 else 0.0
        return cls(ordered, value, float(ndtri(below)), acceleration)

    def limits(self, level: float) -> tuple[float, float]:
        """The interval at ``level``; it always encloses the value."""
        from scipy.special import ndtr, ndtri

        shifted = self.bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
        tails = ndtr(self.bias + shifted / (1 - self.acceleration * shifted))
        low, high = np.quantile(self.estimates, tails)
        return min(float(low), self.value), max(float(high), self.value)

    def p_value(self) -> float:
        """The largest ``1 - level`` at which the interval still holds 0: the limits, inverted."""
        from scipy.special import ndtr, ndtri

        if self.value == 0:
            return 1.0
        ordered = self.estimates if self.value > 0 else -self.estimates[::-1]
        count = int(np.searchsorted(ordered, 0.0, side="right"))
        if count == 0:
            return 0.0
        if count == len(ordered):
            return 1.0
        before, after = ordered[count - 1], ordered[count]
        tail = (count - 1 - before / (after - before)) / (len(ordered) - 1)
        sign = 1.0 if self.value > 0 else -1.0
        bias, acceleration = sign * self.bias, sign * self.acceleration
        quantile = float(ndtri(tail)) - bias
        if not np.isfinite(quantile):
            return 0.0
        scale = 1 + acceleration * quantile
        if scale <= 0:
            return 1.0
        return min(1.0, 2 * float(ndtr(quantile / scale - bias)))


def bca(estimates: Floats, value: float, left_out: Floats, level: float) -> tuple[float, float]:
    """Return the bias-corrected and accelerated limits of one figure: see `Bca`."""
    return Bca.of(estimates, value, left_out).limits(level)


def sign_flips(sums: Floats, rng: np.random.Generator) -> Floats:
    """Two-sided p-values that paired differences are symmetric about zero, one for each row.

    ``sums`` holds a total difference per unit, shape (pairs, units). Exact by enumeration for up to
    `_ENUMERATED` units that differ; otherwise by random signs, the same for all rows, with the observed
    pattern counted (Phipson and Smyth 2010), so that it is never 0 and the level is held. The p-value of
    a row does not depend on the other rows.
    """
    observed = np.abs(sums.sum(axis=1)) - _ROUNDING * np.abs(sums).sum(axis=1)
    hits = np.zeros(len(sums))
    for rows in _chunks(PERMUTATIONS, sums.shape[1]):
        signs = 2.0 * rng.integers(0, 2, size=(rows, sums.shape[1]), dtype=np.int8) - 1
        hits += (np.abs(signs @ sums.T) >= observed).sum(axis=0)
    p_values = (hits + 1) / (PERMUTATIONS + 1)
    for row in np.flatnonzero((sums != 0).sum(axis=1) <= _ENUMERATED):
        p_values[row] = _exact_sign_flip(sums[row][sums[row] != 0], float(observed[row]))
    return np.asarray(p_values, dtype=np.float64)


def sign_flip(sums: Floats, rng: np.random.Generator) -> float:
    """`sign_flips` of one pair: ``sums`` holds one total difference per unit."""
    return float(sign_flips(sums[None, :], rng)[0])


def _exact_sign_flip(sums: Floats, observed: float) -> float:
    if len(sums) == 0:
        return 1.0
    signs = np.array(list(product((-1.0, 1.0), repeat=len(sums))))
    return float(np.mean(np.abs(signs @ sums) >= observed))
