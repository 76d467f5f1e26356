"""Example file formats, found by the end of the file name."""

from __future__ import annotations

from pathlib import Path

from steelyard.errors import DataError
from steelyard.registry import Registry
from steelyard.task.formats.base import BadRow, RawRow, RowError, RowReader, resolve

FORMATS: Registry[RowReader] = Registry(
    "examples format",
    {
        ".jsonl": "steelyard.task.formats.jsonl:read_rows",
        ".ndjson": "steelyard.task.formats.jsonl:read_rows",
        ".json": "steelyard.task.formats.jsonl:read_rows",
        ".csv": "steelyard.task.formats.table:read_rows",
        ".tsv": "steelyard.task.formats.table:read_rows",
    },
)


def reader_for(path: Path) -> RowReader:
    """Return the reader for ``path``. An unknown ending raises `DataError`."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise DataError(
            f"{path.name}: cannot read {suffix or 'a file without an ending'}; save it as "
            "JSON Lines (.jsonl) or CSV (.csv, .tsv)"
        )
    return FORMATS.get(suffix)


__all__ = ["FORMATS", "BadRow", "RawRow", "RowError", "RowReader", "reader_for", "resolve"]
