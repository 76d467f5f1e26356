"""Examples that are in two parts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.data.dataset import Dataset
from steelyard.data.likeness.near import NearPair

SHOWN = 20


def split_leaks(data: Dataset) -> dict[str, Any]:
    """Report the rows of dev and test that are also in an earlier part.

    Per kind of likeness (``exact``, ``normalised``, ``near``, ``group``): ``count``, ``test_count``
    (those in test), and up to 20 ``rows`` with both sources. Normalised likeness includes exact
    likeness. Near likeness (`near_matches`) includes both, and its rows carry their similarity.
    """
    keys: dict[str, Sequence[str | None]] = {
        "exact": data.exact_keys,
        "normalised": data.normalised_keys,
        "group": [example.group for example in data.examples],
    }
    leaks = {kind: _in_order(data, key) for kind, key in keys.items()}
    closest = {leak.b: leak for leak in [*data.near_leaks, *leaks["normalised"]]}
    near = [closest[index] for index in data.by_part if index in closest]
    result = {kind: _summary(data, of_kind) for kind, of_kind in leaks.items()}
    result["near"] = _summary(data, near)
    for row, leak in zip(result["near"]["rows"], near, strict=False):
        row["similarity"] = round(leak.similarity, 3)
    return result


def _in_order(data: Dataset, keys: Sequence[str | None]) -> list[NearPair]:
    """`leaks_by_key`, where the first row with a key is the first in `Dataset.by_part`."""
    order = data.by_part
    leaks = leaks_by_key([keys[index] for index in order], [data.ranks[index] for index in order])
    return [NearPair(order[a], order[b], alike) for a, b, alike in leaks]


def leaks_by_key(keys: Sequence[str | None], parts: Sequence[int]) -> list[NearPair]:
    """The indices whose key is in a lower part (``b``), with the first index there (``a``).

    ``None`` is not a key. Pairs come in the order of their parts, then of ``b``.
    """
    firsts: dict[str, int] = {}
    leaks = []
    for index in sorted(range(len(keys)), key=lambda index: (parts[index], index)):
        key = keys[index]
        if key is None:
            continue
        first = firsts.setdefault(key, index)
        if parts[first] < parts[index]:
            leaks.append(NearPair(first, index, 1.0))
    return leaks


def _summary(data: Dataset, leaks: Sequence[NearPair]) -> dict[str, Any]:
    return {
        "count": len(leaks),
        "test_count": sum(data.parts[leak.b] == "test" for leak in leaks),
        "rows": [
            {
                "part": data.parts[leak.b],
                "source": data.examples[leak.b].source,
                "also_in": data.parts[leak.a],
                "also_source": data.examples[leak.a].source,
            }
            for leak in leaks[:SHOWN]
        ],
    }
