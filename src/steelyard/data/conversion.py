"""``steelyard.data.convert``: rows from one format to another, and what was lost on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from steelyard.data.formats import RawRow, RowError
from steelyard.data.formats.base import LeftOutError
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.shapes import SHAPES, Conversation, Shape, WrittenRow, chat, preference
from steelyard.data.formats.write import OpenWriter, ending_of, jsonl, why_unwritable, writer_for
from steelyard.data.formats.write_columnar import dataset_folder
from steelyard.data.guess import Source, look
from steelyard.data.rows import why_bad
from steelyard.data.tuning.rules import Provider, get_provider
from steelyard.data.tuning.turns import why_refused
from steelyard.errors import ConfigError, DataError, closest
from steelyard.files import (
    cannot_write,
    check_target,
    expanded,
    note_source,
    real,
    remove_file,
    replacing,
    sources_kept,
)
from steelyard.progress import OnProgress
from steelyard.task.dataset_folder import files_of, is_dataset_folder

FOLDER = "folder"
_LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_NESTED = (*_LINES, ".json", ".json.gz", ".parquet")
_CSV, _TSV = (".csv", ".csv.gz"), (".tsv", ".tsv.gz")
_NOT_IN_A_NAME = frozenset('",;\t|\r\n')
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "prompt_completion": (*_NESTED, *_CSV, *_TSV),
    "openai": _NESTED,
    "azure": (".jsonl",),
    "together": (".jsonl",),
    "fireworks": (".jsonl",),
    "mistral": (".jsonl",),
    "sharegpt": _NESTED,
    "alpaca": (*_NESTED, *_CSV, *_TSV),
    "preference": (*_NESTED, *_CSV, *_TSV),
    "hf": (FOLDER,),
    "parquet": (".parquet",),
    "csv": _CSV,
    "tsv": _TSV,
}
"""The formats by name, and the endings of the files that can hold them."""
_KEEP_SHAPE = frozenset({"hf", "parquet", "csv", "tsv"})

ToFields = Callable[[Conversation], WrittenRow]
LEFT_OUT = ".left-out.jsonl"
_MOST_REASONS = 50
_OTHER_REASONS = "other reasons"


@dataclass(frozen=True)
class ConversionTarget:
    """A format in a file: what turns conversations into its fields, and what writes those."""

    name: str
    to_fields: ToFields
    open: OpenWriter
    is_folder: bool = False


def target_for(path: Path, to: str, source: Shape) -> ConversionTarget:
    """Return what writes rows of shape ``source`` to ``path`` as ``to``. Raises `ConfigError`."""
    if to == "logs":
        raise ConfigError("logs can be read but not written; write openai, or another format")
    if to not in ENDINGS:
        names = ", ".join(ENDINGS)
        raise ConfigError(f"unknown format {to!r}{closest(to, ENDINGS)}; known: {names}")
    ending = FOLDER if to == "hf" else ending_of(path)
    if ending not in ENDINGS[to]:
        raise ConfigError(
            f"{path.name} cannot hold {to}: end the name in one of {', '.join(ENDINGS[to])}"
        )
    is_flat = ending.startswith((".csv", ".tsv"))
    is_columnar = is_flat or ending in {".parquet", FOLDER}
    to_fields = _fields_of(to, source, is_flat=is_flat, is_columnar=is_columnar)
    if is_columnar:
        to_fields = _Columnar(to_fields, is_flat=is_flat)
    return ConversionTarget(to, to_fields, _writer(path, to), to == "hf")


def _writer(path: Path, to: str) -> OpenWriter:
    if to == "hf":
        return dataset_folder
    vendor = chat.vendors().get(to)
    return partial(jsonl, mark=True) if vendor is not None and vendor.mark else writer_for(path)


def _fields_of(to: str, source: Shape, *, is_flat: bool, is_columnar: bool) -> ToFields:
    vendor = chat.vendors().get(to)
    if vendor is not None:
        return partial(_for_vendor, vendor, get_provider(to), is_flat)
    name = _kept_shape(source.name, is_flat=is_flat) if to in _KEEP_SHAPE else to
    shape = SHAPES.get(name)
    if name == "preference" and is_columnar:
        shape = preference.PAIR
    write = shape.write
    if write is None:
        raise ConfigError(f"{name} can be read but not written; write openai, or another format")
    return lambda row: write(row, is_flat)


def _for_vendor(
    vendor: chat.Vendor, provider: Provider, is_flat: bool, row: Conversation
) -> WrittenRow:
    """A row as a provider takes it. Raises `RowError` for one that its rules on turns refuse."""
    if not row.answer:
        raise RowError(f"has no answer to learn, which {provider.title} needs")
    written = chat.write_for(vendor, row, is_flat)
    if (reason := why_refused(provider, written.fields[chat.KEY])) is not None:
        raise RowError(reason)
    return written


def _kept_shape(name: str, *, is_flat: bool) -> str:
    """The shape for rows of shape ``name`` in a container that can hold several."""
    if is_flat:
        return name if name in {"alpaca", "preference"} else "prompt_completion"
    if SHAPES.get(name).write is None:
        return "openai" if name == "logs" else "prompt_completion"
    return name


class _Columnar:
    """Turns fields into columns: drops names that no column can have, notes values that become text."""

    def __init__(self, to_fields: ToFields, *, is_flat: bool) -> None:
        self._to_fields, self._is_flat = to_fields, is_flat
        self._is_good: dict[str, bool] = {}

    def __call__(self, row: Conversation) -> WrittenRow:
        fields, lost = self._to_fields(row)
        more: list[str] = []
        for name, value in fields.items():
            if name not in self._is_good:
                self._is_good[name] = self._can_name(name)
            if not self._is_good[name]:
                more.append(f"{name!r} (not a column name)")
            elif self._is_flat and value is not None and type(value) is not str:
                more.append(f"{name} other than as text")
        if not more:
            return WrittenRow(fields, lost)
        columns = {name: value for name, value in fields.items() if self._is_good[name]}
        return WrittenRow(columns, (*lost, *more))

    def _can_name(self, name: str) -> bool:
        is_clean = bool(name) and name == name.strip() and name.isprintable()
        return is_clean and not (self._is_flat and _NOT_IN_A_NAME & set(name))


@dataclass(frozen=True)
class Conversion:
    """What `convert` did: ``rows`` is ``written`` plus ``left_out``.

    ``lost`` counts by name what rows lost that is not their meaning. ``reasons`` counts the rows that
    were left out; each is listed in the second of ``files`` with its line.
    """

    rows: int
    written: int
    left_out: int
    container: str
    shape: str
    columns: Columns
    to: str
    files: tuple[Path, ...]
    lost: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "files": [str(path) for path in self.files]}


@sources_kept()
def convert(
    source: Source | Path | str,
    target: Path | str,
    *,
    to: str,
    columns: Columns | None = None,
    system: str | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> Conversion:
    """Write the rows of ``source`` to ``target`` in the format ``to``, in flat memory.

    ``source`` is a file, a datasets folder, or what `look` opened, with the ``columns`` it was told.
    A row whose meaning ``to`` cannot hold is left out and goes to ``target`` + ``.left-out.jsonl``
    with its line and the reason; anything else that is lost is counted by name. ``columns`` names
    the ``input`` and the ``output`` where they cannot be told; ``system`` is a system message for rows
    that have none. ``force`` replaces ``target``. ``on_progress`` gets the bytes read, and all bytes.

    Raises `ConfigError` for options that do not fit, `DataError` for a source that cannot be read or of
    which no row can be written, and `StorageError`; ``target`` is then as it was.
    """
    place = expanded(target)
    origin = source.path if isinstance(source, Source) else expanded(source)
    _check_places(origin, place)
    note_source(origin)
    contents = source if isinstance(source, Source) else look(origin, columns)
    writer = target_for(place, to, contents.shape)
    aside = place.with_name(place.name + LEFT_OUT)
    _check_free(place, aside, writer, force=force)
    job = _Job(contents, writer, aside, system)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        job.run(place, on_progress)
        if force and not job.left_out:
            remove_file(aside)
    except OSError as error:
        raise cannot_write(place, error) from None
    return Conversion(
        rows=job.rows,
        written=job.rows - job.left_out,
        left_out=job.left_out,
        container=contents.container.title,
        shape=contents.shape.name,
        columns=dict(contents.columns),
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
        with ExitStack() as stack:
            aside = _LeftOutFile(stack, self._aside)
            write = stack.enter_context(self._target.open(place, ()))
            read, to_fields, lost = self._source.read, self._target.to_fields, self.lost
            is_table = self._source.is_table
            for row in self._raw_rows(on_progress):
                self.rows += 1
                try:
                    if row.reason is not None:
                        raise RowError(row.reason)
                    conversation = read(row.fields)
                    refusal = self._refusal(row, conversation)
                    if is_table and conversation.fields:
                        conversation = _without_empty(conversation)
                    if self._system is not None:
                        conversation = with_system(conversation, self._system)
                    written = to_fields(conversation)
                    if refusal is not None:
                        raise RowError(refusal)
                    write(written.fields)
                except (ValueError, RecursionError) as error:
                    reason = str(error) if isinstance(error, RowError) else why_unwritable(error)
                    self._leave_out(row, reason, aside)
                else:
                    if written.lost or row.changed:
                        lost.update({*written.lost, *row.changed})
            self._check_some()

    def _refusal(self, row: RawRow, conversation: Conversation) -> str | None:
        """Why every other verb would refuse the row.

        An answer that is not to be learnt is written with its weight, which says so.
        """
        try:
            return why_bad(self._source.parser, row, conversation)
        except LeftOutError as error:
            return None if "weight" not in self._target.to_fields(conversation).lost else str(error)

    def _leave_out(self, row: RawRow, reason: str, aside: _LeftOutFile) -> None:
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
        rows = self._source.rows
        total = sum(file.stat().st_size for file in files_of(self._source.path))
        if on_progress is not None:
            rows.on_bytes = lambda done: on_progress(done, total)
        yield from rows
        if on_progress is not None:
            on_progress(total, total)


class _LeftOutFile:
    """The file of rows that were left out; the first of them creates it."""

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
    """The row without its empty cells, which is how a table shows that a field is missing."""
    return row._replace(fields={name: value for name, value in row.fields.items() if value != ""})


def with_system(row: Conversation, system: str) -> Conversation:
    """The row with a system message in front, where it has none."""
    if any(turn["role"] in {"system", "developer"} for turn in row.turns):
        return row
    return row._replace(turns=[{"role": "system", "content": system}, *row.turns])


def _check_places(source: Path, target: Path) -> None:
    if not source.exists():
        raise DataError(f"no file {source}: name the file or folder to convert")
    inside, outside = real(target), real(source)
    if inside == outside or (source.is_dir() and inside.is_relative_to(outside)):
        raise ConfigError(f"{target} is the source itself, or inside it: name another place")


def _check_free(place: Path, aside: Path, target: ConversionTarget, *, force: bool) -> None:
    for path in (place, aside):
        if path.exists() and not force:
            raise ConfigError(f"{path} exists: choose another name, or add --force to replace it")
        check_target(path)
    if place.is_dir() and not (target.is_folder and is_dataset_folder(place)):
        raise ConfigError(f"{place} is a folder but not a data set: choose another name")
    if place.is_file() and target.is_folder:
        raise ConfigError(f"{place} is a file: choose another name for the folder")
