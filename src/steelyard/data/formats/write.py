"""Rows to files, by the ending of the file name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import marshal
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, cast

from steelyard.errors import DataError
from steelyard.files import replacing
from steelyard.registry import Registry

_HEAD = struct.Struct("<Q")
_SURROGATE = re.compile(b"\xed[\xa0-\xbf]")

WriteRow = Callable[[Mapping[str, Any]], None]
"""Takes one row as fields by name.

A row that the file cannot hold raises `ValueError` (`UnicodeEncodeError` for half a surrogate pair)
or `RecursionError`, see `why_unwritable`; nothing of it is in the file, and the others are untouched.
"""

OpenWriter = Callable[[Path, Sequence[str]], AbstractContextManager[WriteRow]]
"""Opens a file for rows of the given columns; the file appears, whole, when the block ends well.

Where the columns of a table are not given, they are those that occur, in the order of appearance.
"""

WRITERS: Registry[OpenWriter] = Registry(
    "format to write",
    {
        ".jsonl": "steelyard.data.formats.write:jsonl",
        ".jsonl.gz": "steelyard.data.formats.write:jsonl",
        ".ndjson": "steelyard.data.formats.write:jsonl",
        ".ndjson.gz": "steelyard.data.formats.write:jsonl",
        ".json": "steelyard.data.formats.write:array",
        ".json.gz": "steelyard.data.formats.write:array",
        ".csv": "steelyard.data.formats.write:table",
        ".csv.gz": "steelyard.data.formats.write:table",
        ".tsv": "steelyard.data.formats.write:table",
        ".tsv.gz": "steelyard.data.formats.write:table",
        ".parquet": "steelyard.data.formats.write_columnar:parquet",
    },
)
_GZIP_LEVEL = 6
_BUFFER_BYTES = 2**20
_MOST_COLUMNS = 2_000

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False).encode


class ScratchFile:
    """A scratch file of rows in the order in which they came.

    ``marshal`` writes plain JSON values several times faster than ``json``; its files are read back by
    the very process that wrote them, so its format may change with Python.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def pack(self, fields: Mapping[str, Any]) -> bytes:
        """Pack a row for `add`.

        Raises `ValueError` for one that is nested too deeply, and `UnicodeEncodeError` for one with
        half a surrogate pair, which no file can hold.
        """
        row = marshal.dumps(fields)  # type: ignore[arg-type] # a dict
        if _SURROGATE.search(row):  # or a number that looks like one
            json.dumps(fields, ensure_ascii=False).encode()
        return row

    def add(self, row: bytes) -> None:
        self._file.write(_HEAD.pack(len(row)))
        self._file.write(row)

    def rows(self) -> Iterator[dict[str, Any]]:
        return (row for _, row in self._sized_rows())

    def blocks(self, most_rows: int, most_bytes: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows again in lists that stay within both bounds, but for one row that is larger."""
        block: list[dict[str, Any]] = []
        total = 0
        for size, row in self._sized_rows():
            if block and (len(block) == most_rows or total + size > most_bytes):
                yield block
                block, total = [], 0
            block.append(row)
            total += size
        if block:
            yield block

    def _sized_rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self._file.flush()
        with self._path.open("rb") as file:
            while head := file.read(_HEAD.size):
                size = _HEAD.unpack(head)[0]
                yield size, marshal.loads(file.read(size))  # our own file, of this very process

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def ending_of(path: Path) -> str:
    """The end of the name that says what the file holds, with ``.gz`` where it is packed."""
    suffix = path.suffix.lower()
    return path.with_suffix("").suffix.lower() + suffix if suffix == ".gz" else suffix


def writer_for(path: Path) -> OpenWriter:
    """Return what writes files that end as ``path`` does. Raises `DataError` for another ending."""
    ending = ending_of(path)
    if ending not in WRITERS:
        endings = ", ".join(WRITERS)
        raise DataError(
            f"{path.name}: cannot write {ending or 'a file without an ending'}; known: {endings}"
        )
    return WRITERS.get(ending)


def why_unwritable(error: Exception) -> str:
    """Why a `WriteRow` refused a row, in words."""
    if isinstance(error, UnicodeEncodeError):
        return "contains half a surrogate pair, which cannot be written"
    if isinstance(error, RecursionError) or "deeply" in str(error):
        return "nested too deeply"
    if "Out of range float" in str(error):
        return "contains NaN or a number too large for JSON"  # 1e999 is read as an infinity
    return str(error)


@contextmanager
def jsonl(path: Path, columns: Sequence[str] = (), *, mark: bool = False) -> Iterator[WriteRow]:
    """Write one JSON object a line, keys in the order in which they come.

    ``mark`` puts a byte-order mark in front.
    """
    del columns
    with _packed(path) as file:
        if mark:
            file.write(b"\xef\xbb\xbf")

        def write(fields: Mapping[str, Any]) -> None:
            file.write((encode(fields) + "\n").encode())

        yield write


@contextmanager
def array(path: Path, columns: Sequence[str] = ()) -> Iterator[WriteRow]:
    """Write one JSON array, an object a line."""
    del columns
    with _packed(path) as file:
        between = "[\n"

        def write(fields: Mapping[str, Any]) -> None:
            nonlocal between
            file.write((between + encode(fields)).encode())
            between = ",\n"

        yield write
        file.write(b"[]\n" if between == "[\n" else b"\n]\n")


@contextmanager
def table(path: Path, columns: Sequence[str]) -> Iterator[WriteRow]:
    """Write a table with a header; a cell that is not text or number holds JSON, ``None`` nothing."""
    tabs = ending_of(path).startswith(".tsv")
    with _packed(path) as binary:
        file = io.TextIOWrapper(binary, "utf-8", newline="", write_through=True)
        # csv quotes a lone CR only when the line ends that it writes hold one
        writer = csv.writer(
            _UnixLines(file), delimiter="\t" if tabs else ",", lineterminator="\r\n"
        )
        if columns:
            writer.writerow(columns)

            def write(fields: Mapping[str, Any]) -> None:
                writer.writerow(_cells([fields.get(name) for name in columns]))

            yield write
        else:
            with _collected(path) as (add, occurring, scratch):
                yield add
                names = list(occurring)
                writer.writerow(names)
                for cells in scratch.rows():
                    writer.writerow([cells.get(name, "") for name in names])
        file.detach()


@contextmanager
def _collected(path: Path) -> Iterator[tuple[WriteRow, dict[str, None], ScratchFile]]:
    """Yield a writer of cells by name to a scratch file, the columns seen so far, and that file."""
    scratch = ScratchFile(path.with_name(f".{path.name}.{os.getpid()}.rows"))
    columns: dict[str, None] = {}

    def add(fields: Mapping[str, Any]) -> None:
        cells = dict(zip(fields, _cells(list(fields.values())), strict=True))
        if not cells.keys() <= columns.keys():
            note_columns(columns, fields, path)
        scratch.add(scratch.pack(cells))

    try:
        yield add, columns, scratch
    finally:
        scratch.close()


def note_columns(columns: dict[str, Any], fields: Mapping[str, Any], path: Path) -> None:
    """Add the names that are new. Raises `ValueError` for one that no column can have."""
    for name in fields:
        if name not in columns:
            name.encode()
            if not name.strip() or name != name.strip():
                raise ValueError(f"{name[:40]!r} cannot name a column")
            if len(columns) == _MOST_COLUMNS:
                raise DataError(
                    f"{path.name} would have more than {_MOST_COLUMNS:,} columns: write .jsonl"
                )
            columns[name] = None


@contextmanager
def _packed(path: Path) -> Iterator[IO[bytes]]:
    """Open a scratch file for bytes, packed where the name ends in ``.gz``."""
    with replacing(path) as scratch, scratch.open("wb", _BUFFER_BYTES) as file:
        if path.suffix.lower() != ".gz":
            yield file
            return
        # no name and no time: equal rows make equal bytes
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


class _UnixLines:
    """Passes lines on with LF in place of CRLF at their end."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line[:-2] + "\n")


def _cells(values: list[Any]) -> list[str]:
    cells = [_cell(value) for value in values]
    if not any(cell and not cell.isspace() for cell in cells):
        raise ValueError("all cells are empty, which a table cannot show as a row")
    return cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        return encode(value)
    if not value.isascii():
        value.encode()
    return value
