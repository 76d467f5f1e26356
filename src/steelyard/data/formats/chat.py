"""Chat turns to context, input and output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from steelyard.core import Message, Role
from steelyard.data.formats.base import RowError

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}


class Turns(NamedTuple):
    """A chat cut for weighing: everything before the last user turn, that turn, and the reply."""

    context: tuple[Message, ...]
    input: str
    output: str


def cut_chat(messages: Sequence[Any]) -> Turns:
    """Cut a chat that ends with user and assistant. Raises `RowError`."""
    turns = [_message(position, turn) for position, turn in enumerate(messages, 1)]
    if not turns:
        raise RowError("messages is empty")
    if turns[-1].role != "assistant":
        raise RowError(f"the last message must be the assistant's, not the {turns[-1].role}'s")
    if len(turns) < 2 or turns[-2].role != "user":
        raise RowError("the message before the last must be the user's")
    return Turns(tuple(turns[:-2]), turns[-2].content, turns[-1].content)


def _message(position: int, turn: Any) -> Message:
    if not isinstance(turn, dict):
        raise RowError(f"message {position} is not an object with role and content")
    role = turn.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        roles = ", ".join(_ROLES)
        raise RowError(f"message {position} has role {str(role)[:40]!r}; known: {roles}")
    return Message(cast(Role, _ROLES[role]), _content(position, turn.get("content")))


def _content(position: int, content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content:
        texts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if all(isinstance(text, str) for text in texts):
            return "".join(cast("list[str]", texts))
    raise RowError(f"message {position} has no text content")
