"""Which pairs of texts are worth comparing in full.

First, pairs that agree in a band of their MinHash signatures. Templates crowd these bands: where
all texts share most of themselves, a band tells little. So for the texts that are crowded, also
pairs that share one of their rarest shingles: two sets with a Jaccard similarity of ``t`` share one
of the ``n - ceil(t * n) + 1`` rarest shingles of each (prefix filtering: Chaudhuri, Ganti and
Kaushik, "A primitive operator for similarity joins in data cleaning", 2006; Bayardo, Ma and
Srikant, "Scaling up all pairs similarity search", 2007).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from steelyard.data.likeness.shingles import HASHES, Indices, Shingles, mix

ROWS = 4
BANDS = HASHES // ROWS  # a pair at 0.8 is found with probability 1 - (1 - 0.8**4)**16 > 0.9997
_WINDOW = 8
_PREFIX_WINDOW = 6
_MOST_ROUNDS = 60

Batches = Iterator[tuple[Indices, Indices]]
"""Pairs ``a[i]``, ``b[i]``, batch by batch; within a batch ``b`` holds no index twice."""


class VainPairs:
    """Pairs that were compared in vain, so that other bands need not do so again; may forget."""

    def __init__(self, texts: int) -> None:
        self._texts = np.uint64(texts)
        self._slots = np.zeros(1 << max(10, (4 * texts).bit_length()), dtype=np.uint64)

    def holds(self, a: Indices, b: Indices) -> NDArray[np.bool_]:
        """Whether each pair was added and not forgotten."""
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


def within_buckets(shingles: Shingles) -> Batches:
    """Each text with the eight before it in each of its buckets."""
    for order, keys in _buckets(shingles):
        for distance in range(1, min(_WINDOW, len(order) - 1) + 1):
            same = np.flatnonzero(keys[distance:] == keys[:-distance])
            yield order[same], order[same + distance]


def across_buckets(shingles: Shingles, pool: int) -> Batches:
    """Each text from ``pool`` on with the four on either side of it below ``pool``, by bucket."""
    for order, keys in _buckets(shingles):
        for outside, inside in _crossing(order, keys, pool, _WINDOW // 2):
            yield order[inside], order[outside]


def within_prefixes(
    shingles: Shingles, texts: Indices, roots: Indices, threshold: float
) -> Batches:
    """Pairs of ``texts`` of different ``roots`` that share rare shingles; the most shared first."""
    order, values = shingles.prefixes(texts, threshold)
    size, keys = len(shingles.sizes), []
    for distance in range(1, min(_PREFIX_WINDOW, len(order) - 1) + 1):
        same = np.flatnonzero(values[distance:] == values[:-distance])
        a, b = order[same], order[same + distance]
        keys.append((b * size + a)[roots[a] != roots[b]])
    return _by_shared(keys, size)


def across_prefixes(shingles: Shingles, pool: int, queries: Indices, threshold: float) -> Batches:
    """Pairs of a text below ``pool`` and one of ``asked``, as in `within_prefixes`."""
    texts = np.concatenate([np.arange(pool), queries]) if len(queries) else queries
    order, values = shingles.prefixes(texts, threshold)
    size = len(shingles.sizes)
    crossing = _crossing(order, values, pool, _PREFIX_WINDOW)
    return _by_shared([order[outside] * size + order[inside] for outside, inside in crossing], size)


def _buckets(shingles: Shingles) -> Iterator[tuple[Indices, NDArray[np.uint64]]]:
    """For each band, the texts sorted by bucket, and the bucket of each.

    Within a bucket they are sorted by the next band's, so that in a crowded one those that agree in
    two bands stand side by side.
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


def _by_shared(batches: list[Indices], texts: int) -> Batches:
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
