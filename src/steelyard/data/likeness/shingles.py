"""Texts as sets of character shingles, and what tells quickly that two sets are alike.

Resemblance of shingle sets: Broder, "On the resemblance and containment of documents" (1997).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from steelyard.stats.resample import Indices

SHINGLE = 5
MOST_CHARACTERS = 1_000_000
HASHES = 64
_BLOCK = 1 << 17  # characters at once: the block and its permutation stay in the cache
_PAIR_BLOCK = 1 << 21
_PLACES = 1 << 22
_OWNERS = 1 << 12
_ESTIMATE_ERROR = 0.2  # four standard errors of an agreement in 64 places at 0.8

Similarities = NDArray[np.float64]


class Shingles:
    """The shingle sets of some texts with their MinHash signatures.

    A shingle is a run of five characters, kept as 32 bits of a hash: in texts of 1,000 characters
    about one pair in 100,000 meets a collision, which moves its similarity by a thousandth. A
    text shorter than a shingle is one shingle; of a text longer than 1,000,000 characters its
    beginning counts. ``signatures`` has shape (texts, HASHES). Memory: 4 bytes for each character,
    and 256 for each text.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.signatures = np.empty((len(texts), HASHES), dtype=np.uint32)
        sets = [np.empty(0, dtype=np.uint32)]
        sizes = np.zeros(len(texts), dtype=np.int64)
        for start, stop in _blocks(texts):
            values, counts = _shingle(texts[start:stop])
            sets.append(values)
            sizes[start:stop] = counts
            _sign(values, counts, self.signatures[start:stop])
        self._values = np.concatenate(sets)
        self.sizes = sizes
        self._starts = np.cumsum(sizes) - sizes

    def similarities(self, a: Indices, b: Indices) -> Similarities:
        """Jaccard similarity of each pair ``a[i]``, ``b[i]``: what they share over all they have."""
        result = np.empty(len(a))
        weights = np.cumsum(self.sizes[a] + self.sizes[b])
        start = 0
        while start < len(a):
            before = weights[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(weights, before + _PAIR_BLOCK)))
            result[start:stop] = self._similarities(a[start:stop], b[start:stop])
            start = stop
        return result

    def compare(
        self, a: Indices, b: Indices, threshold: float
    ) -> tuple[Indices, Indices, Similarities]:
        """The pairs that may reach ``threshold``, with their Jaccard similarities.

        Left out are pairs whose sizes differ too much for it, and those whose signatures do.
        """
        smaller = np.minimum(self.sizes[a], self.sizes[b])
        fit = smaller >= threshold * np.maximum(self.sizes[a], self.sizes[b])
        a, b = a[fit], b[fit]
        likely = self._agreement(a, b) >= threshold - _ESTIMATE_ERROR
        a, b = a[likely], b[likely]
        return a, b, self.similarities(a, b)

    def prefixes(self, texts: Indices, threshold: float) -> tuple[Indices, NDArray[np.uint32]]:
        """The rarest shingles of each of ``texts``, as many as ``threshold`` asks for.

        Returns, sorted by shingle, the text and the shingle of each. Rare is what few of ``texts``
        have; counts share a table of four million places, and more than a million count as one.
        """
        counts = np.zeros(_PLACES, dtype=np.int64)
        blocks = [texts[start : start + _OWNERS] for start in range(0, len(texts), _OWNERS)]
        for block in blocks:
            values = self._keyed(block).astype(np.uint32)
            counts += np.bincount(values & np.uint32(_PLACES - 1), minlength=_PLACES)
        batches = [np.empty(0, dtype=np.uint64)]
        for block in blocks:
            batches.append(self._rarest(block, counts, threshold))
        entries = np.concatenate(batches)
        entries.sort()
        return (entries & np.uint64(0xFFFFFFFF)).astype(np.int64), (
            entries >> np.uint64(32)
        ).astype(np.uint32)

    def _rarest(self, texts: Indices, counts: Indices, threshold: float) -> NDArray[np.uint64]:
        """The shingle, above the text, for the rarest of each of at most `_OWNERS` texts."""
        keyed = self._keyed(texts)
        rarity = np.minimum(counts[keyed & np.uint64(_PLACES - 1)], (1 << 20) - 1)
        owners = keyed >> np.uint64(32)
        values = keyed & np.uint64(0xFFFFFFFF)
        ranked = (owners << np.uint64(52)) | (rarity.astype(np.uint64) << np.uint64(32)) | values
        ranked.sort()
        sizes = self.sizes[texts]
        prefix_sizes = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + 1
        place = np.arange(len(ranked)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        prefix = ranked[place < np.repeat(prefix_sizes, sizes)]
        owned = texts[(prefix >> np.uint64(52)).astype(np.int64)].astype(np.uint64)
        entries: NDArray[np.uint64] = (prefix << np.uint64(32)) | owned
        return entries

    def _agreement(self, a: Indices, b: Indices) -> Similarities:
        """The share of places in which two signatures agree, an estimate of their similarity."""
        result = np.empty(len(a))
        for start in range(0, len(a), 1 << 15):
            part = slice(start, start + (1 << 15))
            result[part] = (self.signatures[a[part]] == self.signatures[b[part]]).mean(axis=1)
        return result

    def _similarities(self, a: Indices, b: Indices) -> Similarities:
        both = np.concatenate([self._keyed(a), self._keyed(b)])
        both.sort(kind="stable")  # two sorted runs: this merges them
        shared = both[1:][both[1:] == both[:-1]] >> np.uint64(32)
        count = np.bincount(shared.astype(np.int64), minlength=len(a))
        return count / (self.sizes[a] + self.sizes[b] - count)

    def _keyed(self, texts: Indices) -> NDArray[np.uint64]:
        """The sets of ``texts`` one after another, each value with its set's place above it."""
        sizes = self.sizes[texts]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(self._starts[texts] - ends + sizes, sizes)
        owners = np.repeat(np.arange(len(texts), dtype=np.uint64), sizes)
        keyed: NDArray[np.uint64] = (owners << np.uint64(32)) | self._values[places]
        return keyed


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014); wraps around on purpose."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


_FACTORS = mix(np.arange(1, SHINGLE + 1, dtype=np.uint64)) | np.uint64(1)
_PERMUTATIONS = (mix(np.arange(100, 100 + HASHES, dtype=np.uint64)) >> np.uint64(32)).astype(
    np.uint32
) | np.uint32(1)


def _blocks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Ranges of texts of about `_BLOCK` characters together."""
    ends = np.cumsum([max(len(text), SHINGLE) for text in texts])
    if len(ends):
        cuts = np.searchsorted(ends, np.arange(_BLOCK, ends[-1] + _BLOCK, _BLOCK)) + 1
        yield from pairwise(sorted({0, *(min(int(cut), len(texts)) for cut in cuts)}))


def _shingle(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Indices]:
    """The sorted distinct shingles of each text, one after another, and how many each has."""
    padded = [text[:MOST_CHARACTERS].ljust(SHINGLE, "\0") for text in texts]
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = codes.astype(np.uint64)
    ends = np.cumsum([len(text) for text in padded])
    owners = np.repeat(np.arange(len(padded), dtype=np.uint64), np.diff(ends, prepend=0))
    inside = np.ones(len(codes), dtype=bool)
    for back in range(1, SHINGLE):
        inside[ends - back] = False  # these would run into the next text
    inside = inside[: len(codes) - SHINGLE + 1]
    sums = sum(codes[place : place + len(inside)] * factor for place, factor in enumerate(_FACTORS))
    keyed = (owners[: len(inside)] << np.uint64(32)) | (mix(sums) >> np.uint64(32))
    keyed = np.unique(keyed[inside])
    counts = np.bincount((keyed >> np.uint64(32)).astype(np.int64), minlength=len(padded))
    return keyed.astype(np.uint32), counts


def _sign(values: NDArray[np.uint32], counts: Indices, into: NDArray[np.uint32]) -> None:
    """Write the smallest value per text and permutation."""
    starts = np.cumsum(counts) - counts
    for column, factor in enumerate(_PERMUTATIONS):
        into[:, column] = np.minimum.reduceat(values * factor, starts)
