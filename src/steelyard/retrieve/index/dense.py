"""Scores of passages by meaning: the cosine of a question and the best window of a passage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.model.encoder import Encoder
from steelyard.retrieve.index.lexical import PassageNumbers, Scores
from steelyard.retrieve.index.windows import MOST_PIECES, SearchText, windows, word_pieces
from steelyard.words import shortened

UnitVectors = NDArray[np.float32]
_CELLS = 2**23
"""Cosines computed at once: 32 MB."""
_LONGEST_CONTEXT = 100
"""Characters of headings before every window."""
_DECIMALS = 6
"""Of a cosine; its last digits depend on how many texts an encoder reads at once."""


class DenseLeg:
    """The cosines of passages, whose windows stand in ``vectors[starts[p]:starts[p + 1]]``.

    A cosine of 0 or less is no hit, and a passage without a window has 0.
    """

    def __init__(
        self,
        vectors: UnitVectors,
        starts: PassageNumbers,
        encoder: Callable[[], Encoder],
        fingerprint: str,
        recipe: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.vectors = vectors
        self.starts = starts
        self.encoder = encoder
        self.fingerprint = fingerprint
        self.recipe = recipe

    @classmethod
    def fit(cls, texts: Sequence[SearchText], sizes: Sequence[int], encoder: Encoder) -> Self:
        pieces = [cut(text, sizes) for text in texts]
        vectors = encoder.encode([piece for passage in pieces for piece in passage])
        starts = starts_of([len(passage) for passage in pieces])
        return cls(vectors, starts, lambda: encoder, encoder.fingerprint, encoder.recipe)

    def refitted(
        self, texts: Sequence[SearchText], sources: PassageNumbers, sizes: Sequence[int]
    ) -> DenseLeg:
        """Return the leg of other passages, with the vectors of those that have a source here.

        ``sources`` holds the place here of a passage with the same text, or -1. A text is encoded once.
        """
        fresh = dict.fromkeys(
            text for text, source in zip(texts, sources, strict=True) if source < 0
        )
        added = DenseLeg.fit(list(fresh), sizes, self.encoder())
        numbers = {text: number for number, text in enumerate(fresh)}
        rows_of = np.diff(self.starts), np.diff(added.starts)
        places = np.array(
            [
                source if source >= 0 else len(rows_of[0]) + numbers[text]
                for text, source in zip(texts, sources, strict=True)
            ],
            dtype=np.int64,
        )
        counts: PassageNumbers = np.concatenate(rows_of)[places]
        begins = np.concatenate([self.starts[:-1], added.starts[:-1]])[places]
        starts = starts_of(counts)
        rows = _rows(begins, counts)
        is_new = np.repeat(places >= len(rows_of[0]), counts)
        width = (added if fresh else self).vectors.shape[1]
        vectors = np.empty((len(rows), width), dtype=np.float32)
        vectors[~is_new] = self.vectors[rows[~is_new]]
        vectors[is_new] = added.vectors[rows[is_new]]
        return DenseLeg(vectors, starts, self.encoder, self.fingerprint, self.recipe)

    def narrowed(self, places: PassageNumbers) -> DenseLeg:
        """Return the leg of the passages at ``places``, in that order."""
        counts = np.diff(self.starts)[places]
        vectors = self.vectors[_rows(self.starts[:-1][places], counts)]
        return DenseLeg(vectors, starts_of(counts), self.encoder, self.fingerprint, self.recipe)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the cosines, shape (texts, passages)."""
        return np.concatenate([np.zeros((0, len(self.starts) - 1)), *self.chunks(texts)])

    def chunks(self, texts: Sequence[str]) -> Iterator[Scores]:
        """Yield the cosines of a few texts at a time."""
        if not texts:
            return
        questions = self._encode(texts)
        step = max(1, _CELLS // max(1, len(self.vectors)))
        for start in range(0, len(questions), step):
            some = questions[start : start + step]
            yield self._best_windows(np.array([self._cosines(question) for question in some]))

    def _cosines(self, question: UnitVectors) -> UnitVectors:
        """One question at a time, row by row: a matrix product would round by a row's neighbours."""
        cosines: UnitVectors = np.einsum("ij,j->i", self.vectors, question)
        return cosines

    def _encode(self, texts: Sequence[str]) -> UnitVectors:
        """The vectors of questions; a blank one has the vector 0, and so no hits."""
        result = np.zeros((len(texts), self.vectors.shape[1]), dtype=np.float32)
        asked = [place for place, text in enumerate(texts) if text.strip()]
        if not asked or not len(self.vectors):
            return result
        vectors = self.encoder().encode([whole(texts[place]) for place in asked])
        if vectors.shape[1] != result.shape[1]:
            raise ValueError(
                f"the encoder's vectors have {vectors.shape[1]} numbers, those of the index "
                f"{result.shape[1]}"
            )
        result[asked] = vectors
        return result

    def _best_windows(self, cosines: UnitVectors) -> Scores:
        sizes = np.diff(self.starts)
        if not np.isfinite(cosines).all():
            raise ValueError("a vector of the index or of a question holds no finite numbers")
        result: Scores = np.zeros((len(cosines), len(sizes)))
        if (sizes == 1).all():
            result[:] = cosines
        elif sizes.any():
            begins = self.starts[:-1][sizes > 0]
            result[:, sizes > 0] = np.maximum.reduceat(cosines, begins, axis=1)
        return np.round(result, _DECIMALS, out=result)


def cut(passage: SearchText, sizes: Sequence[int]) -> list[str]:
    """Return the windows of all ``sizes``, none of them twice, each after the beginning of its context."""
    context = shortened(" ".join(whole(passage.context).split()), _LONGEST_CONTEXT)
    before = f"{context}: " if context else ""
    most = MOST_PIECES - word_pieces(before)
    text = whole(passage.text)
    pieces = dict.fromkeys(piece for size in sizes for piece in windows(text, size, most))
    return [before + piece for piece in pieces]


def whole(text: str) -> str:
    """Return the text without halves of characters, which no encoder reads."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _rows(begins: PassageNumbers, counts: PassageNumbers) -> PassageNumbers:
    """The numbers of all rows of stretches that begin at ``begins`` and are ``counts`` long."""
    ends = np.cumsum(counts)
    return np.repeat(begins - (ends - counts), counts) + np.arange(int(counts.sum()))


def starts_of(sizes: Sequence[int] | PassageNumbers) -> PassageNumbers:
    """Return where stretches of these sizes begin, one after the other, and where the last ends."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
