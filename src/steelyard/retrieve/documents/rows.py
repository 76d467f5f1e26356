"""Rows of a table as documents: one column is the text, the others are metadata."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from steelyard.data.formats.base import RawRow
from steelyard.data.read import read_rows
from steelyard.errors import DataError, closest
from steelyard.retrieve.documents.base import (
    Document,
    DocumentLimits,
    DocumentRefusedError,
    DocumentSkippedError,
)
from steelyard.retrieve.documents.characters import cleaned
from steelyard.retrieve.documents.decoding import decoded
from steelyard.words import counted, listed

_USUAL = ("text", "content", "body", "passage", "page_content", "document", "article", "chunk")
"""Names of the column that is the text, the surest first."""
_LOOKED_AT = 200
_SHOWN = 3


class RowDocuments(NamedTuple):
    """The documents of a file of rows, and what to say of it."""

    documents: tuple[Document, ...]
    notes: tuple[str, ...]


def read_row_documents(
    path: Path,
    name: str,
    data: bytes,
    column: str | None,
    limits: DocumentLimits,
    *,
    keep_hidden: bool,
) -> RowDocuments:
    """Read the rows of a file, ``column`` being their text; without one it is guessed.

    Where no column has a usual name, the text is every column, ``name: value`` on a line each. Raises
    `DocumentRefusedError`, and `DocumentSkippedError` for a file without rows.
    """
    notes: list[str] = []
    bad: list[RawRow] = []
    documents: list[Document] = []
    with _in_utf8(path, data, notes) as readable:
        try:
            rows = read_rows(readable)
            first = list(islice(rows, _LOOKED_AT))
            text_column = _text_column(first, column)
            for row in chain(first, rows):
                text, metadata = _parts(row, text_column) if row.reason is None else ("", ())
                if not text.strip():
                    bad.append(row)
                    continue
                clean = cleaned(text, limits.hidden_pieces, keep=keep_hidden)
                documents.append(
                    Document(
                        f"{name}#{row.line}", clean.text, (), metadata, clean.hidden, (), "row"
                    )
                )
        except DataError as error:
            raise DocumentRefusedError(
                str(error).removeprefix(f"{path.name} ").removeprefix(f"{path.name}: ")
            ) from None
    if not documents and not bad:
        raise DocumentSkippedError("holds no rows")
    if not documents:
        raise DocumentRefusedError(f"holds no row with text: {_why(bad[0], text_column)}")
    if text_column is None:
        notes.append("no column has a usual name for the text: all columns are, a line each")
    if bad:
        notes.append(_left_out(bad, text_column))
    return RowDocuments(tuple(documents), tuple(notes))


def _text_column(first: Iterable[RawRow], column: str | None) -> str | None:
    names: dict[str, None] = {}
    for row in first:
        names |= dict.fromkeys(row.fields)
    if column is not None:
        if names and column not in names:
            raise DocumentRefusedError(
                f"has no column {column!r}{closest(column, names)}; it has: {listed(list(names), 12)}"
            )
        return column
    usual = {name.strip().lower(): name for name in reversed(names)}
    return next((usual[name] for name in _USUAL if name in usual), None)


def _parts(row: RawRow, column: str | None) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The text of a row and its metadata."""
    values = {str(name): _plain(value) for name, value in row.fields.items()}
    values = {name: value for name, value in values.items() if value.strip()}
    if column is None:
        return "\n".join(f"{name}: {value}" for name, value in values.items()), ()
    text = values.pop(column, "")
    return text, tuple(values.items())


def _plain(value: Any) -> str:
    """A value as text that UTF-8 can hold."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return _plain("\n".join(value))
        value = json.dumps(value, ensure_ascii=False)
    return (
        str(value).encode("utf-8", "replace").decode() if not str(value).isascii() else str(value)
    )


def _why(row: RawRow, column: str | None) -> str:
    empty = f"{column!r} is empty" if column else "it is empty"
    return f"line {row.line}: {row.reason or empty}"


def _left_out(bad: list[RawRow], column: str | None) -> str:
    first = "; ".join(_why(row, column) for row in bad[:_SHOWN])
    more = len(bad) - _SHOWN
    return f"{counted(len(bad), 'row')} left out: {first}" + (
        f"; and {more:,} more" if more > 0 else ""
    )


@contextmanager
def _in_utf8(path: Path, data: bytes, notes: list[str]) -> Iterator[Path]:
    """The file, or a copy in UTF-8 where it is in another encoding: the readers of rows know no other."""
    is_utf8 = data.removeprefix(b"\xef\xbb\xbf")[:2] not in {b"\xff\xfe", b"\xfe\xff"}
    text = decoded(data)
    if is_utf8 and not text.notes:
        yield path
        return
    notes += text.notes
    with TemporaryDirectory(prefix="steelyard-") as folder:
        copy = Path(folder) / path.name
        copy.write_text(text.text, encoding="utf-8", newline="")
        yield copy
