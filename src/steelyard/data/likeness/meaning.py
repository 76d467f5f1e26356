"""Rows compared by meaning: their vectors, computed once for a data set, and exact search in them."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Example
from steelyard.data.base import CheckOptions
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.near import NearPair
from steelyard.errors import MissingExtraError, ModelError
from steelyard.extras import require_encoder
from steelyard.model.encoder import Encoder, SentenceEncoder

FEW_ROWS = 5_000
"""By default the encoder runs on up to so many rows."""
MOST_ROWS = 50_000
"""Exact search compares every pair of rows: beyond this it takes minutes or longer."""
_BLOCK = 1024

Vectors = NDArray[np.float32]
_VECTORS: WeakKeyDictionary[Dataset, Vectors] = WeakKeyDictionary()


def meaning_text(example: Example) -> str:
    """Return what the encoder reads: the input, then the turns, as the end of a long text is cut."""
    turns = [turn.content for turn in example.context if turn.role != "system"]
    return "\n".join([example.input, *turns])


def embeddings(data: Dataset, options: CheckOptions) -> Vectors | str:
    """Return unit vectors of the rows, shape (examples, 384), or the reason why there are none.

    Computed once for a data set.
    """
    reason = _why_not(len(data.examples), options)
    if reason is not None:
        return reason
    if data not in _VECTORS:
        try:
            _VECTORS[data] = encode_rows(data.examples, SentenceEncoder.load())
        except (MissingExtraError, ModelError) as error:
            return str(error)
    return _VECTORS[data]


def encode_rows(examples: Sequence[Example], encoder: Encoder) -> Vectors:
    """Return a unit vector for each example; each distinct text is encoded once."""
    texts = [meaning_text(example) for example in examples]
    distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    return encoder.encode(list(distinct))[[distinct[text] for text in texts]]


def _why_not(rows: int, options: CheckOptions) -> str | None:
    if options.encoder is False:
        return "the sentence encoder was switched off"
    if rows > MOST_ROWS:
        return f"{rows:,} rows are more than the {MOST_ROWS:,} that can be compared by meaning"
    try:
        require_encoder()
    except MissingExtraError as error:
        return str(error)
    if options.encoder is None and rows > FEW_ROWS:
        return (
            f"{rows:,} rows are more than the {FEW_ROWS:,} that are compared by meaning by default; "
            "use --encoder"
        )
    return None


def closest(
    vectors: Vectors, ranks: Sequence[int], apart: Sequence[int] | None, threshold: float
) -> list[NearPair]:
    """Return for each row (``b``) the closest row of a lower rank (``a``), if its cosine is ``threshold``.

    ``ranks[i]`` orders the rows: row numbers for earlier rows, parts for earlier parts. Rows with the
    same number in ``apart`` are not compared. Exact search in blocks of 1,024 rows: memory is
    ``4 * 1024 * rows`` bytes, time grows with the square of the rows. In the order of the rows.
    """
    ranked = np.asarray(ranks)
    order = np.argsort(ranked, kind="stable")
    sorted_ranks, matrix = ranked[order], vectors[order]
    labels = None if apart is None else np.asarray(apart)[order]
    pairs = []
    for start in range(0, len(order), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(order)))
        pool = int(np.searchsorted(sorted_ranks, sorted_ranks[block.stop - 1]))
        if pool == 0:
            continue
        cosines = matrix[block] @ matrix[:pool].T
        cosines[sorted_ranks[block, None] <= sorted_ranks[None, :pool]] = -1
        if labels is not None:
            cosines[labels[block, None] == labels[None, :pool]] = -1
        best = cosines.argmax(axis=1)
        values = cosines[np.arange(len(best)), best]
        for place in np.flatnonzero(values >= threshold):
            row, close = int(order[start + place]), int(order[best[place]])
            pairs.append(NearPair(close, row, min(1.0, float(values[place]))))
    return sorted(pairs, key=lambda pair: pair.b)
