"""Rows whose input, or nearly the same, has another output elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import (
    near_with_different_answers,
    rows_by_text,
    system_of,
    widest,
)
from steelyard.data.likeness.forest import Forest
from steelyard.data.likeness.normalise import groups_of

TEXT_REASON = "texts may differ rightly"


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
    forest = Forest(len(outputs))
    for first, *rest in groups_of(data.normalised_keys):
        for index in rest:
            forest.join(first, index)
    exact = _ceiling(forest, outputs)
    most = widest(len(outputs))
    for pair in data.near:
        if system_of(data.examples[pair.a]) == system_of(data.examples[pair.b]):
            forest.join(pair.a, pair.b, most)
    return {
        "accuracy_ceiling": {"value": exact, "reason": None},
        "accuracy_ceiling_near": {"value": _ceiling(forest, outputs), "reason": None},
    }


def _ceiling(forest: Forest, outputs: Sequence[str]) -> float:
    """The best accuracy on these rows of any rule that answers an input always the same way.

    Such a rule gives all rows of one input one answer, and is right for at most those that have the
    most frequent output; the ceiling is the sum of these over all rows. It assumes nothing about
    the model, only that one wording of an input gets one answer. Counting near inputs as one input
    assumes more: that a difference of a few characters does not matter. Where it does (a "not", an
    amount), the outputs differ rightly and that ceiling is too low. Clusters of near inputs end at
    2 % of the rows, since templates tie all rows together.
    """
    counts: dict[int, Counter[str]] = {}
    for root, answer in zip(forest.roots().tolist(), outputs, strict=True):
        counts.setdefault(root, Counter())[answer] += 1
    return sum(max(count.values()) for count in counts.values()) / len(outputs)
