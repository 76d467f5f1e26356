"""ShareGPT: ``conversations`` of ``from`` and ``value``; calls and results of tools in its words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import (
    TAKEN,
    VALUE_KEY,
    Conversation,
    Shape,
    Turn,
    WrittenRow,
    rest_of,
    written,
)
from steelyard.data.formats.shapes.chat import (
    SYSTEM_PROMPT,
    SYSTEM_ROLES,
    refuse_flat,
    system_of,
)
from steelyard.data.formats.shapes.rejected import with_rejected

NAME = "sharegpt"
KEYS = ("conversations", "conversation")
_PAIR = frozenset({"input", "output"})
_USED = frozenset({*KEYS, "system", "tools", "chosen", "rejected"})
_ROLE_OF = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "system": "system",
    "function_call": "function_call",
    "observation": "tool",
    "tool": "tool",
    "function_response": "tool",
}
_WORD_OF = {"user": "human", "assistant": "gpt", "system": "system", "developer": "system"}


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are conversations."""
    return any(isinstance(fields.get(key), list) for key in KEYS) or any(
        str(fields.get(key) or "").startswith("[") for key in KEYS
    )


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row, with a rejected answer where it has one. Raises `RowError`."""
    key = next((key for key in KEYS if key in fields), None)
    if key is None:
        raise RowError("no conversations")
    calls = _Calls()
    turns: list[Turn] = []
    if isinstance(fields.get("system"), str) and fields["system"]:
        turns.append({"role": "system", "content": fields["system"]})
    turns += _turns(fields[key], key, calls)
    in_use, prompt = _USED, system_of(fields, SYSTEM_PROMPT)
    if prompt is not None and not any(turn["role"] in SYSTEM_ROLES for turn in turns):
        turns, in_use = [{"role": "system", "content": prompt}, *turns], _USED | {SYSTEM_PROMPT}
    rest = rest_of(fields, in_use)
    odd = {name: fields[name] for name in ("system",) if not isinstance(fields.get(name, ""), str)}
    tools = _tools(fields.get("tools"))
    if "chosen" in fields or "rejected" in fields:
        preferred = _turns(as_list(fields.get("chosen")), "chosen", calls)
        rejected = _turns(as_list(fields.get("rejected")), "rejected", calls)
        return Conversation([*turns, *preferred], len(preferred), rejected, tools, {**rest, **odd})
    answer = int(turns[-1]["role"] == "assistant")
    return Conversation(turns, answer, None, tools, {**rest, **odd} if odd else rest)


def as_list(value: Any) -> Any:
    """One message as a list of one."""
    return [value] if isinstance(value, dict) else value


class _Calls:
    """Gives tool calls the ids that ShareGPT cannot hold: a result answers the oldest call."""

    def __init__(self) -> None:
        self.count = 0
        self.open: list[str] = []

    def add(self) -> str:
        self.count += 1
        self.open.append(f"call_{self.count}")
        return self.open[-1]


def _turns(messages: Any, name: str, calls: _Calls) -> list[Turn]:
    listed = of.listed(messages, name)
    if all(isinstance(message, dict) and "role" in message for message in listed):
        return of.read_turns(listed, name)
    if all(isinstance(message, str) for message in listed):  # LIMA
        return [of.assistant(x) if at % 2 else of.user(x) for at, x in enumerate(listed)]
    if all(isinstance(message, dict) and message.keys() == _PAIR for message in listed):
        texts = [(message["input"], message["output"]) for message in listed]  # Capybara
        return _turns([text for pair in texts for text in pair], name, calls)
    return [_turn(place, message, calls) for place, message in enumerate(listed, 1)]


def _turn(place: int, message: Any, calls: _Calls) -> Turn:
    if not isinstance(message, dict) or "from" not in message:
        raise RowError(f"turn {place} is not an object with from and value")
    who, value = message["from"], message.get("value")
    if message.get("content", value) != value:
        raise RowError(f"turn {place} has both value and content, and they differ")
    role = _ROLE_OF.get(who) if isinstance(who, str) else None
    if role is None:
        raise RowError(f"turn {place} is from {str(who)[:40]!r}; known: {', '.join(_ROLE_OF)}")
    more = {
        key: item
        for key, item in message.items()
        if key not in {"from", "value", "role", "content"} and item is not None
    }
    if role == "function_call":
        return {"role": "assistant", "tool_calls": _read_calls(place, value, calls), **more}
    if not isinstance(value, str):
        raise RowError(f"turn {place} has no text under value")
    if role == "tool":
        called = calls.open.pop(0) if calls.open else f"call_{calls.count}"
        return {"role": role, "tool_call_id": called, "content": value, **more}
    if who not in _WORD_OF.values() and who != role:
        more.setdefault("name", who)
    return {"role": role, "content": value, **more}


def _read_calls(place: int, value: Any, calls: _Calls) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        parsed = None
    parsed = parsed if isinstance(parsed, list) else [parsed]
    if not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in parsed):
        raise RowError(f"turn {place} is a function_call whose value is not JSON with a name")
    return [
        {
            "id": calls.add(),
            "type": "function",
            "function": {"name": call["name"], "arguments": _as_text(call.get("arguments", {}))},
        }
        for call in parsed
    ]


def _as_text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _tools(tools: Any) -> dict[str, Any]:
    """Tools as OpenAI lists them, from a list or from its JSON text."""
    if tools is None or tools == "":
        return {}
    if isinstance(tools, str):
        try:
            tools = json.loads(tools)
        except (ValueError, RecursionError):
            raise RowError("tools is text that is not JSON") from None
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RowError("tools is not a list of objects")
    return {
        "tools": [
            tool if "function" in tool else {"type": "function", "function": tool} for tool in tools
        ]
    }


def write(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a row; a rejected answer goes next to the chosen one. Raises `RowError`."""
    refuse_flat(is_flat, "conversations")
    row = with_rejected(row)
    if row.tools.get("functions"):
        raise RowError(f"offers functions, which {NAME} does not support: convert them to tools")
    lost: list[str] = [key for key in row.tools if key != "tools"]
    fields: dict[str, Any]
    if row.rejected is None:
        fields = {"conversations": _written(row.turns, lost)}
    else:
        fields = {
            "conversations": _written(row.prompt, lost),
            "chosen": _one(_written(row.turns[len(row.prompt) :], lost)),
            "rejected": _one(_written(row.rejected, lost)),
        }
    if "tools" in row.tools:
        fields["tools"] = json.dumps(row.tools["tools"], ensure_ascii=False)
    return written(row, fields, lost)


def _one(turns: list[Turn]) -> Turn | list[Turn]:
    return turns[0] if len(turns) == 1 else turns


def _written(turns: Sequence[Turn], lost: list[str]) -> list[Turn]:
    return [
        {"from": _WORD_OF[turn["role"]], "value": turn["content"]}
        if of.is_plain(turn) and turn["role"] in _WORD_OF and turn["role"] != "developer"
        else _written_turn(turn, lost)
        for turn in turns
    ]


def _written_turn(turn: Turn, lost: list[str]) -> Turn:
    role, name = turn["role"], turn.get("name")
    dropped = {"role", "content", "from", "value", "tool_calls", "tool_call_id", VALUE_KEY}
    lost += [VALUE_KEY] if VALUE_KEY in turn else []
    lost += ["tool call ids"] if turn.get("tool_calls") else []
    lost += [TAKEN.format(key) for key in ("from", "value") if key in turn]
    more = {key: value for key, value in turn.items() if key not in dropped}
    if turn.get("function_call") or role == "function":
        raise RowError(f"has function_call, which {NAME} cannot hold: make it tool_calls")
    if turn.get("tool_calls"):
        if turn.get("content"):
            raise RowError(f"has a turn with text and tool calls, which {NAME} cannot hold")
        return {"from": "function_call", "value": _calls_as_text(turn["tool_calls"]), **more}
    value = of.flat_content(turn, NAME, lost)
    if role == "tool":
        return {"from": "observation", "value": value, **more}
    if role == "developer":
        lost.append("developer role")
    word = _WORD_OF[role]
    is_word = isinstance(name, str) and _ROLE_OF.get(name) == role
    if is_word and name != role and name not in _WORD_OF.values():
        word = more.pop("name")
    return {"from": word, "value": value, **more}


def _calls_as_text(calls: Any) -> str:
    functions = []
    for call in calls if isinstance(calls, list) else [calls]:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise RowError("has a tool call without a function's name")
        arguments = function.get("arguments", "{}")
        functions.append({"name": function["name"], "arguments": _as_written(arguments)})
    return json.dumps(functions[0] if len(functions) == 1 else functions, ensure_ascii=False)


def _as_written(arguments: Any) -> Any:
    """Arguments as an object where that text can be made from it again, else as the text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    is_same = isinstance(value, dict) and json.dumps(value, ensure_ascii=False) == arguments
    return value if is_same else arguments


SHAPE = Shape(NAME, "ShareGPT (conversations)", fits, read, write)
