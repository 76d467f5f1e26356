"""Preference pairs: as OpenAI's DPO takes them, and as TRL does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.data.formats.base import RowError
from steelyard.data.formats.roles import usual_names
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.alpaca import question_of
from steelyard.data.formats.shapes.base import (
    BORDER,
    TOOL_KEYS,
    Conversation,
    Shape,
    Turn,
    WrittenRow,
    rest_of,
    written,
)
from steelyard.data.formats.shapes.chat import tools_for, turns_for, vendors, without_value
from steelyard.data.formats.shapes.rejected import answers, with_rejected
from steelyard.data.formats.shapes.sharegpt import KEYS as SHAREGPT_KEYS

NAME = "preference"
_OPENAI = frozenset({"input", "preferred_output", "non_preferred_output"})
_PAIR = frozenset({"chosen", "rejected"})


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are two answers to choose from; ShareGPT reads its own pairs."""
    is_pair = fields.keys() >= _PAIR and not any(key in fields for key in SHAREGPT_KEYS)
    return is_pair or fields.keys() >= _OPENAI


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a pair. Raises `RowError` where the question or one of the answers is missing."""
    if "preferred_output" in fields:
        return _read_openai(fields)
    missing = sorted(name for name in _PAIR if fields.get(name) is None)
    if missing:
        raise RowError(f"no {missing[0]} answer")
    return _read_pair(fields)


def _read_openai(fields: Mapping[str, Any]) -> Conversation:
    request = fields.get("input")
    if not isinstance(request, Mapping):
        raise RowError("input is not an object with messages")
    prompt = of.read_turns(request.get("messages"), "input.messages")
    preferred = answers(fields.get("preferred_output"), "preferred_output")
    rejected = answers(fields.get("non_preferred_output"), "non_preferred_output")
    tools = of.read_tools(request)
    rest = dict(rest_of(fields, _OPENAI))
    more = rest_of(request, frozenset({"messages", *TOOL_KEYS}))
    if more:
        rest["input"] = dict(more)
    return Conversation([*prompt, *preferred], len(preferred), rejected, tools, rest)


def _read_pair(fields: Mapping[str, Any]) -> Conversation:
    """TRL's pair: a prompt and two answers, or two conversations that begin alike."""
    name = next((key for key in _prompt_names() if fields.get(key) is not None), None)
    preferred, rejected = (answers(fields[key], key) for key in ("chosen", "rejected"))
    keys = {"chosen", "rejected", *TOOL_KEYS}
    prompt: list[Turn] = []
    input_at = None
    if preferred[0]["role"] != "assistant":
        prompt = _common(preferred, rejected)
        preferred, rejected = preferred[len(prompt) :], rejected[len(prompt) :]
        if not preferred or not rejected:
            raise RowError("chosen and rejected are the same up to the end of one of them")
        if name is not None and fields[name] == prompt[-1].get("content"):
            keys.add(name)
    elif name is None:
        raise RowError(
            "no prompt next to chosen and rejected: write what both begin with as the prompt, or all "
            "three as lists of messages"
        )
    else:
        prompt, input_at, prompt_keys = _prompt(fields, name)
        keys |= prompt_keys
    tools = of.read_tools(fields)
    rest = rest_of(fields, frozenset(keys))
    return Conversation([*prompt, *preferred], len(preferred), rejected, tools, rest, input_at)


def _prompt_names() -> list[str]:
    return ["prompt", "instruction", "question", *usual_names()["input"]]


def _prompt(fields: Mapping[str, Any], name: str) -> tuple[list[Turn], int | None, set[str]]:
    """The turns before the answers, where Alpaca's input begins, and the fields that were used."""
    content, system = fields[name], fields.get("system")
    if isinstance(content, list) or (isinstance(content, str) and content.startswith("[{")):
        return of.read_turns(content, name), None, {name}
    if not isinstance(content, str):
        raise RowError(f"{name} is neither text nor a list of messages")
    turns: list[Turn] = []
    keys = {name}
    if isinstance(system, str) and system:
        turns.append({"role": "system", "content": system})
        keys.add("system")
    at = None
    if name == "instruction" and isinstance(fields.get("input", ""), str):
        content, at = question_of(fields)
        keys.add("input")
    return [*turns, of.user(content)], at, keys


def _common(a: Sequence[Turn], b: Sequence[Turn]) -> list[Turn]:
    count = 0
    while count < min(len(a), len(b)) and a[count] == b[count]:
        count += 1
    return list(a[:count])


def write(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a pair as OpenAI's DPO takes it. Raises `RowError` for a row without a rejected answer."""
    row = with_rejected(row)
    rejected = _rejected(row)
    if is_flat:
        return write_pair(row, is_flat)
    lost: list[str] = []
    openai = vendors()["openai"]
    request: dict[str, Any] = {"messages": turns_for(openai, row.prompt, lost)}
    request |= tools_for(openai, row.tools, lost)
    fields = {
        "input": request,
        "preferred_output": turns_for(openai, row.turns[len(row.prompt) :], lost),
        "non_preferred_output": turns_for(openai, rejected, lost),
    }
    if row.input_at is not None:
        lost.append(BORDER)
    return WrittenRow(fields, (*lost, *row.fields))


def write_pair(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a pair as TRL takes it: three texts where that is all there is, else lists."""
    row = with_rejected(row)
    rejected = _rejected(row)
    lost: list[str] = []
    preferred = row.turns[len(row.prompt) :]
    parts = [row.prompt, preferred, rejected]
    is_text = (
        all(len(turns) == 1 and of.is_plain(turns[0]) for turns in parts)
        and row.prompt[0]["role"] == "user"
        and not any(row.tools.values())
    )
    if is_flat and not is_text:
        raise RowError(
            "has more than a question and two answers in plain text, which a table cannot hold; "
            "write .jsonl or .parquet"
        )
    values = [turns[0]["content"] if is_text else without_value(turns, lost) for turns in parts]
    fields: dict[str, Any] = dict(zip(("prompt", "chosen", "rejected"), values, strict=True))
    if is_text:
        lost += row.tools
    else:
        fields |= row.tools
    return written(row, fields, lost)


def _rejected(row: Conversation) -> Sequence[Turn]:
    if row.rejected is None:
        raise RowError("has no rejected answer, so there is no pair to write")
    if not row.prompt:
        raise RowError("has no question before the answers, so there is no pair to write")
    return row.rejected


SHAPE = Shape(NAME, "preference pairs", fits, read, write)
PAIR = Shape(NAME, "preference pairs (prompt, chosen, rejected)", fits, read, write_pair)
