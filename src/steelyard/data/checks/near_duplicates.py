"""Rows that ask nearly the same as another row."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import answers, closest_pairs, firsts, near_clusters
from steelyard.data.likeness.near import THRESHOLD
from steelyard.words import counted

MANY = 0.05


class _Near(NamedTuple):
    """A row and one like it (indices); ``is_same`` where normalisation makes them equal.

    The similarity can be 1 without that: "a? b?" and "b? a?" may have the same shingles.
    """

    row: int
    also: int
    similarity: float
    is_same: bool


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find rows equal to another apart from case, punctuation and spaces, or nearly equal.

    Nearly: the Jaccard similarity of their runs of five characters is at least 0.8
    (`steelyard.data.likeness.near`). The first row of a cluster is not counted, nor is an exact duplicate.
    The most similar come first; evidence names a row like it (``also``) and their similarity. One
    in 20 is a warning: there are fewer independent examples than rows.
    """
    near = _near_rows(data)
    clusters = Counter(near_clusters(data))
    facts = {
        "rows": len(near),
        "normalised": sum(match.is_same for match in near),
        "clusters": sum(size > 1 for size in clusters.values()),
        "largest_cluster": max(clusters.values(), default=0),
        "rate": len(near) / len(data.examples) if data.examples else None,
        "threshold": THRESHOLD,
        "method": "Jaccard of 5-character shingles, MinHash candidates",
    }
    if not near:
        return CheckResult(facts=facts)
    outputs = answers(data)
    finding = Finding.of_rows(
        data,
        [match.row for match in near],
        "near_duplicates",
        "warning" if len(near) >= MANY * len(data.examples) else "note",
        _message(near),
        also=[data.numbers[match.also] for match in near],
        similarity=[round(match.similarity, 3) for match in near],
        same_output=[outputs[match.row] == outputs[match.also] for match in near],
    )
    return CheckResult((finding,), facts)


def _near_rows(data: Dataset) -> list[_Near]:
    """Every row of a cluster but its first and those that repeat another exactly."""
    roots, texts, exact = near_clusters(data), firsts(data.texts), firsts(data.exact_keys)
    pairs = closest_pairs(data.near)
    near = []
    for index, root in enumerate(roots):
        if index == root or exact[index] != index:
            continue
        if texts[index] != index:
            near.append(_Near(index, texts[index], 1.0, True))
        else:
            pair = pairs[index]
            near.append(_Near(index, pair.a + pair.b - index, pair.similarity, False))
    return sorted(near, key=lambda match: (not match.is_same, -match.similarity, match.row))


def _message(near: list[_Near]) -> str:
    same = sum(match.is_same for match in near)
    return (
        f"{counted(len(near), 'row')} nearly {'repeats' if len(near) == 1 else 'repeat'} another "
        f"row's input ({same:,} identical apart from case, punctuation and spaces, "
        f"{len(near) - same:,} at a similarity of {THRESHOLD} or more): there are fewer independent "
        "examples than rows"
    )
