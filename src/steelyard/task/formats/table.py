"""CSV and TSV with named columns."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steelyard.errors import DataError, closest
from steelyard.task.formats.base import RawRow, resolve

_DELIMITERS = ",;\t|"


def read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[RawRow]:
    """Yield the table's rows by column name; the delimiter is read from the header."""
    for row in read_table(path):
        if row.line == 1:
            check_columns(path, tuple(row.fields), columns)
        else:
            yield row


def read_table(path: Path) -> Iterator[RawRow]:
    """Yield the header as line 1 (its fields empty), then the rows."""
    with path.open(encoding="utf-8-sig", newline="") as file, _long_fields():
        first = next((line for line in file if line.strip()), "")
        if not first:
            return
        delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(first)
        file.seek(0)
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = _header(path, reader)
        yield RawRow(1, dict.fromkeys(header))
        yield from _body(reader, header)


def check_columns(path: Path, header: tuple[str, ...], columns: Mapping[str, str]) -> None:
    """Refuse a table whose input or output column is unknown. Raises `DataError`."""
    for role, name in columns.items():
        if name not in header:
            known = ", ".join(header)
            raise DataError(
                f"{path.name} has no column {name!r} for columns.{role}{closest(name, header)}; "
                f"it has: {known}"
            )
    missing = [role for role in ("input", "output") if role not in resolve(header, columns)]
    if missing:
        roles = " and the ".join(missing)
        raise DataError(
            f"cannot tell which column of {path.name} holds the {roles}; it has: "
            f"{', '.join(header)}; add to task.yaml: columns: {{input: …, output: …}}"
        )


def _header(path: Path, reader: Any) -> list[str]:
    try:
        header = [name.strip() for name in next(row for row in reader if any(row))]
    except csv.Error as error:
        raise DataError(f"{path.name} line 1: the header is not CSV ({error})") from None
    repeated = next((name for name in header if name and header.count(name) > 1), None)
    if repeated is not None:
        raise DataError(f"{path.name} has two columns named {repeated!r}: rename one of them")
    return header


def _body(reader: Any, header: list[str]) -> Iterator[RawRow]:
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRow(max(line, 2), {}, _reason(str(error)))
            continue
        if not any(cell.strip() for cell in cells):
            continue
        fields = dict(zip(header, cells, strict=False))
        yield RawRow(max(line, 2), fields, _width_problem(len(cells), len(header)))


def _width_problem(cells: int, columns: int) -> str | None:
    if cells == columns:
        return None
    return f"has {cells} of {columns} cells: quote cells that hold the delimiter"


def _reason(error: str) -> str:
    if "unexpected end of data" in error:
        return "a quote opened here is never closed"
    return f"not CSV ({error})"


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


@contextmanager
def _long_fields() -> Iterator[None]:
    """Lift the csv module's limit of 131,072 characters per field while a file is read."""
    before = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(before)
