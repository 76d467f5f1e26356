"""Which rows are alike, and which of those have different outputs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from steelyard.core import Example, OutputKind
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.near import THRESHOLD, DisjointSets, NearPair
from steelyard.data.likeness.rows import groups_of, normalise
from steelyard.data.likeness.shingles import Shingles
from steelyard.data.references import reference

_WIDE = 40
"""Clusters of up to so many distinct texts are compared pair by pair; templates make larger ones."""
TEXT_REASON = "several texts may be right"


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
    if kind == "labels":
        return reference(output, output, kind)
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


def near_clusters(data: Dataset) -> list[int]:
    """For each index, the lowest index of its cluster of equal and near texts."""
    sets = DisjointSets(len(data.texts))
    sets.join_all(groups_of(data.texts))
    sets.join_all((pair.a, pair.b) for pair in data.near)
    return [sets.find(index) for index in range(len(data.texts))]


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


class Conflict(NamedTuple):
    """A row (an index) whose input has another output elsewhere: at ``also``.

    ``share`` is how much of the rows with this input have this row's output; lower is more suspect.
    """

    row: int
    also: int
    share: float
    similarity: float
    outputs: dict[str, int]


def same_conflicts(groups: Iterable[Sequence[int]], outputs: Sequence[str]) -> list[Conflict]:
    """One for each row of ``groups``, which hold the rows of one input each; the rarest first."""
    return sorted((one for group in groups for one in _conflicts(group, outputs)), key=_suspicion)


def _conflicts(group: Sequence[int], outputs: Sequence[str]) -> Iterable[Conflict]:
    counts = dict(Counter(outputs[index] for index in group))
    first = group[0]
    rival = next(index for index in group if outputs[index] != outputs[first])
    for index in group:
        also = rival if outputs[index] == outputs[first] else first
        yield Conflict(index, also, counts[outputs[index]] / len(group), 1.0, counts)


def near_conflicts(data: Dataset, outputs: Sequence[str]) -> list[Conflict]:
    """One for each row that differs from a row nearly like it, by its closest such row."""
    rows = {indices[0]: indices for indices in rows_by_text(data).values()}
    rivals: dict[int, list[tuple[float, int]]] = {}
    for a, b, similarity in near_with_different_answers(data, outputs):
        rivals.setdefault(a, []).append((similarity, b))
        rivals.setdefault(b, []).append((similarity, a))
    conflicts: list[Conflict] = []
    for first, others in rivals.items():
        others.sort(key=lambda other: (-other[0], other[1]))
        for output, count in Counter(outputs[index] for index in rows[first]).items():
            against = [
                (similarity, index)
                for similarity, other in others
                for index in rows[other]
                if outputs[index] != output
            ]
            if against:
                counts = {output: count, **Counter(outputs[index] for _, index in against)}
                share, (similarity, also) = count / (count + len(against)), against[0]
                conflicts += [
                    Conflict(index, also, share, similarity, counts)
                    for index in rows[first]
                    if outputs[index] == output
                ]
    return sorted(conflicts, key=_suspicion)


def _suspicion(conflict: Conflict) -> tuple[float, float, int]:
    return (conflict.share, -conflict.similarity, conflict.row)


def ceilings(data: Dataset, outputs: Sequence[str]) -> dict[str, Any]:
    """``accuracy_ceiling`` and ``accuracy_ceiling_near``, each a ``value`` or the ``reason`` for none."""
    if data.kind == "text" or not outputs:
        undefined = {"value": None, "reason": TEXT_REASON if outputs else "there are no rows"}
        return {"accuracy_ceiling": undefined, "accuracy_ceiling_near": undefined}
    sets = DisjointSets(len(outputs))
    sets.join_all(groups_of(data.normalised_keys))
    exact = _ceiling(sets, outputs)
    most = widest(len(outputs))
    for pair in data.near:
        if system_of(data.examples[pair.a]) == system_of(data.examples[pair.b]):
            sets.join(pair.a, pair.b, most)
    return {
        "accuracy_ceiling": {"value": exact, "reason": None},
        "accuracy_ceiling_near": {"value": _ceiling(sets, outputs), "reason": None},
    }


def _ceiling(sets: DisjointSets, outputs: Sequence[str]) -> float:
    """The best accuracy on these rows of any rule that answers an input always the same way.

    Such a rule gives all rows of one input one answer, and is right for at most those that have the
    most frequent output; the ceiling is the sum of these over all rows. It assumes nothing about
    the model, only that one wording of an input gets one answer. Counting near inputs as one input
    assumes more: that a difference of a few characters does not matter. Where it does (a "not", an
    amount), different outputs are right and that ceiling is too low. Clusters of near inputs end at
    2 % of the rows, since templates tie all rows together.
    """
    counts: dict[int, Counter[str]] = {}
    for root, answer in zip(sets.roots().tolist(), outputs, strict=True):
        counts.setdefault(root, Counter())[answer] += 1
    return sum(max(count.values()) for count in counts.values()) / len(outputs)
