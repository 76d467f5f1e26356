"""Files and folders of examples: which reader takes them, found by the end of the name."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from steelyard.data.formats.base import BadRow, RawRow, RowError, RowReader
from steelyard.data.formats.disguise import refuse_known
from steelyard.data.formats.roles import resolve
from steelyard.errors import DataError
from steelyard.registry import Registry
from steelyard.task.dataset_folder import is_dataset_folder

FORMATS: Registry[RowReader] = Registry(
    "examples format",
    {
        ".jsonl": "steelyard.data.formats.jsonl:read_rows",
        ".ndjson": "steelyard.data.formats.jsonl:read_rows",
        ".json": "steelyard.data.formats.array:read_rows",
        ".csv": "steelyard.data.formats.table:read_rows",
        ".tsv": "steelyard.data.formats.table:read_rows",
        ".parquet": "steelyard.data.formats.columnar:read_rows",
        ".arrow": "steelyard.data.formats.columnar:read_rows",
        "folder": "steelyard.data.formats.folder:read_rows",
    },
)
PACKED = (".gz", ".zip")
_PACKABLE = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv"})
_TITLES = {
    ".jsonl": "JSON Lines",
    ".ndjson": "JSON Lines",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "TSV",
    ".parquet": "Parquet",
    ".arrow": "Arrow",
    "folder": "datasets folder",
}


class Container(NamedTuple):
    """How rows lie on disk: a name of `FORMATS`, and how it is packed (empty, ``.gz``, ``.zip``)."""

    format: str
    packed: str = ""

    @property
    def title(self) -> str:
        return _TITLES[self.format] + (f", {self.packed[1:]}" if self.packed else "")

    @property
    def has_header(self) -> bool:
        """Whether every row has the same columns, named in front."""
        return self.format in {".csv", ".tsv", ".parquet", ".arrow"}


def container_of(path: Path) -> Container:
    """Say how the rows of ``path`` lie on disk. Raises `DataError` for what cannot be read."""
    if path.is_dir() or (not path.suffix and is_dataset_folder(path)):
        return Container("folder")
    suffix = path.suffix.lower()
    if suffix not in PACKED:
        if suffix in FORMATS:
            return Container(suffix)
        refuse_known(path)
        raise DataError(
            f"{path.name}: cannot read {suffix or 'a file without an ending'}; save it as "
            "JSON Lines (.jsonl), JSON (.json), CSV (.csv, .tsv), Parquet (.parquet), or one of the "
            "text formats packed as .gz or .zip"
        )
    inner = Path(_name_inside(path)).suffix.lower()
    if inner not in _PACKABLE:
        packable = ", ".join(sorted(_PACKABLE))
        raise DataError(
            f"{path.name}: cannot read {inner or 'a file without an ending'} packed as {suffix}; "
            f"known inside: {packable}"
        )
    return Container(inner, suffix)


def reader_for(path: Path) -> RowReader:
    """Return the reader for ``path``. An unknown ending raises `DataError`."""
    return FORMATS.get(container_of(path).format)


def _name_inside(path: Path) -> str:
    if path.suffix.lower() == ".gz" or not path.is_file():
        return path.stem
    from steelyard.data.formats.stream import zip_member

    return zip_member(path)


__all__ = [
    "FORMATS",
    "BadRow",
    "Container",
    "RawRow",
    "RowError",
    "RowReader",
    "container_of",
    "reader_for",
    "resolve",
]
