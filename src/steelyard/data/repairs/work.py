"""Rows under repair, and the log of what was done to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from steelyard.core import Example
from steelyard.data.formats import RawRow
from steelyard.data.read import NumberedRow
from steelyard.task import Task

ACTIONS: Mapping[str, str] = {
    "answer": "relabelled in the review",
    "encoding": "wrongly decoded text is repaired",
    "line_breaks": "line breaks become single line feeds",
    "characters": "invisible characters are removed",
    "spaces": "unusual spaces become plain spaces",
    "unicode": "letters are composed (Unicode NFC)",
    "trim": "leading and trailing spaces are removed",
    "label_spelling": "spelled like the same label elsewhere",
    "redacted": "private data is replaced with placeholders",
    "duplicate": "dropped: identical to another row",
    "leak": "dropped: also in dev or test",
    "dropped": "dropped in the review",
    "flagged": "to the review file: flagged in the review",
    "unreadable": "to the review file: a run would refuse the row",
    "left_out": "to the review file: the row says itself that it is no example",
    "conflict": "to the review file: same input, different output",
    "over_context": "to the review file: longer than the model's context",
}
"""Every action, in display order, and what it means."""

TO_REVIEW = frozenset({"flagged", "unreadable", "left_out", "conflict", "over_context"})
LEAVING = TO_REVIEW | {"duplicate", "leak", "dropped"}
"""Actions after which a row is not in the new file."""


class RepairChange(NamedTuple):
    """One line of the change log; ``field`` is empty when it is about the row as a whole."""

    row: int
    source: str
    action: str
    field: str
    before: Any
    after: Any
    reason: str


@dataclass(eq=False)
class RepairRow:
    """One row: where it is, its fields as repaired so far, and its example once it has one.

    ``is_trusted`` when a person confirmed or gave its output; ``text`` is the line of a row that
    has no fields.
    """

    number: int
    part: str
    raw: RawRow
    source: str
    fields: dict[str, Any]
    example: Example | None = None
    is_trusted: bool = False
    removal: RepairChange | None = None
    text: str | None = None

    @property
    def read(self) -> Example:
        assert self.example is not None
        return self.example


@dataclass(eq=False)
class RepairWork:
    """All rows of a source, as they are there and as repaired, the changes made, and notes."""

    task: Task
    source: Sequence[NumberedRow]
    rows: Sequence[RepairRow]
    changes: list[RepairChange] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def remaining(self) -> Iterator[RepairRow]:
        return (row for row in self.rows if row.removal is None)

    def change(
        self, row: RepairRow, action: str, where: str, values: tuple[Any, Any], reason: str = ""
    ) -> None:
        """Log a change from ``values[0]`` to ``values[1]``; the caller has made it."""
        assert action in ACTIONS
        self.changes.append(
            RepairChange(row.number, row.source, action, where, *values, reason or ACTIONS[action])
        )

    def leave(self, row: RepairRow, action: str, reason: str) -> None:
        """Take a row out, and log it with all it held."""
        assert action in LEAVING
        content = row.fields or row.text
        row.removal = RepairChange(row.number, row.source, action, "", content, None, reason)
        self.changes.append(row.removal)
