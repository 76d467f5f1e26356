"""BM25 over an inverted index that holds counts: what depends on the whole corpus is computed at a query.

So a passage comes or goes without any other being read again, and the index equals a fresh one.
Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), in Lucene's form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.retrieve.index.windows import SearchText

K1 = 1.5
"""How soon a further occurrence of a term stops to count."""
B = 0.75
"""How much a long passage is held against it."""

Scores = NDArray[np.float64]
PassageNumbers = NDArray[np.int64]


@dataclass(frozen=True)
class Postings:
    """Which terms stand in which passages, how often.

    ``terms`` are sorted; those of number t stand in ``passages[starts[t]:starts[t + 1]]``, ascending,
    ``counts`` times. ``lengths`` is the number of terms of every passage.
    """

    terms: tuple[str, ...]
    starts: NDArray[np.int64]
    passages: NDArray[np.int32]
    counts: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> Self:
        """Count the terms of passages, one sequence each."""
        numbers: dict[str, int] = {}
        term_ids: list[int] = []
        counts: list[int] = []
        sizes: list[int] = []
        for text in texts:
            counted = Counter(text)
            term_ids += [numbers.setdefault(term, len(numbers)) for term in counted]
            counts += counted.values()
            sizes.append(len(counted))
        passages = np.repeat(np.arange(len(texts), dtype=np.int32), sizes)
        lengths = np.array([len(text) for text in texts], dtype=np.int32)
        return cls._sorted(tuple(numbers), np.array(term_ids, np.int64), passages, counts, lengths)

    @classmethod
    def _sorted(
        cls,
        terms: Sequence[str],
        ids: PassageNumbers,
        passages: Any,
        counts: Any,
        lengths: NDArray[np.int32],
    ) -> Self:
        """Bring triples of term, passage and count into order; terms that stand nowhere are dropped."""
        present = np.bincount(ids, minlength=len(terms)) if len(terms) else np.zeros(0, np.int64)
        order = sorted(
            (number for number in range(len(terms)) if present[number]), key=terms.__getitem__
        )
        rank = np.zeros(len(terms), dtype=np.int64)
        rank[order] = np.arange(len(order))
        ids, passages = rank[ids], np.asarray(passages, dtype=np.int32)
        row = np.argsort(ids * max(1, len(lengths)) + passages, kind="stable")
        starts = np.concatenate([[0], np.cumsum(present[order])]).astype(np.int64)
        counts = np.asarray(counts, dtype=np.int32)[row]
        return cls(tuple(terms[number] for number in order), starts, passages[row], counts, lengths)

    def changed(
        self, places: PassageNumbers, added: Postings, added_places: PassageNumbers, size: int
    ) -> Postings:
        """Return the postings of ``size`` passages: some of these, and others.

        ``places`` holds the new place of every passage here, -1 for one that goes; ``added_places``
        that of every passage of ``added``.
        """
        terms = sorted({*self.terms, *added.terms})
        numbers = {term: number for number, term in enumerate(terms)}
        parts = []
        lengths = np.zeros(size, dtype=np.int32)
        for postings, target in ((self, places), (added, added_places)):
            renumbered = np.array([numbers[term] for term in postings.terms], dtype=np.int64)
            ids = np.repeat(renumbered, np.diff(postings.starts))
            where = target[postings.passages]
            stays = where >= 0
            parts.append((ids[stays], where[stays], postings.counts[stays]))
            lengths[target[target >= 0]] = postings.lengths[target >= 0]
        ids, passages, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
        return self._sorted(terms, ids, passages, counts, lengths)


def terms_of(passage: SearchText, tokenize: Callable[[str], list[str]]) -> list[str]:
    """Return the terms of a passage and of what it stands under."""
    return [*tokenize(passage.context), *tokenize(passage.text)]


class Bm25Leg:
    """Scores of passages by the terms that they share with a question; 0 where they share none."""

    def __init__(self, postings: Postings, tokenize: Callable[[str], list[str]]) -> None:
        self.postings = postings
        self._tokenize = tokenize

    @classmethod
    def fit(cls, texts: Sequence[SearchText], tokenize: Callable[[str], list[str]]) -> Self:
        return cls(Postings.of([terms_of(text, tokenize) for text in texts]), tokenize)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the scores, shape (texts, passages); a term counts as often as the question has it."""
        result = np.zeros((len(texts), len(self.postings.lengths)))
        for row, text in zip(result, texts, strict=True):
            for term, times in sorted(Counter(self._tokenize(text)).items()):
                number = self._numbers.get(term)
                if number is not None:
                    self._add(row, number, times)
        return result

    def _add(self, row: Scores, number: int, times: int) -> None:
        start, end = self.postings.starts[number : number + 2]
        places = self.postings.passages[start:end]
        counts = self.postings.counts[start:end]
        rarity = np.log1p((len(row) - (end - start) + 0.5) / (end - start + 0.5))
        row[places] += times * rarity * (counts / (counts + self._norms[places]))

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {term: number for number, term in enumerate(self.postings.terms)}

    @cached_property
    def _norms(self) -> Scores:
        lengths = self.postings.lengths
        mean = max(float(lengths.mean()), 1e-9) if len(lengths) else 1.0
        norms: Scores = K1 * (1 - B + B * lengths.astype(np.float64) / mean)
        return norms
