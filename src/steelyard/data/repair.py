"""``steelyard.data.fix``: the safe repairs, into a new file, with a log of every change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.data.dataset import open_source
from steelyard.data.formats import Container, container_of
from steelyard.data.formats.roles import Columns
from steelyard.data.read import NumberedRow
from steelyard.data.repairs.files import RepairTarget
from steelyard.data.repairs.rows import (
    apply_answers,
    drop_duplicates,
    parse_rows,
    refuse_repeated_ids,
    set_conflicts_aside,
    set_long_rows_aside,
    unify_labels,
)
from steelyard.data.repairs.texts import redact_rows, repair_texts
from steelyard.data.repairs.work import ACTIONS, RepairChange, RepairRow, RepairWork
from steelyard.files import expanded, note_source, sources_kept
from steelyard.task import Task

_TEXTS = frozenset(Container(ending) for ending in (".jsonl", ".ndjson", ".csv", ".tsv"))
"""Forms whose rows are lines of text."""


@dataclass(frozen=True)
class Repairs:
    """What was done: rows read and kept, every change, the files (none in a dry run), and remarks."""

    rows: int
    kept: int
    changes: tuple[RepairChange, ...]
    files: Mapping[str, Path]
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Rows by action; a row may be changed in several ways, but leaves by one."""
        counts = Counter(
            action for _, action in {(change.row, change.action) for change in self.changes}
        )
        return {action: counts[action] for action in ACTIONS if action in counts}

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "kept": self.kept,
            "left_out": self.rows - self.kept,
            "counts": self.counts,
            "files": {name: str(path) for name, path in self.files.items()},
            "notes": list(self.notes),
        }


@sources_kept()
def fix(
    source: Task | Path | str,
    target: Path | str,
    *,
    redact: bool = False,
    answers: Path | str | None = None,
    columns: Columns | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> Repairs:
    """Apply the safe repairs and write the rows that stay to ``target``, never in place.

    ``target`` is a file like the source, or a folder for a task; next to the rows go a log of every
    change and the rows to review. Every row is written or named in the log. ``answers`` are
    those of a review (`label`), ``redact`` puts placeholders in place of private data, in the log
    too. Repairing the result again changes nothing. Raises `DataError`, `ConfigError` and
    `StorageError`.
    """
    task, numbered, _ = open_source(source, columns)
    if answers is not None:
        note_source(expanded(answers))
    place = RepairTarget(task, expanded(target))
    replaces = False if dry_run else place.check_free(force=force)
    work = read_work(task, numbered)
    repair(work, redact=redact, answers=expanded(answers) if answers else None)
    files = {} if dry_run else place.write(work, replaces=replaces)
    remaining = sum(1 for _ in work.remaining())
    return Repairs(len(work.rows), remaining, tuple(work.changes), files, tuple(work.notes))


def repair(work: RepairWork, *, redact: bool, answers: Path | None) -> None:
    """Apply every repair, in an order in which none undoes another."""
    repair_texts(work)
    if redact:
        redact_rows(work)
    parse_rows(work, patient=True)
    if answers is not None:
        apply_answers(work, answers)
    unify_labels(work)
    parse_rows(work, patient=False)
    drop_duplicates(work)
    set_conflicts_aside(work)
    refuse_repeated_ids(work)
    set_long_rows_aside(work)


def read_work(task: Task, numbered: Iterable[NumberedRow]) -> RepairWork:
    """Read all rows; those without fields are left out at once, with their line if it is text."""
    rows: list[RepairRow] = []
    work = RepairWork(task, list(numbered), rows)
    names = {part: path.name for part, path in task.example_paths.items()}
    for number, part, raw in work.source:
        source = f"{names[part]}:{raw.line}"
        rows.append(RepairRow(number, part, raw, source, dict(raw.fields)))
        if raw.reason is not None:
            rows[-1].removal = RepairChange(
                number, source, "unreadable", "", None, None, raw.reason
            )
    _add_texts(work)
    for row in rows:
        if row.removal is not None:
            work.leave(row, "unreadable", row.removal.reason)
    return work


def _add_texts(work: RepairWork) -> None:
    """Give rows without fields the text of their lines, up to where the next row begins."""
    for part, path in work.task.example_paths.items():
        starts = {row.raw.line: row for row in work.rows if row.part == part}
        is_lost = any(row.removal and not row.fields for row in starts.values())
        container = container_of(path)
        if not is_lost or container not in _TEXTS:
            continue
        newline = "" if container.has_header else "\n"
        with path.open(encoding="utf-8-sig", errors="replace", newline=newline) as file:
            row: RepairRow | None = None
            for number, line in enumerate(file, 1):
                row = starts.get(number, row)
                if row is not None and row.removal is not None and not row.fields:
                    row.text = f"{row.text or ''}{line}"
        for entry in starts.values():
            entry.text = entry.text and entry.text.strip()
