"""Near-duplicate texts: MinHash candidates, verified by exact Jaccard similarity.

Broder, "On the resemblance and containment of documents" (1997), with the banding of Leskovec,
Rajaraman and Ullman, "Mining of Massive Datasets", chapter 3. Shingles are runs of five characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.task.forest import Forest

THRESHOLD = 0.8
SHINGLE = 5
BANDS = 16
ROWS = 4  # a pair at the threshold is found with probability 1 - (1 - 0.8**4)**16 > 0.9997
_BLOCK = 1_000_000
_CROWD = 8
_TRIES = 20
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


class NearPair(NamedTuple):
    """Two indices, the lower first, and their Jaccard similarity."""

    a: int
    b: int
    similarity: float


def near_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> list[NearPair]:
    """Find pairs of distinct normalised ``texts`` at least ``threshold`` similar.

    The pairs tie together all that hangs together, without listing every pair of a cluster: two
    texts that earlier pairs connect are not compared. Equal texts are looked at once, under their
    first index. Time stays bounded on templated data: in a band, a text meets the first eight of
    its bucket, and after twenty comparisons in vain it is left alone.
    """
    firsts = sorted({text: index for index, text in reversed(list(enumerate(texts)))}.values())
    shingles = [_shingles(texts[index]) for index in firsts]
    forest, in_vain = Forest(len(firsts)), [0] * len(firsts)
    pairs: list[NearPair] = []
    for a, b in _candidates(_signatures(shingles)):
        if in_vain[b] >= _TRIES or forest.find(a) == forest.find(b):
            continue
        similarity = _jaccard(shingles[a], shingles[b], threshold)
        if similarity >= threshold:
            forest.join(a, b)
            pairs.append(NearPair(firsts[a], firsts[b], similarity))
        else:
            in_vain[b] += 1
    return pairs


def _shingles(text: str) -> Hashes:
    """Sorted distinct 64-bit hashes of the text's shingles; a shorter text is one shingle."""
    padded = text.ljust(SHINGLE, "\0")
    codes = np.frombuffer(padded.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(
        np.uint64
    )
    count = len(codes) - SHINGLE + 1
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(SHINGLE):
        hashes = _mix(hashes ^ codes[offset : offset + count])
    return np.unique(hashes)


def _mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014); wraps around on purpose."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (values ^ (values >> np.uint64(31))) + _MULTIPLIER


def _signatures(shingles: list[Hashes]) -> Hashes:
    """The smallest hash per text and permutation, shape (texts, BANDS * ROWS)."""
    signatures = np.empty((len(shingles), BANDS * ROWS), dtype=np.uint64)
    start = 0
    while start < len(shingles):
        stop, total = start, 0
        while stop < len(shingles) and (stop == start or total + len(shingles[stop]) <= _BLOCK):
            total += len(shingles[stop])
            stop += 1
        values = np.concatenate(shingles[start:stop])
        lengths = [len(item) for item in shingles[start:stop]]
        offsets = np.cumsum([0, *lengths[:-1]])
        for column in range(BANDS * ROWS):
            salt = _mix(np.array([column + 1], dtype=np.uint64))
            permuted = (values ^ salt) * (_MULTIPLIER + np.uint64(2 * column))
            permuted ^= permuted >> np.uint64(32)
            signatures[start:stop, column] = np.minimum.reduceat(permuted, offsets)
        start = stop
    return signatures


def _candidates(signatures: Hashes) -> Iterator[tuple[int, int]]:
    """Pairs whose signatures agree in a whole band; a pair may come more than once."""
    for band in range(BANDS):
        buckets: dict[bytes, list[int]] = {}
        rows = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        for b in range(len(rows)):
            bucket = buckets.setdefault(rows[b].tobytes(), [])
            yield from ((a, b) for a in bucket)
            if len(bucket) < _CROWD:
                bucket.append(b)


def _jaccard(a: Hashes, b: Hashes, threshold: float) -> float:
    """Shared over all of two sorted sets; 0 when the sizes alone rule the threshold out."""
    if min(len(a), len(b)) < threshold * max(len(a), len(b)):
        return 0.0
    places = np.minimum(np.searchsorted(a, b), len(a) - 1)
    shared = int(np.count_nonzero(a[places] == b))
    return shared / (len(a) + len(b) - shared)
