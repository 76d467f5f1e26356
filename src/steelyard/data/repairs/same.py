"""Rows that ask the same: duplicates go, conflicts are put aside."""

from __future__ import annotations

from collections.abc import Iterable

from steelyard.core import OutputKind
from steelyard.data.likeness.alike import answer
from steelyard.data.likeness.normalise import exact_key, normalised_key
from steelyard.data.repairs.work import RepairRow, Work

_RANK = {"test": 0, "dev": 1}
"""Of a row in several parts the one nearest to the test stays: a test row is worth the most."""
_SHORT = 60


def drop_duplicates(work: Work) -> None:
    """Drop rows that ask and answer the very same as another; the first stays."""
    first: dict[tuple[str, str], RepairRow] = {}
    for row in sorted(work.kept(), key=lambda row: (_RANK.get(row.part, 2), row.number)):
        key = (exact_key(row.read), _answer(row, work.task.output.kind))
        original = first.setdefault(key, row)
        if original is row:
            continue
        if original.part == row.part:
            work.leave(row, "duplicate", f"says the very same as row {original.number}")
        else:
            work.leave(row, "leak", f"stands in {original.part} too, as row {original.number}")


def set_conflicts_aside(work: Work) -> None:
    """Put rows aside that ask the same and answer differently.

    The same is what the check ``contradictions`` takes for it: but for case, punctuation and spaces.
    Rows that a person has confirmed stay. Texts may differ rightly, so they never conflict.
    """
    kind = work.task.output.kind
    if kind == "text":
        return
    alike: dict[str, list[RepairRow]] = {}
    for row in work.kept():
        alike.setdefault(normalised_key(row.read), []).append(row)
    for rows in alike.values():
        if len(rows) > 1 and len({_answer(row, kind) for row in rows}) > 1:
            _set_aside(work, rows)


def _set_aside(work: Work, rows: Iterable[RepairRow]) -> None:
    rows = list(rows)
    kind = work.task.output.kind
    for row in rows:
        if row.is_trusted:
            continue
        other = next(rival for rival in rows if _answer(rival, kind) != _answer(row, kind))
        says = repr(other.read.output) if len(other.read.output) <= _SHORT else "something else"
        work.leave(row, "conflict", f"row {other.number} asks the same and says {says}")


def _answer(row: RepairRow, kind: OutputKind) -> str:
    """A text as it is, JSON by its value."""
    return answer(row.read.output, kind) if kind == "json" else row.read.output
