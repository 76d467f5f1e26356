"""Prompt and completion, as text or as messages; input and output by any of their usual names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from steelyard.data.formats.base import LeftOutError, RowError, json_in, json_kind
from steelyard.data.formats.roles import Columns, columns_of, resolve, spoken, value_of
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import (
    NOTHING,
    VALUE_KEY,
    Conversation,
    Shape,
    Turn,
    WrittenRow,
    refuse_tools,
    rest_of,
    written,
)
from steelyard.data.formats.shapes.chat import without_value
from steelyard.data.formats.shapes.rejected import is_flag, refuse_rejected, with_rejected
from steelyard.errors import closest

NAME = "prompt_completion"
SYSTEM = "system_message"
"""The column in which a table holds a row's system message. A plain *system* is one beside a *prompt*;
elsewhere it may mean anything."""
_BOTH = frozenset({"prompt", "completion"})
_REJECTED = "rejected"
_ALTERNATIVES = frozenset({"ideal", "answer", "answers", "solutions"})
"""Names under which a list holds answers of which each is right; under others it is one set of labels."""
_AS_TEXT = "solutions"
"""APPS and TACO list them as JSON text."""
_NOT_ACCEPTED = frozenset({"reject", "ignore"})
"""What Prodigy writes beside a label that is not to be trusted."""
_TEXT_KEYS = frozenset({"role", "content", VALUE_KEY})


def columns_in(names: tuple[str, ...], columns: Columns) -> dict[str, str]:
    """Which of ``names`` hold input and output; a prompt with a completion comes first."""
    if not columns and set(names) >= _BOTH:
        return {"input": "prompt", "output": "completion"}
    roles = resolve(names, columns)
    return {role: roles[role] for role in ("input", "output") if role in roles}


_usual_columns = lru_cache(maxsize=1_000)(lambda names: columns_in(names, {}))


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether both columns are found."""
    return len(_usual_columns(tuple(fields))) == len(_BOTH)


def read(
    fields: Mapping[str, Any], columns: Columns = NOTHING, *, may_lack: bool = False
) -> Conversation:
    """Read a row, by ``columns`` if given; it ``may_lack`` its output.

    Raises `RowError` if a side is missing or not as it should be, `LeftOutError` for what is no example.
    """
    row = _read(fields, columns, may_lack=may_lack)
    is_pair = not columns and fields.keys() > _BOTH and isinstance(fields.get(_REJECTED), str)
    return with_rejected(row) if is_pair else row


def _read(fields: Mapping[str, Any], columns: Columns, *, may_lack: bool) -> Conversation:
    keys = tuple(fields)
    roles = columns_in(keys, columns) if columns else _usual_columns(keys)
    name, answer_name = roles.get("input", ""), roles.get("output", "")
    prompt, completion = value_of(fields, name or None), fields.get(answer_name)
    if type(completion) is str and completion[:1] == "[" and spoken(answer_name) == _AS_TEXT:
        completion = json_in(completion, "[")
    if isinstance(completion, dict | list):
        completion, accepted = _reference(completion, answer_name, prompt)
        fields = {**fields, answer_name: completion, **accepted}
        keys = tuple(fields)
    if isinstance(prompt, str) and (named_system := _system(fields, name)):
        key, system = named_system
        rest, _ = _apart(fields, key)
        plain = read(rest, columns, may_lack=may_lack)
        return plain._replace(turns=[{"role": "system", "content": system}, *plain.turns])
    if set(keys) > _BOTH and _is_undesired(fields):
        raise LeftOutError("an undesired completion (label: false)")
    status = fields.get("answer")
    if isinstance(status, str) and status in _NOT_ACCEPTED and answer_name != "answer":
        raise LeftOutError(f"not accepted by its annotator (answer: {status})")
    if type(prompt) is str and type(completion) is str:
        turns = [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": completion},
        ]
        if len(keys) == len(_BOTH):
            return Conversation(turns)
        in_use = frozenset({*columns_of(name, keys), answer_name})
        return Conversation(turns, fields=rest_of(fields, in_use))
    if prompt is None or (completion is None and not may_lack):
        raise RowError(missing("output" if prompt is not None else "input", columns, keys))
    return _read_mixed(fields, prompt, (name, answer_name))


def _apart(fields: Mapping[str, Any], name: str) -> tuple[dict[str, Any], Any]:
    """The other fields, and the named one's value."""
    return {key: value for key, value in fields.items() if key != name}, fields[name]


def _reference(value: Any, name: str, prompt: Any) -> tuple[Any, dict[str, list[str]]]:
    """The reference among accepted answers, with the others under ``accepted``; other values as they are.

    SQuAD lists them under ``text``, TriviaQA's others are ``aliases``, OpenAI's evals list an ``ideal``.
    """
    if isinstance(value, dict) and value.keys() == {"text", "answer_start"}:
        answers = value["text"]
    elif isinstance(value, dict) and isinstance(value.get("aliases"), list):
        answers = [value.get("value"), *value["aliases"]]
    else:
        is_any = spoken(name) in _ALTERNATIVES or isinstance(prompt, list)
        answers = value if is_any else None
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        return value, {}
    several = list(dict.fromkeys(answers))
    return (several[0] if several else None), {"accepted": several[1:]} if several[1:] else {}


def _are_turns(value: Any) -> bool:
    """Whether a value is messages: objects, some of which say their role."""
    is_list = isinstance(value, list) and all(isinstance(turn, dict) for turn in value)
    return is_list and any("role" in turn for turn in value)


def _system(fields: Mapping[str, Any], name: str) -> tuple[str, str] | None:
    """The field that holds a row's system message, and the message."""
    for key in (SYSTEM, "system_prompt", *(("system",) if spoken(name) == "prompt" else ())):
        text = fields.get(key)
        if isinstance(text, str) and text.strip() and key != name:
            return key, text
    return None


def _is_undesired(fields: Mapping[str, Any]) -> bool:
    """Whether a completion is one that KTO says not to give: ``label: false`` beside it."""
    label = fields.get("label")
    return label is False or (isinstance(label, str) and label.strip().lower() == "false")


def _read_mixed(fields: Mapping[str, Any], prompt: Any, names: tuple[str, str]) -> Conversation:
    """Read a row where either side is not plain text, or the output is missing."""
    name, answer_name = names
    completion = fields.get(answer_name)
    if not isinstance(prompt, str) and not _are_turns(prompt):
        cure = "write it as text"
        if isinstance(prompt, list | dict):
            cure += f", or name it in braces to have its JSON (--columns 'input={{{name}}}')"
        raise RowError(f"the input is a JSON {json_kind(prompt)}, not text: {cure}")
    before = of.read_turns(prompt, name) if isinstance(prompt, list) else [of.user(prompt)]
    is_chat = _are_turns(completion) and isinstance(prompt, list)
    if completion is None:
        after = []
    elif is_chat:
        after = of.read_turns(completion, answer_name)
    else:
        after = [of.answer_of(completion, "output")]
    tools = of.read_tools(fields) if is_chat else {}
    in_use = frozenset({*columns_of(name, fields), answer_name, *tools})
    return Conversation([*before, *after], len(after), None, tools, rest_of(fields, in_use))


def write(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a row: two texts where there is one user turn and one answer, else two lists.

    A rejected answer has a column of its own.
    """
    row = with_rejected(row)
    if row.rejected is not None:
        return _write_pair(row, is_flat)
    turns = row.turns
    lost: list[str] = []
    fields: dict[str, Any]
    is_pair = len(turns) == 2 and turns[0]["role"] == "user" and turns[1]["role"] == "assistant"
    if not row.answer or turns[-1]["role"] != "assistant":
        raise RowError(f"does not end with an answer, so {NAME} has no completion to write")
    if len(turns) == row.answer:
        raise RowError(f"has nothing before the answer, so {NAME} has no prompt to write")
    if is_pair and not row.tools and of.is_plain(turns[0]) and of.is_plain(turns[1]):
        fields = {"prompt": turns[0]["content"], "completion": turns[1]["content"]}
    elif is_pair and not any(row.tools.values()) and not _calls_tools(turns):
        answer = turns[1]
        lost += [key for turn in turns for key in turn if key not in _TEXT_KEYS]
        fields = {
            "prompt": _text(turns[0], lost),
            "completion": answer[VALUE_KEY] if VALUE_KEY in answer else _text(answer, lost),
        }
        lost += row.tools
    elif is_flat and _is_pair_under_system(row):
        system, *pair = turns
        plain = write(row._replace(turns=pair), is_flat)
        return WrittenRow({SYSTEM: system["content"], **plain.fields}, plain.lost)
    elif is_flat:
        refuse_tools(row, "a table")
        raise RowError(_why_not_flat(row))
    else:
        clean = without_value(turns, lost)
        at = len(turns) - row.answer
        fields = {"prompt": clean[:at], "completion": clean[at:]}
        fields |= row.tools
    return written(row, fields, lost)


def _write_pair(row: Conversation, is_flat: bool) -> WrittenRow:
    assert row.rejected is not None
    if len(row.rejected) > 1 or not of.is_plain(row.rejected[0]):
        refuse_rejected(row, NAME)
    plain = write(row._replace(rejected=None), is_flat)
    if not isinstance(plain.fields["completion"], str):
        refuse_rejected(row, NAME)
    worse = row.rejected[0]["content"]
    if not worse.strip():
        raise RowError("has an empty rejected answer, so there is no pair to write")
    if is_flag(worse, plain.fields["completion"]):
        raise RowError(
            f"has the rejected answer {worse!r}, which in a column would say whether something was rejected; "
            "preference or sharegpt can hold it"
        )
    return WrittenRow({**plain.fields, _REJECTED: worse}, plain.lost)


def _is_pair_under_system(row: Conversation) -> bool:
    """Whether a row is one question and answer under a system message of plain text."""
    turns = row.turns
    return (
        len(turns) == 3
        and turns[0]["role"] == "system"
        and of.is_plain(turns[0])
        and bool(turns[0]["content"])
        and SYSTEM not in row.fields
        and not _calls_tools(turns)
    )


def _calls_tools(turns: Any) -> bool:
    return any(turn.get("tool_calls") or turn.get("function_call") for turn in turns)


def _text(turn: Turn, lost: list[str]) -> str:
    return of.flat_content(turn, NAME, lost)


def _why_not_flat(row: Conversation) -> str:
    before = len(row.prompt) - 1
    what = "tool calls" if _calls_tools(row.turns) else f"{before} turns before the last question"
    if before == 1 and row.prompt[0]["role"] in {"system", "developer"}:
        what = "a system message"
        return f"has {what}, which these two columns cannot hold; alpaca's columns can"
    return f"has {what}, which a table cannot hold; write .jsonl or .parquet"


def missing(role: str, columns: Columns, fields: Iterable[str]) -> str:
    """Say that a row lacks its input or output, with the keys that it has."""
    names = [str(key)[:40] for key in islice(fields, 8)]
    keys = ", ".join(names) or "none"
    if (name := columns.get(role)) is not None:
        if name in names:
            return f"no {role}: {name!r} is empty"
        return f"no {name!r}, the {role}{closest(name, names)}; keys: {keys}"
    return f"no {role}; keys: {keys}"


SHAPE = Shape(NAME, "prompt and completion", fits, read, write)
