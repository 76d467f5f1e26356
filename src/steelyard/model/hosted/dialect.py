"""What an OpenAI-compatible endpoint is sent, and what it turns out not to understand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from steelyard.core import Request
from steelyard.label_text import lone_label
from steelyard.model.hosted.words import is_about_parameters, is_too_long
from steelyard.model.prompts import merge_system
from steelyard.packaged import packaged

_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_VALUES = ("enum", "const", "default", "examples")


_WRAPPED = "answer"
_DEFINITIONS = ("$defs", "definitions")


def sent_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that is sent: an array's inside an object, for endpoints take objects only."""
    if not _is_wrapped(schema):
        return schema
    inner = {name: part for name, part in schema.items() if name not in _DEFINITIONS}
    definitions = {name: schema[name] for name in _DEFINITIONS if name in schema}
    return _object(_WRAPPED, inner) | definitions


def unwrapped(text: str, schema: str) -> str:
    """The array in an object that `sent_schema` asked for, as it is written; any other text as it is."""
    if not _is_wrapped(json.loads(schema)):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_wrapped = isinstance(value, dict) and [*value] == [_WRAPPED]
    return text.partition(":")[2].rpartition("}")[0].strip() if is_wrapped else text


def _is_wrapped(schema: Any) -> bool:
    """Whether a schema is sent in an object: an array's, if no reference leads elsewhere for it."""
    if not isinstance(schema, Mapping) or schema.get("type") != "array":
        return False
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema))
    starts = tuple(f"#/{name}/" for name in _DEFINITIONS)
    return all(reference.startswith(starts) for reference in references)


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
_LIMITS = ("max_tokens", "max_completion_tokens")
_BOUNDS = ("least_limit", "most_limit")
_NO_LIMIT = "none"
DELIVERY = ("stream", "stream_options")
"""Parameters that say how an answer travels, and decide nothing in it."""


def _words() -> Mapping[str, Any]:
    words: Mapping[str, Any] = packaged("model/hosted/data/dialect.yaml")
    return words


def _names(sign: str, message: str) -> bool:
    return re.search(sign.replace("\n", "").replace(" |", "|"), message, re.IGNORECASE) is not None


class Dialect:
    """The optional parameters an endpoint understands, learned from its refusals, each once.

    ``extra`` is what the user has sent along with every request; it stands whatever was learned. Sets
    and one string are all that changes, so threads may share one.
    """

    def __init__(self, *, official: bool, extra: Mapping[str, Any] | None = None) -> None:
        self._limit = "max_completion_tokens" if official else "max_tokens"
        self._limits_tried = {self._limit}
        self._dropped: set[str] = set()
        self._extra = dict(extra or {})
        self._bounds: dict[str, int] = {}

    @property
    def learned(self) -> tuple[str, ...]:
        """What was learned so far, as words that `recall` takes."""
        bounds = (f"{name}={bound}" for name, bound in sorted(self._bounds.items()))
        return (*sorted(self._dropped), f"limit={self._limit}", *bounds)

    def recall(self, learned: Sequence[str]) -> None:
        """Start from what an earlier run learned about the endpoint."""
        for word in learned:
            name, _, limit = word.partition("=")
            if name == "limit" and limit in (*_LIMITS, _NO_LIMIT):
                self._limit = limit
                self._limits_tried |= {*_LIMITS} if limit == _NO_LIMIT else {limit}
            elif name in _BOUNDS and limit.isdecimal():
                self._bounds[name] = int(limit)
            elif name in _words()["signs"] or name in ("strict", "system"):
                self._dropped.add(name)

    def text(self, model: str, request: Request) -> str:
        """Return what `parameters` gives as canonical JSON, without how it is to be delivered."""
        parameters = self.parameters(model, request)
        body = {key: value for key, value in parameters.items() if key not in DELIVERY}
        return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @property
    def notes(self) -> tuple[str, ...]:
        learned = (
            self._dropped | {*self._bounds} | ({"limit"} if self._limit == _NO_LIMIT else set())
        )
        return tuple(note for name, note in _words()["notes"].items() if name in learned)

    def parameters(self, model: str, request: Request) -> dict[str, Any]:
        messages = request.messages
        messages = merge_system(messages) if "system" in self._dropped else messages
        parameters: dict[str, Any] = {
            "model": model,
            "messages": [message._asdict() for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": request.temperature,
            self._limit: self._within(request.max_output_tokens + _room(request)),
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
        left_out = {*self._dropped, _NO_LIMIT}
        if "stream" in left_out:
            left_out |= {"stream_options"}
        kept = {name: value for name, value in parameters.items() if name not in left_out}
        return kept | ({"stream": False} if "stream" in left_out else {}) | self._extra

    def learn(
        self,
        message: str,
        parameter: str | None,
        sent: Mapping[str, Any],
        *,
        is_crash: bool = False,
    ) -> bool:
        """Take in a refusal; return whether to send the request again without what was refused.

        Of a crash of the server (500) only that of a chat template without a system role is taken in.
        """
        model = str(sent.get("model") or "")
        message = message.replace(model, "") if len(model) > 1 else message
        if is_too_long(None, message):
            return False
        if self._is_about_system(message, sent):
            self._dropped.add("system")
            return True
        if not is_crash and self._learns_bound(message, parameter, sent):
            return True
        name = None if is_crash else self._refused(message, parameter, sent)
        if name is None:
            return False
        strict = name == "response_format" and _is_about_strict(message, sent[name])
        return self._drop("strict" if strict else name)

    def limit(self, request: Request) -> int | None:
        """The limit on output tokens that is sent with a request; ``None`` where none is."""
        if self._limit == _NO_LIMIT:
            return None
        return self._within(request.max_output_tokens + _room(request))

    def _within(self, limit: int) -> int:
        """The limit of output tokens that is sent for one: what the endpoint takes of it."""
        limit = max(limit, self._bounds.get("least_limit", limit))
        return min(limit, self._bounds.get("most_limit", limit))

    def _learns_bound(self, message: str, parameter: str | None, sent: Mapping[str, Any]) -> bool:
        """Take in the least, or the most, that a limit of output tokens may be."""
        limit = next(
            (sent[name] for name in _LIMITS if name in sent and name not in self._extra), None
        )
        words = _words()
        if limit is None or not _names(words["limit_names"], f"{parameter} {message}"):
            return False
        if limit in self._bounds.values():  # one was said before, and kept to
            return False
        for name in _BOUNDS:
            said = re.search(words[name], message, re.IGNORECASE)
            bound = int(next(filter(None, said.groups()))) if said else 0
            if bound and (bound > limit if name == "least_limit" else bound < limit):
                self._bounds[name] = bound
                return True
        return False

    def _is_about_system(self, message: str, sent: Mapping[str, Any]) -> bool:
        """Whether a system turn was refused that can be put elsewhere."""
        roles = [turn["role"] for turn in sent.get("messages", ())]
        if roles[:2] != ["system", "user"]:
            return False
        words = _words()
        is_named = _names(words["system"], message) and _names(words["refused"], message)
        return is_named or _names(words["roles"], message)

    def _refused(self, message: str, parameter: str | None, sent: Mapping[str, Any]) -> str | None:
        """The name of the parameter that was refused; ``None`` where it is none that may be left out."""
        words = _words()
        blamed = re.split(r"[.\[]", parameter)[0] if parameter else None
        if blamed and blamed not in words["signs"]:
            return None
        if is_about_parameters(message) and "response_format" in {*sent} - {*self._extra}:
            return "response_format"
        for name, sign in words["signs"].items():
            if name not in sent or sent[name] is False or name in self._extra:
                continue
            if name in _LIMITS and _names(words["limit_value"], message):
                continue
            is_named = _names(sign, message) and _names(words["refused"], message)
            if blamed == name or (blamed is None and is_named):
                return str(name)
        return None

    def _drop(self, name: str) -> bool:
        if name not in _LIMITS:
            self._dropped.add(name)
            return True
        other = "max_tokens" if name == "max_completion_tokens" else "max_completion_tokens"
        if self._limit == name:  # otherwise another thread has learned it meanwhile
            self._limit = _NO_LIMIT if other in self._limits_tried else other
            self._limits_tried.add(other)
        return True


def _room(request: Request) -> int:
    """Output tokens that the JSON around an answer may take."""
    is_wrapped = request.schema is not None and _is_wrapped(json.loads(request.schema))
    return _JSON_ROOM if request.choices or is_wrapped else 0


def choice_format(choices: Sequence[str]) -> dict[str, Any]:
    """Return the ``response_format`` that allows ``{"label": one of choices}`` and nothing else."""
    schema = _object("label", {"type": "string", "enum": list(choices)})
    return _format(schema, is_strict=True)


def schema_format(text: str, *, allow_strict: bool = True) -> dict[str, Any]:
    """Return the ``response_format`` for the JSON schema in ``text``.

    Strict where the schema keeps to what strict mode takes; elsewhere the endpoint does its best.
    """
    schema = sent_schema(json.loads(text))
    return _format(schema, is_strict=allow_strict and not strict_troubles(schema))


def _object(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object with one field and no other."""
    return {
        "type": "object",
        "properties": {name: schema},
        "required": [name],
        "additionalProperties": False,
    }


def _format(schema: Mapping[str, Any], *, is_strict: bool) -> dict[str, Any]:
    answer = {"name": "answer", "strict": is_strict, "schema": schema}
    return {"type": "json_schema", "json_schema": answer}


def _is_about_strict(message: str, sent: Any) -> bool:
    """Whether a refusal is about the strictness of a schema."""
    sent_format = sent.get("json_schema", {}) if isinstance(sent, dict) else {}
    return bool(sent_format.get("strict")) and _names(_words()["strict"], message)


def read_choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the choice that is all of ``text``, as JSON or alone; ``None`` where there is more to read.

    What a sentence says is read by who asked: judges' letters and labels have grammars of their own.
    """
    return lone_label(text, choices)
