"""Gemini's conversations: ``contents`` of roles and parts, and a system instruction beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, rest_of

KEY = "contents"
_SYSTEM = ("systemInstruction", "system_instruction")
_IN_USE = frozenset({KEY, *_SYSTEM})


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are contents of parts."""
    contents = fields.get(KEY)
    return (
        isinstance(contents, list)
        and bool(contents)
        and all(isinstance(turn, Mapping) and "parts" in turn for turn in contents)
    )


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row of texts. Raises `RowError` for calls of tools, pictures and sounds."""
    if not fits(fields):
        raise RowError("no contents of parts")
    messages = [{"role": turn.get("role", "user"), "content": _text(turn)} for turn in fields[KEY]]
    if any(fields.get(key) for key in ("tools", "toolConfig")):
        raise RowError("offers Gemini's tools, which are not read: write them as OpenAI has them")
    system = next((fields[key] for key in _SYSTEM if fields.get(key)), None)
    if system is not None:
        messages.insert(0, {"role": "system", "content": _text(system)})
    turns = of.read_turns(messages, KEY)
    answer = int(turns[-1]["role"] == "assistant")
    return Conversation(turns, answer, fields=rest_of(fields, _IN_USE))


def _text(turn: Any) -> str:
    """The text of a turn, of its parts; a text alone is one."""
    if isinstance(turn, str):
        return turn
    parts = turn.get("parts") if isinstance(turn, Mapping) else None
    parts = [parts] if isinstance(parts, Mapping) else parts
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in parts or ()]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise RowError(
            "has a part that is no text: calls of tools, pictures and sounds are not read"
        )
    return "".join(str(text) for text in texts)


SHAPE = Shape("gemini", "Gemini (contents)", fits, read)
