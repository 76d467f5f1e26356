"""``steelyard.data.convert``: rows from one format to another, and what could not come along."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from steelyard.data.formats import RawRow, RowError
from steelyard.data.formats.shapes import Conversation
from steelyard.data.formats.write import why_unwritable
from steelyard.data.read import read_rows
from steelyard.data.source import Source, look
from steelyard.data.targets import ConversionTarget, place_of, target_for
from steelyard.errors import ConfigError, DataError, StorageError
from steelyard.files import replacing
from steelyard.task.dataset_folder import files_of, is_dataset_folder

LEFT_OUT = ".left-out.jsonl"
_MOST_REASONS = 50
_OTHER_REASONS = "other reasons"

OnProgress = Callable[[int, int], None]
"""Told how many bytes of the source are read, and how many there are."""


@dataclass(frozen=True)
class Conversion:
    """What `convert` did: ``rows`` is ``written`` plus ``left_out``.

    ``lost`` counts the rows that lost something beside their meaning, by its name. ``reasons`` counts
    the rows that were left out, by reason; each stands in the second of ``files`` with its line.
    """

    rows: int
    written: int
    left_out: int
    container: str
    shape: str
    columns: Mapping[str, str]
    to: str
    files: tuple[Path, ...]
    lost: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as ``data convert --json`` prints it."""
        return {
            "rows": self.rows,
            "written": self.written,
            "left_out": self.left_out,
            "container": self.container,
            "shape": self.shape,
            "columns": dict(self.columns),
            "to": self.to,
            "files": [str(path) for path in self.files],
            "lost": dict(self.lost),
            "reasons": dict(self.reasons),
        }


def convert(
    source: Path | str,
    target: Path | str,
    *,
    to: str,
    columns: Mapping[str, str] | None = None,
    system: str | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Conversion:
    """Write the rows of ``source`` to ``target`` in the format ``to``, in flat memory.

    A row whose meaning ``to`` has no place for is left out and goes to ``target`` + ``.left-out.jsonl``
    with its line and the reason; what is lost beside the meaning is counted by name. ``columns`` names
    the ``input`` and the ``output`` where they are not found; ``system`` is a system message for rows
    that have none. ``force`` replaces ``target``.

    Raises `ConfigError` for options that do not fit, `DataError` for a source that cannot be read or of
    which no row can be written, and `StorageError`; ``target`` is then as it was.
    """
    origin, place = place_of(source), place_of(target)
    _check_places(origin, place)
    contents = look(origin, columns)
    writer = target_for(place, to, contents.shape)
    aside = place.with_name(place.name + LEFT_OUT)
    _check_free(place, aside, writer, force=force)
    job = _Job(contents, writer, aside, system)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        job.run(place, on_progress)
        if force and not job.left_out:
            aside.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"cannot write {place}: {reason}; free space or choose another place"
        ) from None
    return Conversion(
        rows=job.rows,
        written=job.rows - job.left_out,
        left_out=job.left_out,
        container=contents.container.title,
        shape=contents.shape.name,
        columns=contents.columns,
        to=to,
        files=(place, aside) if job.left_out else (place,),
        lost=dict(job.lost.most_common()),
        reasons=dict(job.reasons.most_common()),
    )


class _Job:
    """One conversion under way."""

    def __init__(
        self, source: Source, target: ConversionTarget, aside: Path, system: str | None
    ) -> None:
        self._source, self._target, self._aside, self._system = source, target, aside, system
        self.rows = self.left_out = 0
        self.lost: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    def run(self, place: Path, on_progress: OnProgress | None) -> None:
        """Read, convert and write every row."""
        with ExitStack() as stack:
            aside = _Aside(stack, self._aside)
            write = stack.enter_context(self._target.open(place, ()))
            read, named = self._source.shape.read, self._source.named
            to_fields, lost = self._target.to_fields, self.lost
            is_table = self._source.is_table
            for row in self._raw_rows(on_progress):
                self.rows += 1
                try:
                    if row.reason is not None:
                        raise RowError(row.reason)
                    conversation = read(row.fields, named)
                    if is_table and conversation.fields:
                        conversation = _without_empty(conversation)
                    if self._system is not None:
                        conversation = with_system(conversation, self._system)
                    written = to_fields(conversation)
                    write(written.fields)
                except (ValueError, RecursionError) as error:
                    reason = str(error) if isinstance(error, RowError) else why_unwritable(error)
                    self._leave_out(row, reason, aside)
                else:
                    if written.lost:
                        lost.update(set(written.lost))
            self._check_some()

    def _leave_out(self, row: RawRow, reason: str, aside: _Aside) -> None:
        self.left_out += 1
        if self.left_out == 1:
            self._first = f"line {row.line}: {reason}"
        has_room = reason in self.reasons or len(self.reasons) < _MOST_REASONS
        self.reasons[reason if has_room else _OTHER_REASONS] += 1
        aside.add(row, reason)

    def _check_some(self) -> None:
        name, to = self._source.path.name, self._target.name
        if not self.rows:
            raise DataError(f"{name} holds no rows: nothing was written")
        if self.rows == self.left_out:
            rows = "the only row" if self.rows == 1 else f"none of the {self.rows:,} rows"
            verb = "cannot" if self.rows == 1 else "can"
            raise DataError(
                f"{rows} of {name} {verb} become {to}; {self._first}; nothing was written"
            )

    def _raw_rows(self, on_progress: OnProgress | None) -> Iterator[RawRow]:
        path = self._source.path
        total = sum(file.stat().st_size for file in files_of(path))
        on_bytes = None if on_progress is None else lambda done: on_progress(done, total)
        yield from read_rows(path, None, on_bytes)
        if on_progress is not None:
            on_progress(total, total)


class _Aside:
    """The file of rows that were left out; it comes to be with the first of them."""

    def __init__(self, stack: ExitStack, path: Path) -> None:
        self._stack, self._path = stack, path
        self._file: IO[str] | None = None

    def add(self, row: RawRow, reason: str) -> None:
        """Write a row with its line and the reason; all in ASCII, so that anything can be written."""
        if self._file is None:
            scratch = self._stack.enter_context(replacing(self._path))
            self._file = self._stack.enter_context(
                scratch.open("w", encoding="ascii", newline="\n")
            )
        entry: dict[str, Any] = {"line": row.line, "reason": reason}
        try:
            text = json.dumps(
                {**entry, "row": row.fields} if row.fields else entry, allow_nan=False
            )
        except (ValueError, TypeError, RecursionError):
            text = json.dumps(entry)
        self._file.write(text + "\n")


def _without_empty(row: Conversation) -> Conversation:
    """The row without the fields whose cells are empty, which is how a table shows that there is none."""
    return row._replace(fields={name: value for name, value in row.fields.items() if value != ""})


def with_system(row: Conversation, system: str) -> Conversation:
    """The row with a system message in front, where it has none."""
    if any(turn["role"] in {"system", "developer"} for turn in row.turns):
        return row
    return row._replace(turns=[{"role": "system", "content": system}, *row.turns])


def _check_places(source: Path, target: Path) -> None:
    if not source.exists():
        raise DataError(f"no file {source}: name the file or folder to convert")
    inside, outside = target.resolve(), source.resolve()
    if inside == outside or (source.is_dir() and inside.is_relative_to(outside)):
        raise ConfigError(f"{target} is the source itself, or inside it: name another place")


def _check_free(place: Path, aside: Path, target: ConversionTarget, *, force: bool) -> None:
    for path in (place, aside):
        if path.exists() and not force:
            raise ConfigError(f"{path} exists: choose another name, or add --force to replace it")
    if place.is_dir() and not (target.is_folder and is_dataset_folder(place)):
        raise ConfigError(f"{place} is a folder that is no data set: choose another name")
    if place.is_file() and target.is_folder:
        raise ConfigError(f"{place} is a file: choose another name for the folder")
