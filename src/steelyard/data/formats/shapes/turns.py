"""Messages to turns, and turns to text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes.base import TOOL_KEYS, VALUE_KEY, Turn

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_ROLE_WORDS = {role: role for role in ROLES} | {
    "human": "user",
    "ai": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "model": "assistant",
}
"""Roles as others call them, in small letters."""
_PLAIN = frozenset({"role", "content"})
_TEXT = "text"
_TEXTS = frozenset({_TEXT, "input_text", "output_text"})
"""Types of parts that are texts, in OpenAI's two interfaces; Bedrock's have no type."""
_SPEAKS_WITHOUT_TEXT = ("tool_calls", "function_call", "refusal", "audio")


def read_turns(messages: Any, name: str = "messages") -> list[Turn]:
    """Check a list of messages, which a cell may hold as JSON text. Raises `RowError`."""
    return [_turn(place, message) for place, message in enumerate(listed(messages, name), 1)]


def listed(value: Any, name: str) -> list[Any]:
    """A list, or the list that a text holds as JSON. Raises `RowError`."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise RowError(f"{name} is text that is not JSON") from None
    if not isinstance(value, list):
        raise RowError(f"{name} is not a list")
    if not value:
        raise RowError(f"{name} is empty")
    return value


def _turn(place: int, message: Any) -> Turn:
    if type(message) is not dict:
        raise RowError(f"message {place} is not an object with role and content")
    role, content = message.get("role"), message.get("content")
    if type(role) is str and role not in ROLES and role.casefold() in _ROLE_WORDS:
        role = _ROLE_WORDS[role.casefold()]
        message = {**message, "role": role}
    if type(role) is not str or role not in ROLES:
        roles = ", ".join(sorted(ROLES))
        raise RowError(f"message {place} has role {str(role)[:40]!r}; known: {roles}")
    if type(content) is str and len(message) == len(_PLAIN):
        return cast("Turn", message)
    turn = {key: value for key, value in message.items() if value is not None}
    if isinstance(content, list):
        turn["content"] = [_part(part) for part in content]
    if not isinstance(content, str | list) and not any(key in turn for key in _SPEAKS_WITHOUT_TEXT):
        raise RowError(f"message {place} has no content")
    return turn


def _part(part: Any) -> Any:
    """A part of a content; one that is a text alone in OpenAI's words, whoever wrote it."""
    text = part.get("text") if isinstance(part, dict) else part
    is_text = not isinstance(part, dict) or (
        part.keys() <= {"type", "text"} and part.get("type", _TEXT) in _TEXTS
    )
    return {"type": _TEXT, "text": text} if is_text and isinstance(text, str) else part


def read_tools(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that say which tools there are; a cell may hold the lists as JSON text."""
    tools = {key: fields[key] for key in TOOL_KEYS if fields.get(key) is not None}
    for key in ("tools", "functions"):
        if isinstance(tools.get(key), str):
            tools[key] = listed(tools[key], key) if tools[key].strip("[] \n") else []
    return tools


def user(text: str) -> Turn:
    """A user's turn."""
    return {"role": "user", "content": text}


def assistant(text: str) -> Turn:
    """An assistant's turn."""
    return {"role": "assistant", "content": text}


def answer_of(value: Any, name: str) -> Turn:
    """An answer that a cell holds; a value that is not text is kept with its JSON. Raises `RowError`."""
    if isinstance(value, str):
        return assistant(value)
    if value is None:
        raise RowError(f"no {name}")
    return {**assistant(json.dumps(value, ensure_ascii=False)), VALUE_KEY: value}


def is_plain(turn: Turn) -> bool:
    """Whether a turn is a role and a text and nothing else."""
    return len(turn) == len(_PLAIN) and type(turn.get("content")) is str


def text_of(turn: Turn, shape: str, lost: list[str]) -> str:
    """The text of a turn for a shape without room for more; what that drops is added to ``lost``.

    Raises `RowError` where not only side information would be dropped.
    """
    if is_plain(turn):
        return str(turn["content"])
    for key in ("tool_calls", "function_call"):
        if turn.get(key):
            raise RowError(f"has {key}, which {shape} cannot hold; openai can")
    lost += [key for key in turn if key not in _PLAIN and key != VALUE_KEY]
    return flat_content(turn, shape, lost)


def flat_content(turn: Turn, shape: str, lost: list[str]) -> str:
    """The content of a turn as one text. Raises `RowError` for pictures and sounds."""
    content = turn.get("content")
    if isinstance(content, str):
        return content
    if content is None:
        raise RowError(f"has a {turn['role']} turn without text, which {shape} cannot hold")
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    if not all(isinstance(text, str) for text in texts):
        raise RowError(f"has a turn with more than text, which {shape} cannot hold")
    lost.append("content parts")
    return "".join(cast("list[str]", texts))


def check_roles(turns: Sequence[Turn], shape: str, roles: frozenset[str], lost: list[str]) -> None:
    """Refuse roles that a shape has no word for; a developer speaks as the system does."""
    for turn in turns:
        role = turn["role"]
        if role == "developer" and "system" in roles:
            lost.append("developer role")
        elif role not in roles:
            raise RowError(f"has a turn by the {role}, which {shape} cannot hold; openai can")
