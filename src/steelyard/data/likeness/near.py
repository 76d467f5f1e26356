"""Near-duplicate texts: MinHash candidates, verified by exact Jaccard similarity.

Broder, "On the resemblance and containment of documents" (1997), with the banding of Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3. Shingles are runs of five characters.

First, pairs that agree in a band of their MinHash signatures are compared. Templates crowd these
bands: where all texts share most of themselves, a band says little. So for crowded texts, pairs that
share one of their rarest shingles are compared as well: two sets with a Jaccard similarity of ``t``
share one of the ``n - ceil(t * n) + 1`` rarest shingles of each (prefix filtering: Chaudhuri, Ganti
and Kaushik, "A primitive operator for similarity joins in data cleaning", 2006; Bayardo, Ma and
Srikant, "Scaling up all pairs similarity search", 2007). ``benchmarks/near.py`` measures recall,
precision and time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.data.likeness.shingles import HASHES, Shingles, mix
from steelyard.stats.resample import Indices

ROWS = 4
BANDS = HASHES // ROWS  # a pair at 0.8 is found with probability 1 - (1 - 0.8**4)**16 > 0.9997
_WINDOW = 8
_PREFIX_WINDOW = 6
_MOST_ROUNDS = 60
PairBatches = Iterator[tuple[Indices, Indices]]
"""Pairs ``a[i]``, ``b[i]``, batch by batch; within a batch ``b`` holds no index twice."""
THRESHOLD = 0.8
_TRIES = 10
_MORE_TRIES = 40


class DisjointSets:
    """Disjoint sets with path halving (Tarjan and van Leeuwen, 1984)."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))
        self._sizes = [1] * size

    def find(self, index: int) -> int:
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def roots(self) -> NDArray[np.int64]:
        parents = np.array(self._parents, dtype=np.int64)
        while (parents[parents] != parents).any():
            parents = parents[parents]
        return parents

    def join(self, a: int, b: int, most: int | None = None) -> None:
        """Join two sets unless the joint one would hold more than ``most``."""
        a, b = sorted((self.find(a), self.find(b)))
        if a == b or (most is not None and self._sizes[a] + self._sizes[b] > most):
            return
        self._parents[b] = a
        self._sizes[a] += self._sizes[b]

    def join_all(self, groups: Iterable[Sequence[int]], most: int | None = None) -> None:
        """Join the members of each group, see `join`."""
        for first, *rest in groups:
            for index in rest:
                self.join(first, index, most)


class ComparedPairs:
    """Pairs that turned out not to be near, so that other bands skip them; may forget some."""

    def __init__(self, texts: int) -> None:
        self._texts = np.uint64(texts)
        self._slots = np.zeros(1 << max(10, (4 * texts).bit_length()), dtype=np.uint64)

    def holds(self, a: Indices, b: Indices) -> NDArray[np.bool_]:
        keys, slots = self._places(a, b)
        is_held: NDArray[np.bool_] = self._slots[slots] == keys
        return is_held

    def add(self, a: Indices, b: Indices) -> None:
        """Remember pairs; one that falls into another's slot takes its place."""
        keys, slots = self._places(a, b)
        self._slots[slots] = keys

    def _places(self, a: Indices, b: Indices) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        low, high = np.minimum(a, b).astype(np.uint64), np.maximum(a, b).astype(np.uint64)
        keys = low * self._texts + high  # never 0: `high` is at least 1
        return keys, mix(keys) & np.uint64(len(self._slots) - 1)


def within_buckets(shingles: Shingles) -> PairBatches:
    """Each text with the eight before it in each of its buckets."""
    for order, keys in _buckets(shingles):
        for distance in range(1, min(_WINDOW, len(order) - 1) + 1):
            same = np.flatnonzero(keys[distance:] == keys[:-distance])
            yield order[same], order[same + distance]


def across_buckets(shingles: Shingles, pool: int) -> PairBatches:
    """Each text from ``pool`` on with the four on either side of it below ``pool``, by bucket."""
    for order, keys in _buckets(shingles):
        for outside, inside in _crossing(order, keys, pool, _WINDOW // 2):
            yield order[inside], order[outside]


def within_prefixes(
    shingles: Shingles, texts: Indices, roots: Indices, threshold: float
) -> PairBatches:
    """Pairs of ``texts`` of different ``roots`` that share rare shingles; the most shared first."""
    order, values = shingles.prefixes(texts, threshold)
    size, keys = len(shingles.sizes), []
    for distance in range(1, min(_PREFIX_WINDOW, len(order) - 1) + 1):
        same = np.flatnonzero(values[distance:] == values[:-distance])
        a, b = order[same], order[same + distance]
        keys.append((b * size + a)[roots[a] != roots[b]])
    return _by_shared(keys, size)


def across_prefixes(
    shingles: Shingles, pool: int, queries: Indices, threshold: float
) -> PairBatches:
    """Pairs of a text below ``pool`` and one of ``asked``, as in `within_prefixes`."""
    texts = np.concatenate([np.arange(pool), queries]) if len(queries) else queries
    order, values = shingles.prefixes(texts, threshold)
    size = len(shingles.sizes)
    crossing = _crossing(order, values, pool, _PREFIX_WINDOW)
    return _by_shared([order[outside] * size + order[inside] for outside, inside in crossing], size)


def _buckets(shingles: Shingles) -> Iterator[tuple[Indices, NDArray[np.uint64]]]:
    """For each band, the texts sorted by bucket, and the bucket of each.

    Within a bucket they are sorted by the next band's, so that in a crowded one those that agree in
    two bands are neighbours.
    """
    words = shingles.signatures.view(np.uint64).reshape(len(shingles.sizes), BANDS, ROWS // 2)
    bands = mix(mix(words[:, :, 0]) + words[:, :, 1])
    for band in range(BANDS):
        keys = bands[:, band]
        order = np.lexsort((bands[:, (band + 1) % BANDS], keys))
        yield order, keys[order]


def _crossing(
    order: Indices, keys: NDArray[np.unsignedinteger], pool: int, window: int
) -> Iterator[tuple[Indices, Indices]]:
    """Places in ``order`` of texts from ``pool`` on, and of one below ``pool`` in the same bucket."""
    inside, outside = np.flatnonzero(order < pool), np.flatnonzero(order >= pool)
    after = np.searchsorted(inside, outside)
    for step in range(-window, window):
        places = after + step
        there = np.flatnonzero((places >= 0) & (places < len(inside)))
        a, b = inside[places[there]], outside[there]
        same = keys[a] == keys[b]
        yield b[same], a[same]


def _by_shared(batches: list[Indices], texts: int) -> PairBatches:
    """Each pair ``b * texts + a`` once; first, for each ``b``, the ``a`` that it came with most."""
    keys, counts = np.unique(np.concatenate([*batches, np.empty(0, np.int64)]), return_counts=True)
    batches.clear()
    b, a = np.divmod(keys, max(1, texts))
    order = np.lexsort((-counts, b))
    a, b = a[order], b[order]
    starts = np.flatnonzero(np.diff(b, prepend=-1))
    rank = np.arange(len(b)) - np.repeat(starts, np.diff(starts, append=len(b)))
    for nth in range(min(_MOST_ROUNDS, int(rank.max(initial=-1)) + 1)):
        yield a[rank == nth], b[rank == nth]


class NearPair(NamedTuple):
    """Two indices, the lower first, and their Jaccard similarity."""

    a: int
    b: int
    similarity: float


def near_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> list[NearPair]:
    """Find pairs of distinct normalised ``texts`` at least ``threshold`` similar, closest first.

    The pairs connect every cluster without listing all of its pairs: two texts that earlier pairs
    connect are not compared. Equal texts are looked at once, under their
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
        for a, b, similarity in search.pairs
    ]
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair))


class _Search:
    """The near pairs found so far, and the clusters of texts that they connect."""

    def __init__(self, shingles: Shingles, threshold: float) -> None:
        texts = len(shingles.sizes)
        self.shingles = shingles
        self.threshold = threshold
        self.tries = _TRIES
        self.pairs: list[tuple[int, int, float]] = []
        self.roots = np.arange(texts)
        self.in_vain = np.zeros(texts, dtype=np.int64)
        self._sets = DisjointSets(texts)
        self._vain = ComparedPairs(texts)

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
            if self._sets.find(one) != self._sets.find(other):
                self._sets.join(one, other)
                self.pairs.append((one, other, similarity))
        if near.any():
            self.roots = self._sets.roots()


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
