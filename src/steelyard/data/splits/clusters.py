"""Examples that must stay together: same group, same input, or nearly the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steelyard.core import Example
from steelyard.data.likeness.forest import Forest
from steelyard.data.likeness.near import near_pairs
from steelyard.data.likeness.normalise import asked_text, groups_of, normalised_key


class Cluster(NamedTuple):
    """Indices of examples that stay together, and how many of each label they hold."""

    members: tuple[int, ...]
    strata: Counter[str]


def build_clusters(examples: Sequence[Example], strata: Sequence[str]) -> list[Cluster]:
    """Cluster ``examples``, in the order of their first members.

    Groups and duplicates always stay together. Near-duplicates do too while their cluster holds at
    most 2 % of the examples (or ten): templated data would otherwise hang together as a whole.
    """
    forest = Forest(len(examples))
    _join_all(forest, groups_of([normalised_key(example) for example in examples]))
    keyed = [example.group or f"\0{index}" for index, example in enumerate(examples)]
    _join_all(forest, groups_of(keyed))
    most = max(10, len(examples) // 50)
    asked = [asked_text(example) for example in examples]
    _join_all(forest, groups_of(asked), most)
    for pair in near_pairs(asked):
        forest.join(pair.a, pair.b, most)
    members: dict[int, list[int]] = {}
    for index in range(len(examples)):
        members.setdefault(forest.find(index), []).append(index)
    return [
        Cluster(tuple(indices), Counter(strata[index] for index in indices))
        for indices in members.values()
    ]


def _join_all(forest: Forest, groups: Iterable[Sequence[int]], most: int | None = None) -> None:
    for first, *rest in groups:
        for index in rest:
            forest.join(first, index, most)
