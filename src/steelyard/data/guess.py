"""What a file seems to hold: its columns, output kind and labels, and the shape of its rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from steelyard.commands import command
from steelyard.core import Example, OutputKind
from steelyard.data.chats import CALLS_TOOL, MORE_THAN_TEXT
from steelyard.data.columns import guess_columns
from steelyard.data.dashes import DASHES, words_among
from steelyard.data.first_lines import check_assertions, check_first_lines, check_turns
from steelyard.data.formats import BadRow, Container, RawRow, RowError, container_of, resolve
from steelyard.data.formats.base import LeftOutError
from steelyard.data.formats.folder import SPLIT_KEY
from steelyard.data.formats.roles import Columns, check_roles
from steelyard.data.formats.shapes import (
    CHOICES,
    NOTHING,
    SHAPES,
    Conversation,
    Shape,
    conversation_of,
    shape_of,
)
from steelyard.data.formats.shapes.prompt_completion import NAME as PLAIN
from steelyard.data.formats.shapes.prompt_completion import columns_in
from steelyard.data.formats.stream import NOT_UTF8
from steelyard.data.formats.table import check_columns, check_named
from steelyard.data.looks import LABEL_CHARACTERS, MOST_LABELS
from steelyard.data.otherwise import written_otherwise
from steelyard.data.own_parts import bare_rows
from steelyard.data.plausible import implausible
from steelyard.data.read import FIRST_ROWS, NumberedRow, RowStream, bad_rows, counting_over
from steelyard.data.rows import MISSING, RowParser, UniqueIds
from steelyard.data.wrapped import check_wrapped
from steelyard.errors import DataError
from steelyard.output_kinds import KINDS
from steelyard.task.sections import check_labels, unfit_character

_NUMBER = re.compile(r"(?:^|####)\s*[-−]?\$?\d[\d,.]*\s*%?\s*$")
_ROLES = ("input", "output")
_BY_ROW = ("rules", "accepted")
"""Roles that a column plays only where its values are lists."""
_SURE = ({"input": "prompt", "output": "completion"}, {"input": "input", "output": "output"})


@dataclass(frozen=True)
class FileGuess:
    """What a file seems to hold. ``columns`` is empty where rows carry the usual keys.

    A role with ``None`` is played by no column. ``metric`` is what decides over such rows (`first_metric`).
    ``bad`` lists the rows that could not be read, so that the guess is made without them; ``notes`` say
    what else the columns could have meant.
    """

    kind: OutputKind
    labels: tuple[str, ...]
    columns: Columns
    count: int
    metric: str = "exact_match"
    bad: tuple[BadRow, ...] = ()
    notes: tuple[str, ...] = ()


def guess_file(
    path: Path, files: Mapping[str, str] | None = None, columns: Columns = NOTHING
) -> FileGuess:
    """Read ``path``, by part its ``files``, and guess what a task over it says.

    Raises `DataError`, also for labels that a task cannot list: those that differ only by case, or
    that hold a line break.
    """
    guess = guess_rows(path, list(bare_rows(path, files or {"all": path.name}, columns)), columns)
    if not guess.count:
        raise _none_usable(path, guess.bad, guess.columns)
    try:
        check_labels(guess.labels)
    except ValueError as error:
        fix = command("data", "fix", path, "OUT", columns=columns)
        is_spelling = len({label.casefold() for label in guess.labels}) < len(guess.labels)
        does = f", as {fix} does" if is_spelling else ""
        raise DataError(f"{path.name}: {error}{does}") from None
    return guess


def guess_rows(path: Path, numbered: Sequence[NumberedRow], columns: Columns) -> FileGuess:
    """Guess columns, output kind and labels from the rows of ``path``. Raises `DataError`.

    ``columns`` maps roles to names that are known and not to be guessed. Rows that can be read but not
    weighed as text, all of them, make a guess without examples.
    """
    rows = [row for _, _, row in numbered]
    columns, notes = decide_columns(path, numbered, columns)
    examples, bad = _usable(path, rows, RowParser("text", (), columns))
    if bad:  # outputs may be JSON objects
        as_json = _usable(path, rows, RowParser("json", (), columns))
        examples, bad = max((examples, bad), as_json, key=lambda result: len(result[0]))
    if not examples and bad and {row.reason for row in bad} <= {CALLS_TOOL, MORE_THAN_TEXT}:
        return FileGuess("text", (), columns, 0, bad=tuple(bad), notes=tuple(notes))
    if not examples:
        raise _none_usable(path, bad, columns)
    outputs = [example.output for example in examples]
    there = [output for output in outputs if output.strip() not in MISSING]
    if not there:
        raise DataError(
            f"{path.name}: every output is {outputs[0]!r}, which is how pandas writes that there is none"
        )
    kind, labels = _guess_kind(there)
    if kind == "label" and not (MISSING | DASHES - {*labels}).isdisjoint(outputs):
        examples, bad = _usable(path, rows, RowParser("label", labels, columns))
    if kind == "label" and _accepts_others(rows, labels, columns):
        columns = {**columns, "accepted": None}
        notes.append(
            "the answers in 'accepted' are not all among the labels, so it is not used as the accepted "
            "(--columns accepted=NAME makes it one)"
        )
    metric = first_metric(kind, examples)
    notes += written_otherwise(kind, [example.output for example in examples])
    return FileGuess(
        kind,
        labels,
        columns,
        len(examples),
        metric,
        tuple(bad),
        tuple(notes),
    )


def first_metric(kind: OutputKind, examples: Sequence[Example]) -> str:
    """The metric that a task over ``examples`` starts with.

    ``rules`` where every row says what a reply must keep and none has an output, ``numeric`` where every
    output is a number or ends with one after ``####``, else the default of the kind.
    """
    if all(example.rules is not None and not example.output for example in examples):
        return "rules"
    if kind == "text" and all(_NUMBER.search(example.output) for example in examples):
        return "numeric"
    return KINDS[kind].default_metric


def _accepts_others(rows: Sequence[RawRow], labels: tuple[str, ...], columns: Columns) -> bool:
    """Whether a column that is called so holds accepted answers that are none of the labels."""
    if "accepted" in columns:
        return False
    parser = RowParser("label", labels, columns)
    for row in rows:
        if row.reason is None and "accepted" in row.fields:
            try:
                parser.parse(row, "")
            except RowError as error:
                if str(error).startswith("accepted answer"):
                    return True
    return False


def _none_usable(path: Path, bad: Sequence[BadRow], columns: Columns) -> DataError:
    why = f"; {bad[0] if len(bad) == 1 else bad_rows(tuple(bad))}" if bad else ""
    roles = [f"{role} from {columns[role]!r}" for role in _ROLES if columns.get(role)]
    why += f"; read with {', '.join(roles)} (--columns input=…,output=…)" if roles else ""
    return DataError(f"{path.name} holds no usable example{why}")


def decide_columns(
    path: Path, numbered: Sequence[NumberedRow], columns: Columns
) -> tuple[dict[str, str | None], list[str]]:
    """Which column plays which role, as far as names alone do not say it, and remarks on it.

    Raises `DataError` where that is unclear.
    """
    check_roles(columns)
    rows = [row for _, _, row in numbered]
    body = [row.fields for row in rows if row.reason is None and row.fields]
    has_header = container_of(path).has_header
    if has_header and not body:
        raise DataError(
            none_readable(path, rows)
            if rows
            else f"{path.name} holds no examples: give a header line and one row per example"
        )
    _check_encoding(path, rows[:FIRST_ROWS], columns)
    roles, notes = _roles_of(path, body[:FIRST_ROWS], columns)
    decided = {**roles, **columns}
    for role, reason in implausible(numbered, decided).items():
        decided[role] = None
        notes.append(
            f"{reason}, so it is not used as the {role} (--columns {role}=NAME makes it one)"
        )
    if has_header:
        header = _header(body)
        check_columns(path, header, decided)
        usual = resolve(header, decided).items()
        decided |= {role: name for role, name in usual if role not in (*_ROLES, *_BY_ROW, *decided)}
    return decided, notes


def _check_encoding(path: Path, rows: Sequence[RawRow], columns: Columns) -> None:
    """Refuse to guess by values where some rows are in another encoding: they may be all of one kind.

    Raises `DataError`.
    """
    header = tuple(next((row.fields for row in rows if row.reason is None), ()))
    by_name = {*resolve(header, columns), *columns}
    if container_of(path).has_header and not {"input", "output"} <= by_name:
        reason = next((row.reason for row in rows if NOT_UTF8 in (row.reason or "")), None)
        if reason is not None:
            raise DataError(reason if reason.startswith(path.name) else f"{path.name}: {reason}")


def _roles_of(
    path: Path, body: Sequence[Mapping[str, Any]], columns: Columns
) -> tuple[dict[str, str], list[str]]:
    """The columns of plain rows by role; none where each row says by the usual names what it means."""
    shape = None if columns.get("input") else shape_of(body, columns)
    if not body or (shape is not None and shape.name != PLAIN):
        return {}, []
    check_wrapped(path, body, has_shape=shape is not None)
    has_header = container_of(path).has_header
    remarks = check_first_lines(path.name, _header(body), body, columns) if has_header else []
    header = tuple(name for name in _header(body) if not (path.is_dir() and name == SPLIT_KEY))
    check_turns(path.name, header, body, columns)
    roles, notes = guess_columns(path.name, header, body, columns)
    check_assertions(path.name, roles["output"], body)
    notes = [*remarks, *notes]
    output = {"output": roles["output"]}
    if "input" not in columns and (shape := shape_of(body, output)) and shape.name == CHOICES:
        return output, notes
    is_usual = not has_header and roles == dict(resolve(header, columns))
    return {} if is_usual else {role: roles[role] for role in _ROLES if role in roles}, notes


def _header(rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for fields in rows for name in fields))


def _guess_kind(outputs: Sequence[str]) -> tuple[OutputKind, tuple[str, ...]]:
    """The kind of the outputs, and the labels where it is that."""
    documents = [_document(output) for output in outputs]
    if all(document is not None for document in documents):
        labels = _labels_in_lists(documents)
        return ("labels", labels) if labels else ("json", ())
    labels = words_among(_as_labels(Counter(output.strip() for output in outputs), len(outputs)))
    return ("label", labels) if labels else ("text", ())


def _document(text: str) -> Any:
    """The JSON object or array that a text is, or ``None``."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _labels_in_lists(documents: Sequence[Any]) -> tuple[str, ...]:
    """The labels, the most frequent first, where every output is a list of a few texts; else none."""
    counts: Counter[str] = Counter()
    for document in documents:
        if not isinstance(document, list) or not all(isinstance(item, str) for item in document):
            return ()
        counts.update({item.strip() for item in document})
    return _as_labels(counts, counts.total())


def _as_labels(counts: Counter[str], total: int) -> tuple[str, ...]:
    """The texts as labels, the most frequent first; none where they are too many, or no labels."""
    few = 2 <= len(counts) <= min(MOST_LABELS, total // 2)
    fit = all(
        label and len(label) <= LABEL_CHARACTERS and unfit_character(label) is None
        for label in counts
    )
    return tuple(sorted(counts, key=lambda label: (-counts[label], label))) if few and fit else ()


def _usable(
    path: Path, rows: Sequence[RawRow], parser: RowParser
) -> tuple[list[Example], list[BadRow]]:
    """The examples of the rows that a run would take, and the other rows."""
    examples: list[Example] = []
    bad: list[BadRow] = []
    ids = UniqueIds()
    for row in rows:
        try:
            parsed = ids.checked(parser.parse(row, path.name), row.line)
            if parsed.refusal is not None:
                raise RowError(parsed.refusal)
        except LeftOutError:
            continue
        except RowError as error:
            bad.append(BadRow(path.name, row.line, str(error)))
        else:
            examples.append(parsed.example)
    return examples, bad


@dataclass(frozen=True)
class Source:
    """A file's rows, how they lie there and what they mean, and its columns where it has plain ones.

    ``rows`` can be read once; ``read`` reads one, and ``parser`` says what is bad about it. ``is_guess``
    says that a person should look at the columns, ``notes`` what else they could have meant.
    """

    path: Path
    rows: RowStream
    container: Container
    shape: Shape
    columns: Mapping[str, str]
    read: Callable[[Mapping[str, Any]], Conversation]
    parser: RowParser
    is_guess: bool
    notes: tuple[str, ...] = ()

    @property
    def is_table(self) -> bool:
        return self.container.format in {".csv", ".tsv"}


def look(path: Path, columns: Columns | None = None) -> Source:
    """Open ``path`` and say what it holds.

    Raises `DataError` where that is unclear, and `ConfigError` for ``columns`` of unknown roles.
    """
    columns = columns or {}
    check_roles(columns)
    container = container_of(path)
    stream = RowStream(path)
    first = stream.first(FIRST_ROWS)
    body = [row.fields for row in first if row.reason is None and row.fields]
    if not body:
        raise DataError(none_readable(path, first))
    check_named(path, _header(body), columns)
    _check_encoding(path, first, columns)
    roles, notes = _roles_of(path, body, columns)
    decided = {**roles, **columns}
    shape = None if columns.get("input") else shape_of(body, columns)
    plain = SHAPES.get(PLAIN)
    shown = {} if shape not in (None, plain) else _shown(body, decided)
    is_guess = not columns and bool(shown) and (bool(roles) or bool(notes)) and shown not in _SURE
    read = partial(
        conversation_of,
        columns=decided,
        counting=counting_over([path], body, decided.get("output")),
    )
    parser = _parser(path, first, decided)
    return Source(
        path, stream, container, shape or plain, shown, read, parser, is_guess, tuple(notes)
    )


def _parser(path: Path, first: Sequence[RawRow], columns: Columns) -> RowParser:
    """What reads rows as the audit does, as far as the ``first`` of them say what their outputs are."""
    numbered = (NumberedRow(at, "all", row) for at, row in enumerate(first))
    columns = {**columns, **dict.fromkeys(implausible(numbered, columns))}
    examples, _ = _usable(path, first, RowParser("text", (), columns))
    outputs = [x.output for x in examples if x.output.strip() not in MISSING]
    kind, labels = _guess_kind(outputs) if outputs else ("json", ())
    has_dashes = kind == "label" and not (DASHES - {*labels}).isdisjoint(outputs)
    return RowParser("json" if kind == "labels" else kind, labels if has_dashes else (), columns)


def _shown(body: Sequence[Mapping[str, Any]], columns: Columns) -> dict[str, str]:
    """The columns of input and output in most of the rows."""
    every = (columns_in(tuple(fields), columns) for fields in body)
    pairs = Counter(tuple(roles.items()) for roles in every if len(roles) == len(_ROLES))
    return dict(pairs.most_common(1)[0][0]) if pairs else {}


def none_readable(path: Path, rows: Sequence[RawRow]) -> str:
    """Say why no row of a file can be read: the width, the encoding, or what each of them lacks."""
    bad = tuple(BadRow(path.name, row.line, row.reason or "no fields") for row in rows)
    if not bad:
        return f"{path.name} has no readable row: it is empty"
    if bad[0].reason.startswith(path.name):  # it is about the file: another encoding
        return bad[0].reason
    reasons = {row.reason for row in bad}
    all_wide = len(bad) > 1 and len(reasons) == 1 and bad[0].reason.startswith("has ")
    header = "; as all rows are alike, the header may lack a name" if all_wide else ""
    return f"{path.name} has no readable row: {bad_rows(bad).partition(': ')[2]}{header}"
