"""Data sets made of a few rows, without files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steelyard.core import Example, Message, OutputKind, Split
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.rows import RowLikeness
from steelyard.task.config import Task
from steelyard.task.from_rows import bare_task


def dataset(rows: Sequence[Sequence[Any]], kind: OutputKind = "label") -> Dataset:
    """Rows of ``(input, output)``, or with part, group and system message after these."""
    examples, parts = [], []
    for number, row in enumerate(rows, 1):
        text, output, part, group, system = [*row, *("all", None, None)[len(row) - 2 :]]
        context = () if system is None else (Message("system", system),)
        examples.append(Example("", text, output, context, group, source=f"rows:{number}"))
        parts.append(part)
    return _dataset(bare_task(Path("rows"), kind, {}), examples, parts)


def divided(split: Split, task: Task | None = None, **more: Any) -> Dataset:
    """The rows of a split in one file, in the parts in which it has them."""
    examples = [example for part in split for example in part]
    parts = [name for name, part in zip(split._fields, split, strict=True) for _ in part]
    data = _dataset(task or bare_task(Path("rows"), "label", {}), examples, parts, **more)
    members = {part: data.members_as_read.get(part, []) for part in split._fields}
    return data.divided(members, {}, data.task)


def _dataset(task: Task, examples: Sequence[Example], parts: Sequence[str], **more: Any) -> Dataset:
    numbers = tuple(range(1, len(examples) + 1))
    written = tuple(example.output for example in examples)
    return Dataset(task, RowLikeness(examples), numbers, tuple(parts), written, **more)
