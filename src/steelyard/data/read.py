"""Read a task's example files; bad rows are collected and reported together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from steelyard.config.source import encoding_problem
from steelyard.core import Example
from steelyard.data.formats import BadRow, RowError, reader_for
from steelyard.data.rows import RowParser, content_id
from steelyard.errors import DataError
from steelyard.task.config import Task
from steelyard.words import listed

SHOWN = 10
FIRST = 3
Parts = dict[str, tuple[Example, ...]]


class ReadResult(NamedTuple):
    """Examples by part (``all``, or train, dev, test), rows left out, and keys nothing used."""

    parts: Parts
    bad: tuple[BadRow, ...]
    ignored_keys: tuple[str, ...]


class BadRowsError(DataError):
    """Rows that cannot be used; ``bad`` lists every one of them."""

    def __init__(self, bad: tuple[BadRow, ...]) -> None:
        super().__init__(summary(bad))
        self.bad = bad


def read_examples(task: Task, *, skip_bad_rows: bool = False) -> ReadResult:
    """Read every example file of ``task``.

    Raises `BadRowsError` naming file, line and reason of every bad row, unless ``skip_bad_rows``;
    raises `DataError` for a file that cannot be read at all or holds no usable row.
    """
    parser = RowParser(
        task.output.kind,
        task.output.labels,
        task.columns.given(),
        needs_output=not scored_by_rules_alone(task),
    )
    parts: Parts = {}
    bad: list[BadRow] = []
    for part, path in task.example_paths.items():
        examples, unusable = read_file(path, parser)
        bad += unusable
        parts[part] = tuple(_with_ids(examples))
        if not examples and not unusable:
            raise DataError(f"{path.name} holds no examples: add one row per example")
    if bad and not skip_bad_rows:
        raise BadRowsError(tuple(bad))
    for part, path in task.example_paths.items():
        if not parts[part]:
            raise DataError(f"{path.name} holds no usable example; {summary(tuple(bad))}")
    return ReadResult(_unique_across(parts), tuple(bad), tuple(sorted(parser.ignored)))


def scored_by_rules_alone(task: Task) -> bool:
    """Whether no metric of the task holds an answer against a reference."""
    return bool(task.rules) and set(task.metrics) == {"rules"}


def read_file(path: Path, parser: RowParser) -> tuple[list[Example], list[BadRow]]:
    """Read one file in one pass. Raises `DataError` when the file as a whole cannot be read."""
    examples: list[Example] = []
    bad: list[BadRow] = []
    lines_by_id: dict[str, int] = {}
    try:
        for row in reader_for(path)(path, parser.columns):
            try:
                example = parser.parse(row, path.name)
                first = lines_by_id.setdefault(example.id, row.line) if example.id else row.line
                if first != row.line:
                    raise RowError(f"id {example.id[:40]!r} is already used on line {first}")
            except RowError as error:
                bad.append(BadRow(path.name, row.line, str(error)))
            except RecursionError:
                bad.append(BadRow(path.name, row.line, "nested too deeply"))
            else:
                examples.append(example)
    except UnicodeDecodeError:
        raise DataError(encoding_problem(path)) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from None
    return examples, bad


def summary(bad: tuple[BadRow, ...]) -> str:
    """What `bad_rows` says, and the two ways on."""
    return f"{bad_rows(bad)} (fix them, or go on without: --skip-bad-rows)"


def bad_rows(bad: tuple[BadRow, ...]) -> str:
    """Say on one line how many rows are bad, and where and why the first ones are."""
    files = sorted({row.file for row in bad})
    one = len(files) == 1
    alike: dict[str, list[BadRow]] = {}
    for row in bad:
        alike.setdefault(row.reason, []).append(row)
    groups = list(alike.values())
    shown = "; ".join(_alike(rows, one, len(groups) == 1) for rows in groups[:SHOWN])
    left = sum(map(len, groups[SHOWN:]))
    more = f"; and {left} more" if left else ""
    rows = "1 bad row" if len(bad) == 1 else f"{len(bad)} bad rows"
    return " ".join(f"{rows} in {', '.join(files)}: {shown}{more}".split())


def _alike(rows: list[BadRow], one_file: bool, are_all: bool) -> str:
    """Rows that are bad for one reason: how many, and where the first ones are."""
    first, count = rows[0], len(rows)
    if count == 1:
        return f"line {first.line}: {first.reason}" if one_file else str(first)
    places = [str(row.line) if one_file else f"{row.file} line {row.line}" for row in rows[:FIRST]]
    which = f"{'first ' if count > FIRST else ''}{'lines ' if one_file else ''}"
    many = "" if are_all else f"{count:,} rows: "
    return f"{many}{first.reason} ({which}{listed(places)})"


def _with_ids(examples: list[Example]) -> Iterable[Example]:
    """Give rows without an id one from their content, so that row order does not matter."""
    seen: Counter[str] = Counter(example.id for example in examples if example.id)
    for example in examples:
        if example.id:
            yield example
            continue
        name = content_id(example)
        seen[name] += 1
        yield replace(example, id=name if seen[name] == 1 else f"{name}-{seen[name]}")


def _unique_across(parts: Parts) -> Parts:
    """Prefix ids with their part when two files use the same one."""
    counts = Counter(example.id for examples in parts.values() for example in examples)
    if all(count == 1 for count in counts.values()):
        return parts
    return {
        part: tuple(replace(example, id=f"{part}/{example.id}") for example in examples)
        for part, examples in parts.items()
    }
