"""Examples that must stay together: same group, same input, or nearly the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steelyard.data.likeness.forest import Forest
from steelyard.data.likeness.normalise import groups_of
from steelyard.data.likeness.rows import RowLikeness


class Cluster(NamedTuple):
    """Places of examples that stay together, and how many of each label they hold."""

    members: tuple[int, ...]
    strata: Counter[str]


def build_clusters(rows: RowLikeness, strata: Sequence[str]) -> list[Cluster]:
    """Cluster the rows: members are places in ``rows.order``, along which ``strata`` runs.

    Clusters come in the order of their first members. Groups and duplicates always stay together.
    Near-duplicates do too while their cluster holds at most 2 % of the examples (or ten): templated
    data would otherwise hang together as a whole.
    """
    order, count = rows.order, len(rows.order)
    forest = Forest(count)
    _join_all(forest, groups_of([rows.normalised_keys[index] for index in order]))
    groups = [rows.examples[index].group for index in order]
    _join_all(forest, groups_of([group or f"\0{place}" for place, group in enumerate(groups)]))
    most = max(10, count // 50)
    _join_all(forest, groups_of([rows.texts[index] for index in order]), most)
    for pair in rows.pairs_in_order:
        forest.join(pair.a, pair.b, most)
    members: dict[int, list[int]] = {}
    for place in range(count):
        members.setdefault(forest.find(place), []).append(place)
    return [
        Cluster(tuple(places), Counter(strata[place] for place in places))
        for places in members.values()
    ]


def _join_all(forest: Forest, groups: Iterable[Sequence[int]], most: int | None = None) -> None:
    for first, *rest in groups:
        for index in rest:
            forest.join(first, index, most)
