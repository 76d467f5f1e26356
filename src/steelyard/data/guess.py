"""What a file seems to hold: its columns, output kind and labels, and the shape of its rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from steelyard.core import Example, OutputKind
from steelyard.data.formats import BadRow, Container, RawRow, RowError, container_of, resolve
from steelyard.data.formats.shapes import SHAPES, Shape, known_keys, shape_of
from steelyard.data.formats.shapes.prompt_completion import NAME as PLAIN
from steelyard.data.formats.shapes.prompt_completion import columns_in, read
from steelyard.data.formats.table import check_columns
from steelyard.data.read import RowStream, read_rows
from steelyard.data.rows import RowParser, UniqueIds
from steelyard.errors import ConfigError, DataError, closest
from steelyard.task.sections import check_labels
from steelyard.words import shortened

MOST_LABELS = 200
LABEL_CHARACTERS = 80
_LOOKED_AT = 1_000
_ROLES = ("input", "output")
_SURE = ({"input": "prompt", "output": "completion"}, {"input": "input", "output": "output"})


@dataclass(frozen=True)
class FileGuess:
    """What a file seems to hold. ``columns`` is empty where rows carry the usual keys.

    ``has_rules``: every row says what a reply must keep, and none has an output. ``bad`` lists the
    rows that could not be read, so that the guess is made without them.
    """

    kind: OutputKind
    labels: tuple[str, ...]
    columns: Mapping[str, str]
    count: int
    has_rules: bool = False
    bad: tuple[BadRow, ...] = ()


def guess_file(path: Path) -> FileGuess:
    """Read ``path`` and guess what a task over it says.

    Raises `DataError`, also for labels that a task cannot list: those that differ only by case, or
    that hold a line break.
    """
    guess = guess_rows(path, list(read_rows(path)), {})
    try:
        check_labels(guess.labels)
    except ValueError as error:
        raise DataError(f"{path.name}: {error}") from None
    return guess


def guess_rows(path: Path, rows: Sequence[RawRow], columns: Mapping[str, str]) -> FileGuess:
    """Guess columns, output kind and labels from the ``rows`` of ``path``. Raises `DataError`.

    ``columns`` maps roles to names that are known and not to be guessed.
    """
    columns = _columns(path, rows, columns)
    examples, bad = _usable(path, rows, RowParser("text", (), columns))
    if bad:  # outputs may be JSON objects
        as_json = _usable(path, rows, RowParser("json", (), columns))
        examples, bad = max((examples, bad), as_json, key=lambda result: len(result[0]))
    if not examples:
        raise DataError(f"{path.name} holds no usable example" + (f"; {bad[0]}" if bad else ""))
    kind, labels = _guess_kind([example.output for example in examples])
    has_rules = all(example.rules is not None and not example.output for example in examples)
    return FileGuess(kind, labels, columns, len(examples), has_rules, tuple(bad))


def _guess_kind(outputs: Sequence[str]) -> tuple[OutputKind, tuple[str, ...]]:
    """The kind of the outputs, and the labels where it is that."""
    documents = [_document(output) for output in outputs]
    if all(document is not None for document in documents):
        labels = _labels_in_lists(documents)
        return ("labels", labels) if labels else ("json", ())
    labels = _as_labels(Counter(output.strip() for output in outputs), len(outputs))
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
    fit = all(label and len(label) <= LABEL_CHARACTERS and label.isprintable() for label in counts)
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
        except RowError as error:
            bad.append(BadRow(path.name, row.line, str(error)))
        else:
            examples.append(parsed.example)
    return examples, bad


def _columns(path: Path, rows: Sequence[RawRow], columns: Mapping[str, str]) -> dict[str, str]:
    """Which column of a table plays which role; only ``columns`` where rows name their own fields."""
    if not container_of(path).has_header:
        return dict(columns)
    body = [row.fields for row in rows if row.reason is None]
    if not body:
        raise DataError(
            f"{path.name} holds no examples: give a header line and one row per example"
        )
    header = tuple(dict.fromkeys(name for fields in body for name in fields if name))
    if "input" in columns or known_keys(header) is None:
        if len(header) < 2:
            raise DataError(
                f"{path.name} has one column, {shortened(str(list(header)), 100)}: an input and an "
                "output column are needed"
            )
        columns = guess_columns(header, body, columns)
    check_columns(path, header, columns)
    return dict(columns)


def guess_columns(
    header: tuple[str, ...], body: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> dict[str, str]:
    """Name input and output by the header, else by what the cells of ``body`` look like."""
    roles = dict(resolve(header, columns))
    free = [name for name in header if name not in roles.values()]
    if "input" not in roles:
        pool = free or [name for name in header if name != roles.get("output")]
        roles["input"] = max(pool, key=lambda name: _mean_length(body, name))
        free = [name for name in free if name != roles["input"]]
    if "output" not in roles:
        pool = free or [name for name in header if name != roles["input"]]
        roles["output"] = min(pool, key=lambda name: _labelness(body, name))
    return roles


def _mean_length(body: Sequence[Mapping[str, Any]], name: str) -> float:
    return sum(len(str(row.get(name, ""))) for row in body) / len(body)


def _labelness(body: Sequence[Mapping[str, Any]], name: str) -> tuple[bool, float, float]:
    """Sort key: columns that vary first, then those with the fewest different short values."""
    values = {str(row.get(name, "")).strip() for row in body}
    return len(values) < 2, len(values) / len(body), _mean_length(body, name)


@dataclass(frozen=True)
class Source:
    """A file's rows, how they lie there and what they mean, and its columns where it has plain ones.

    ``rows`` can be read once. ``is_guess`` says that a person should look at the columns.
    """

    path: Path
    rows: RowStream
    container: Container
    shape: Shape
    columns: Mapping[str, str]
    is_guess: bool

    @property
    def is_table(self) -> bool:
        return self.container.format in {".csv", ".tsv"}


def look(path: Path, columns: Mapping[str, str] | None = None) -> Source:
    """Open ``path`` and say what it holds.

    Raises `DataError` where that is unclear, and `ConfigError` for ``columns`` of unknown roles.
    """
    named = _checked(columns or {})
    container = container_of(path)
    stream = RowStream(path)
    first = stream.first(_LOOKED_AT)
    rows = [row.fields for row in first if row.reason is None and row.fields]
    if not rows:
        raise DataError(f"{path.name} has no readable row: {_first_problem(first)}")
    names = tuple(dict.fromkeys(name for fields in rows for name in fields))
    if named:
        _check_named(path, named, names)
        roles = columns_in(names, named)
        if len(roles) < len(_ROLES):
            roles = _guessed(path, names, rows, named)
        return Source(path, stream, container, _plain(roles), roles, is_guess=False)
    shape = shape_of(rows)
    if shape is not None and shape.name != PLAIN:
        return Source(path, stream, container, shape, {}, is_guess=False)
    if shape is not None:
        roles = _most_common(rows)
        return Source(path, stream, container, shape, roles, is_guess=roles not in _SURE)
    if not container.has_header:
        raise DataError(_cannot_tell(path, names))
    roles = _guessed(path, names, rows, {})
    return Source(path, stream, container, _plain(roles), roles, is_guess=True)


def _plain(columns: Mapping[str, str]) -> Shape:
    """The shape of rows that have their input and output in these columns."""
    plain = SHAPES.get(PLAIN)
    return replace(plain, read=partial(read, columns=columns))


def _checked(columns: Mapping[str, str]) -> dict[str, str]:
    for role in columns:
        if role not in _ROLES:
            raise ConfigError(
                f"unknown column {role!r}{closest(role, _ROLES)}; known: input, output"
            )
    return dict(columns)


def _first_problem(rows: Sequence[RawRow]) -> str:
    return f"line {rows[0].line}: {rows[0].reason or 'no fields'}" if rows else "it is empty"


def _check_named(path: Path, named: Mapping[str, str], names: Sequence[str]) -> None:
    for role, name in named.items():
        if name not in names:
            columns = ", ".join(names[:20])
            raise DataError(
                f"{path.name} has no column {name!r} for the {role}{closest(name, names)}; "
                f"it has: {columns}"
            )


def _most_common(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    roles_of_rows = (columns_in(tuple(fields), {}) for fields in rows)
    pairs = Counter(tuple(roles.items()) for roles in roles_of_rows if len(roles) == len(_ROLES))
    return dict(pairs.most_common(1)[0][0])


def _guessed(
    path: Path, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]], named: Mapping[str, str]
) -> dict[str, str]:
    if len(names) < len(_ROLES):
        raise DataError(_cannot_tell(path, names))
    roles = guess_columns(names, rows, named)
    return {role: roles[role] for role in _ROLES}


def _cannot_tell(path: Path, names: Sequence[str]) -> str:
    columns = ", ".join(names[:20]) or "none"
    return (
        f"cannot tell what the rows of {path.name} mean; they have: {columns}; name the columns: "
        "--columns input=…,output=…"
    )
