"""How alike repeated answers are, and how far scores spread over prompts that mean the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Estimate
from steelyard.stats.intervals import mean
from steelyard.stats.resample import Clusters, Floats, cluster_codes

UNANSWERED = -1
PERMUTATIONS = 2000

Codes = NDArray[np.int64]
"""Answers as numbers, shape (items, repeats): equal numbers are the same answer, -1 is none."""


class Spread(NamedTuple):
    """The largest minus the smallest mean score; ``by_chance`` is its value without an effect."""

    value: float
    by_chance: float
    p_value: float


def pair_agreement(answers: Codes) -> Floats:
    """The share of pairs of an item's repeats that are the same answer, shape (items,).

    Repeats without an answer are in no pair; NaN where fewer than two were answered. With two repeats
    it is 0 or 1.
    """
    same = answers[:, :, None] == answers[:, None, :]
    there = answers != UNANSWERED
    both = there[:, :, None] & there[:, None, :]
    count = there.sum(axis=1)
    pairs = count * (count - 1)
    alike = (same & both).sum(axis=(1, 2)) - count  # an answer is always like itself
    return np.where(pairs > 0, alike / np.maximum(pairs, 1), np.nan)


def agreement(
    answers: Codes,
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> Estimate:
    """The probability that two answers to the same item are the same, averaged over items.

    An unbiased estimate of the mean of each item's sum of squared answer probabilities (Simpson's
    index; the observed part of Fleiss 1971, Psychological Bulletin 76, 378-382). Items, or whole
    clusters, are taken as independent; items with fewer than two answers are left out.
    """
    shares = pair_agreement(answers)
    return _over_items(shares, ~np.isnan(shares), rng, level, clusters)


def unchanged(
    answers: Codes,
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> Estimate:
    """The share of items whose repeats are all the same answer. It falls with the repeats asked."""
    shares = pair_agreement(answers)
    return _over_items((shares == 1).astype(np.float64), ~np.isnan(shares), rng, level, clusters)


def _over_items(
    values: Floats,
    answered: NDArray[np.bool_],
    rng: np.random.Generator,
    level: float,
    clusters: Clusters | None,
) -> Estimate:
    if not answered.any():
        return Estimate(None, level=level, reason="no item was answered twice")
    groups = None if clusters is None else [clusters[int(i)] for i in np.flatnonzero(answered)]
    return mean(values[answered], rng, level, groups)


def spread(scores: Floats, rng: np.random.Generator, clusters: Clusters | None = None) -> Spread:
    """Compare variants by their mean score; ``scores`` has the shape (items, variants).

    The largest of several noisy means is above the smallest even where no variant matters. So the
    scores of each item (or whole cluster) are dealt out anew among the variants: the mean of the
    spreads that this gives is ``by_chance``, and the share that reaches the one found is ``p_value``.
    It assumes that without an effect an item's scores are exchangeable: a randomisation test in the
    manner of Cochran's Q (1950), Biometrika 37, 256-266.
    """
    items, variants = scores.shape
    if items == 0 or variants == 0:
        raise ValueError(f"spread needs items and variants, got shape {scores.shape}")
    value = float(np.ptp(scores.mean(axis=0)))
    codes = cluster_codes(clusters, items)
    sums = np.zeros((int(codes.max()) + 1, variants))
    np.add.at(sums, codes, scores)
    dealt = rng.permuted(np.broadcast_to(sums, (PERMUTATIONS, *sums.shape)), axis=2)
    ranges = np.ptp(dealt.sum(axis=1) / items, axis=1)
    hits = int(np.sum(ranges >= value * (1 - 1e-12)))
    return Spread(value, float(ranges.mean()), (hits + 1) / (PERMUTATIONS + 1))
