"""The texts inside a text: all of it, or the values of the JSON that it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from steelyard.packaged import packaged

ReplaceText = Callable[[str, str], str]
"""Takes a text and the name of what holds it (or nothing), and returns the text to put there."""

FEWEST_DIGITS = 9
"""A number of fewer digits is not a card, phone or id."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')
_COLON = re.compile(r"\s*:")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAIN = {"content", "value", "body", "message", "messages", "text", "role", "arguments"}
_LONGEST_HINT = 40


def rewrite(text: str, change: ReplaceText, hint: str = "") -> str:
    """Return ``text`` with ``change`` applied to it, or to each value where it is JSON.

    JSON stays JSON and keeps its spacing, its keys and every value that does not change. A long
    number is offered as its digits; what comes back changed is put there as a string.
    """
    if not _holds_json(text):
        return change(text, hint)
    name = hint

    def token(match: re.Match[str]) -> str:
        nonlocal name
        raw = match[0]
        if raw[0] != '"':
            return _number(raw, change, name)
        value = json.loads(raw)
        if _COLON.match(text, match.end()):
            name = hint_of(value)
            return raw
        changed = rewrite(value, change, name)
        return raw if changed == value else json.dumps(changed, ensure_ascii=raw.isascii())

    return _TOKEN.sub(token, text)


def _holds_json(text: str) -> bool:
    """Whether a text is a JSON object or array."""
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def rewrite_value(value: Any, change: ReplaceText, name: str = "") -> Any:
    """`rewrite` for the value of a field: a text, a long number, or lists and objects of these."""
    if isinstance(value, str):
        return rewrite(value, change, name)
    if isinstance(value, dict):
        return {key: rewrite_value(item, change, hint_of(str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rewrite_value(item, change, name) for item in value]
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and abs(value) >= 10**FEWEST_DIGITS // 10
    ):
        digits = str(value)
        changed = change(digits, name)
        return value if changed == digits else changed
    return value


@lru_cache(maxsize=4096)
def hint_of(name: str) -> str:
    """The name of a field as words (``apiKey`` as ``api key``); empty for names that say nothing.

    The usual names of inputs and outputs say nothing: a column called text announces no phone.
    """
    words = " ".join(
        _CAMEL.sub(" ", name[:_LONGEST_HINT]).replace("_", " ").replace("-", " ").split()
    )
    return "" if name.strip().casefold() in _saying_nothing() else words.casefold()


@lru_cache(maxsize=1)
def _saying_nothing() -> frozenset[str]:
    names = packaged("data/data/columns.yaml")
    return frozenset(_PLAIN.union(*(names.get(role, ()) for role in ("input", "output"))))


def _number(raw: str, change: ReplaceText, name: str) -> str:
    if not raw.isdecimal() or len(raw) < FEWEST_DIGITS:
        return raw
    changed = change(raw, name)
    return raw if changed == raw else json.dumps(changed)
