"""CSV and TSV with named columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from steelyard.config.source import encoding_problem
from steelyard.data.formats import container_of
from steelyard.data.formats.base import RawRow
from steelyard.data.formats.delimiter import delimiter_of
from steelyard.data.formats.disguise import HEAD_BYTES, refuse_json
from steelyard.data.formats.roles import Columns, columns_of, resolve
from steelyard.data.formats.shapes import known_keys
from steelyard.data.formats.shapes.multiple_choice import choice_columns
from steelyard.data.formats.stream import (
    MOST_LINE_BYTES,
    ROWS_BETWEEN_REPORTS,
    OnBytes,
    is_packed,
    open_bytes,
)
from steelyard.errors import DataError, closest

_SEPARATOR = re.compile(r"\ufeff?\"?sep=(.)\"?[,;\t]*\r?\n?", re.IGNORECASE)
"""The first line that Excel reads for the delimiter and writes for others of its kind."""
_LOOKED_AT = 200
_ESCAPED = re.compile("[\udc80-\udcff]")
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")
_CLOSED = re.compile(rb'"(?:[^"]|"")*"')
_TWO = 2


def read_rows(
    path: Path, columns: Columns | None = None, on_bytes: OnBytes | None = None
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
        refuse_json(path, source.peek(HEAD_BYTES)[:HEAD_BYTES])
        file = io.TextIOWrapper(source, "utf-8-sig", errors="surrogateescape", newline="")
        lines = _lines(path, file)
        first = list(_until_text(lines))
        if not first:
            return
        is_tsv = container_of(path).format == ".tsv"
        separator = _SEPARATOR.fullmatch(first[-1])
        if separator is not None:
            first = list(_until_text(lines))
        first += list(islice(lines, _LOOKED_AT))
        delimiter = (
            separator[1] if separator else "\t" if is_tsv else delimiter_of(path.name, first)
        )
        plain = delimiter == "\t" and _quotes_are_text(path)
        quoting: Literal[0, 3] = csv.QUOTE_NONE if plain else csv.QUOTE_MINIMAL
        reader = csv.reader(chain(first, lines), delimiter=delimiter, strict=True, quoting=quoting)
        header = _header(path, reader)
        yield RawRow(1, dict.fromkeys(header))
        before = 0 if separator is None else 1
        for count, row in enumerate(_body(path, reader, header, before)):
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


def check_named(path: Path, header: tuple[str, ...], columns: Columns) -> None:
    """Refuse ``columns`` that a file does not have. Raises `DataError`."""
    for role, name in columns.items():
        named = () if name is None else columns_of(name, header)
        for column in named:
            if column not in header:
                raise DataError(
                    f"{path.name} has no column {column!r} for the {role}"
                    f"{closest(column, header)}; it has: {', '.join(filter(None, header))}"
                )


def check_columns(path: Path, header: tuple[str, ...], columns: Columns) -> None:
    """Refuse a table whose input or output column is unknown. Raises `DataError`."""
    check_named(path, header, columns)
    if "input" not in columns and (known_keys(header) is not None or choice_columns(header)):
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
    if header.count("") > 1:  # as pandas names them: several would be one
        header = [name or f"Unnamed: {at}" for at, name in enumerate(header)]
    repeated = next((name for name, count in Counter(header).items() if name and count > 1), None)
    if repeated is not None and _NUMBER.fullmatch(repeated):
        raise DataError(
            f"{path.name} seems to have no header: its first line holds {repeated} twice; put a line with "
            "the names of the columns before it"
        )
    if repeated is not None:
        raise DataError(f"{path.name} has two columns named {repeated!r}: rename one of them")
    return header


def _body(path: Path, reader: Any, header: list[str], before: int) -> Iterator[RawRow]:
    """The rows after the header; ``before`` is how many lines stand before what is read."""
    width = len(header)
    not_utf8 = ""
    while True:
        line = reader.line_num + 1 + before
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            last = reader.line_num + before
            yield RawRow(max(line, _TWO), {}, _reason(str(error), line, last))
            continue
        if not any(cells) or not any(cell.strip() for cell in cells):
            continue
        fields = dict(zip(header, cells, strict=False))
        problem = None if len(cells) == width else _width_problem(len(cells), width)
        if [cell.strip() for cell in cells] == header:
            problem = "repeats the header, as joined files do"
        if any(not cell.isascii() and _ESCAPED.search(cell) for cell in cells):
            not_utf8 = not_utf8 or _not_utf8(path) or "not UTF-8: save the file as UTF-8"
            fields, problem = {}, not_utf8
        yield RawRow(max(line, _TWO), fields, problem)


def _not_utf8(path: Path) -> str:
    """Where the file first stops being UTF-8; empty where that takes unpacking."""
    return "" if is_packed(path) else encoding_problem(path)


def _width_problem(cells: int, columns: int) -> str:
    if cells < columns:
        return f"has {cells} of {columns} cells: fill in the others, empty ones too, with one delimiter"
    return f"has {cells} of {columns} cells: quote cells that hold the delimiter"


def _reason(error: str, first: int, last: int) -> str:
    if "unexpected end of data" in error:
        return "a quote opened here is never closed"
    lines = f"; lines {first} to {last} are one row to a CSV reader" if last > first else ""
    return f"not CSV ({error}){lines}"


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters per field while a file is read."""
    before = csv.field_size_limit(MOST_LINE_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)
