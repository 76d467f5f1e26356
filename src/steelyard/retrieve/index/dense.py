"""Scores of passages by meaning: the cosine of a question and the best window of a passage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from steelyard.model.encoder import Encoder
from steelyard.retrieve.index.lexical import Places, Scores
from steelyard.retrieve.index.windows import windows

Vectors = NDArray[np.float32]
_CELLS = 2**23
"""Cosines computed at once: 32 MB."""
_DECIMALS = 6
"""Of a cosine: its last digits depend on how many questions are asked at once."""


class DenseLeg:
    """The cosines of passages, whose windows stand in ``vectors[starts[p]:starts[p + 1]]``.

    A cosine of 0 or less is no hit, and a passage without a window has 0.
    """

    def __init__(self, vectors: Vectors, starts: Places, encoder: Callable[[], Encoder]) -> None:
        self.vectors = vectors
        self.starts = starts
        self.encoder = encoder

    @classmethod
    def fit(cls, texts: Sequence[str], sizes: Sequence[int], encoder: Encoder) -> Self:
        pieces = [cut(text, sizes) for text in texts]
        vectors = encoder.encode([piece for passage in pieces for piece in passage])
        return cls(vectors, starts_of([len(passage) for passage in pieces]), lambda: encoder)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Return the cosines, shape (texts, passages)."""
        return np.concatenate([np.zeros((0, len(self.starts) - 1)), *self.chunks(texts)])

    def chunks(self, texts: Sequence[str]) -> Iterator[Scores]:
        """Yield the cosines of a few texts at a time."""
        if not texts:
            return
        questions = self.encoder().encode(list(texts))
        step = max(1, _CELLS // max(1, len(self.vectors)))
        for start in range(0, len(questions), step):
            yield self._best_windows(questions[start : start + step] @ self.vectors.T)

    def _best_windows(self, cosines: Vectors) -> Scores:
        sizes = np.diff(self.starts)
        result: Scores = np.zeros((len(cosines), len(sizes)))
        if (sizes == 1).all():
            result[:] = cosines
        elif sizes.any():
            begins = self.starts[:-1][sizes > 0]
            result[:, sizes > 0] = np.maximum.reduceat(cosines, begins, axis=1)
        return np.round(result, _DECIMALS, out=result)


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """Return the windows of all ``sizes``, none of them twice."""
    return list(dict.fromkeys(piece for size in sizes for piece in windows(text, size)))


def starts_of(sizes: Sequence[int]) -> Places:
    """Return where stretches of these sizes begin, one after the other, and where the last ends."""
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
