"""Multiple choice: a question, its choices, and which of them is right, by letter, number or text.

Inspect and lm-evaluation-harness write ``choices``, ARC ``choices: {text, label}`` and ``answerKey``,
MMLU a number from 0, HellaSwag ``endings``, others ``options``. The choices are asked with the question,
each with its letter; the answer is the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase
from typing import Any

from steelyard.data.formats.base import RowError, json_in
from steelyard.data.formats.roles import resolve
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, rest_of
from steelyard.data.formats.shapes.chat import system_of

NAME = "multiple_choice"
KEYS = ("choices", "options", "endings")
_FEWEST = 2


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are choices in text, a question and an answer."""
    key = next((key for key in KEYS if key in fields), None)
    if key is None or _choices(fields[key]) is None:
        return False
    roles = _roles(fields)
    return isinstance(fields.get(roles.get("input", "")), str) and "output" in roles


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row. Raises `RowError` where the answer is none of the choices."""
    key = next((key for key in KEYS if key in fields), KEYS[0])
    named = _choices(fields.get(key))
    if named is None:
        raise RowError(f"no {key} in a list of texts")
    roles = _roles(fields)
    question, answer = fields.get(roles.get("input", "")), fields.get(roles.get("output", ""))
    if not isinstance(question, str):
        raise RowError("the question is not text")
    letters = ascii_uppercase[: len(named)]
    listed = "\n".join(
        f"{letter}) {text}" for letter, (_, text) in zip(letters, named, strict=True)
    )
    turns: list[dict[str, Any]] = [dict(of.user(f"{question}\n\n{listed}"))]
    if (system := system_of(fields)) is not None:
        turns.insert(0, {"role": "system", "content": system})
    used = frozenset(
        {key, roles.get("input", ""), roles.get("output", ""), *(("system",) if system else ())}
    )
    if answer is not None and answer != "":
        turns.append(dict(of.assistant(letters[_place(answer, named)])))
    return Conversation(turns, int(turns[-1]["role"] == "assistant"), fields=rest_of(fields, used))


def _roles(fields: Mapping[str, Any]) -> Mapping[str, str]:
    return resolve(tuple(name for name in fields if name not in KEYS), {})


def _choices(value: Any) -> list[tuple[str, str]] | None:
    """The choices as (name, text), named by their letters where they have no name."""
    value = json_in(value, ("[", "{"))
    names = None
    if isinstance(value, Mapping):
        names, value = value.get("label"), value.get("text")
    if not isinstance(value, list) or not _FEWEST <= len(value) <= len(ascii_uppercase):
        return None
    if not all(isinstance(text, str) for text in value):
        return None
    if not isinstance(names, list) or len(names) != len(value):
        names = ascii_uppercase[: len(value)]
    return [(str(name), text) for name, text in zip(names, value, strict=True)]


def _place(answer: Any, choices: list[tuple[str, str]]) -> int:
    """Which choice is the answer: a number counts from 0, a text is a name, else a choice word for word."""
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, int) and not isinstance(answer, bool) and answer in range(len(choices)):
        return answer
    text = str(answer).strip()
    for at, (name, _) in enumerate(choices):
        if text == name or text.upper() == ascii_uppercase[at]:
            return at
    matches = [at for at, (_, choice) in enumerate(choices) if choice.strip() == text]
    if len(matches) == 1:
        return matches[0]
    if text.isdecimal() and int(text) in range(len(choices)):
        return int(text)
    raise RowError(f"the answer {text[:40]!r} is none of the {len(choices)} choices")


SHAPE = Shape(NAME, "multiple choice", fits, read)
