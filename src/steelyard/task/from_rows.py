"""What rows say of a task: labels, columns, metric, or all of it where there is no ``task.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.core import OutputKind
from steelyard.task.config import Task
from steelyard.task.sections import (
    ColumnsConfig,
    ExampleFiles,
    MetricConfig,
    OutputConfig,
    check_labels,
)


def bare_task(
    path: Path,
    kind: OutputKind,
    columns: Mapping[str, str | None],
    files: Mapping[str, str] | None = None,
) -> Task:
    """A file of examples as a task without instruction and labels; its columns are as it has them.

    ``files`` are the parts of a folder, relative to its parent.
    """
    task = Task.model_construct(
        name=path.name,
        instruction="",
        output=OutputConfig(kind=kind),
        examples=ExampleFiles(**(files or {"all": path.name})),
        columns=ColumnsConfig.model_construct(None, **columns),
    )
    task._folder = path.parent.resolve()
    return task


def with_labels(task: Task, labels: tuple[str, ...]) -> Task:
    """Put labels found in the examples on a task that declares none; the fingerprint stays."""
    if task.output.labels or not labels:
        return task
    output = task.output.model_copy(update={"labels": check_labels(labels)})
    return _filled_in(task, output=output)


def with_columns(task: Task, columns: Mapping[str, str | None]) -> Task:
    """Put what the rows say of columns on a task; the fingerprint stays."""
    return _filled_in(task, columns=ColumnsConfig.model_construct(None, **columns))


def scored_by_rules(task: Task) -> Task:
    """Set the metric of a task that names none and whose rows have rules but no outputs."""
    return task if task.metric else _filled_in(task, metric=(MetricConfig(name="rules"),))


def _filled_in(task: Task, **fields: Any) -> Task:
    copy = task.model_copy(update=fields)
    copy._folder, copy._fingerprint = task.folder, task.fingerprint
    return copy
