"""One raw row to one `Example`, or the reason it cannot be one."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from steelyard.core import Example, Message, OutputKind
from steelyard.data.formats.base import RawRow, RowError, resolve
from steelyard.data.formats.chat import cut_chat
from steelyard.data.formats.shapes import ENVELOPE, SHAPES, Conversation, known_keys
from steelyard.data.formats.shapes.base import VALUE_KEY
from steelyard.data.formats.shapes.prompt_completion import SYSTEM
from steelyard.errors import closest
from steelyard.words import shortened

_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_CHAT_KEY = "messages"
_CHAT_SHAPE = "openai"


@dataclass
class RowParser:
    """Turns rows into examples and remembers which keys it had no use for.

    A ``patient`` parser takes outputs as they are written (empty, of any label, JSON or not) and
    leaves it to the audit to judge them. A text may lack an output where its row has rules of its
    own, or where no row ``needs_output``.
    """

    kind: OutputKind
    labels: tuple[str, ...]
    columns: Mapping[str, str]
    patient: bool = False
    needs_output: bool = True
    ignored: dict[str, None] = field(default_factory=dict)

    def parse(self, row: RawRow, file: str) -> Example:
        """Return the example of ``row``; its id is empty when none is given. Raises `RowError`."""
        if row.reason is not None:
            raise RowError(row.reason)
        fields = row.fields
        conversation = None if "input" in self.columns else _conversation(fields)
        if conversation is not None and conversation.fields.keys() - fields.keys():
            fields = {**fields, **conversation.fields}  # what the shape read out of others
        roles = resolve(tuple(fields), self.columns)
        rules = self._rules(fields, roles)
        if rules is None and "rules" in roles:
            roles = {role: name for role, name in roles.items() if role != "rules"}
        may_lack = self.kind == "text" and (rules is not None or not self.needs_output)
        if conversation is None:
            context, text, output = self._turns(fields, roles, may_lack)
            used = {*roles.values(), _CHAT_KEY, SYSTEM}
            self.ignored.update(dict.fromkeys(key for key in fields if key not in used))
        else:
            context, text, output = _cut(conversation, may_lack)
            used = {name for role, name in roles.items() if role not in {"input", "output"}}
            unused = conversation.fields.keys() - used - ENVELOPE
            self.ignored.update(dict.fromkeys(unused))
        example = Example(
            id=_optional(fields, roles, "id") or "",
            input=_clean(text, "input"),
            output=self._output(output, may_lack),
            context=tuple(Message(turn.role, _usable(turn.content, "context")) for turn in context),
            group=_optional(fields, roles, "group"),
            slice=_optional(fields, roles, "slice"),
            timestamp=_optional(fields, roles, "timestamp"),
            weight=_weight(fields, roles),
            source=f"{file}:{row.line}",
            rules=rules,
        )
        return example

    def _rules(self, fields: Mapping[str, Any], roles: Mapping[str, str]) -> str | None:
        """A row's own rules as JSON text; what only bears the name, and is no list, is none."""
        value = fields.get(roles.get("rules", ""))
        if (
            value is None
            or value == ""
            or value == []
            or (self.kind != "text" and not self.patient)
        ):
            return None
        found = _json_list(value)
        if found is None:
            if "rules" not in self.columns:
                return None
            raise RowError(f"the rules are no list but {str(value)[:40]!r}: write [{{type: …}}, …]")
        for place, rule in enumerate(found, 1):
            given = {"type": rule} if isinstance(rule, str) else rule
            if not isinstance(given, dict) or not isinstance(given.get("type"), str):
                raise RowError(f"rule {place} is {str(rule)[:40]!r}, not a mapping with a type")
        return json.dumps(found, ensure_ascii=False) if found else None

    def _turns(
        self, fields: Mapping[str, Any], roles: Mapping[str, str], may_lack: bool
    ) -> tuple[Any, Any, Any]:
        chat = fields.get(_CHAT_KEY)
        if isinstance(chat, list) and "input" not in self.columns:
            return cut_chat(_answered(chat) if may_lack else chat)
        values = {role: fields.get(roles.get(role, "")) for role in ("input", "output")}
        if isinstance(values["input"], list) and isinstance(values["output"], list):
            return cut_chat([*values["input"], *values["output"]])
        for role, value in values.items():
            if value is None and not (role == "output" and may_lack):
                raise RowError(_missing(role, fields, self.columns))
        if not isinstance(values["input"], str):
            raise RowError(
                f"the input is {_json_kind(values['input'])}, not text: put it in quotes"
            )
        system = fields.get(SYSTEM)
        context = (Message("system", system),) if isinstance(system, str) and system else ()
        return context, values["input"], values["output"]

    def _output(self, value: Any, may_lack: bool) -> str:
        if may_lack and (value is None or (isinstance(value, str) and not value.strip())):
            return ""
        if isinstance(value, dict | list):
            if self.kind != "json" and not self.patient:
                raise RowError(
                    f"the output is {_json_kind(value)}, not text; for JSON set output.kind: json"
                )
            value = json.dumps(value, ensure_ascii=False)
        text = value if isinstance(value, str) else json.dumps(value)
        if self.patient:
            return _usable(text, "output")
        text = _clean(text, "output")
        if self.kind == "json":
            _check_json(text)
            return text
        if self.kind == "text":
            return text
        text = text.strip()
        if self.labels and text not in self.labels:
            raise RowError(_unknown_label(text[:200], self.labels))
        return text


def _conversation(fields: Mapping[str, Any]) -> Conversation | None:
    """Read a row whose keys are those of ShareGPT, Alpaca, a log or a pair; ``None`` for others."""
    name = known_keys(tuple(fields))
    if name is None or name == _CHAT_SHAPE:
        return None
    shape = SHAPES.get(name)
    return shape.read(fields, {}) if shape.fits(fields) else None


def _cut(conversation: Conversation, may_lack: bool) -> tuple[Any, Any, Any]:
    if not conversation.answer:
        if not may_lack:
            raise RowError("it has no output: rows with rules and none are for output.kind: text")
        turns = cut_chat(_answered(conversation.turns))
        return turns.context, turns.input, None
    turns = cut_chat(conversation.turns)
    return turns.context, turns.input, conversation.turns[-1].get(VALUE_KEY, turns.output)


def _answered(chat: Sequence[Any]) -> list[Any]:
    """The chat with an empty answer where the user has the last word."""
    last = chat[-1] if chat else None
    is_open = isinstance(last, Mapping) and last.get("role") == "user"
    return [*chat, {"role": "assistant", "content": ""}] if is_open else list(chat)


def _json_list(value: Any) -> list[Any] | None:
    """A list, or the list that a cell holds as JSON; ``None`` for anything else."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def has_references(examples: Iterable[Example]) -> bool:
    """Whether every example has a reference output, as strategies that learn from them need."""
    return all(example.output.strip() for example in examples)


def content_id(example: Example) -> str:
    """An id that depends on what the row says and not on where it stands."""
    fields = (example.context, example.input, example.output, example.group, example.slice)
    own = () if example.rules is None else (example.rules,)
    parts = json.dumps([*fields, example.timestamp, example.weight, *own])
    return hashlib.sha256(parts.encode()).hexdigest()[:12]


def _missing(role: str, fields: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    names = [str(key)[:40] for key in list(fields)[:8]]
    keys = ", ".join(names) or "none"
    if role in columns:
        return f"no {columns[role]!r}, the {role}{closest(columns[role], names)}; keys: {keys}"
    return f"no {role}; keys: {keys}"


def _json_kind(value: Any) -> str:
    names = {dict: "a JSON object", list: "a JSON array", bool: "a JSON boolean"}
    return names.get(type(value), "a JSON number")


def _clean(text: str, role: str) -> str:
    if not text.strip():
        raise RowError(f"empty {role}")
    return _usable(text, role)


def _usable(text: str, role: str) -> str:
    found = _UNUSABLE.search(text)
    if found:
        what = "a NUL character" if found[0] == "\0" else "half a surrogate pair"
        raise RowError(f"the {role} holds {what} at character {found.start() + 1}")
    return text


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except RecursionError:
        raise RowError("the output is JSON nested too deeply") from None
    except ValueError as error:
        raise RowError(f"the output is not JSON ({error})"[:200]) from None


@lru_cache(maxsize=1024)
def _unknown_label(text: str, labels: tuple[str, ...]) -> str:
    folded = {label.casefold(): label for label in labels}
    near = get_close_matches(text[:60].casefold(), folded, n=1)
    hint = f" (did you mean {folded[near[0]]!r}?)" if near else ""
    return f"label {shortened(text, 40)!r} is not in output.labels{hint}"


def _optional(fields: Mapping[str, Any], roles: Mapping[str, str], role: str) -> str | None:
    value = fields.get(roles.get(role, ""))
    if value is None or value == "":
        return None
    if isinstance(value, dict | list):
        raise RowError(f"{role} must be text or a number")
    text = value if isinstance(value, str) else json.dumps(value)
    return _usable(text.strip(), role) or None


def _weight(fields: Mapping[str, Any], roles: Mapping[str, str]) -> float:
    text = _optional(fields, roles, "weight")
    if text is None:
        return 1.0
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not (math.isfinite(weight) and weight > 0):
        raise RowError(f"weight must be a number above 0, not {text[:40]!r}")
    return weight
