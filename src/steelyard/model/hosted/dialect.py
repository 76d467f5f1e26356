"""What an OpenAI-compatible endpoint is sent, and what it turns out not to understand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from steelyard.core import Request
from steelyard.label_text import read_label
from steelyard.packaged import packaged

_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_VALUES = ("enum", "const", "default", "examples")


def strict_troubles(schema: Mapping[str, Any]) -> list[str]:
    """Say, place by place, why ``schema`` is not one for strict mode; an empty list if it is."""
    troubles = list(_troubles(schema, ""))
    if schema.get("type") != "object":
        troubles.insert(0, "the whole schema is not an object")
    return troubles


def _troubles(part: Any, place: str) -> Iterator[str]:
    if isinstance(part, list):
        for item in part:
            yield from _troubles(item, place)
    if not isinstance(part, Mapping):
        return
    here = place or "the whole schema"
    for word in sorted(_refused() & part.keys()):
        yield f"{here} uses {word}"
    if part.get("type") == "object" or "properties" in part:
        named, needed = part.get("properties", {}), part.get("required", [])
        if part.get("additionalProperties") is not False:
            yield f"{here} lacks additionalProperties: false"
        optional = sorted(set(named) - set(needed))
        if optional:
            yield f"{here} does not require {', '.join(optional)}"
    for key, value in part.items():
        if key in _MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from _troubles(inner, f"{place}.{name}".lstrip("."))
        elif key not in _VALUES:
            yield from _troubles(value, place)


@cache
def _refused() -> frozenset[str]:
    """The keywords that strict mode does not take; see ``data/strict.json``."""
    return frozenset(packaged("model/hosted/data/strict.json")["refused"])


_JSON_ROOM = 24  # output tokens that {"label": "…"} needs besides the label
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
_STRICT = r"invalid schema|is not permitted|additionalproperties|'required'|\bstrict\b"
_LIMITS = ("max_tokens", "max_completion_tokens")
DELIVERY = ("stream", "stream_options")
"""Parameters that say how an answer travels, and decide nothing in it."""
_NOTES: Mapping[str, str] = {
    "response_format": "the endpoint does not accept JSON schemas: answers are free text and parsed as such",
    "strict": "the endpoint does not accept output.schema in strict mode: answers may not follow it",
    "temperature": "the endpoint refuses temperature 0: answers vary from call to call",
    "seed": "the endpoint does not accept a seed: answers may vary from call to call",
    "stop": "the endpoint does not accept stop texts: answers are cut after they arrive",
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
    def learned(self) -> tuple[str, ...]:
        """What was learned so far, as words that `recall` takes."""
        return (*sorted(self._dropped), f"limit={self._limit}")

    def recall(self, learned: Sequence[str]) -> None:
        """Start from what an earlier run learned about the endpoint."""
        for word in learned:
            name, _, limit = word.partition("=")
            if name == "limit" and limit in _LIMITS:
                self._limit = limit
                self._limits_tried.add(limit)
            elif name in _SIGNS or name == "strict":
                self._dropped.add(name)

    def text(self, model: str, request: Request) -> str:
        """Return what `parameters` gives as canonical JSON, without how it is to be delivered."""
        parameters = self.parameters(model, request)
        body = {key: value for key, value in parameters.items() if key not in DELIVERY}
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(_NOTES[name] for name in _NOTES if name in self._dropped)

    def parameters(self, model: str, request: Request) -> dict[str, Any]:
        room = _JSON_ROOM if request.choices else 0
        parameters: dict[str, Any] = {
            "model": model,
            "messages": [message._asdict() for message in request.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": request.temperature,
            self._limit: request.max_output_tokens + room,
        }
        if request.choices:
            parameters["response_format"] = choice_format(request.choices)
        elif request.schema is not None:
            lax = "strict" in self._dropped
            parameters["response_format"] = schema_format(request.schema, allow_strict=not lax)
        if request.stop and not request.choices:
            parameters["stop"] = list(request.stop)
        if request.seed is not None:
            parameters["seed"] = request.seed
        return {name: value for name, value in parameters.items() if name not in self._dropped}

    def learn(self, message: str, parameter: str | None, sent: Mapping[str, Any]) -> bool:
        """Take in a refusal; return whether to send the request again without what was refused."""
        if parameter is not None and parameter.split(".")[0] not in _SIGNS:
            return False
        if "context length" in message.lower() or "context_length" in message:
            return False
        for name, sign in _SIGNS.items():
            blamed = parameter == name or re.search(sign, message, re.IGNORECASE)
            if name in sent and blamed and (parameter == name or _REFUSED.search(message)):
                strict = name == "response_format" and _is_about_strict(message, sent[name])
                return self._drop("strict" if strict else name)
        return False

    def _drop(self, name: str) -> bool:
        if name not in _LIMITS:
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
    return _format(schema, is_strict=True)


def schema_format(text: str, *, allow_strict: bool = True) -> dict[str, Any]:
    """Return the ``response_format`` for the JSON schema in ``text``.

    Strict where the schema keeps to what strict mode takes; elsewhere the endpoint does its best.
    """
    schema = json.loads(text)
    return _format(schema, is_strict=allow_strict and not strict_troubles(schema))


def _format(schema: Mapping[str, Any], *, is_strict: bool) -> dict[str, Any]:
    answer = {"name": "answer", "strict": is_strict, "schema": schema}
    return {"type": "json_schema", "json_schema": answer}


def _is_about_strict(message: str, sent: Any) -> bool:
    """Whether a refusal is about the strictness of a schema."""
    sent_format = sent.get("json_schema", {}) if isinstance(sent, dict) else {}
    return (
        bool(sent_format.get("strict")) and re.search(_STRICT, message, re.IGNORECASE) is not None
    )


def read_choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the choice that ``text`` gives, as JSON or free text; ``None`` when it gives none."""
    return read_label(text, choices)[0]
