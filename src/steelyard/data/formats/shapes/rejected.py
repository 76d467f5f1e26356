"""Rejected answers: how one is written, and those that stand in a plain column beside a row's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.data.formats.base import RowError, json_in
from steelyard.data.formats.roles import rejected_name
from steelyard.data.formats.shapes.base import Conversation, Turn
from steelyard.data.formats.shapes.turns import answer_of, read_turns

_FLAGS = frozenset({"yes", "no", "true", "false", "y", "n", "0", "1"})


def answers(value: Any, name: str) -> list[Turn]:
    """Read one side of a pair: a text, a message, messages, or another value. Raises `RowError`."""
    if not _holds_messages(value):
        return [answer_of(value, name)]
    return read_turns([value] if isinstance(value, dict) else value, name)


def _holds_messages(value: Any) -> bool:
    """Whether a value is a message, or a list of objects of which some say their role, or its JSON text.

    Anything else is the answer itself.
    """
    items = json_in(value, "[") if isinstance(value, str) else value
    if isinstance(items, dict):
        return "role" in items
    if not isinstance(items, list) or not all(type(item) is dict for item in items):
        return False
    return items != [] and (isinstance(value, str) or any("role" in item for item in items))


def with_rejected(row: Conversation) -> Conversation:
    """The row with what a plain column of the usual name holds as its rejected answer."""
    name = rejected_column(row)
    if name is None or not str(row.fields[name]).strip():
        return row
    return _moved(row, name, [answer_of(row.fields[name], name)])


def with_named(row: Conversation, name: str) -> Conversation:
    """The row with what the named column holds as its rejected answer. Raises `RowError`."""
    if row.rejected is not None or row.fields.get(name) is None:
        return row
    return _moved(row, name, answers(row.fields[name], name))


def _moved(row: Conversation, name: str, rejected: Sequence[Turn]) -> Conversation:
    rest = {key: value for key, value in row.fields.items() if key != name}
    return row._replace(rejected=rejected, fields=rest)


def rejected_column(row: Conversation) -> str | None:
    """The plain column whose name says that it holds the rejected answer, where its value may be one."""
    name = None if row.rejected is not None else rejected_name(tuple(row.fields))
    value = None if name is None else row.fields[name]
    if value is None or isinstance(value, bool):
        return None
    answer = row.turns[-1].get("content") if row.answer else None
    return None if is_flag(value, answer) else name


def is_flag(value: object, answer: object) -> bool:
    """Whether ``yes``, ``false`` or the like beside an ``answer`` says that something was rejected.

    It is the rejected answer itself where the answer is such a word, too.
    """
    return _folded(value) in _FLAGS and _folded(answer) not in _FLAGS


def _folded(value: object) -> str:
    return str(value).strip().casefold()


def refuse_rejected(row: Conversation, shape: str) -> None:
    """Raise `RowError` for a row with a rejected answer, where there is no place for one."""
    if row.rejected is not None:
        raise RowError(
            f"has a rejected answer, which {shape} cannot hold; preference, prompt_completion or sharegpt can"
        )
