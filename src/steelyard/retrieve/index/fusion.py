"""One score out of two legs, and the best passages by it.

A convex combination of normalised scores, its weight chosen on dev, beats reciprocal ranks where there is
anything to choose on: Bruch, Gai & Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval" (2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from steelyard.retrieve.index.lexical import PassageNumbers, Scores

RRF_K = 60
"""Cormack, Clarke & Büttcher, "Reciprocal Rank Fusion" (2009)."""
RRF_DEPTH = 1000
"""A leg ranks so many passages; further down a rank says nothing."""
_DECIMALS = 9
"""Scores that differ less are ties: the order of floating-point sums is not the passages' doing."""


def convex(bm25: Scores, dense: Scores, weight: float) -> Scores:
    """Return ``weight`` parts of the dense scores and the rest of BM25, each normalised by question."""
    return weight * normalised(dense) + (1 - weight) * normalised(bm25)


def normalised(scores: Scores) -> Scores:
    """Scale every row to [0, 1], from no hit (0 and less) to its highest score.

    The lower end is not the lowest score, which would make the worst hit of a few none at all.
    """
    positive = np.maximum(scores, 0)
    high = positive.max(1, keepdims=True, initial=0)
    scaled: Scores = np.divide(positive, high, out=positive, where=high > 0)
    return scaled


def reciprocal_ranks(bm25: Scores, dense: Scores, k: int = RRF_K) -> Scores:
    """Return the sums of ``1 / (k + rank)`` over the legs that have a passage as a hit."""
    fused = np.zeros(bm25.shape)
    for leg in (bm25, dense):
        for row, scores in zip(fused, leg, strict=True):
            places = best(scores, RRF_DEPTH)
            row[places] += 1 / (k + 1 + np.arange(len(places)))
    return fused


def best(scores: NDArray[np.float64], k: int) -> PassageNumbers:
    """Return the places of at most ``k`` scores above 0, the highest first, ties in their order."""
    scores = np.round(scores, _DECIMALS)
    if k < 1:
        return np.zeros(0, dtype=np.int64)
    least = 0.0
    if k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
    places = np.flatnonzero((scores >= least) & (scores > 0))
    return places[np.argsort(-scores[places], kind="stable")][:k]
