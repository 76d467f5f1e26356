"""What a row means: a conversation that loses nothing, and what reads and writes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from steelyard.data.formats.base import RowError

Turn = Mapping[str, Any]
"""One message as OpenAI writes it: ``role``, ``content``, and what else it carries (``name``,
``weight``, ``tool_calls``, …), nulls left out."""

NOTHING: Mapping[str, Any] = MappingProxyType({})
TOOL_KEYS = ("tools", "functions", "function_call", "tool_choice", "parallel_tool_calls")
VALUE_KEY = "output as JSON"
"""Key of an answer that the file has as JSON and not as text: the value as it is there."""
BORDER = "border of instruction and input"
TAKEN = "{} (the name is taken)"
_RESERVED = frozenset(
    {
        "messages",
        "conversations",
        "chosen",
        "rejected",
        "preferred_output",
        "non_preferred_output",
    }
)


class Conversation(NamedTuple):
    """A row, whatever its shape was.

    The last ``answer`` turns are what is to be learnt; ``rejected`` are the turns not to be given in
    their place. ``tools`` holds the keys that say which tools there are (`TOOL_KEYS`), ``fields`` every
    other field of the row by name. ``input_at`` is where Alpaca's input begins in the last user turn.
    """

    turns: Sequence[Turn]
    answer: int = 1
    rejected: Sequence[Turn] | None = None
    tools: Mapping[str, Any] = NOTHING
    fields: Mapping[str, Any] = NOTHING
    input_at: int | None = None

    @property
    def prompt(self) -> Sequence[Turn]:
        return self.turns[: len(self.turns) - self.answer]


class WrittenRow(NamedTuple):
    """A row as a shape writes it, and the names of what it had no place for."""

    fields: dict[str, Any]
    lost: tuple[str, ...] = ()


Read = Callable[[Mapping[str, Any]], Conversation]
"""Takes a row's fields. Raises `RowError` with the reason."""

Write = Callable[[Conversation, bool], WrittenRow]
"""Takes a conversation, and whether the file is flat (one text a cell). Raises `RowError`."""


@dataclass(frozen=True)
class Shape:
    """A way to write conversations as fields; ``fits`` says by its fields whether a row has it."""

    name: str
    title: str
    fits: Callable[[Mapping[str, Any]], bool]
    read: Read
    write: Write | None = None


def rest_of(fields: Mapping[str, Any], names: frozenset[str]) -> Mapping[str, Any]:
    """The fields that are not ``used``."""
    if fields.keys() <= names:
        return NOTHING
    return {name: value for name, value in fields.items() if name not in names}


def put_rest(row: dict[str, Any], rest: Mapping[str, Any], lost: list[str]) -> None:
    """Add the other fields to a written row; names that mean something else there are lost."""
    for name, value in rest.items():
        if name in row or name in _RESERVED:
            lost.append(TAKEN.format(name))
        else:
            row[name] = value


def written(row: Conversation, fields: dict[str, Any], lost: list[str]) -> WrittenRow:
    """The written ``fields`` of a row with its other fields, and all that is lost."""
    if row.input_at is not None:
        lost.append(BORDER)
    if row.fields:
        put_rest(fields, row.fields, lost)
    return WrittenRow(fields, tuple(lost))


def refuse_tools(row: Conversation, shape: str) -> None:
    """Raise `RowError` for a row that offers tools, where there is no place for them."""
    offered = next((key for key in ("tools", "functions") if row.tools.get(key)), None)
    if offered is not None:
        raise RowError(f"offers {offered}, which {shape} cannot hold; openai can")
