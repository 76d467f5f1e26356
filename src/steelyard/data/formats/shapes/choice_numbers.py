"""What a number means as the answer to a choice: the rows of a file say it together.

COPA counts its columns ``choice1``, ``choice2`` from 0, Social IQA its ``answerA`` to ``answerC`` from
1, and "2" may be a choice word for word. One row cannot tell; a thousand can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from string import ascii_uppercase
from typing import Any, NamedTuple

from steelyard.data.formats.base import Counting, RowError

BY_NUMBER: tuple[Counting, ...] = ("from 0", "from 1")
MOST_AGAINST = 0.01
"""Of a file's answers, as many may speak against a reading: they are mistakes, and become bad rows."""
NO_ANSWER = "-1"


class Choices(NamedTuple):
    """The choices of a row as (name, text), and the columns that hold them.

    ``are_named``: the names are the file's own, not made for its list or taken from its columns.
    """

    choices: list[tuple[str, str]]
    columns: tuple[str, ...]
    are_named: bool = False

    @property
    def are_listed(self) -> bool:
        return len(self.columns) == 1


class Answered(NamedTuple):
    """A row's choices and its answer as the file has it."""

    row: Choices
    answer: Any


def counting_of(rows: Iterable[Answered]) -> Counting | None:
    """How the numbers among the answers name their choices; ``None`` where the rows leave it open.

    Numbers of JSON beside lists are taken to count from 0 there, which every verb tells.
    """
    total, all_indices = 0, True
    against, apart = Counter[Counting](), set[frozenset[Counting]]()
    for row, answer in rows:
        if not answers_by_number(row, answer):
            continue
        number = int(_text(answer))
        total += 1
        all_indices = all_indices and _is_index(answer, row)
        places = {way: place(number, row.choices) for way, place in _WAYS.items()}
        against.update(way for way, place in places.items() if place is None)
        apart |= {frozenset(pair) for pair in _PAIRS if places[pair[0]] != places[pair[1]]}
    fit = [way for way in _WAYS if against[way] <= MOST_AGAINST * total]
    if total and fit and not any(pair <= {*fit} for pair in apart):
        return fit[0]
    return "from 0" if total and all_indices and "from 0" in fit else None


def answers_by_number(row: Choices, answer: Any) -> bool:
    """Whether a row's answer is a number, and its choices have no names of their own."""
    return _number(answer) is not None and not row.are_named


def _is_index(answer: Any, row: Choices) -> bool:
    """Whether it is a number of JSON beside a list: MMLU and Inspect count these from 0."""
    return row.are_listed and not isinstance(_one(answer), str)


def is_answer(answer: Any) -> bool:
    """Whether a row says its answer: -1 says that nobody is to see it, as in GLUE's tests."""
    return answer is not None and answer != "" and _text(answer) != NO_ANSWER


def place_of(answer: Any, row: Choices, counting: Counting | None) -> int:
    """Which choice is the answer, from 0: by its letter, its name, its text or its number.

    Where the rows leave open what a number means (``counting``), one of JSON counts a list from 0, as
    MMLU and Inspect do. Raises `RowError` for other such numbers, and where it is none of the choices.
    """
    choices, text = row.choices, _text(answer)
    number = _number(answer)
    if number is None or row.are_named:
        names = [{name, ascii_uppercase[at]} for at, (name, _) in enumerate(choices)]
        at = next((at for at, these in enumerate(names) if {text, text.upper()} & these), None)
        return _known(at if at is not None else _by_text(text, choices), text, row)
    if counting is None:
        if not (_is_index(answer, row) or choices[0][0] == "0"):
            raise RowError(
                f"the answer {text} may count the choices from 0 or from 1: write the choice's letter"
            )
        counting = "from 0"
    return _known(_WAYS[counting](number, choices), text, row)


def _known(place: int | None, text: str, row: Choices) -> int:
    if place is None:
        raise RowError(f"the answer {text[:40]!r} is none of the {len(row.choices)} choices")
    return place


def _one(answer: Any) -> Any:
    return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer


def _text(answer: Any) -> str:
    return str(_one(answer)).strip()


def _number(answer: Any) -> int | None:
    """The whole number that an answer is, in JSON or as text."""
    answer = _one(answer)
    if isinstance(answer, bool) or not isinstance(answer, int | str):
        return None
    text = str(answer).strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= len("100") else None


def _by_text(text: str, choices: list[tuple[str, str]]) -> int | None:
    matches = [at for at, (_, choice) in enumerate(choices) if choice.strip() == text]
    return matches[0] if len(matches) == 1 else None


def _from(first: int) -> Callable[[int, list[tuple[str, str]]], int | None]:
    return lambda number, choices: number - first if 0 <= number - first < len(choices) else None


_WAYS: Mapping[Counting, Callable[[int, list[tuple[str, str]]], int | None]] = {
    "as text": lambda number, choices: _by_text(str(number), choices),
    "from 0": _from(0),
    "from 1": _from(1),
}
_PAIRS = tuple(combinations(_WAYS, 2))
