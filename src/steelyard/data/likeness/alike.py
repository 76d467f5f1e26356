"""Which rows are alike, and whether their outputs are: what several checks ask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import numpy as np

from steelyard.core import Example, OutputKind
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.forest import Forest
from steelyard.data.likeness.near import THRESHOLD, NearPair
from steelyard.data.likeness.normalise import normalise
from steelyard.data.likeness.shingles import Shingles

_WIDE = 40
"""Distinct texts in a cluster up to which each is compared with each; templates make larger ones."""


def firsts(keys: Sequence[str]) -> list[int]:
    """For each index, the first index with the same key."""
    places: dict[str, int] = {}
    return [places.setdefault(key, index) for index, key in enumerate(keys)]


def answers(data: Dataset) -> list[str]:
    """What each row's output says: equal for outputs that are the same answer."""
    return [answer(output, data.kind) for output in data.written]


def answer(output: str, kind: OutputKind) -> str:
    """A label as it is but for spaces around it; JSON by its value; a text normalised."""
    if kind == "label":
        return output.strip()
    if kind == "json":
        try:
            value = json.loads(output, parse_float=_number)
            return json.dumps(value, sort_keys=True)
        except (ValueError, RecursionError):
            return output.strip()
    return normalise(output)


def _number(text: str) -> float | int:
    """Make 1.0 the 1 that it is in JSON."""
    value = float(text)
    return int(value) if value.is_integer() else value


def near_clusters(data: Dataset, most: int | None = None) -> list[int]:
    """For each index, the lowest index of its cluster of equal and near texts.

    With ``most``, clusters of near texts do not grow beyond it.
    """
    forest = Forest(len(data.texts))
    for index, first in enumerate(firsts(data.texts)):
        forest.join(first, index)
    for pair in data.near:
        forest.join(pair.a, pair.b, most)
    return [forest.find(index) for index in range(len(data.texts))]


def widest(rows: int) -> int:
    """How many rows a cluster of near texts may hold before Steelyard's split cuts it: 2 %, or 10."""
    return max(10, rows // 50)


def closest_pairs(pairs: Iterable[NearPair]) -> dict[int, NearPair]:
    """The most similar of ``pairs`` for each index that occurs."""
    best: dict[int, NearPair] = {}
    for pair in pairs:
        for index in (pair.a, pair.b):
            if index not in best or pair.similarity > best[index].similarity:
                best[index] = pair
    return best


def system_of(example: Example) -> str:
    """The row's system messages, normalised: under another one another output may be right."""
    return "\0".join(normalise(turn.content) for turn in example.context if turn.role == "system")


def near_with_different_answers(data: Dataset, outputs: Sequence[str]) -> list[NearPair]:
    """Pairs of near but unequal texts (`rows_by_text`) that do not all have one answer.

    A pair holds the first row of either text. ``outputs`` are `answers`. `Dataset.near` leaves out
    pairs of texts that others connect, so within a cluster of up to 40 texts each is compared with
    each; in larger ones, only the pairs listed count.
    """
    rows = rows_by_text(data)
    distinct = {indices[0]: {outputs[index] for index in indices} for indices in rows.values()}
    clusters: dict[int, list[int]] = {}
    roots = near_clusters(data)
    for first in distinct:
        clusters.setdefault(roots[first], []).append(first)
    wide = {
        root
        for root, members in clusters.items()
        if len(members) > _WIDE and len(set().union(*(distinct[member] for member in members))) > 1
    }
    candidates = [
        pair
        for root, members in clusters.items()
        if len(members) <= _WIDE
        for pair in combinations(sorted(members), 2)
    ]
    candidates += _listed(data, {root: clusters[root] for root in wide}, roots)
    return _verified(
        data,
        [
            (a, b)
            for a, b in candidates
            if len(distinct[a] | distinct[b]) > 1
            and data.texts[a] != data.texts[b]
            and system_of(data.examples[a]) == system_of(data.examples[b])
        ],
    )


def rows_by_text(data: Dataset) -> dict[tuple[str, str], list[int]]:
    """The rows that ask the same under the same system message, by the two."""
    rows: dict[tuple[str, str], list[int]] = {}
    for index, example in enumerate(data.examples):
        rows.setdefault((system_of(example), data.texts[index]), []).append(index)
    return rows


def _listed(
    data: Dataset, clusters: Mapping[int, Sequence[int]], roots: Sequence[int]
) -> Iterable[tuple[int, int]]:
    """The pairs of `Dataset.near` within ``clusters``, under every system message."""
    by_text: dict[str, list[int]] = {}
    for members in clusters.values():
        for index in members:
            by_text.setdefault(data.texts[index], []).append(index)
    return [
        (min(a, b), max(a, b))
        for pair in data.near
        if roots[pair.a] in clusters
        for a in by_text[data.texts[pair.a]]
        for b in by_text[data.texts[pair.b]]
    ]


def _verified(data: Dataset, pairs: Sequence[tuple[int, int]]) -> list[NearPair]:
    indices = sorted({index for pair in pairs for index in pair})
    places = {index: place for place, index in enumerate(indices)}
    shingles = Shingles([data.texts[index] for index in indices])
    first = np.array([places[a] for a, _ in pairs], dtype=np.int64)
    second = np.array([places[b] for _, b in pairs], dtype=np.int64)
    first, second, similarities = shingles.compare(first, second, THRESHOLD)
    compared = zip(first.tolist(), second.tolist(), similarities.tolist(), strict=True)
    return [
        NearPair(indices[a], indices[b], value) for a, b, value in compared if value >= THRESHOLD
    ]
