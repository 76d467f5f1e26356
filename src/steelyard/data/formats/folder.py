"""Rows of a Hugging Face datasets folder: as ``save_to_disk`` leaves it, or as the hub keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from steelyard.data.formats.base import RawRow
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.stream import OnBytes
from steelyard.task.dataset_folder import parts_of

SPLIT_KEY = "split"


def read_rows(
    path: Path, columns: Columns | None = None, on_bytes: OnBytes | None = None
) -> Iterator[RawRow]:
    """Yield the rows of all splits, numbered on; of several, the split's name is in ``split``."""
    from steelyard.data.formats import reader_for

    parts = parts_of(path)
    line = offset = 0
    for part in parts:
        tag = {SPLIT_KEY: part.name} if len(parts) > 1 else {}
        for file in part.files:
            report = _behind(offset, on_bytes)
            for row in reader_for(file)(file, columns, report):
                line += 1
                fields = {**tag, **row.fields} if tag and row.reason is None else row.fields
                yield RawRow(
                    line, fields, row.reason and f"{file.name} line {row.line}: {row.reason}"
                )
            offset += file.stat().st_size


def _behind(offset: int, on_bytes: OnBytes | None) -> OnBytes | None:
    return None if on_bytes is None else lambda count: on_bytes(offset + count)
