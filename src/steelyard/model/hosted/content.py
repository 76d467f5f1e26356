"""What a message says, however its content lies: the answer, the reasoning, a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from steelyard.packaged import packaged


class Content(NamedTuple):
    """The texts of one message, or of a piece of one."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""


def content_of(message: Mapping[str, Any]) -> Content:
    """Read a message: its content is a text, a part or a list of parts; reasoning may stand beside.

    ``data/replies.yaml`` has the fields of reasoning, and the types of parts.
    """
    content = _parts(message.get("content"))
    fields = packaged("model/hosted/data/replies.yaml")["reasoning_fields"]
    beside = next((text for name in fields if (text := _told(message.get(name)))), "")
    refusal = message.get("refusal")
    return Content(
        content.text,
        beside or content.reasoning,
        (refusal if isinstance(refusal, str) else "") or content.refusal,
    )


def _parts(content: Any) -> Content:
    if isinstance(content, str):
        return Content(content)
    if isinstance(content, list):
        parts = [_parts(part) for part in content]
        return (
            Content(*("".join(texts) for texts in zip(*parts, strict=True))) if parts else Content()
        )
    if not isinstance(content, Mapping):
        return Content()
    words, kind = packaged("model/hosted/data/replies.yaml"), content.get("type")
    told = _told(content)
    if kind in words["reasoning_parts"] or content.get("thought") is True:
        return Content(reasoning=told)
    return Content(refusal=told) if kind in words["refusal_parts"] else Content(told)


_TEXTS = ("text", "output_text", "content", "thinking", "reasoning", "summary", "parts", "refusal")


def _told(value: Any) -> str:
    """All the text in a value: a text itself, an object's first field with one, or a list of these."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(_told(item) for item in value)
    if isinstance(value, Mapping):
        return next((text for name in _TEXTS if (text := _told(value.get(name)))), "")
    return ""
