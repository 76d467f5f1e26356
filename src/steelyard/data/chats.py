"""A chat cut for weighing: what comes before the last question, the question, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from steelyard.core import Message, Role
from steelyard.data.formats.base import LeftOutError, RowError
from steelyard.data.formats.shapes import Conversation
from steelyard.data.formats.shapes.base import VALUE_KEY

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_TOOL_ROLES = ("tool", "function")
CALLS_TOOL = "calls a tool, which cannot be weighed as text"
MORE_THAN_TEXT = "holds more than text, which cannot be weighed as text"


class ChatTurns(NamedTuple):
    """A chat cut for weighing: everything before the last user turn, that turn, and the reply.

    The reply is text, or the JSON that a row has as its output.
    """

    context: tuple[Message, ...]
    input: str
    output: Any


def cut_chat(messages: Sequence[Any]) -> ChatTurns:
    """Cut a chat that ends with user and assistant. Raises `RowError`."""
    turns = [_message(position, turn) for position, turn in enumerate(messages, 1)]
    if not turns:
        raise RowError("messages is empty")
    if turns[-1].role != "assistant":
        raise RowError(f"the last message must be the assistant's, not the {turns[-1].role}'s")
    if len(turns) < 2 or turns[-2].role != "user":
        raise RowError("the message before the last must be the user's")
    return ChatTurns(tuple(turns[:-2]), turns[-2].content, turns[-1].content)


def _message(position: int, turn: Any) -> Message:
    if not isinstance(turn, dict):
        raise RowError(f"message {position} is not an object with role and content")
    role = turn.get("role")
    if role in _TOOL_ROLES or turn.get("tool_calls") or turn.get("function_call"):
        raise RowError(CALLS_TOOL)
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
        raise RowError(MORE_THAN_TEXT)
    raise RowError(f"message {position} has no text content")


def cut_row(conversation: Conversation, may_lack: bool) -> ChatTurns:
    """Cut a row for weighing. Raises `LeftOutError` for an answer that is not to be learnt."""
    if not conversation.answer:
        if not may_lack and "rules" in conversation.fields:
            raise RowError("it has no output: rows with rules but no output need output.kind: text")
        if not may_lack:
            return cut_chat(conversation.turns)  # which says what it lacks
        return cut_chat(_answered(conversation.turns))
    every = conversation.turns
    while every and every[-1].get("weight") == 0:
        every = every[
            : max((at for at, turn in enumerate(every[:-1], 1) if _answers(turn)), default=0)
        ]
    if not every:
        raise LeftOutError("its answers have weight 0: they are not to be learnt")
    turns = cut_chat(every)
    return turns._replace(output=every[-1].get(VALUE_KEY, turns.output))


def _answers(turn: Mapping[str, Any]) -> bool:
    return turn["role"] == "assistant" and turn.get("weight") != 0


def _answered(chat: Sequence[Any]) -> list[Any]:
    """The chat with an empty answer where the user has the last word."""
    last = chat[-1] if chat else None
    is_open = isinstance(last, Mapping) and last.get("role") == "user"
    return [*chat, {"role": "assistant", "content": ""}] if is_open else list(chat)
