"""Messages as OpenAI's chat fine-tuning has them, and as other providers take them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import (
    BORDER,
    TOOL_KEYS,
    VALUE_KEY,
    Conversation,
    Shape,
    Turn,
    WrittenRow,
    rest_of,
    written,
)
from steelyard.data.formats.shapes.rejected import refuse_rejected
from steelyard.packaged import packaged

KEY = "messages"
SYSTEM, SYSTEM_PROMPT = "system", "system_prompt"
_BESIDE = (SYSTEM, SYSTEM_PROMPT)
SYSTEM_ROLES = frozenset({"system", "developer"})
_USED = frozenset({KEY, *TOOL_KEYS})


@dataclass(frozen=True)
class Vendor:
    """What a provider takes: keys of the row, of a turn by its role, and how they must look.

    ``parts`` are the types of a content's parts that it takes; none where a content is a text.
    ``weights`` are the values that a turn's weight may have. ``call_id`` is the pattern of a tool
    call's id; empty where any will do. A file for it begins with a byte-order mark where ``mark`` is
    set.
    """

    name: str
    row: frozenset[str]
    turn: Mapping[str, frozenset[str]]
    weights: tuple[float, ...]
    parts: frozenset[str]
    call_id: str
    mark: bool


@lru_cache(maxsize=1)
def vendors() -> dict[str, Vendor]:
    """The providers by name."""
    return {
        name: Vendor(
            name=name,
            row=frozenset(rules["row"]),
            turn={
                role: frozenset({"role", "content", *(keys or ())})
                for role, keys in rules["turn"].items()
            },
            weights=tuple(rules["weights"]),
            parts=frozenset(rules["parts"]),
            call_id=rules["call_id"] or "",
            mark=rules["byte_order_mark"],
        )
        for name, rules in packaged("data/data/vendors.yaml").items()
    }


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are messages."""
    messages = fields.get(KEY)
    return isinstance(messages, list) or (
        isinstance(messages, str) and messages.lstrip()[:1] == "["
    )


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row with messages and perhaps tools. Raises `RowError`."""
    if KEY not in fields:
        raise RowError(f"no {KEY}; keys: {', '.join(str(key)[:40] for key in list(fields)[:8])}")
    turns = of.read_turns(fields[KEY])
    answer = int(turns[-1]["role"] == "assistant")
    if len(fields) == 1:
        return Conversation(turns, answer)
    tools = of.read_tools(fields)
    keys, beside = _USED, next((key for key in _BESIDE if system_of(fields, key) is not None), None)
    if beside is not None and not any(turn["role"] in SYSTEM_ROLES for turn in turns):
        turns = [{"role": "system", "content": system_of(fields, beside)}, *turns]
        keys = _USED | {beside}
    return Conversation(turns, answer, None, tools, rest_of(fields, keys))


def system_of(fields: Mapping[str, Any], key: str = SYSTEM) -> str | None:
    """The system message that stands beside the turns, as Anthropic has it: a text, or parts of one."""
    system = fields.get(key)
    if isinstance(system, list) and all(isinstance(part, dict) for part in system):
        texts = [part.get("text") for part in system]
        system = "".join(texts) if texts and all(isinstance(x, str) for x in texts) else None
    return system if isinstance(system, str) and system.strip() else None


def write(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a row with all that it carries."""
    refuse_flat(is_flat, "messages")
    refuse_rejected(row, "messages")
    lost: list[str] = []
    fields: dict[str, Any] = {KEY: without_value(row.turns, lost), **row.tools}
    return written(row, fields, lost)


def refuse_flat(is_flat: bool, what: str) -> None:
    """Raise `RowError` where lists would have to go into cells of text."""
    if is_flat:
        raise RowError(f"a table cannot hold {what}; write .jsonl or .parquet")


def without_value(turns: Any, lost: list[str]) -> list[Turn]:
    """The turns without `VALUE_KEY`, which only exists in memory."""
    if any(VALUE_KEY in turn for turn in turns):
        lost.append(VALUE_KEY)
        return [{key: turn[key] for key in turn if key != VALUE_KEY} for turn in turns]
    return cast("list[Turn]", list(turns))


def write_for(vendor: Vendor, row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a row as a provider takes it. Raises `RowError` for what it cannot hold."""
    refuse_flat(is_flat, "messages")
    refuse_rejected(row, vendor.name)
    lost: list[str] = []
    fields: dict[str, Any] = {KEY: turns_for(vendor, row.turns, lost)}
    if row.tools:
        fields |= tools_for(vendor, row.tools, lost)
    for name, value in row.fields.items():
        if name in vendor.row and name not in fields:
            fields[name] = value
        else:
            lost.append(name)
    if row.input_at is not None:
        lost.append(BORDER)
    return WrittenRow(fields, tuple(lost))


def tools_for(vendor: Vendor, tools: Mapping[str, Any], lost: list[str]) -> dict[str, Any]:
    """The keys on tools that a provider takes. Raises `RowError` where tools would be lost."""
    if tools.get("functions") and "functions" not in vendor.row:
        raise RowError(
            f"offers functions, which {vendor.name} does not support: convert them to tools"
        )
    lost += [key for key in tools if key not in vendor.row]
    return {key: value for key, value in tools.items() if key in vendor.row}


def turns_for(vendor: Vendor, turns: Any, lost: list[str]) -> list[Turn]:
    """The turns as a provider takes them; what is dropped on the way is added to ``lost``."""
    ids: dict[str, str] = {}
    return [
        turn
        if turn["role"] in vendor.turn and of.is_plain(turn)
        else _turn_for(vendor, turn, ids, lost)
        for turn in turns
    ]


def _turn_for(vendor: Vendor, turn: Turn, ids: dict[str, str], lost: list[str]) -> Turn:
    of.check_roles([turn], vendor.name, frozenset(vendor.turn), lost)
    role = turn["role"] if turn["role"] in vendor.turn else "system"
    keys = vendor.turn[role]
    if turn.get("function_call") and "function_call" not in keys:
        raise RowError(f"has function_call, which {vendor.name} cannot hold: make it tool_calls")
    fields: dict[str, Any] = {"role": role}
    for key, value in turn.items():
        if key not in keys or (key == "weight" and value not in vendor.weights):
            lost.append(key)
        elif key == "weight":
            fields[key] = int(value)
        elif key == "content" and isinstance(value, list):
            fields[key] = _content_for(vendor, turn, lost)
        elif key == "tool_calls" and vendor.call_id:
            fields[key] = [_renamed_call(vendor, call, ids, lost) for call in value]
        elif key == "tool_call_id" and vendor.call_id:
            fields[key] = _call_id(vendor, value, ids, lost)
        elif key != "role":
            fields[key] = value
    return fields


def _content_for(vendor: Vendor, turn: Turn, lost: list[str]) -> Any:
    if not vendor.parts:
        return of.flat_content(turn, vendor.name, lost)
    for part in turn["content"]:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in vendor.parts:
            what = f"of type {str(kind)[:40]!r}" if kind else "without a type"
            raise RowError(f"has a content part {what}, which {vendor.name} cannot hold")
    return turn["content"]


def _renamed_call(vendor: Vendor, call: Any, ids: dict[str, str], lost: list[str]) -> Any:
    if not isinstance(call, dict):
        raise RowError("has a tool call that is not an object")
    return {**call, "id": _call_id(vendor, call.get("id"), ids, lost)}


def _call_id(vendor: Vendor, value: Any, ids: dict[str, str], lost: list[str]) -> str:
    """The id, or one of the provider's form made from it: the same in a call and in its result."""
    text = str(value)
    if re.fullmatch(vendor.call_id, text):
        return text
    lost.append("tool call ids as they were")
    # hexadecimal digits are in every pattern of letters and digits
    return ids.setdefault(text, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:9])


SHAPE = Shape("openai", "OpenAI chat (messages)", fits, read, write)
