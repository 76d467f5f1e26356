"""The one door to the rows of files, and the words for rows that cannot be used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.data.formats import BadRow, RawRow, reader_for
from steelyard.data.formats.base import Counting
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.shapes import counting_in, have_numbers
from steelyard.data.formats.stream import OnBytes, not_utf8
from steelyard.errors import DataError
from steelyard.files import note_source
from steelyard.task import Task
from steelyard.words import listed

SHOWN = 10
FIRST_ROWS = 1_000
"""What a file holds is guessed from as many rows."""
_PLACE = re.compile(r" at column \d+|; lines \d+ to \d+ are one row to a CSV reader")
"""What differs between reasons that are one."""
FIRST = 3


class NumberedRow(NamedTuple):
    """A raw row with its row number, counted from 1 over all files, and its part."""

    number: int
    part: str
    row: RawRow


class BadRowsError(DataError):
    """Rows that cannot be used; ``bad`` lists every one of them, ``repair`` says what corrects some."""

    def __init__(self, bad: tuple[BadRow, ...], repair: str = "") -> None:
        super().__init__(summary(bad, repair))
        self.bad = bad


def read_rows(
    path: Path,
    columns: Columns | None = None,
    on_bytes: OnBytes | None = None,
) -> Iterator[RawRow]:
    """Yield the rows of a file or a datasets folder, in flat memory; see `RowReader`.

    Raises `DataError` when the file as a whole cannot be read.
    """
    note_source(path)
    try:
        yield from reader_for(path)(path, columns, on_bytes)
    except UnicodeDecodeError:
        raise not_utf8(path) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None


class RowStream:
    """The rows of a file in one pass, in flat memory; the first of them can be looked at before.

    ``on_bytes`` is told how many bytes have been read; it may be set at any time.
    """

    def __init__(
        self, path: Path, on_bytes: OnBytes | None = None, columns: Columns | None = None
    ) -> None:
        self.on_bytes = on_bytes
        self._rows = read_rows(path, columns, self._report)

    def first(self, count: int) -> list[RawRow]:
        """The next ``count`` rows, which stay in the stream."""
        rows = list(islice(self._rows, count))
        self._rows = chain(rows, self._rows)
        return rows

    def __iter__(self) -> Iterator[RawRow]:
        return self._rows

    def _report(self, count: int) -> None:
        if self.on_bytes is not None:
            self.on_bytes(count)


def note_task(task: Task) -> None:
    """Note a task's examples and documents as read, so that the command at work keeps them."""
    for path in (*task.example_paths.values(), *task.document_paths):
        note_source(path)


def task_rows(task: Task) -> Iterator[NumberedRow]:
    """Yield every row of a task's example files, readable or not. Raises `DataError`."""
    columns = task.columns.by_role()
    return rows_of(task.example_paths, columns, is_decided=True)


def counting_over(
    paths: Iterable[Path], first: Iterable[Mapping[str, Any]], output: str | None
) -> Counting | None:
    """What numbers mean that answer a choice, by all rows of some files.

    The files are read once more where their ``first`` rows have such numbers: rows may stand in the order of
    their answers.
    """
    if not have_numbers(first, output):
        return None
    return counting_in((row.fields for path in paths for row in read_rows(path)), output)


def rows_of(
    files: Mapping[str, Path], columns: Columns, *, is_decided: bool = False
) -> Iterator[NumberedRow]:
    """Yield the rows of ``files`` by part, numbered on. Raises `DataError`.

    ``columns`` are all there are where ``is_decided``, else those that a user named. What numbers of choices
    mean holds for all of them: a part may be too small to show it.
    """
    decided = columns if is_decided else None
    streams = {part: RowStream(path, columns=decided) for part, path in files.items()}
    first = [row.fields for stream in streams.values() for row in stream.first(FIRST_ROWS)]
    counting = counting_over(files.values(), first, columns.get("output"))
    number = 0
    for part, stream in streams.items():
        for row in stream:
            number += 1
            yield NumberedRow(number, part, row._replace(counting=counting) if counting else row)


def summary(bad: tuple[BadRow, ...], repair: str = "") -> str:
    """What `bad_rows` says, and the ways on."""
    return f"{bad_rows(bad)} ({repair or 'fix them'}, or skip them with --skip-bad-rows)"


def bad_rows(bad: tuple[BadRow, ...]) -> str:
    """Say on one line how many rows are bad, and where and why the first ones are."""
    files = sorted({row.file for row in bad})
    one = len(files) == 1
    alike: dict[str, list[BadRow]] = {}
    for row in bad:
        alike.setdefault(_PLACE.sub("", row.reason), []).append(row)
    groups = list(alike.values())
    reasons = "; ".join(_alike(rows, one, len(groups) == 1) for rows in groups[:SHOWN])
    others = sum(map(len, groups[SHOWN:]))
    more = f"; and {others} more" if others else ""
    rows = "1 bad row" if len(bad) == 1 else f"{len(bad)} bad rows"
    return " ".join(f"{rows} in {', '.join(files)}: {reasons}{more}".split())


def _alike(rows: list[BadRow], one_file: bool, are_all: bool) -> str:
    """Rows that are bad for one reason: how many, and where the first ones are."""
    first, count = rows[0], len(rows)
    if count == 1:
        return f"line {first.line}: {first.reason}" if one_file else str(first)
    places = [str(row.line) if one_file else f"{row.file} line {row.line}" for row in rows[:FIRST]]
    which = f"{'first ' if count > FIRST else ''}{'lines ' if one_file else ''}"
    many = "" if are_all else f"{count:,} rows: "
    return f"{many}{first.reason} ({which}{listed(places)})"
