"""Rows under repair, and the log of what was done to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from steelyard.core import Example
from steelyard.task import Task

ACTIONS: Mapping[str, str] = {
    "answer": "labelled anew in the review",
    "encoding": "text that was decoded wrongly is mended",
    "line_breaks": "line breaks are written as one line feed",
    "characters": "invisible characters are taken out",
    "spaces": "unusual spaces are written as plain ones",
    "unicode": "letters are composed (Unicode NFC)",
    "trim": "spaces at the ends are cut off",
    "label_spelling": "spelled like the same label elsewhere",
    "redacted": "private data is replaced by placeholders",
    "duplicate": "dropped: another row says the very same",
    "leak": "dropped: the row stands in dev or test too",
    "dropped": "dropped in the review",
    "flagged": "to the review file: flagged in the review",
    "unreadable": "to the review file: a run would refuse the row",
    "conflict": "to the review file: the same input with another output",
    "over_context": "to the review file: longer than the model's context",
}
"""Every action, in the order in which it is shown, and what it says of a row."""

TO_REVIEW = frozenset({"flagged", "unreadable", "conflict", "over_context"})
LEAVING = TO_REVIEW | {"duplicate", "leak", "dropped"}
"""Actions after which a row is not in the new file."""


class Change(NamedTuple):
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
    """One row: where it stands, its fields as repaired so far, and its example once it has one.

    ``is_trusted`` when a person confirmed or gave its output; ``text`` is the line of a row that
    has no fields.
    """

    number: int
    part: str
    line: int
    source: str
    fields: dict[str, Any]
    example: Example | None = None
    is_trusted: bool = False
    removal: Change | None = None
    text: str | None = None

    @property
    def read(self) -> Example:
        """The example of a row that has one."""
        assert self.example is not None
        return self.example


@dataclass(eq=False)
class Work:
    """All rows of a source, in order, the changes made, and what must be said besides."""

    task: Task
    rows: Sequence[RepairRow]
    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def kept(self) -> Iterator[RepairRow]:
        """The rows that have not left."""
        return (row for row in self.rows if row.removal is None)

    def change(
        self, row: RepairRow, action: str, where: str, values: tuple[Any, Any], reason: str = ""
    ) -> None:
        """Log a change from ``values[0]`` to ``values[1]``; the caller has made it."""
        assert action in ACTIONS
        self.changes.append(
            Change(row.number, row.source, action, where, *values, reason or ACTIONS[action])
        )

    def leave(self, row: RepairRow, action: str, reason: str) -> None:
        """Take a row out, and log it with all it held."""
        assert action in LEAVING
        content = row.fields or row.text
        row.removal = Change(row.number, row.source, action, "", content, None, reason)
        self.changes.append(row.removal)
