"""A redacted copy of a file of examples, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.data.formats import BadRow, RawRow, container_of
from steelyard.data.formats.stream import OnBytes
from steelyard.data.formats.table import read_table
from steelyard.data.formats.write import WriteRow, why_unwritable, writer_for
from steelyard.data.read import RowStream
from steelyard.errors import DataError, StorageError
from steelyard.files import real
from steelyard.private.phones import regions_of
from steelyard.private.redact import PlaceholderBook, redact_fields
from steelyard.words import counted

_LOOKED_AT = 200


@dataclass(frozen=True)
class Redaction:
    """What `redact_file` did: rows written, rows changed, values replaced by kind, rows left out."""

    rows: int
    changed: int
    counts: Mapping[str, int]
    left_out: tuple[BadRow, ...] = ()

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in self.counts.items()) or "nothing"
        lost = f"; {counted(len(self.left_out), 'row')} left out" if self.left_out else ""
        rows = counted(self.rows, "row")
        return f"{rows} written, {self.changed:,} of them changed; replaced: {kinds}{lost}"


def redact_file(
    source: Path,
    target: Path,
    book: PlaceholderBook | None = None,
    on_bytes: OnBytes | None = None,
) -> Redaction:
    """Write ``source`` to ``target`` with placeholders in place of private values, never in place.

    Rows are streamed and every field is searched, whatever its name. Give several files one ``book``
    to share their placeholders. ``on_bytes`` is called with how much of ``source`` has been read. Rows that
    cannot be read or written are left out and returned with their reasons. Raises `DataError` for a
    file that cannot be read, and `StorageError` where the copy cannot be written.
    """
    if real(source) == real(target):
        raise DataError(
            f"{target.name} is the file itself: name another file for the redacted copy"
        )
    writer = writer_for(target)
    rows = RowStream(source, on_bytes)
    first = rows.first(_LOOKED_AT)
    columns = _columns(source, target)
    book = book or PlaceholderBook(regions_of(_texts(first)))
    try:
        with writer(target, columns) as write:
            return _copy(source, rows, book, write)
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error.strerror or error}") from None


def _columns(source: Path, target: Path) -> list[str]:
    """The columns of a table; refuse to force rows of varying keys into one."""
    container = container_of(source)
    if container.format in {".csv", ".tsv"}:
        return list(next(read_table(source), RawRow(1, {})).fields)
    if container_of(target).has_header and not container.has_header:
        raise DataError(
            f"{target.name} is a table, and rows of {source.name} may differ in their keys: "
            "name a .jsonl file"
        )
    return []  # those that occur: a null in a Parquet file is not a field of its row


def _texts(rows: list[RawRow]) -> Iterator[str]:
    for row in rows:
        yield " ".join(value for value in row.fields.values() if isinstance(value, str))


def _copy(
    source: Path, rows: Iterable[RawRow], book: PlaceholderBook, write: WriteRow
) -> Redaction:
    before = book.counts.copy()
    written = changed = 0
    left_out: list[BadRow] = []
    for row in rows:
        kinds: list[str] = []
        problem = row.reason
        if problem is None:
            fields, kinds = redact_fields(row.fields, book)
            problem = _write(write, fields)
        if problem is None:
            written += 1
            changed += bool(kinds)
        else:
            left_out.append(BadRow(source.name, row.line, problem))
    return Redaction(written, changed, dict(book.counts - before), tuple(left_out))


def _write(write: WriteRow, fields: dict[str, Any]) -> str | None:
    try:
        write(fields)
    except (ValueError, RecursionError) as error:
        return why_unwritable(error)
    return None
