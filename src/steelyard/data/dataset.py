"""A data set: the rows of a task, readable or not, numbered from 1, none dropped silently."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.core import Example, OutputKind, Split
from steelyard.data.dashes import NO_WORD
from steelyard.data.formats import BadRow, RowError
from steelyard.data.formats.base import LeftOutError
from steelyard.data.formats.roles import Columns, resolve
from steelyard.data.guess import guess_rows
from steelyard.data.likeness.near import NearPair, near_matches
from steelyard.data.likeness.rows import RowLikeness
from steelyard.data.numbered import other_name
from steelyard.data.own_parts import bare_rows, example_files, without_dashes
from steelyard.data.plausible import absent_columns, implausible
from steelyard.data.read import NumberedRow, note_task, task_rows
from steelyard.data.rows import ParsedRow, UniqueIds, content_id, parser_of
from steelyard.errors import DataError
from steelyard.files import expanded
from steelyard.label_sets import labels_of
from steelyard.model import ModelSpec
from steelyard.output_kinds import LABELLED
from steelyard.task import Task, load_task
from steelyard.task.dataset_folder import is_dataset_folder
from steelyard.task.from_rows import bare_task, with_columns
from steelyard.task.places import no_file
from steelyard.task.sections import PARTS
from steelyard.words import counted, one_line

_LOG = logging.getLogger(__name__)
_LOOKED_AT = 1_000
SHOWN = 20
SHOWN_CHARACTERS = 160
"""Of each text that evidence holds."""
Members = Mapping[str, Sequence[int]]
"""Indices of rows by part (train, dev, test), in the order in which a run takes them."""
Refuse = Callable[[Mapping[str, Any]], str | None]
"""A further reason to refuse a row, by its raw fields."""


class OpenSource(NamedTuple):
    """A task, its rows in order, and remarks on it.

    The remarks say what was guessed, and could have been meant otherwise.
    """

    task: Task
    rows: Sequence[NumberedRow]
    notes: tuple[str, ...] = ()


class Unreadable(NamedTuple):
    """A row that is no example, with its row number from 1."""

    number: int
    part: str
    bad: BadRow


@dataclass(frozen=True, eq=False)
class Dataset:
    """Readable rows in reading order, and those that are not.

    ``examples[i]`` stands at row ``numbers[i]`` (from 1, blank lines not counted, counted on from
    file to file) in part ``parts_read[i]`` of the task's files (``all``, or train, dev, test);
    ``written[i]`` is its output as the file has it. ``field_names`` are those that occur, by part
    as read. Outputs may be empty, and labels undeclared:
    ``refusals`` says by index why a run would not take such a row. ``left_out`` are rows that say
    themselves that they are no examples. ``members`` are the parts after a split, ``split_report`` says
    how it came about, ``clusters`` by index which cluster a row shares with others. ``notes`` say how columns
    were understood, ``shapes`` what rows mean by their keys.
    Copies of a data set share its ``likeness``.
    """

    task: Task
    likeness: RowLikeness
    numbers: tuple[int, ...]
    parts_read: tuple[str, ...]
    written: tuple[str, ...]
    field_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bad: tuple[Unreadable, ...] = ()
    ignored_keys: tuple[str, ...] = ()
    refusals: Mapping[int, str] = field(default_factory=dict)
    members: Members = field(default_factory=dict)
    clusters: Mapping[int, int] = field(default_factory=dict)
    split_report: Mapping[str, Any] = field(default_factory=dict)
    left_out: tuple[Unreadable, ...] = ()
    notes: tuple[str, ...] = ()
    shapes: Mapping[tuple[str, ...], str | None] = field(default_factory=dict)

    def divided(
        self,
        members: Members,
        report: Mapping[str, Any],
        task: Task,
        clusters: Mapping[int, int] | None = None,
    ) -> Dataset:
        """Return the rows in the parts that ``members`` gives them, with the ``task`` filled in."""
        return replace(
            self, task=task, members=members, split_report=report, clusters=clusters or {}
        )

    @cached_property
    def usable(self) -> Dataset:
        """The rows that a run takes, after a split those in its parts: this very object for all.

        Those that it refuses are ``bad`` here, as rows that cannot be read are.
        """
        every = range(len(self.examples))
        in_parts = {index for indices in self.members.values() for index in indices}
        rows = sorted(in_parts) or [index for index in every if index not in self.refusals]
        if len(rows) == len(every):
            return self
        place = {index: at for at, index in enumerate(rows)}
        return replace(
            self,
            likeness=self.likeness.subset(rows),
            numbers=tuple(self.numbers[index] for index in rows),
            parts_read=tuple(self.parts_read[index] for index in rows),
            written=tuple(self.written[index] for index in rows),
            bad=self.unusable,
            refusals={},
            members={part: [place[i] for i in rows] for part, rows in self.members.items()},
            clusters={place[i]: number for i, number in self.clusters.items() if i in place},
        )

    @property
    def examples(self) -> tuple[Example, ...]:
        return self.likeness.examples

    @property
    def rows(self) -> int:
        return len(self.examples) + len(self.bad) + len(self.left_out)

    @cached_property
    def unusable(self) -> tuple[Unreadable, ...]:
        """Every row that a run does not take, in order: unreadable ones and those it refuses."""
        refused = []
        for index, reason in self.refusals.items():
            file, _, line = self.examples[index].source.rpartition(":")
            bad = BadRow(file, int(line), reason)
            refused.append(Unreadable(self.numbers[index], self.parts_read[index], bad))
        return tuple(sorted([*self.bad, *refused]))

    @property
    def skipped(self) -> tuple[Unreadable, ...]:
        """Every row that is in no part, in order, whether it cannot be used or says that it is none."""
        return tuple(sorted([*self.unusable, *self.left_out]))

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The part of each row: that of the split, else that of its file."""
        parts = list(self.parts_read)
        for part, indices in self.members.items():
            for index in indices:
                parts[index] = part
        return tuple(parts)

    @property
    def members_as_read(self) -> dict[str, list[int]]:
        members: dict[str, list[int]] = {}
        for index, part in enumerate(self.parts_read):
            members.setdefault(part, []).append(index)
        return members

    @cached_property
    def split(self) -> Split:
        """The examples by part as a run takes them; empty before a split."""
        return Split(*(tuple(map(self._clustered, self.members.get(part, ()))) for part in PARTS))

    def _clustered(self, index: int) -> Example:
        example, number = self.examples[index], self.clusters.get(index)
        return example if number is None else replace(example, cluster=number)

    @cached_property
    def by_part(self) -> list[int]:
        """Indices part by part (a row in none goes with train), within a part as a run takes them."""
        within = {i: at for rows in self.members.values() for at, i in enumerate(rows)}
        indices = range(len(self.examples))
        return sorted(indices, key=lambda i: (self.ranks[i], within.get(i, i), i))

    @cached_property
    def ranks(self) -> list[int]:
        """The place of each row's part among train, dev and test; 0 for a row in none."""
        return [PARTS.index(part) if part in PARTS else 0 for part in self.parts]

    @property
    def kind(self) -> OutputKind:
        return self.task.output.kind

    @cached_property
    def models(self) -> tuple[ModelSpec, ...]:
        return tuple(ModelSpec(**model.to_spec()) for model in self.task.models)

    @property
    def model(self) -> ModelSpec:
        return self.models[0]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The labels declared, else those that occur, the most frequent first; empty by kind."""
        if self.kind not in LABELLED:
            return ()
        if self.task.output.labels:
            return self.task.output.labels
        counts = Counter(label for labels in self.label_sets for label in labels)
        return tuple(sorted(counts, key=lambda label: (-counts[label], label)))

    @cached_property
    def label_sets(self) -> list[tuple[str, ...]]:
        """The labels of each row: one, several or none; none by kind."""
        return [labels_of(example.output, self.kind) for example in self.examples]

    @property
    def texts(self) -> list[str]:
        return self.likeness.texts

    @property
    def exact_keys(self) -> list[str]:
        return self.likeness.exact_keys

    @property
    def normalised_keys(self) -> list[str]:
        return self.likeness.normalised_keys

    @property
    def near(self) -> list[NearPair]:
        return self.likeness.near

    @cached_property
    def near_leaks(self) -> list[NearPair]:
        """For each row (``b``) nearly like one of an earlier part: the closest (``a``), by ``b``."""
        _LOG.debug("searching %d rows for leaks between parts", len(self.examples))
        texts = [self.texts[index] for index in self.by_part]
        ranks = [self.ranks[index] for index in self.by_part]
        matches = near_matches(texts, ranks)
        pairs = [NearPair(self.by_part[a], self.by_part[b], alike) for a, b, alike in matches]
        return sorted(pairs, key=lambda pair: pair.b)

    def evidence(self, indices: Sequence[int], **more: Sequence[Any]) -> tuple[dict[str, Any], ...]:
        """The first rows of ``indices`` as evidence: row, source, input, output and ``more``.

        Each of ``more`` runs along ``indices``. Private data is hidden: an audit is passed on more
        freely than the rows themselves.
        """
        from steelyard.private.redact import hide

        return tuple(
            {
                "row": self.numbers[index],
                "source": self.examples[index].source,
                "input": one_line(hide(self.examples[index].input), SHOWN_CHARACTERS),
                "output": one_line(hide(self.written[index]), SHOWN_CHARACTERS),
                **{name: values[place] for name, values in more.items()},
            }
            for place, index in enumerate(indices[:SHOWN])
        )

    def rows_of(self, indices: Sequence[int]) -> tuple[int, ...]:
        return tuple(self.numbers[index] for index in indices)


def open_dataset(source: Task | Path | str, columns: Columns | None = None) -> Dataset:
    """Read a task, its folder or file, or a bare file of examples whose columns are guessed.

    ``columns`` by role go before what the source says. Raises `ConfigError` for a wrong task and
    `DataError` for a file that cannot be read at all.
    """
    return dataset_of(*open_source(source, columns))


def dataset_of(
    task: Task,
    numbered: Iterable[NumberedRow],
    notes: tuple[str, ...] = (),
    *,
    refuse: Refuse | None = None,
) -> Dataset:
    """The data set of a task's rows, in one pass, whatever is done with them.

    Strictness is what a caller makes of ``bad`` and ``refusals``, to which ``refuse`` may add.
    """
    parser = parser_of(task)
    files = {part: path.name for part, path in task.example_paths.items()}
    ids = {part: UniqueIds() for part in files}
    rows: list[ParsedRow] = []
    places: list[tuple[int, str]] = []
    field_names: dict[str, dict[str, None]] = {part: {} for part in files}
    bad: list[Unreadable] = []
    left_out: list[Unreadable] = []
    for number, part, raw in numbered:
        if raw.reason is None and not raw.fields.keys() <= field_names[part].keys():
            field_names[part].update(dict.fromkeys(raw.fields))
        try:
            row = parser.parse(raw, files[part])
            if row.refusal is None and refuse is not None:
                row = row._replace(refusal=refuse(raw.fields))
            rows.append(ids[part].checked(row, raw.line))
            places.append((number, part))
        except RowError as error:
            aside = left_out if isinstance(error, LeftOutError) else bad
            aside.append(Unreadable(number, part, BadRow(files[part], raw.line, str(error))))
    parts = tuple(part for _, part in places)
    return Dataset(
        task,
        RowLikeness(_named(rows, parts)),
        tuple(number for number, _ in places),
        parts,
        tuple(row.written for row in rows),
        {part: tuple(names) for part, names in field_names.items()},
        tuple(bad),
        parser.ignored,
        {at: row.refusal for at, row in enumerate(rows) if row.refusal is not None},
        left_out=tuple(left_out),
        notes=(*notes, *(f"{counted(n, 'row')} {what}" for what, n in parser.remarks.items())),
        shapes=parser.shapes,
    )


def _named(rows: Sequence[ParsedRow], parts: Sequence[str]) -> list[Example]:
    """Give rows without an id one from their content, so that row order does not matter.

    Refused rows come last, so that they change no name of the others. Where two files use the same
    name, all names are prefixed with their part.
    """
    counts: Counter[tuple[str, str]] = Counter(
        (part, row.example.id) for row, part in zip(rows, parts, strict=True) if row.example.id
    )
    names = [row.example.id for row in rows]
    for index in sorted(range(len(rows)), key=lambda index: rows[index].refusal is not None):
        if not names[index]:
            name = content_id(rows[index].example)
            counts[parts[index], name] += 1
            count = counts[parts[index], name]
            names[index] = name if count == 1 else f"{name}-{count}"
    names_in_use = [name for name, row in zip(names, rows, strict=True) if row.refusal is None]
    if len(set(names_in_use)) < len(names_in_use):
        names = [f"{part}/{name}" for part, name in zip(parts, names, strict=True)]
    return [replace(row.example, id=name) for row, name in zip(rows, names, strict=True)]


def open_source(source: Task | Path | str, columns: Columns | None = None) -> OpenSource:
    """Return the task of ``source`` and its rows; a bare file becomes one, its columns and kind guessed.

    ``columns`` by role go before what it says or seems to hold. Raises as `open_dataset` does.
    """
    if isinstance(source, Task):
        return _with_columns(source, columns)
    path = expanded(source)
    is_set = is_dataset_folder(path)
    if (path.is_dir() and not is_set) or path.suffix.lower() in {".yaml", ".yml"}:
        return _with_columns(load_task(path), columns)
    if not path.is_file() and not is_set:
        raise DataError(f"{no_file(path)}: give a task's folder or a file of examples")
    files, notes = example_files(path)
    rows = list(bare_rows(path, files, columns))
    guess = guess_rows(path, rows, columns or {})
    if any(row.reason.endswith(NO_WORD) for row in guess.bad):
        rows = without_dashes(rows, guess.labels, guess.columns)
    task = bare_task(path, guess.kind, guess.columns, files)
    return OpenSource(task, rows, (*notes, *guess.notes, *absent_columns(rows, columns or {})))


def _with_columns(task: Task, columns: Columns | None) -> OpenSource:
    note_task(task)
    if columns:
        task = task.updated(columns={**task.columns.by_role(), **columns})
    rows = list(task_rows(task))
    refused = implausible(rows, task.columns.by_role())
    notes = (
        *absent_columns(rows, task.columns.by_role()),
        *(f"{reason}, so it is not used as the {role}" for role, reason in refused.items()),
    )
    if refused:
        task = with_columns(task, {**task.columns.by_role(), **dict.fromkeys(refused)})
    fields = [row.fields for _, _, row in islice(rows, _LOOKED_AT) if row.reason is None]
    names = tuple(fields[0]) if fields else ()
    output = resolve(names, task.columns.by_role()).get("output", "")
    _, remark = other_name(fields, output)
    return OpenSource(task, rows, (*notes, *([remark] if remark else [])))
