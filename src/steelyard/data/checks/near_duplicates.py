"""Rows that ask nearly the same as another row."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import answers, closest_pairs, firsts, near_clusters
from steelyard.data.likeness.near import THRESHOLD
from steelyard.words import counted

MANY = 0.05


class _Near(NamedTuple):
    """A row and one like it (indices); ``is_same`` where only normalisation tells them apart.

    The similarity can be 1 without that: "a? b?" and "b? a?" may have the same shingles.
    """

    row: int
    also: int
    similarity: float
    is_same: bool


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find rows that are the same as another but for case, punctuation and spaces, or nearly.

    Nearly: the Jaccard similarity of their runs of five characters is at least 0.8
    (`steelyard.data.likeness.near`). The first row of a cluster is not counted, nor is an exact duplicate.
    The most similar come first; evidence names a row like it (``also``) and their similarity. One
    in 20 is a warning: there are fewer independent examples than rows.
    """
    found = _found(data)
    clusters = Counter(near_clusters(data))
    facts = {
        "rows": len(found),
        "normalised": sum(each.is_same for each in found),
        "clusters": sum(size > 1 for size in clusters.values()),
        "largest_cluster": max(clusters.values(), default=0),
        "rate": len(found) / len(data.examples) if data.examples else None,
        "threshold": THRESHOLD,
        "method": "Jaccard of 5-character shingles, MinHash candidates",
    }
    if not found:
        return CheckResult(facts=facts)
    rows = [each.row for each in found]
    said = answers(data)
    severity: Severity = "warning" if len(rows) >= MANY * len(data.examples) else "note"
    finding = Finding(
        "near_duplicates",
        severity,
        _message(found),
        data.rows_of(rows),
        data.evidence(
            rows,
            also=[data.numbers[each.also] for each in found],
            similarity=[round(each.similarity, 3) for each in found],
            same_output=[said[each.row] == said[each.also] for each in found],
        ),
    )
    return CheckResult((finding,), facts)


def _found(data: Dataset) -> list[_Near]:
    """Every row of a cluster but its first and those that repeat another as it is."""
    roots, texts, exact = near_clusters(data), firsts(data.texts), firsts(data.exact_keys)
    pairs = closest_pairs(data.near)
    found = []
    for index, root in enumerate(roots):
        if index == root or exact[index] != index:
            continue
        if texts[index] != index:
            found.append(_Near(index, texts[index], 1.0, True))
        else:
            pair = pairs[index]
            found.append(_Near(index, pair.a + pair.b - index, pair.similarity, False))
    return sorted(found, key=lambda each: (not each.is_same, -each.similarity, each.row))


def _message(found: list[_Near]) -> str:
    same = sum(each.is_same for each in found)
    verb = "repeats" if len(found) == 1 else "repeat"
    return (
        f"{counted(len(found), 'row')} nearly {verb} another row's input ({same:,} but for case, "
        f"punctuation and spaces, {len(found) - same:,} at a similarity of {THRESHOLD} or more): "
        "fewer independent examples than rows"
    )
