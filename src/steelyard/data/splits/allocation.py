"""Cut examples into train, dev and test so that nothing alike straddles two parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steelyard.core import Example, OutputKind, Split
from steelyard.data.splits.clusters import Cluster, build_clusters
from steelyard.data.splits.quotas import part_sizes, stratum_quotas
from steelyard.errors import DataError
from steelyard.task.sections import SplitConfig
from steelyard.words import counted

MIN_EXAMPLES = 10
SHOWN = 5


class SplitResult(NamedTuple):
    """The split and how it came about, as JSON-able data."""

    split: Split
    report: dict[str, Any]


def split_examples(
    examples: Sequence[Example],
    *,
    seed: int,
    fractions: SplitConfig | None = None,
    kind: OutputKind = "label",
) -> SplitResult:
    """Split by seed, stratified by label; groups and duplicates stay whole.

    The result does not depend on the order of the rows: they are sorted by id first. Raises
    `DataError` when there are too few examples, or too few groups, to fill three parts.
    """
    check_enough(examples, kind)
    sizes = part_sizes(len(examples), fractions)
    parts, clusters = _allocate(examples, sizes, seed, kind)
    split = Split(parts["train"], parts["dev"], parts["test"])
    _check_filled(split, clusters)
    check_train_labels(split, kind)
    report = {
        "method": "seeded, stratified by label" if kind == "label" else "seeded",
        "seed": seed,
        "clusters": len(clusters),
        "largest_cluster": max(len(cluster.members) for cluster in clusters),
        "wanted": sizes,
    }
    return SplitResult(split, report)


def carve_dev(
    train: Sequence[Example], *, seed: int, kind: OutputKind
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Cut a dev part off a given train part. Returns train and dev. Raises `DataError`."""
    whole = part_sizes(len(train), None)
    sizes = {"train": whole["train"] + whole["test"], "dev": whole["dev"], "test": 0}
    if len(train) < MIN_EXAMPLES:
        raise DataError(
            f"train has {counted(len(train), 'example')} and there is no dev file: add rows up to "
            f"{MIN_EXAMPLES}, or give a dev file"
        )
    parts, clusters = _allocate(train, sizes, seed, kind)
    if not parts["dev"] or not parts["train"]:
        raise DataError(_too_clustered(len(clusters)))
    return parts["train"], parts["dev"]


def check_enough(examples: Sequence[Example], kind: OutputKind) -> None:
    """Refuse examples that cannot be weighed at all. Raises `DataError`."""
    if len(examples) < MIN_EXAMPLES:
        raise DataError(
            f"{counted(len(examples), 'example')} cannot be split into train, dev and test: at "
            f"least {MIN_EXAMPLES} are needed, and 100 or more for a firm verdict; label more rows"
        )
    outputs = {example.output for example in examples}
    if kind == "label" and len(outputs) == 1:
        raise DataError(
            f"every example has the label {next(iter(outputs))!r}, which leaves nothing to tell "
            "apart: add examples of the other labels"
        )


def check_train_labels(split: Split, kind: OutputKind, labels: Sequence[str] = ()) -> None:
    """Refuse a train part without an example of some label. Raises `DataError`."""
    if kind != "label":
        return
    known = {*labels, *(example.output for part in split for example in part)}
    missing = sorted(known - {example.output for example in split.train})
    if missing:
        shown = ", ".join(repr(label) for label in missing[:SHOWN])
        more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
        raise DataError(
            f"no train example has the label {shown}{more}: add examples, or take the label out of "
            "output.labels"
        )


def _allocate(
    examples: Sequence[Example], sizes: Mapping[str, int], seed: int, kind: OutputKind
) -> tuple[dict[str, tuple[Example, ...]], list[Cluster]]:
    ordered = sorted(examples, key=lambda example: (example.id, example.source))
    strata = [example.output if kind == "label" else "" for example in ordered]
    clusters = build_clusters(ordered, strata)
    chosen = allocate(clusters, strata, sizes, seed)
    return {
        part: tuple(ordered[index] for index in indices) for part, indices in chosen.items()
    }, clusters


def allocate(
    clusters: Sequence[Cluster], strata: Sequence[str], sizes: Mapping[str, int], seed: int
) -> dict[str, list[int]]:
    """Give every cluster, the largest first, to the part that lacks its labels most.

    ``strata`` has the label of each example, ``sizes`` the examples wanted by part. Returns the
    indices of the examples by part, in order.
    """
    deficits = stratum_quotas(Counter(strata), sizes)
    rng = np.random.Generator(np.random.PCG64(seed))
    shuffled = [clusters[index] for index in rng.permutation(len(clusters))]
    chosen: dict[str, list[int]] = {part: [] for part in sizes}
    room = dict(sizes)
    for cluster in sorted(shuffled, key=lambda cluster: -len(cluster.members)):
        part = max(sizes, key=lambda name: (_relief(deficits[name], cluster.strata), room[name]))
        chosen[part].extend(cluster.members)
        room[part] -= len(cluster.members)
        for stratum, count in cluster.strata.items():
            deficits[part][stratum] -= count
    return {part: sorted(indices) for part, indices in chosen.items()}


def _relief(deficits: Mapping[str, int], strata: Mapping[str, int]) -> int:
    """How much the squared distance to the part's quotas shrinks by taking ``strata``."""
    return sum(count * (2 * deficits[stratum] - count) for stratum, count in strata.items())


def _check_filled(split: Split, clusters: Sequence[Cluster]) -> None:
    if not all(split):
        raise DataError(_too_clustered(len(clusters)))


def _too_clustered(clusters: int) -> str:
    return (
        f"the examples fall into {clusters} groups of duplicates or shared 'group' values, too few "
        "or too uneven to fill train, dev and test: add examples of other groups"
    )
