"""What an OpenAI-compatible endpoint is sent, and what it turns out not to understand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.core import Request

_JSON_ROOM = 24  # output tokens that {"label": "…"} needs beside the label
_REFUSED = re.compile(
    r"unsupported|not supported|does not support|unknown|unrecogni[sz]ed|unexpected|not permitted"
    r"|not allowed|unavailable|extra inputs|invalid|only the default",
    re.IGNORECASE,
)
_SIGNS: Mapping[str, str] = {
    "response_format": r"response_?format|json_schema|structured output|guided|grammar|schema",
    "stream_options": r"stream_options|include_usage",
    "max_completion_tokens": r"max_completion_tokens",
    "max_tokens": r"max_tokens",
    "temperature": r"temperature",
    "seed": r"\bseed\b",
    "stop": r"\bstop\b",
}
_NOTES: Mapping[str, str] = {
    "response_format": "the endpoint takes no JSON schema: answers are free text, and read as such",
    "temperature": "the endpoint refuses temperature 0: answers vary from call to call",
    "seed": "the endpoint takes no seed: answers may vary from call to call",
    "stop": "the endpoint takes no stop texts: answers are cut here instead",
}


class Dialect:
    """The optional parameters an endpoint understands, learned from its refusals, each once.

    Sets and one string are all that changes, so threads may share one.
    """

    def __init__(self, *, official: bool) -> None:
        self._limit = "max_completion_tokens" if official else "max_tokens"
        self._limits_tried = {self._limit}
        self._dropped: set[str] = set()

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the answers because of a refused parameter."""
        return tuple(_NOTES[name] for name in _NOTES if name in self._dropped)

    def parameters(self, model: str, request: Request) -> dict[str, Any]:
        """Return the keyword arguments of one streamed chat completion."""
        room = _JSON_ROOM if request.choices else 0
        given: dict[str, Any] = {
            "model": model,
            "messages": [message._asdict() for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": request.temperature,
            self._limit: request.max_output_tokens + room,
        }
        if request.choices:
            given["response_format"] = choice_format(request.choices)
        elif request.schema is not None:
            given["response_format"] = schema_format(request.schema)
        if request.stop and not request.choices:
            given["stop"] = list(request.stop)
        if request.seed is not None:
            given["seed"] = request.seed
        return {name: value for name, value in given.items() if name not in self._dropped}

    def learn(self, message: str, parameter: str | None, sent: Mapping[str, Any]) -> bool:
        """Take in a refusal; return whether to send the request again without what was refused."""
        if parameter is not None and parameter.split(".")[0] not in _SIGNS:
            return False
        if "context length" in message.lower() or "context_length" in message:
            return False
        for name, sign in _SIGNS.items():
            blamed = parameter == name or re.search(sign, message, re.IGNORECASE)
            if name in sent and blamed and (parameter == name or _REFUSED.search(message)):
                return self._drop(name)
        return False

    def _drop(self, name: str) -> bool:
        if name not in ("max_tokens", "max_completion_tokens"):
            self._dropped.add(name)
            return True
        other = "max_tokens" if name == "max_completion_tokens" else "max_completion_tokens"
        if self._limit != name:  # another thread has learned it meanwhile
            return True
        if other in self._limits_tried:
            return False
        self._limits_tried.add(other)
        self._limit = other
        return True


def choice_format(choices: Sequence[str]) -> dict[str, Any]:
    """Return the ``response_format`` that allows ``{"label": one of choices}`` and nothing else."""
    schema = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": list(choices)}},
        "required": ["label"],
        "additionalProperties": False,
    }
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": schema},
    }


def schema_format(text: str) -> dict[str, Any]:
    """Return the ``response_format`` for the JSON schema in ``text``.

    Strict where the schema keeps to what strict mode takes; elsewhere the endpoint does its best.
    """
    schema = json.loads(text)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": _is_strict(schema), "schema": schema},
    }


def _is_strict(schema: Any) -> bool:
    """Whether every object names all its keys as required and allows no others."""
    if isinstance(schema, list):
        return all(map(_is_strict, schema))
    if not isinstance(schema, dict):
        return True
    if "properties" in schema:
        named, needed = schema["properties"], schema.get("required", [])
        if schema.get("additionalProperties") is not False or set(named) != set(needed):
            return False
    return all(map(_is_strict, schema.values()))


def read_choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the choice that ``text`` names, as JSON or free text; ``None`` when it names none."""
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    if isinstance(parsed, dict):
        parsed = parsed.get("label")
    if not isinstance(parsed, str):
        return None
    if parsed in choices:
        return parsed
    return _closest_choice(parsed, choices)


def _closest_choice(text: str, choices: Sequence[str]) -> str | None:
    """Match without case and outer punctuation, then a choice that is the only one mentioned."""
    plain = text.strip(" \t\r\n.,:;!?\"'`*()[]").casefold()
    equal = [choice for choice in choices if choice.casefold() == plain]
    if not equal:
        equal = [
            choice
            for choice in choices
            if re.search(rf"(?<!\w){re.escape(choice.casefold())}(?!\w)", plain)
        ]
    return equal[0] if len(equal) == 1 else None
