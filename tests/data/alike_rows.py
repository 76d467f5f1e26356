"""Data sets made of a few rows, without files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.core import Example, Message, OutputKind
from steelyard.data.dataset import DataBrief, Dataset
from steelyard.model import ModelSpec


def dataset(rows: Sequence[Sequence[Any]], kind: OutputKind = "label") -> Dataset:
    """Rows of ``(input, output)``, or with part, group and system message after these."""
    examples, parts = [], []
    for number, row in enumerate(rows, 1):
        text, output, part, group, system = [*row, *("all", None, None)[len(row) - 2 :]]
        context = () if system is None else (Message("system", system),)
        examples.append(Example("", text, output, context, group, source=f"rows:{number}"))
        parts.append(part)
    brief = DataBrief(
        name="rows",
        kind=kind,
        labels=(),
        schema=None,
        instruction="",
        model=ModelSpec("fake", "smart"),
        requests_per_day=100,
        assumed_traffic=True,
        columns={},
        paths={},
    )
    numbers = tuple(range(1, len(rows) + 1))
    written = tuple(example.output for example in examples)
    return Dataset(brief, tuple(examples), numbers, tuple(parts), written, ())
