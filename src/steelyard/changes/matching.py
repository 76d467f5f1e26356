"""Which test examples two runs share, and whether the two can be compared at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from steelyard.changes.finished import Measured
from steelyard.data.likeness.near import DisjointSets
from steelyard.errors import DataError
from steelyard.words import counted


def check_comparable(before: Measured, now: Measured) -> list[str]:
    """Return the ids of the test examples that both runs have, in the order of ``now``.

    An example is the same where id and content are. Raises `DataError` where the kinds of output or the
    metrics differ, or no example is the same.
    """
    names = f"{before.name} and {now.name} cannot be compared"
    if before.kind != now.kind:
        raise DataError(
            f"{names}: one asks for output of kind {before.kind}, the other {now.kind}: "
            "choose two runs of one task"
        )
    if before.metric != now.metric:
        raise DataError(f"{names}: {_metrics(before, now)}: run one of them again with the other's")
    common = [name for name, facts in now.items.items() if _is_same(before, name, facts.digest)]
    if not common:
        same_id = len(before.items.keys() & now.items.keys())
        raise DataError(
            f"{names}: none of their {len(before.items):,} and {len(now.items):,} test examples are "
            f"the same ({counted(same_id, 'id')} in common, with other content): "
            "run the first again on today's rows with the same --seed"
        )
    return common


def _is_same(before: Measured, name: str, digest: str) -> bool:
    return name in before.items and before.items[name].digest == digest


def _metrics(before: Measured, now: Measured) -> str:
    first, second = before.metric.get("name"), now.metric.get("name")
    if first != second:
        return f"the metric of one is {first}, that of the other {second}"
    return f"the metric {first} has other options or other code in one than in the other"


def joint_clusters(before: Measured, now: Measured, common: Sequence[str]) -> list[Hashable] | None:
    """Return the cluster of each common example; ``None`` where each stands alone.

    Examples that share a cluster in either run share one here: what depends in one, depends.
    """
    sets = DisjointSets(len(common))
    for run in (before, now):
        members = defaultdict[int, list[int]](list)
        for place, name in enumerate(common):
            cluster = run.items[name].cluster
            if cluster is not None:
                members[cluster].append(place)
        sets.join_all(members.values())
    roots: list[Hashable] = [sets.find(place) for place in range(len(common))]
    return None if len(set(roots)) == len(roots) else roots
