"""Examples that stand in two parts of a split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from steelyard.core import Example, Split
from steelyard.data.likeness.near import NearPair, near_matches
from steelyard.data.likeness.normalise import asked_text, exact_key, normalised_key

SHOWN = 20
_KEYS: dict[str, Callable[[Example], str | None]] = {
    "exact": exact_key,
    "normalised": normalised_key,
    "group": lambda example: example.group,
}


class _Placed(NamedTuple):
    part: str
    example: Example


def check_split(split: Split) -> dict[str, Any]:
    """Report the rows of dev and test that also stand in an earlier part.

    Per kind of likeness (``exact``, ``normalised``, ``near``, ``group``): ``count``, ``test_count``
    (those in test), and up to 20 ``rows`` with both sources. Normalised likeness includes exact
    likeness. Near likeness (`near_matches`) includes both, and its rows carry their similarity.
    """
    placed = [
        _Placed(part, example)
        for part, examples in zip(split._fields, split, strict=True)
        for example in examples
    ]
    parts = [split._fields.index(each.part) for each in placed]
    found = {
        kind: leaks_by_key([key(each.example) for each in placed], parts)
        for kind, key in _KEYS.items()
    }
    near = near_matches([asked_text(each.example) for each in placed], parts)
    closest = {leak.b: leak for leak in [*near, *found["normalised"]]}
    result = {kind: _summary(placed, leaks) for kind, leaks in found.items()}
    result["near"] = _summary(placed, [closest[index] for index in sorted(closest)])
    for row, index in zip(result["near"]["rows"], sorted(closest), strict=False):
        row["similarity"] = round(closest[index].similarity, 3)
    return result


def leaks_by_key(keys: Sequence[str | None], parts: Sequence[int]) -> list[NearPair]:
    """The indices whose key stands in a lower part (``b``), with the first index there (``a``).

    ``None`` is no key. Pairs come in the order of their parts, then of ``b``.
    """
    seen: dict[str, int] = {}
    found = []
    for index in sorted(range(len(keys)), key=lambda index: (parts[index], index)):
        key = keys[index]
        if key is None:
            continue
        first = seen.setdefault(key, index)
        if parts[first] < parts[index]:
            found.append(NearPair(first, index, 1.0))
    return found


def _summary(placed: Sequence[_Placed], leaks: Sequence[NearPair]) -> dict[str, Any]:
    return {
        "count": len(leaks),
        "test_count": sum(placed[leak.b].part == "test" for leak in leaks),
        "rows": [
            {
                "part": placed[leak.b].part,
                "source": placed[leak.b].example.source,
                "also_in": placed[leak.a].part,
                "also_source": placed[leak.a].example.source,
            }
            for leak in leaks[:SHOWN]
        ],
    }
