"""chrF: how many short runs of characters two texts share. Good for languages with rich endings."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Example
from steelyard.score.base import Grade, Materials, refuse_options
from steelyard.score.exact import normalise
from steelyard.score.text import ReferenceMetric, number_option, whole_option

_CHUNK_CHARACTERS = 200_000
_KEY_BITS = 63
_MOST_ORDER = 10


class Counts(NamedTuple):
    """N-grams by order, shape (pairs, orders): those of the answer, of the reference, in both."""

    said: NDArray[np.int64]
    wanted: NDArray[np.int64]
    shared: NDArray[np.int64]


class Chrf(ReferenceMetric):
    """F over character n-grams of one to six, white space left out, recall counting twice.

    Popović (2015), "chrF: character n-gram F-score for automatic MT evaluation", and (2017) "chrF++:
    words helping character n-grams" with ``word_order: 2``. Precision and recall are averaged over the
    orders for which both texts have n-grams, and then make F, as sentence-level chrF2 of the
    package ``sacrebleu`` does, over 100; case counts. Over many answers it is the mean of theirs,
    where sacrebleu's corpus level adds up n-grams.
    """

    name = "chrf"

    def __init__(self, char_order: int = 6, word_order: int = 0, beta: float = 2.0) -> None:
        self._char_order = char_order
        self._word_order = word_order
        self._beta2 = beta * beta

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Read ``char_order``, ``word_order`` and ``beta``. Raises `ConfigError`."""
        refuse_options(cls.name, options, ("char_order", "word_order", "beta"))
        return cls(
            whole_option(cls.name, options, "char_order", 6, 1, _MOST_ORDER),
            whole_option(cls.name, options, "word_order", 0, 0, _MOST_ORDER),
            number_option(cls.name, options, "beta", 2.0),
        )

    def score_answer(self, output: str, reference: str) -> float:
        """F over the n-grams of one pair."""
        return float(self.scores([output], [reference])[0])

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        """Grade each answer; n-grams are counted for many at once."""
        answered = [place for place, output in enumerate(outputs) if output is not None]
        scores = self.scores(
            [outputs[place] or "" for place in answered],
            [examples[place].output for place in answered],
        )
        grades = [Grade(0.0)] * len(outputs)
        for place, score in zip(answered, scores, strict=True):
            grades[place] = Grade(float(score))
        return grades

    def scores(self, said: Sequence[str], wanted: Sequence[str]) -> NDArray[np.float64]:
        """The score of each pair, shape (pairs,)."""
        if not said:
            return np.zeros(0)
        parts = [char_counts(said, wanted, self._char_order)]
        if self._word_order:
            parts.append(word_counts(said, wanted, self._word_order))
        found = Counts(*(np.concatenate(each, axis=1) for each in zip(*parts, strict=True)))
        scores = _f(found, self._beta2)
        is_bare = found.said.sum(axis=1) + found.wanted.sum(axis=1) == 0
        for place in np.flatnonzero(is_bare).tolist():
            scores[place] = float(normalise(said[place]) == normalise(wanted[place]))
        return scores


def _f(counts: Counts, beta2: float) -> NDArray[np.float64]:
    known = (counts.said > 0) & (counts.wanted > 0)
    orders = np.maximum(known.sum(axis=1), 1)
    shared = np.where(known, counts.shared, 0)
    precision = (shared / np.maximum(counts.said, 1)).sum(axis=1) / orders
    recall = (shared / np.maximum(counts.wanted, 1)).sum(axis=1) / orders
    below = beta2 * precision + recall
    scores: NDArray[np.float64] = np.divide(
        (1 + beta2) * precision * recall, below, out=np.zeros(len(orders)), where=below > 0
    )
    return np.minimum(scores, 1.0)


def char_counts(said: Sequence[str], wanted: Sequence[str], order: int) -> Counts:
    """Count character n-grams of 1..``order``, white space left out."""
    pairs = [("".join(a.split()), "".join(b.split())) for a, b in zip(said, wanted, strict=True)]
    counts = Counts(*(np.zeros((len(pairs), order), dtype=np.int64) for _ in Counts._fields))
    for start, stop in _chunks(pairs):
        chunk = pairs[start:stop]
        found = _count_chunk(chunk, order)
        if found is None:
            found = _count_each([(list(a), list(b)) for a, b in chunk], order)
        for whole, part in zip(counts, found, strict=True):
            whole[start:stop] = part
    return counts


def word_counts(said: Sequence[str], wanted: Sequence[str], order: int) -> Counts:
    """Count word n-grams of 1..``order``; a mark at either end of a word is one of its own."""
    split = [(_words(a), _words(b)) for a, b in zip(said, wanted, strict=True)]
    return _count_each(split, order)


def _words(text: str) -> list[str]:
    found: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in string.punctuation:
            found += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in string.punctuation:
            found += [word[0], word[1:]]
        else:
            found.append(word)
    return found


def _chunks(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, int]]:
    start, size = 0, 0
    for place, (a, b) in enumerate(pairs):
        if size and size + len(a) + len(b) > _CHUNK_CHARACTERS:
            yield start, place
            start, size = place, 0
        size += len(a) + len(b)
    yield start, len(pairs)


def _count_chunk(pairs: Sequence[tuple[str, str]], order: int) -> Counts | None:
    """Count a chunk of pairs in one sort; ``None`` where its characters are too many for that.

    Each place becomes a key: its pair, the ``order`` characters from there (0 beyond the end), and a
    last bit for the reference. Sorted, equal n-grams stand together for every order at once, because
    a shorter n-gram is the beginning of a longer one.
    """
    texts = [text for pair in pairs for text in pair]
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    joined = "".join(text.replace("\0", "\ufffd") + "\0" * order for text in texts)
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    alphabet, codes = np.unique(points, return_inverse=True)  # \0 is the lowest: code 0
    bits = int(len(alphabet) - 1).bit_length()
    if order * bits + len(pairs).bit_length() + 1 > _KEY_BITS:
        if len(pairs) == 1:
            return None
        half = len(pairs) // 2
        first, second = _count_chunk(pairs[:half], order), _count_chunk(pairs[half:], order)
        if first is None or second is None:
            return None
        return Counts(*(np.concatenate(each) for each in zip(first, second, strict=True)))
    text_of = np.repeat(np.arange(len(texts)), lengths + order)
    keys = (text_of >> 1).astype(np.uint64)
    letters = codes.astype(np.uint64)
    for step in range(order):
        keys = (keys << np.uint64(bits)) | np.roll(letters, -step)
    keys = (keys << np.uint64(1)) | (text_of & 1).astype(np.uint64)
    keys = np.sort(keys[letters != 0])
    return _count_sorted(keys, len(pairs), order, bits)


def _count_sorted(keys: NDArray[np.uint64], pairs: int, order: int, bits: int) -> Counts:
    counts = Counts(*(np.zeros((pairs, order), dtype=np.int64) for _ in Counts._fields))
    is_wanted = (keys & np.uint64(1)).astype(np.int64)
    for n in range(1, order + 1):
        grams = keys >> np.uint64(1 + (order - n) * bits)
        is_whole = (grams & np.uint64((1 << bits) - 1)) != 0
        grams, wanted_here = grams[is_whole], is_wanted[is_whole]
        if not len(grams):
            break
        starts = np.flatnonzero(np.concatenate([[True], grams[1:] != grams[:-1]]))
        sizes = np.diff(starts, append=len(grams))
        wanted = np.add.reduceat(wanted_here, starts)
        pair = (grams[starts] >> np.uint64(n * bits)).astype(np.int64)
        said = sizes - wanted
        for whole, part in zip(counts, (said, wanted, np.minimum(said, wanted)), strict=True):
            whole[:, n - 1] = np.bincount(pair, weights=part, minlength=pairs)
    return counts


def _count_each(pairs: Sequence[tuple[list[str], list[str]]], order: int) -> Counts:
    """Count n-grams of lists pair by pair."""
    counts = Counts(*(np.zeros((len(pairs), order), dtype=np.int64) for _ in Counts._fields))
    for place, sides in enumerate(pairs):
        for n in range(1, order + 1):
            a, b = (Counter(zip(*(side[i:] for i in range(n)), strict=False)) for side in sides)
            counts.said[place, n - 1] = a.total()
            counts.wanted[place, n - 1] = b.total()
            counts.shared[place, n - 1] = (a & b).total()
    return counts
