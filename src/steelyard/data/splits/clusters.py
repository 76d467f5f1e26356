"""Which rows stay together: groups, and rows that repeat each other exactly or nearly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from steelyard.data.likeness.alike import widest
from steelyard.data.likeness.near import DisjointSets
from steelyard.data.likeness.rows import RowLikeness, groups_of

Strata = Sequence[tuple[str, ...]]
"""What each row is balanced by: its labels, one or several; a row without any has the stratum ``""``."""


class Cluster(NamedTuple):
    """Places of examples that stay together, and how many of each label they hold."""

    members: tuple[int, ...]
    strata: Counter[str]


def build_clusters(rows: RowLikeness, strata: Strata) -> list[Cluster]:
    """Cluster the rows: members are places in ``rows.order``, along which ``strata`` runs.

    Clusters come in the order of their first members. Groups and duplicates always stay together.
    Near-duplicates do too while their cluster holds at most 2 % of the examples (or ten): templated
    data would otherwise hang together as a whole.
    """
    order, count = rows.order, len(rows.order)
    sets = DisjointSets(count)
    sets.join_all(groups_of([rows.normalised_keys[index] for index in order]))
    groups = [rows.examples[index].group for index in order]
    sets.join_all(groups_of([group or f"\0{place}" for place, group in enumerate(groups)]))
    most = widest(count)
    sets.join_all(groups_of([rows.texts[index] for index in order]), most)
    sets.join_all(((pair.a, pair.b) for pair in rows.pairs_in_order), most)
    members: dict[int, list[int]] = {}
    for place in range(count):
        members.setdefault(sets.find(place), []).append(place)
    return [
        Cluster(tuple(places), Counter(one for place in places for one in strata[place]))
        for places in members.values()
    ]


def clusters_within(rows: RowLikeness, part: Sequence[int]) -> dict[int, int]:
    """The cluster of every row of a given part that shares one with others of it: number by index.

    For a part that no allocation has made: see `build_clusters`.
    """
    within = rows.subset(part)
    clusters = build_clusters(within, [()] * len(part))
    return cluster_numbers(clusters, [part[place] for place in within.order])


def cluster_numbers(clusters: Sequence[Cluster], indices: Sequence[int]) -> dict[int, int]:
    """Number the clusters of several rows: number by index; ``indices`` are those of the places."""
    shared = [cluster for cluster in clusters if len(cluster.members) > 1]
    return {
        indices[place]: number for number, cluster in enumerate(shared) for place in cluster.members
    }
