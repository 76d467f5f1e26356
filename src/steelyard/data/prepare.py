"""From a task to what a run needs: the one door for the conductor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from steelyard.commands import command
from steelyard.core import Example, OutputKind
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.outputs.variants import intended
from steelyard.data.read import BadRowsError, bad_rows
from steelyard.data.splits.allocation import (
    Allocation,
    carve_dev,
    check_enough,
    check_train_labels,
    split_rows,
)
from steelyard.data.splits.clusters import clusters_within
from steelyard.errors import DataError
from steelyard.label_sets import labels_of
from steelyard.output_kinds import LABELLED
from steelyard.task.config import Task
from steelyard.task.from_rows import scored_by_rules, with_labels
from steelyard.task.sections import PARTS, check_labels

MOST_LABELS = 1000


def prepare(task: Task, *, seed: int, skip_bad_rows: bool = False) -> Dataset:
    """Read, infer labels and split. Returns the rows in their parts, with their task filled in.

    Raises as `read_task` does, and `DataError` with one line on data that cannot be weighed.
    """
    return divide(read_task(task, skip_bad_rows=skip_bad_rows), seed=seed)


def divide(data: Dataset, *, seed: int) -> Dataset:
    """Infer labels and split the rows that a run takes. Raises `DataError` for what cannot be weighed."""
    task = data.task
    rows, kind = data.usable, task.output.kind
    if all(example.rules is not None and not example.output for example in rows.examples):
        task = scored_by_rules(task)
    check_enough(rows.examples, kind)
    labels = task.output.labels
    if kind in LABELLED and not labels:
        labels = infer_labels(rows.examples, kind)
    members, report, clusters = _allocation(rows, seed)
    index = {number: at for at, number in enumerate(data.numbers)}
    places = {part: [index[rows.numbers[at]] for at in members[part]] for part in PARTS}
    numbers = {index[rows.numbers[at]]: number for at, number in clusters.items()}
    data = data.divided(places, report, with_labels(task, labels), numbers)
    check_train_labels(data.split, kind, labels)
    return data


def read_task(task: Task, *, skip_bad_rows: bool = False) -> Dataset:
    """Read every example file of ``task``, as strictly as a run does.

    Raises `BadRowsError` naming file, line and reason of every row that a run cannot take, unless
    ``skip_bad_rows``, and `DataError` for a file that cannot be read at all or holds no usable row.
    """
    data = open_dataset(task)
    bad = tuple(row.bad for row in data.unusable)
    usable = set(data.usable.parts_read)
    with_rows = usable | {row.part for row in data.unusable}
    paths = data.task.example_paths
    for part, path in paths.items():
        if part not in with_rows:
            raise DataError(f"{path.name} holds no examples: add one row per example")
    repair = _spelling_repair(data)
    aside = f" ({repair})" if repair else ""
    if bad and not skip_bad_rows:
        raise BadRowsError(bad, repair)
    for part, path in paths.items():
        if part not in usable:
            raise DataError(f"{path.name} holds no usable example; {bad_rows(bad)}{aside}")
    return data


def _spelling_repair(data: Dataset) -> str:
    """The command that corrects labels which are declared ones misspelt; empty where there are none."""
    counts = Counter(label for index in data.refusals for label in data.label_sets[index])
    if not data.task.output.labels or not intended(counts, data.task.output.labels):
        return ""
    fix = command("data", "fix", data.task.folder, "OUT")
    return f"{fix} corrects labels that differ by case, spaces or punctuation; fix the others"


def infer_labels(examples: Sequence[Example], kind: OutputKind = "label") -> tuple[str, ...]:
    """The labels that occur, the most frequent first, then by name. Raises `DataError`."""
    counts = Counter(label for one in examples for label in labels_of(one.output, kind))
    labels = tuple(sorted(counts, key=lambda label: (-counts[label], label)))
    if len(labels) > min(MOST_LABELS, len(examples) / 2):
        raise DataError(
            f"{len(labels)} different outputs in {len(examples)} examples are too many for labels: set "
            "output.kind: text, or list output.labels"
        )
    try:
        return check_labels(labels)
    except ValueError as error:
        does = ", as steelyard data fix does" if _differ_by_case(labels) else ""
        raise DataError(f"the examples' labels: {error}{does}") from None


def _differ_by_case(labels: Sequence[str]) -> bool:
    return len({label.casefold() for label in labels}) < len(set(labels))


def _allocation(rows: Dataset, seed: int) -> Allocation:
    """The parts as the files give them, or as a split by seed makes them."""
    task = rows.task
    if "all" in task.example_paths:
        return split_rows(rows.likeness, seed=seed, fractions=task.split, kind=rows.kind)
    members = rows.members_as_read
    report: dict[str, Any] = {"method": "given files", "seed": None}
    if "dev" not in members:
        members |= carve_dev(rows.likeness, members["train"], seed=seed, kind=rows.kind)
        method = "given train and test files; dev cut from train by seed"
        report = {"method": method, "seed": seed}
    # No interval is over dev, and the search for near rows is dear: only test is searched for itself.
    return Allocation(members, report, clusters_within(rows.likeness, members["test"]))
