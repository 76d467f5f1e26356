"""Rows of a table as documents: one column is the text, the others stand below it and are metadata."""

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
from steelyard.retrieve.documents.passages import HEADING
from steelyard.words import counted, listed

_USUAL = ("text", "content", "body", "passage", "page_content", "document", "article", "chunk")
"""Names of the column that is the text, the surest first."""
_LOOKED_AT = 200
LONGEST_VALUE = 300
"""Characters; a longer value of another column (a vector, a page of HTML) does not stand in the text."""
_SHOWN = 3
_NAMED = 12


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
    """Read the rows of a file, ``column`` alone being their text; without one it is guessed.

    Below a guessed one stand the others, ``name: value`` on a line each, so that what they say can be found
    and answered; where no column has a usual name, that is all the text. Values over `LONGEST_VALUE` are
    only metadata. Raises
    `DocumentRefusedError`, and `DocumentSkippedError` for a file without rows.
    """
    notes: list[str] = []
    bad: list[RawRow] = []
    documents: list[Document] = []
    others = _OtherColumns({}, {})
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
                if column is None and text_column is not None:
                    text = others.below(text, metadata)
                else:
                    others.below("", metadata)
                clean = cleaned(text, limits.hidden_pieces, keep=keep_hidden)
                documents.append(
                    Document(
                        f"{name}#{row.line}", clean.text, (), metadata, clean.hidden, (), "row"
                    )
                )
        except DataError as error:
            if path.suffix.lower() == ".json" and not documents:
                raise DocumentSkippedError("JSON that is no list of rows") from None
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
    if text_column is not None:
        notes += others.notes(text_column, is_named=column is not None)
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


class _OtherColumns(NamedTuple):
    """The columns beside the text: with values that stand below it, and with values too long for that."""

    shown: dict[str, None]
    long: dict[str, None]

    def below(self, text: str, values: Iterable[tuple[str, str]]) -> str:
        """The text with the values below it that are not too long, a line each."""
        lines = []
        for name, value in values:
            if len(value) > LONGEST_VALUE:
                self.long[name] = None
                continue
            self.shown[name] = None
            lines.append(line_of(name, value))
        return "\n".join([text.rstrip(), "", *lines]) if lines else text

    def notes(self, column: str, *, is_named: bool) -> Iterator[str]:
        """What of the rows a model is shown."""
        if is_named:
            every = self.shown | self.long
            others = [name for name in every if name != HEADING]
            heading = f", and {HEADING} as its heading" if HEADING in every else ""
            alone = "" if heading else " alone"
            rest = f"; not {listed(others, _NAMED)}" if others else ""
            if every:
                yield f"a model is shown the column {column!r}{alone}, as text: says{heading}{rest}"
            return
        if self.shown:
            yield f"the text is the column {column!r}, and below it {listed(list(self.shown), _NAMED)}"
        if self.long:
            names = listed(list(self.long), _NAMED)
            yield f"values over {LONGEST_VALUE} characters are not shown to a model: of {names}"


def line_of(name: str, value: str) -> str:
    """A column as it stands below a row's text."""
    return f"{name}: {', '.join(value.splitlines())}"


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
