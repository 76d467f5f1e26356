"""From a task to what a run needs: the one door for the conductor."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from steelyard.core import Example, Split
from steelyard.data.formats import BadRow
from steelyard.data.read import Parts, read_examples
from steelyard.data.splits.allocation import (
    carve_dev,
    check_enough,
    check_train_labels,
    split_examples,
)
from steelyard.data.summary import AuditInput, audit
from steelyard.errors import DataError
from steelyard.task.config import Task, scored_by_rules, with_labels
from steelyard.task.sections import check_labels

MOST_LABELS = 1000


class Prepared(NamedTuple):
    """A task ready to run: its labels filled in, its examples split and audited."""

    task: Task
    split: Split
    labels: tuple[str, ...]
    audit: dict[str, Any]
    bad: tuple[BadRow, ...]


def prepare(task: Task, *, seed: int, skip_bad_rows: bool = False) -> Prepared:
    """Read, infer labels, split and audit. Raises `DataError` with one line on unusable data."""
    parts, bad, ignored_keys = read_examples(task, skip_bad_rows=skip_bad_rows)
    kind = task.output.kind
    everything = [example for examples in parts.values() for example in examples]
    if all(example.rules is not None and not example.output for example in everything):
        task = scored_by_rules(task)
    check_enough(everything, kind)
    labels = task.output.labels
    if kind == "label" and not labels:
        labels = infer_labels(everything)
    split, report = _split(task, parts, seed)
    check_train_labels(split, kind, labels)
    found = audit(split, AuditInput(kind, labels, bad, ignored_keys))
    found["split"] = report
    return Prepared(with_labels(task, labels), split, labels, found, bad)


def infer_labels(examples: list[Example]) -> tuple[str, ...]:
    """The labels that occur, the most frequent first, then by name. Raises `DataError`."""
    counts = Counter(example.output for example in examples)
    labels = tuple(sorted(counts, key=lambda label: (-counts[label], label)))
    if len(labels) > min(MOST_LABELS, len(examples) / 2):
        raise DataError(
            f"{len(labels)} different outputs in {len(examples)} examples are hardly labels: set "
            "output.kind: text, or list output.labels"
        )
    try:
        return check_labels(labels)
    except ValueError as error:
        raise DataError(f"the examples' labels: {error}") from None


def _split(task: Task, parts: Parts, seed: int) -> tuple[Split, dict[str, Any]]:
    kind = task.output.kind
    if "all" in parts:
        return split_examples(parts["all"], seed=seed, fractions=task.split, kind=kind)
    report: dict[str, Any] = {"method": "given files", "seed": None}
    train = parts["train"]
    if "dev" in parts:
        return Split(train, parts["dev"], parts["test"]), report
    train, dev = carve_dev(train, seed=seed, kind=kind)
    report = {"method": "given train and test files; dev cut from train by seed", "seed": seed}
    return Split(train, dev, parts["test"]), report
