"""How many examples of which label each part should get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from steelyard.core import Example, OutputKind, Split
from steelyard.data.likeness.rows import RowLikeness
from steelyard.data.splits.clusters import Cluster, Strata, build_clusters, cluster_numbers
from steelyard.errors import ConfigError, DataError
from steelyard.label_sets import labels_of
from steelyard.output_kinds import KINDS
from steelyard.task.sections import PARTS, SplitConfig
from steelyard.words import counted, listed

TEST_SHARE, TEST_MOST = 0.30, 1000
DEV_SHARE, DEV_LEAST, DEV_MOST = 0.15, 20, 200
MIN_EXAMPLES = 10
SHOWN = 5
FIRST = 25
_SWAPS = 4000
_RARE = 5
"""A label on no more rows stays where it is put first: train must have it."""
Subsets = Sequence[int] | Literal["auto"]


def part_sizes(n: int, fractions: SplitConfig | None) -> dict[str, int]:
    """Examples wanted in train, test and dev.

    By default 30 % is for test (at most 1,000) and 15 % for dev (at most 200, and 20 as soon as
    they are no more than a fifth of all). Given fractions are kept. Raises `DataError`.
    """
    if fractions is None:
        test = min(round(n * TEST_SHARE), TEST_MOST)
        dev = min(max(round(n * DEV_SHARE), min(DEV_LEAST, n // 5)), DEV_MOST)
    else:
        dev_share, test_share = _filled(fractions)
        test, dev = round(n * test_share), round(n * dev_share)
    sizes = {"train": n - test - dev, "test": test, "dev": dev}
    empty = [part for part, size in sizes.items() if size < 1]
    if empty:
        raise DataError(
            f"split leaves {' and '.join(empty)} empty with {n} examples: change the fractions, "
            "or add rows"
        )
    return sizes


def _filled(fractions: SplitConfig) -> tuple[float, float]:
    """The shares of dev and test: what is left out shares the rest as the defaults do (1 to 2)."""
    dev, test, train = fractions.dev, fractions.test, fractions.train
    if dev is None and test is None:
        rest = 1 - (train if train is not None else 1 - DEV_SHARE - TEST_SHARE)
        return rest / 3, rest * 2 / 3
    if dev is None and test is not None:
        return (1 - train - test if train is not None else min(DEV_SHARE, (1 - test) / 3)), test
    if test is None and dev is not None:
        return dev, (1 - train - dev if train is not None else min(TEST_SHARE, (1 - dev) / 2))
    return dev or 0.0, test or 0.0


def strata_of(examples: Sequence[Example], kind: OutputKind) -> list[tuple[str, ...]]:
    """The strata of examples; one and the same for outputs that are not made of labels."""
    return [labels_of(example.output, kind) or ("",) for example in examples]


def stratum_quotas(
    counts: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Share each part's size among the labels by largest remainder; train keeps one of each.

    Where rows have several labels, ``counts`` add up to more than the rows, and so do the quotas.
    """
    total = sum(sizes.values())
    remaining = dict(counts)
    quotas: dict[str, dict[str, int]] = {"train": remaining}
    for part in ("test", "dev"):
        ideal = {label: count * sizes[part] / total for label, count in counts.items()}
        quota = {label: min(int(ideal[label]), remaining[label] - 1) for label in counts}
        by_remainder = sorted(counts, key=lambda label: (quota[label] - ideal[label], label))
        missing = round(sum(ideal.values())) - sum(quota.values())
        for label in by_remainder:
            if missing > 0 and remaining[label] - quota[label] > 1:
                quota[label] += 1
                missing -= 1
        for label in counts:
            remaining[label] -= quota[label]
        quotas[part] = quota
    return quotas


class Allocation(NamedTuple):
    """Indices of rows by part, and how it came about, as JSON-able data.

    ``clusters`` gives the number of the cluster of every row that shares one with others.
    """

    members: dict[str, list[int]]
    report: dict[str, Any]
    clusters: Mapping[int, int]


def split_rows(
    rows: RowLikeness,
    *,
    seed: int,
    fractions: SplitConfig | None = None,
    kind: OutputKind = "label",
) -> Allocation:
    """Split by seed, stratified by label; groups and duplicates stay whole.

    The result does not depend on the order of the rows: they are sorted by id first. Raises
    `DataError` when there are too few examples, or too few groups, to fill three parts.
    """
    check_enough(rows.examples, kind)
    sizes = part_sizes(len(rows.examples), fractions)
    parts, clusters = _allocate(rows, sizes, seed, kind)
    members = {part: parts[part] for part in PARTS}
    if not all(members.values()):
        raise DataError(_too_clustered(len(clusters)))
    check_train_labels(split_of(rows.examples, members), kind)
    report = {
        "method": "seeded, stratified by label" if KINDS[kind].is_labelled else "seeded",
        "seed": seed,
        "clusters": len(clusters),
        "largest_cluster": max(len(cluster.members) for cluster in clusters),
        "wanted": sizes,
    }
    return Allocation(members, report, cluster_numbers(clusters, rows.order))


def split_of(examples: Sequence[Example], members: Mapping[str, Sequence[int]]) -> Split:
    """The examples by part; ``members`` are their indices."""
    return Split(*(tuple(examples[index] for index in members[part]) for part in PARTS))


def carve_dev(
    rows: RowLikeness, train: Sequence[int], *, seed: int, kind: OutputKind
) -> dict[str, list[int]]:
    """Cut a dev part off a given train part: the indices of both. Raises `DataError`."""
    count = len(train)
    whole = part_sizes(count, None)
    sizes = {"train": whole["train"] + whole["test"], "dev": whole["dev"], "test": 0}
    if count < MIN_EXAMPLES:
        raise DataError(
            f"train has {counted(count, 'example')} and there is no dev file: add rows up to "
            f"{MIN_EXAMPLES}, or give a dev file"
        )
    parts, clusters = _allocate(rows.subset(train), sizes, seed, kind)
    if not parts["dev"] or not parts["train"]:
        raise DataError(_too_clustered(len(clusters)))
    return {part: [train[place] for place in parts[part]] for part in ("train", "dev")}


def check_enough(examples: Sequence[Example], kind: OutputKind) -> None:
    """Refuse examples that cannot be weighed at all. Raises `DataError`."""
    if len(examples) < MIN_EXAMPLES:
        raise DataError(
            f"{counted(len(examples), 'example')} cannot be split into train, dev and test: at "
            f"least {MIN_EXAMPLES} are needed, and 100 or more for a firm verdict; label more rows"
        )
    outputs = {example.output for example in examples}
    if KINDS[kind].is_labelled and len(outputs) == 1:
        what = "label" if kind == "label" else "set of labels"
        raise DataError(
            f"every example has the {what} {next(iter(outputs))!r}, which leaves nothing to "
            "distinguish: add examples of the other labels"
        )


def check_train_labels(split: Split, kind: OutputKind, labels: Sequence[str] = ()) -> None:
    """Refuse a train part without an example of some label. Raises `DataError`."""
    named = [{label for one in part for label in labels_of(one.output, kind)} for part in split]
    missing = sorted({*labels}.union(*named) - named[0])
    if missing:
        what = "the label" if len(missing) == 1 else "the labels"
        names = listed([repr(label) for label in missing], SHOWN)
        raise DataError(
            f"train has no example of {what} {names}: add examples, or remove {what} from output.labels"
        )


def _allocate(
    rows: RowLikeness, sizes: Mapping[str, int], seed: int, kind: OutputKind
) -> tuple[dict[str, list[int]], list[Cluster]]:
    strata = strata_of([rows.examples[index] for index in rows.order], kind)
    clusters = build_clusters(rows, strata)
    places = allocate(clusters, strata, sizes, seed)
    return {part: [rows.order[place] for place in of] for part, of in places.items()}, clusters


def allocate(
    clusters: Sequence[Cluster], strata: Strata, sizes: Mapping[str, int], seed: int
) -> dict[str, list[int]]:
    """Give every cluster, the largest first, to the part that lacks its labels most.

    ``strata`` has the labels of each example, ``sizes`` the examples wanted by part. Where examples
    have several labels, see `_allocate_sets`. Returns the indices of the examples by part, in order.
    """
    counts = Counter(label for labels in strata for label in labels)
    deficits = stratum_quotas(counts, sizes)
    rng = np.random.Generator(np.random.PCG64(seed))
    shuffled = [clusters[index] for index in rng.permutation(len(clusters))]
    ordered = sorted(shuffled, key=lambda cluster: -len(cluster.members))
    if counts.total() > len(strata):
        parts = _allocate_sets(ordered, counts, deficits, sizes)
        movable = [
            at for at, one in enumerate(ordered) if min(map(counts.__getitem__, one.strata)) > _RARE
        ]
        _swap(ordered, movable, parts, deficits, rng)
    else:
        parts = _allocate_labels(ordered, deficits, sizes)
    members: dict[str, list[int]] = {part: [] for part in sizes}
    for cluster, part in zip(ordered, parts, strict=True):
        members[part].extend(cluster.members)
    return {part: sorted(indices) for part, indices in members.items()}


Deficits = Mapping[str, dict[str, int]]
"""How many examples of each label each part still lacks; below 0 it has too many."""


Choose = Callable[[Cluster, Mapping[str, int]], str]
"""Takes a cluster and the room of each part; returns the part for the cluster."""


def _allocated(
    clusters: Sequence[Cluster], deficits: Deficits, sizes: Mapping[str, int], choose: Choose
) -> list[str]:
    """The part of each cluster; ``deficits`` are what remains."""
    room, parts = dict(sizes), []
    for cluster in clusters:
        part = choose(cluster, room)
        parts.append(part)
        room[part] -= len(cluster.members)
        _take(deficits[part], cluster.strata, 1)
    return parts


def _allocate_labels(
    clusters: Sequence[Cluster], deficits: Deficits, sizes: Mapping[str, int]
) -> list[str]:
    """The part of each cluster: the one that lacks its labels most."""

    def choose(cluster: Cluster, room: Mapping[str, int]) -> str:
        return max(sizes, key=lambda name: (_relief(deficits[name], cluster.strata), room[name]))

    return _allocated(clusters, deficits, sizes, choose)


def _allocate_sets(
    clusters: list[Cluster],
    counts: Mapping[str, int],
    deficits: Deficits,
    sizes: Mapping[str, int],
) -> list[str]:
    """The part of each cluster, where examples have several labels; puts the clusters in its order.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, 2011): of clusters of one size those of
    the rarest label first, each to the part that lacks it most and has room.
    """
    by_rarity = sorted(counts, key=lambda label: (counts[label], label))
    place = {label: at for at, label in enumerate(by_rarity)}
    rarest = {id(cluster): min(map(place.__getitem__, cluster.strata)) for cluster in clusters}
    clusters.sort(key=lambda cluster: (-len(cluster.members), rarest[id(cluster)]))

    def choose(cluster: Cluster, room: Mapping[str, int]) -> str:
        first = by_rarity[rarest[id(cluster)]]
        fitting = [name for name in sizes if room[name] >= len(cluster.members)] or [*sizes]
        desires = {
            name: (deficits[name][first], _relief(deficits[name], cluster.strata), room[name])
            for name in fitting
        }
        return max(fitting, key=desires.__getitem__)

    return _allocated(clusters, deficits, sizes, choose)


def _swap(
    clusters: Sequence[Cluster],
    movable: Sequence[int],
    parts: list[str],
    deficits: Deficits,
    rng: np.random.Generator,
) -> None:
    """Swap clusters of one size between parts, at random, where that brings labels nearer their quotas."""
    tried = rng.choice(movable, size=(_SWAPS, 2)).tolist() if movable else []
    for first, second in tried:
        one, other = clusters[first], clusters[second]
        there, here = parts[first], parts[second]
        if here == there or len(one.members) != len(other.members):
            continue
        change = Counter(other.strata)
        change.subtract(one.strata)
        gain = sum(
            count * (2 * (deficits[there][label] - deficits[here][label]) - 2 * count)
            for label, count in change.items()
        )
        if gain > 0:
            parts[first], parts[second] = here, there
            _take(deficits[there], change, 1)
            _take(deficits[here], change, -1)


def _take(deficits: dict[str, int], strata: Mapping[str, int], times: int) -> None:
    for stratum, count in strata.items():
        deficits[stratum] -= times * count


def _relief(deficits: Mapping[str, int], strata: Mapping[str, int]) -> int:
    """How much the squared distance to the part's quotas shrinks by taking ``strata``."""
    return sum(count * (2 * deficits[stratum] - count) for stratum, count in strata.items())


def _too_clustered(clusters: int) -> str:
    return (
        f"the examples fall into {counted(clusters, 'group')} of duplicates or shared 'group' "
        "values, too few or too uneven to fill train, dev and test: add examples of other groups"
    )


def subset_sizes(sizes: Subsets, train: int) -> tuple[int, ...]:
    """Sizes in rising order, all below ``train``; ``auto`` doubles from 25. Raises `ConfigError`."""
    if sizes == "auto":
        doublings = (FIRST * 2**step for step in range(train.bit_length()))
        return tuple(size for size in doublings if size < train)
    for size in sizes:
        if not 1 <= int(size) < train:
            raise ConfigError(
                f"a training subset of {size} is not possible: train has {train} rows, so give "
                f"sizes from 1 to {train - 1}, or auto"
            )
    return tuple(sorted({int(size) for size in sizes}))


def nested_order(train: Sequence[Example], kind: OutputKind, seed: int) -> list[int]:
    """Indices of ``train``, ordered so that every prefix is a fair subset.

    One example of each label comes first, the frequent labels before the rare ones; after that each
    beginning holds the labels in the proportions of the whole (Webster's method: the j-th of n
    examples of a label stands at (j + 1/2) / n). Within a label the seed decides.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    strata: dict[str, list[int]] = {}
    for index, example in enumerate(train):
        stratum = example.output if KINDS[kind].is_labelled else ""
        strata.setdefault(stratum, []).append(index)
    keyed: list[tuple[float, float, int]] = []
    for label in sorted(strata):
        members = [strata[label][place] for place in rng.permutation(len(strata[label]))]
        for rank, index in enumerate(members):
            place = (rank + 0.5) / len(members)
            keyed.append((place if rank else -1.0, place, index))
    return [index for *_, index in sorted(keyed)]
