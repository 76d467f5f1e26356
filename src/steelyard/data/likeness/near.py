"""Near-duplicate texts: MinHash candidates, verified by exact Jaccard similarity.

Broder, "On the resemblance and containment of documents" (1997), with the banding of Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3. Shingles are runs of five characters.
`steelyard.data.likeness.candidates` says which pairs are compared; ``benchmarks/near.py`` measures recall,
precision and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.data.likeness.candidates import (
    VainPairs,
    across_buckets,
    across_prefixes,
    within_buckets,
    within_prefixes,
)
from steelyard.data.likeness.forest import Forest
from steelyard.data.likeness.shingles import SHINGLE, Indices, Shingles

__all__ = ["SHINGLE", "THRESHOLD", "NearPair", "near_matches", "near_pairs"]

THRESHOLD = 0.8
_TRIES = 10
_MORE_TRIES = 40


class NearPair(NamedTuple):
    """Two indices, the lower first, and their Jaccard similarity."""

    a: int
    b: int
    similarity: float


def near_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> list[NearPair]:
    """Find pairs of distinct normalised ``texts`` at least ``threshold`` similar, closest first.

    The pairs tie together all that hangs together, without listing every pair of a cluster: two
    texts that earlier pairs connect are not compared. Equal texts are looked at once, under their
    first index. Time stays bounded on templated data: a text meets the eight before it in each of
    its buckets, then, if one looked near and was not, the six before it among those that share one
    of its rarest shingles; after 10 and 40 full comparisons in vain it is left alone.
    """
    firsts = _firsts(texts, range(len(texts)))
    search = _Search(Shingles([texts[index] for index in firsts]), threshold)
    for a, b in within_buckets(search.shingles):
        search.compare(a, b)
    crowded = np.flatnonzero(search.in_vain)
    search.tries, search.in_vain[:] = _MORE_TRIES, 0
    for a, b in within_prefixes(search.shingles, crowded, search.roots, threshold):
        search.compare(a, b)
    pairs = [
        NearPair(min(firsts[a], firsts[b]), max(firsts[a], firsts[b]), similarity)
        for a, b, similarity in search.found
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair))


class _Search:
    """What is known so far of texts that near pairs tie together."""

    def __init__(self, shingles: Shingles, threshold: float) -> None:
        texts = len(shingles.sizes)
        self.shingles = shingles
        self.threshold = threshold
        self.tries = _TRIES
        self.found: list[tuple[int, int, float]] = []
        self.roots = np.arange(texts)
        self.in_vain = np.zeros(texts, dtype=np.int64)
        self._forest = Forest(texts)
        self._vain = VainPairs(texts)

    def compare(self, a: Indices, b: Indices) -> None:
        """Compare the pairs ``a[i]``, ``b[i]`` that may bring something; ``b`` holds no index twice."""
        worth = (self.roots[a] != self.roots[b]) & (self.in_vain[b] < self.tries)
        worth[worth] = ~self._vain.holds(a[worth], b[worth])
        a, b, similarities = self.shingles.compare(a[worth], b[worth], self.threshold)
        near = similarities >= self.threshold
        self.in_vain[b[~near]] += 1
        self._vain.add(a[~near], b[~near])
        for one, other, similarity in zip(
            a[near].tolist(), b[near].tolist(), similarities[near].tolist(), strict=True
        ):
            if self._forest.find(one) != self._forest.find(other):
                self._forest.join(one, other)
                self.found.append((one, other, similarity))
        if near.any():
            self.roots = self._forest.roots()


def near_matches(
    texts: Sequence[str], parts: Sequence[int], threshold: float = THRESHOLD
) -> list[NearPair]:
    """For each text with one at least ``threshold`` similar in a lower part: the closest found.

    ``parts[i]`` is the part of ``texts[i]``. The matched index comes first in a pair (``a``), the
    text asked about second; equal texts match with similarity 1. Pairs come in the order of the
    latter. Every pair is compared directly, whatever else connects the two.
    """
    matches: dict[int, NearPair] = {}
    for part in sorted(set(parts))[1:]:
        pool = _firsts(texts, (index for index, other in enumerate(parts) if other < part))
        queries = _firsts(texts, (index for index, other in enumerate(parts) if other == part))
        best = _best(texts, pool, queries, threshold)
        for index, other in enumerate(parts):
            if other == part and texts[index] in best:
                match, similarity = best[texts[index]]
                matches[index] = NearPair(match, index, similarity)
    return [matches[index] for index in sorted(matches)]


def _best(
    texts: Sequence[str], pool: Sequence[int], queries: Sequence[int], threshold: float
) -> dict[str, tuple[int, float]]:
    """The closest of ``pool`` and its similarity, for each asked text that has one."""
    shingles = Shingles([texts[index] for index in [*pool, *queries]])
    best = np.zeros(len(shingles.sizes))
    match = np.zeros(len(shingles.sizes), dtype=np.int64)

    def compare(a: Indices, b: Indices) -> None:
        a, b, similarities = shingles.compare(a, b, threshold)
        closer = (similarities >= threshold) & (similarities > best[b])
        best[b[closer]], match[b[closer]] = similarities[closer], a[closer]

    for a, b in across_buckets(shingles, len(pool)):
        compare(a, b)
    open_ = np.arange(len(pool), len(best))
    for a, b in across_prefixes(shingles, len(pool), open_[best[open_] == 0], threshold):
        compare(a, b)
    return {
        texts[index]: (pool[match[place]], float(best[place]))
        for place, index in enumerate(queries, len(pool))
        if best[place] > 0
    }


def _firsts(texts: Sequence[str], indices: Iterable[int]) -> list[int]:
    """The first index of each distinct text."""
    firsts: dict[str, int] = {}
    for index in indices:
        firsts.setdefault(texts[index], index)
    return list(firsts.values())
