"""Multiple choice: a question, its choices, and which of them is right, by letter, number or text.

Inspect and lm-evaluation-harness write ``choices``, ARC ``choices: {text, label}`` and ``answerKey``,
OpenBookQA the same inside ``question``, MMLU a number from 0, HellaSwag ``endings``, others ``options``;
tables have a column each (``A``, ``B``, …; ``option1``, ``option2``). The choices are asked with the
question, each with its letter; the answer is the letter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import takewhile
from string import ascii_uppercase, digits
from typing import Any

from steelyard.data.formats.base import Counting, RowError, json_in
from steelyard.data.formats.roles import columns_of, resolve, value_of
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import Conversation, Shape, rest_of
from steelyard.data.formats.shapes.chat import system_of
from steelyard.data.formats.shapes.choice_numbers import (
    Answered,
    Choices,
    answers_by_number,
    counting_of,
    is_answer,
    place_of,
)

NAME = "multiple_choice"
KEYS = ("choices", "options", "endings")
_ANSWERS = "answers"
"""ReClor's choices; the right answers of others, where no number or letter picks one of them."""
_FEWEST = 2
_COLUMN = re.compile(
    r"(?P<stem>(?:option|choice|opt|op|sol|ending|answer)[ _]?|)(?P<name>[A-Ha-h]|\d)"
)
"""A column for one choice, by what it begins with and the choice's name."""


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


def _found(fields: Mapping[str, Any]) -> Choices | None:
    key = next((key for key in KEYS if key in fields), None)
    if key is not None:
        return _choices(fields[key], key)
    if isinstance(fields.get(_ANSWERS), list):
        row = _choices(fields[_ANSWERS], _ANSWERS)
        return row if row is not None and _is_picked(fields, row) else None
    pairs = choice_columns(tuple(fields))
    texts = [fields[column] for _, column in pairs]
    if not pairs or not all(isinstance(text, str) and text for text in texts):
        return None
    choices = [(name, text) for (name, _), text in zip(pairs, texts, strict=True)]
    return Choices(choices, tuple(column for _, column in pairs))


def _is_picked(fields: Mapping[str, Any], row: Choices) -> bool:
    """Whether a number or a letter beside a list picks one of its texts."""
    answer = fields.get(_roles(fields, row).get("output", ""))
    letters = ascii_uppercase[: len(row.choices)]
    is_number = isinstance(answer, int) and not isinstance(answer, bool)
    text = str(answer).strip().upper()
    return (is_number or text.isdecimal() or text in tuple(letters)) and answer is not None


def fits(fields: Mapping[str, Any], output: str | None = None) -> bool:
    """Whether there are choices in text, a question and an answer, which ``output`` may name."""
    fields = _flat(fields)
    row = _found(fields)
    if row is None:
        return False
    roles = _roles(fields, row, output)
    return isinstance(value_of(fields, roles.get("input")), str) and "output" in roles


def counting_in(rows: Iterable[Mapping[str, Any]], output: str | None = None) -> Counting | None:
    """How the numbers among the answers of a file's rows name their choices, if any do."""
    return counting_of(asked for fields in rows if (asked := _asked(fields, output)) is not None)


def have_numbers(rows: Iterable[Mapping[str, Any]], output: str | None = None) -> bool:
    """Whether any row answers a choice by a number, which all rows of its files together explain."""
    asked = (_asked(fields, output) for fields in rows)
    return any(one is not None and answers_by_number(*one) for one in asked)


def _asked(fields: Mapping[str, Any], output: str | None) -> Answered | None:
    """A row's choices and answer; ``None`` for a row of another shape."""
    fields = _flat(fields)
    if not fits(fields, output) or (row := _found(fields)) is None:
        return None
    return Answered(row, fields[_roles(fields, row, output)["output"]])


def read(
    fields: Mapping[str, Any], counting: Counting | None = None, output: str | None = None
) -> Conversation:
    """Read a row; ``counting`` says what numbers mean in its file, ``output`` names its answer.

    Raises `RowError` where the answer is none of the choices, or where that is not known.
    """
    fields = _flat(fields)
    row = _found(fields)
    if row is None:
        raise RowError("no choices in a list of texts")
    roles = _roles(fields, row, output)
    question, answer = value_of(fields, roles.get("input")), fields.get(roles.get("output", ""))
    if not isinstance(question, str):
        raise RowError("the question is not text")
    letters = ascii_uppercase[: len(row.choices)]
    texts = [text for _, text in row.choices]
    if all(
        re.match(rf"\(?{letter}[).:]", text) for letter, text in zip(letters, texts, strict=True)
    ):
        listed = "\n".join(texts)  # AQuA's have their letters already
    else:
        listed = "\n".join(f"{letter}) {text}" for letter, text in zip(letters, texts, strict=True))
    turns: list[dict[str, Any]] = [dict(of.user(f"{question}\n\n{listed}"))]
    if (system := system_of(fields)) is not None:
        turns.insert(0, {"role": "system", "content": system})
    in_use = frozenset(
        {
            *row.columns,
            *columns_of(roles.get("input", ""), fields),
            roles.get("output", ""),
            *(("system",) if system else ()),
        }
    )
    if is_answer(answer):
        turns.append(dict(of.assistant(letters[place_of(answer, row, counting)])))
    return Conversation(
        turns, int(turns[-1]["role"] == "assistant"), fields=rest_of(fields, in_use)
    )


def _roles(fields: Mapping[str, Any], row: Choices, output: str | None = None) -> Mapping[str, str]:
    """Question and answer as named, or by their usual names; else the answer is a choice's only letter."""
    names = tuple(name for name in fields if name not in row.columns)
    roles = resolve(names, {"output": output} if output in fields else {})
    if "output" in roles:
        return roles
    letters = ascii_uppercase[: len(row.choices)]
    free = (name for name in names if name not in roles.values())
    answers = [name for name in free if fields[name] in tuple(letters)]
    return resolve(names, {"output": answers[0]}) if len(answers) == 1 else roles


def _choices(value: Any, column: str) -> Choices | None:
    """The choices in a column, named by their letters where they have no name."""
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
    are_named = isinstance(names, list) and len(names) == len(value)
    if not are_named:
        names = ascii_uppercase[: len(value)]
    choices = [(str(name), text) for name, text in zip(names, value, strict=True)]
    return Choices(choices, (column,), are_named)


SHAPE = Shape(NAME, "multiple choice", fits, read)
