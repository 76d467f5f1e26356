"""CSV and TSV with named columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from steelyard.config.source import encoding_problem
from steelyard.data.formats import container_of
from steelyard.data.formats.base import RawRow, resolve
from steelyard.data.formats.shapes import known_keys
from steelyard.data.formats.stream import (
    MOST_LINE_BYTES,
    ROWS_BETWEEN_REPORTS,
    OnBytes,
    is_packed,
    open_bytes,
)
from steelyard.errors import DataError, closest

_DELIMITERS = ",;\t|"
_ESCAPED = re.compile("[\udc80-\udcff]")
_CLOSED = re.compile(rb'"(?:[^"]|"")*"')
_TWO = 2


def read_rows(
    path: Path, columns: Mapping[str, str] | None = None, on_bytes: OnBytes | None = None
) -> Iterator[RawRow]:
    """Yield the table's rows by column name; the delimiter is read from the header.

    The header is checked for ``columns`` (`check_columns`), unless they are ``None``.
    """
    for row in read_table(path, on_bytes):
        if row.line != 1:
            yield row
        elif columns is not None:
            check_columns(path, tuple(row.fields), columns)


def read_table(path: Path, on_bytes: OnBytes | None = None) -> Iterator[RawRow]:
    """Yield the header as line 1 (its fields empty), then the rows."""
    with open_bytes(path) as source, _long_fields():
        file = io.TextIOWrapper(source, "utf-8-sig", errors="surrogateescape", newline="")
        lines = _lines(path, file)
        first = list(_until_text(lines))
        if not first:
            return
        delimiter = "\t" if container_of(path).format == ".tsv" else _delimiter(first[-1])
        plain = delimiter == "\t" and _quotes_are_text(path)
        quoting: Literal[0, 3] = csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL
        reader = csv.reader(chain(first, lines), delimiter=delimiter, strict=True, quoting=quoting)
        header = _header(path, reader)
        yield RawRow(1, dict.fromkeys(header))
        for count, row in enumerate(_body(path, reader, header)):
            yield row
            if on_bytes is not None and count % ROWS_BETWEEN_REPORTS == 0:
                on_bytes(source.position())


def _quotes_are_text(path: Path) -> bool:
    """Whether a quote in a tab-separated file is a character like any other.

    IANA's text/tab-separated-values knows no quoting, spreadsheets do. It is text where every line
    has as many cells as the header and some cell begins with a quote that does not close it.
    """
    opened = False
    with open_bytes(path) as source:
        cells: int | None = None
        for line in source:
            text = line.rstrip(b"\r\n")
            if not text.strip():
                continue
            cells = text.count(b"\t") if cells is None else cells
            if text.count(b"\t") != cells:
                return False
            if b'"' in text and not opened:
                opened = any(
                    cell.startswith(b'"') and not _CLOSED.fullmatch(cell)
                    for cell in text.split(b"\t")
                )
    return opened


def check_columns(path: Path, header: tuple[str, ...], columns: Mapping[str, str]) -> None:
    """Refuse a table whose input or output column is unknown. Raises `DataError`."""
    for role, name in columns.items():
        if name not in header:
            names = ", ".join(header)
            raise DataError(
                f"{path.name} has no column {name!r} for columns.{role}{closest(name, header)}; "
                f"it has: {names}"
            )
    if "input" not in columns and known_keys(header) is not None:
        return
    missing = [role for role in ("input", "output") if role not in resolve(header, columns)]
    if missing:
        roles = " and the ".join(missing)
        raise DataError(
            f"cannot tell which column of {path.name} holds the {roles}; it has: "
            f"{', '.join(header)}; add to task.yaml: columns: {{input: …, output: …}}"
        )


def _lines(path: Path, file: io.TextIOWrapper) -> Iterator[str]:
    while line := file.readline(MOST_LINE_BYTES):
        if len(line) == MOST_LINE_BYTES:
            raise DataError(f"{path.name} has a line of more than {MOST_LINE_BYTES // 2**20} MB")
        yield line


def _until_text(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if line.strip():
            return


def _header(path: Path, reader: Any) -> list[str]:
    try:
        cells: list[str] = next((row for row in reader if any(row)), [])
    except csv.Error as error:
        raise DataError(f"{path.name} line 1: the header is not CSV ({error})") from None
    if any(_ESCAPED.search(name) for name in cells):
        raise DataError(_not_utf8(path) or f"{path.name} line 1: the header is not UTF-8")
    header = [name.strip() for name in cells]
    repeated = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if repeated is not None:
        raise DataError(f"{path.name} has two columns named {repeated!r}: rename one of them")
    return header


def _body(path: Path, reader: Any, header: list[str]) -> Iterator[RawRow]:
    width = len(header)
    is_located = False
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(max(line, _TWO), {}, _reason(str(error), line, reader.line_num))
            continue
        if not any(cells) or not any(cell.strip() for cell in cells):
            continue
        fields = dict(zip(header, cells, strict=False))
        problem = None if len(cells) == width else _width_problem(len(cells), width)
        if any(not cell.isascii() and _ESCAPED.search(cell) for cell in cells):
            problem = (not is_located and _not_utf8(path)) or "not UTF-8: save the file as UTF-8"
            fields, is_located = {}, True
        yield RawRow(max(line, _TWO), fields, problem)


def _not_utf8(path: Path) -> str:
    """Where the file first stops being UTF-8; empty where that takes unpacking."""
    return "" if is_packed(path) else encoding_problem(path)


def _width_problem(cells: int, columns: int) -> str:
    return f"has {cells} of {columns} cells: quote cells that hold the delimiter"


def _reason(error: str, first: int, last: int) -> str:
    if "unexpected end of data" in error:
        return "a quote opened here is never closed"
    lines = f"; lines {first} to {last} are one row to a CSV reader" if last > first else ""
    return f"not CSV ({error}){lines}"


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters per field while a file is read."""
    before = csv.field_size_limit(MOST_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)
