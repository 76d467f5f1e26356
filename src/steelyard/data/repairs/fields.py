"""Where a row's fields hold its input and output: as text, as chat turns, in a log or a pair."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from steelyard.data.formats import resolve
from steelyard.data.formats.roles import Columns, columns_of, rejected_name
from steelyard.data.formats.shapes import known_keys

Map = Callable[[str, str], str]
"""Takes the path of a text (``messages[1].content``) and the text, and returns the new one."""

_ROLE_KEYS, _CONTENT_KEYS = ("role", "from"), ("content", "value")
_OTHER_TURNS = frozenset({"system", "developer", "tool", "function"})
_TEXTS_OF = {
    "alpaca": frozenset({"instruction", "input", "output"}),
    "preference": frozenset({"prompt", "instruction", "question", "input", "chosen", "rejected"}),
}
"""Fields of a shape that hold plain text; every other field is searched for chat turns."""


def map_texts(fields: Mapping[str, Any], columns: Columns, change: Map) -> dict[str, Any]:
    """Return the fields with ``change`` applied to the texts of input, output and rejected answer.

    In a chat, a log or a pair these are the contents of the turns of users and assistants. Texts
    within JSON outputs are left alone: spaces may mean something there.
    """
    shape = None if columns.get("input") else known_keys(tuple(fields))
    if shape is None:
        roles = resolve(tuple(fields), columns)
        named = [roles[role] for role in ("input", "output") if role in roles]
        texts = {column for name in named for column in columns_of(name, fields)}
        if (worse := columns.get("rejected", rejected_name(tuple(fields)))) is not None:
            texts.add(worse)
        searched = texts
    else:
        texts = set(_TEXTS_OF.get(shape, ()))
        searched = set(fields)
    new = dict(fields)
    for name, value in fields.items():
        if isinstance(value, str):
            new[name] = change(name, value) if {name, name.casefold()} & texts else value
        elif name in searched:
            new[name] = _map_turns(name, value, change)
    return new


def with_output(fields: Mapping[str, Any], old: str, new: str) -> Iterator[tuple[Any, str, Any]]:
    """Yield each way to put ``new`` in the place of ``old``: the fields, the path, the value there.

    The last places come first. A number or a boolean stays one where the new output is one too. The
    caller finds out which place is the output's, by reading the row.
    """
    for path, value in reversed(list(_leaves(fields, ()))):
        text = value if isinstance(value, str) else json.dumps(value)
        if text.strip() != old.strip():
            continue
        changed = copy.deepcopy(dict(fields))
        holder: Any = changed
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = new if isinstance(value, str) else _like(value, new)
        yield changed, _written(path), value


def _map_turns(path: str, value: Any, change: Map) -> Any:
    if isinstance(value, list):
        return [_map_turns(f"{path}[{at}]", item, change) for at, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if any(isinstance(value.get(key), str) for key in _ROLE_KEYS):
        return _map_turn(path, value, change)
    return {key: _map_turns(f"{path}.{key}", item, change) for key, item in value.items()}


def _map_turn(path: str, turn: Mapping[str, Any], change: Map) -> Mapping[str, Any]:
    role = next(turn[key] for key in _ROLE_KEYS if isinstance(turn.get(key), str))
    key = next((name for name in _CONTENT_KEYS if name in turn), _CONTENT_KEYS[0])
    content = turn.get(key)
    if role in _OTHER_TURNS:
        return turn
    if isinstance(content, str):
        return {**turn, key: change(f"{path}.{key}", content)}
    if isinstance(content, list):
        parts = [_map_part(f"{path}.{key}[{at}]", part, change) for at, part in enumerate(content)]
        return {**turn, key: parts}
    return turn


def _map_part(path: str, part: Any, change: Map) -> Any:
    if not isinstance(part, dict) or not isinstance(part.get("text"), str):
        return part
    return {**part, "text": change(f"{path}.text", part["text"])}


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Texts, numbers, booleans and nulls at whatever depth, with their paths."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield from _leaves(member, (*path, key))
    elif isinstance(value, list):
        for at, member in enumerate(value):
            yield from _leaves(member, (*path, at))
    else:
        yield path, value


def _written(path: tuple[Any, ...]) -> str:
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".")


def _like(value: Any, text: str) -> Any:
    try:
        parsed = json.loads(text)
    except ValueError:
        return text
    return parsed if type(parsed) is type(value) else text
