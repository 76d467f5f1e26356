"""Multiple choice: a question, its choices, and which of them is right, by letter, number or text.

Inspect and lm-evaluation-harness write ``choices``, ARC ``choices: {text, label}`` and ``answerKey``,
OpenBookQA the same inside ``question``, MMLU a number from 0, HellaSwag ``endings``, others ``options``;
tables have a column each (``A``, ``B``, …; ``option1``, ``option2``). The choices are asked with the
question, each with its letter; the answer is the letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import takewhile
from string import ascii_uppercase, digits
from typing import Any, NamedTuple

from steelyard.data.formats.base import RowError, json_in
from steelyard.data.formats.roles import columns_of, resolve, value_of
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, rest_of
from steelyard.data.formats.shapes.chat import system_of

NAME = "multiple_choice"
KEYS = ("choices", "options", "endings")
_FEWEST = 2
_COLUMN = re.compile(
    r"(?P<stem>(?:option|choice|opt|op|sol|ending|answer)[ _]?|)(?P<name>[A-Ha-h]|\d)"
)
"""A column for one choice, by what it begins with and the choice's name."""


class _Found(NamedTuple):
    """The choices of a row as (name, text), and the columns that hold them."""

    choices: list[tuple[str, str]]
    columns: tuple[str, ...]


@lru_cache(maxsize=1_000)
def choice_columns(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Columns that hold a choice each, with the choices' names in order; none where two are not there."""
    by_stem: dict[str, dict[str, str]] = {}
    for name in names:
        if (match := _COLUMN.fullmatch(name.strip())) and (
            match["stem"] or match["name"].isupper()
        ):
            by_stem.setdefault(match["stem"].lower(), {})[match["name"].upper()] = name
    for row in by_stem.values():
        for order in (ascii_uppercase, digits, digits[1:]):
            run = list(takewhile(row.__contains__, order))
            if len(run) >= _FEWEST and len(run) == len(row):
                return tuple((letter, row[letter]) for letter in run)
    return ()


def _flat(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields with a question of its stem and choices, as OpenBookQA's files have it, taken apart."""
    question = fields.get("question")
    if not isinstance(question, Mapping) or not {"stem", "choices"} <= question.keys():
        return fields
    return {**fields, "question": question["stem"], "choices": question["choices"]}


def _found(fields: Mapping[str, Any]) -> _Found | None:
    key = next((key for key in KEYS if key in fields), None)
    if key is not None:
        choices = _choices(fields[key])
        return None if choices is None else _Found(choices, (key,))
    pairs = choice_columns(tuple(fields))
    texts = [fields[column] for _, column in pairs]
    if not pairs or not all(isinstance(text, str) and text for text in texts):
        return None
    choices = [(name, text) for (name, _), text in zip(pairs, texts, strict=True)]
    return _Found(choices, tuple(column for _, column in pairs))


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are choices in text, a question and an answer."""
    fields = _flat(fields)
    row = _found(fields)
    if row is None:
        return False
    roles = _roles(fields, row)
    return isinstance(value_of(fields, roles.get("input")), str) and "output" in roles


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row. Raises `RowError` where the answer is none of the choices."""
    fields = _flat(fields)
    row = _found(fields)
    if row is None:
        raise RowError("no choices in a list of texts")
    named, columns = row
    roles = _roles(fields, row)
    question, answer = value_of(fields, roles.get("input")), fields.get(roles.get("output", ""))
    if not isinstance(question, str):
        raise RowError("the question is not text")
    letters = ascii_uppercase[: len(named)]
    listed = "\n".join(
        f"{letter}) {text}" for letter, (_, text) in zip(letters, named, strict=True)
    )
    turns: list[dict[str, Any]] = [dict(of.user(f"{question}\n\n{listed}"))]
    if (system := system_of(fields)) is not None:
        turns.insert(0, {"role": "system", "content": system})
    in_use = frozenset(
        {
            *columns,
            *columns_of(roles.get("input", ""), fields),
            roles.get("output", ""),
            *(("system",) if system else ()),
        }
    )
    if answer is not None and answer != "":
        turns.append(dict(of.assistant(letters[_place(answer, named)])))
    return Conversation(
        turns, int(turns[-1]["role"] == "assistant"), fields=rest_of(fields, in_use)
    )


def _roles(fields: Mapping[str, Any], row: _Found) -> Mapping[str, str]:
    """Question and answer by their usual names; else the answer is the one column with a choice's letter."""
    names = tuple(name for name in fields if name not in row.columns)
    roles = resolve(names, {})
    if "output" in roles:
        return roles
    letters = ascii_uppercase[: len(row.choices)]
    free = (name for name in names if name not in roles.values())
    answers = [name for name in free if fields[name] in tuple(letters)]
    return resolve(names, {"output": answers[0]}) if len(answers) == 1 else roles


def _choices(value: Any) -> list[tuple[str, str]] | None:
    """The choices as (name, text), named by their letters where they have no name."""
    value = json_in(value, ("[", "{"))
    names: Any = None
    if isinstance(value, Mapping) and value and set(value) == set(ascii_uppercase[: len(value)]):
        names, value = list(value), list(value.values())
    elif isinstance(value, Mapping):
        names, value = value.get("label"), value.get("text")
    if isinstance(value, list) and all(
        isinstance(x, Mapping) and x.keys() >= {"text", "label"} for x in value
    ):
        names, value = [x["label"] for x in value], [x["text"] for x in value]
    if not isinstance(value, list) or not _FEWEST <= len(value) <= len(ascii_uppercase):
        return None
    if not all(isinstance(text, str) for text in value):
        return None
    if not isinstance(names, list) or len(names) != len(value):
        names = ascii_uppercase[: len(value)]
    return [(str(name), text) for name, text in zip(names, value, strict=True)]


def _place(answer: Any, choices: list[tuple[str, str]]) -> int:
    """Which choice is the answer: a number counts from 0, a text is a name, else a choice word for word.

    Choices numbered from 1 (columns ``choice1``, ``choice2``) with a number are no names: it counts from 0.
    """
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    text = str(answer).strip()
    is_number = isinstance(answer, int) and not isinstance(answer, bool)
    is_numbered = [name for name, _ in choices] == [str(at + 1) for at in range(len(choices))]
    if is_number and answer in range(len(choices)) and (is_numbered or text not in dict(choices)):
        return int(answer)
    if is_numbered and text == "0":
        raise RowError(
            "the answer 0 counts from 0 and the choices from 1: write the choice's letter"
        )
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
