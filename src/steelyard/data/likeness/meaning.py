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
from steelyard.model.encoder import SentenceEncoder

FEW_ROWS = 5_000
"""Unless told otherwise, the encoder runs up to here."""
MOST_ROWS = 50_000
"""Exact search compares each row with each: beyond this it takes minutes and more."""
_BLOCK = 1024

Vectors = NDArray[np.float32]
_KNOWN: WeakKeyDictionary[Dataset, Vectors] = WeakKeyDictionary()


def meaning_text(example: Example) -> str:
    """What the encoder reads: the input first, since the end of a long text is cut, then the turns."""
    turns = [turn.content for turn in example.context if turn.role != "system"]
    return "\n".join([example.input, *turns])


def embeddings(data: Dataset, options: CheckOptions) -> Vectors | str:
    """Unit vectors of the rows' inputs, shape (examples, 384), or the reason why there are none.

    Computed once for a data set, each distinct text once.
    """
    reason = _why_not(len(data.examples), options)
    if reason is not None:
        return reason
    if data not in _KNOWN:
        texts = [meaning_text(example) for example in data.examples]
        distinct = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        try:
            vectors = SentenceEncoder.load().encode(list(distinct))
        except (MissingExtraError, ModelError) as error:
            return str(error)
        _KNOWN[data] = vectors[[distinct[text] for text in texts]]
    return _KNOWN[data]


def _why_not(rows: int, options: CheckOptions) -> str | None:
    if options.encoder is False:
        return "the sentence encoder was switched off"
    if rows > MOST_ROWS:
        return f"{rows:,} rows are more than the {MOST_ROWS:,} that are compared by meaning"
    try:
        require_encoder()
    except MissingExtraError as error:
        return str(error)
    if options.encoder is None and rows > FEW_ROWS:
        return (
            f"{rows:,} rows are more than the {FEW_ROWS:,} that are compared by meaning unasked; "
            "use --encoder"
        )
    return None


def closest(
    vectors: Vectors, ranks: Sequence[int], apart: Sequence[int] | None, threshold: float
) -> list[NearPair]:
    """For each row (``b``) with one at least ``threshold`` close below its rank: the closest (``a``).

    ``ranks[i]`` orders the rows: row numbers for earlier rows, parts for earlier parts. Rows with
    the same number in ``apart`` are not compared. Exact search in blocks of 1,024 rows: memory is
    ``4 * 1024 * rows`` bytes, time grows with the square of the rows. In the order of the rows.
    """
    ranked = np.asarray(ranks)
    order = np.argsort(ranked, kind="stable")
    sorted_ranks, matrix = ranked[order], vectors[order]
    labels = None if apart is None else np.asarray(apart)[order]
    found = []
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
            index, also = int(order[start + place]), int(order[best[place]])
            found.append(NearPair(also, index, min(1.0, float(values[place]))))
    return sorted(found, key=lambda pair: pair.b)
