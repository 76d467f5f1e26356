"""What answers still hold that is no part of an answer, counted: each of them is scored with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steelyard.core import Record
from steelyard.model.turns import control_tokens
from steelyard.next_item import next_items
from steelyard.words import counted


def leftover_warnings(
    arm: str, records: Sequence[Record], *, only_marks: bool = False
) -> Iterator[str]:
    """Say in how many answers an arm leaves control tokens, or goes on with a next question of its own.

    Those whose reference has the same are none. ``only_marks`` where the metric reads no next question.
    """
    marks = [mark for record in records for mark in _marks(record)[:1]]
    if marks:
        yield (
            f"control tokens: {arm} leaves marks such as {marks[0]} in "
            f"{counted(len(marks), 'answer')} of {len(records)}, which are scored with them; check the "
            "server's chat template"
        )
    on = 0 if only_marks else sum(_goes_on(record) for record in records)
    if on:
        yield (
            f"goes on: {arm} seems to go on with a next question of its own in {counted(on, 'answer')} of "
            f"{len(records)}, which are scored whole; check the server's chat template"
        )


def _marks(record: Record) -> list[str]:
    if record.outcome != "scored":
        return []
    return [
        mark for mark in control_tokens(record.answer.output or "") if mark not in record.reference
    ]


def _goes_on(record: Record) -> bool:
    output = record.answer.output or ""
    is_own = next(next_items(output), None) is not None
    return (
        record.outcome == "scored" and is_own and next(next_items(record.reference), None) is None
    )
