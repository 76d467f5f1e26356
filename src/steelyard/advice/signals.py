"""Whether outputs state what their inputs do not hold: the sign of facts, by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from steelyard.core import Example
from steelyard.data.dataset import Dataset
from steelyard.data.mistakes import thresholds
from steelyard.data.texts.outside import outside_facts
from steelyard.packaged import packaged
from steelyard.words import counted, percent

_NUMBER = re.compile(r"\d(?:[\d.,]*\d)?")
_WORD = re.compile(r"\w{3,}")
_CODE = re.compile(r"[=+*<>{};×÷]|\d\s*/\s*\d")
_SHOWN = 5


class FactSigns(NamedTuple):
    """Whether outputs rest on facts from outside, the grounds in a clause, and the first rows that show it.

    ``are_facts`` is ``None`` where too few outputs were there to look at.
    """

    are_facts: bool | None
    grounds: str
    rows: tuple[int, ...] = ()


def fact_signs(data: Dataset) -> FactSigns:
    """Look for facts in the outputs of text or JSON; a sample where there are many."""
    settings = packaged("advice/data/signals.yaml")
    indices = [i for i, text in enumerate(data.written) if text.strip()][: settings["sample"]]
    if len(indices) < settings["least_outputs"]:
        return FactSigns(None, f"only {counted(len(indices), 'output')} to look for facts in")
    copied = _rows(data, indices, _is_grounded(settings["grounded"]))
    if len(copied) >= settings["grounded"]["at_least"] * len(indices):
        grounds = f"{_share(copied, indices)} repeat what their long inputs say"
        return FactSigns(False, grounds, copied[:_SHOWN])
    dated = outside_facts(data, thresholds()["wrong_task"])
    if dated.share is not None and dated.share >= thresholds()["wrong_task"]["most_share"]:
        grounds = (
            f"{dated.outputs:,} of {counted(dated.looked_at, 'output')} ({percent(dated.share)}) state a "
            "date, price, period or the like that is not in their input"
        )
        return FactSigns(True, grounds, dated.rows)
    for name, what, shows in (
        ("numbers", "state a number that is not in their input", _states_a_number),
        ("cites", "name a source", _cites(settings["cites"]["expression"])),
    ):
        rows = _rows(data, indices, shows)
        if len(rows) >= settings[name]["at_least"] * len(indices):
            return FactSigns(True, f"{_share(rows, indices)} {what}", rows[:_SHOWN])
    return FactSigns(
        False,
        f"too few of {counted(len(indices), 'output')} name a source, or state a date, price or number that "
        "is not in their input",
    )


def _rows(
    data: Dataset, indices: Sequence[int], shows: Callable[[str, str], bool]
) -> tuple[int, ...]:
    """The numbers of the rows whose input and output, folded, show a sign."""
    return tuple(
        data.numbers[i]
        for i in indices
        if shows(_question(data.examples[i]), data.written[i].casefold())
    )


def _question(example: Example) -> str:
    return " ".join([*(turn.content for turn in example.context), example.input]).casefold()


def _share(rows: Sequence[Any], indices: Sequence[int]) -> str:
    return (
        f"{len(rows):,} of {counted(len(indices), 'output')} ({percent(len(rows) / len(indices))})"
    )


def _states_a_number(question: str, output: str) -> bool:
    """Whether a number comes from outside; code and sums have numbers of their own."""
    if _CODE.search(output):
        return False
    return bool(set(_NUMBER.findall(output)) - set(_NUMBER.findall(question)))


def _cites(expression: str) -> Callable[[str, str], bool]:
    pattern = re.compile(expression)
    return lambda _, output: pattern.search(output) is not None


def _is_grounded(settings: dict[str, Any]) -> Callable[[str, str], bool]:
    def shows(question: str, output: str) -> bool:
        words = _WORD.findall(output)
        if not words or len(question.split()) < settings["words"]:
            return False
        there = set(_WORD.findall(question))
        least: float = settings["copied"] * len(words)
        return sum(word in there for word in words) >= least

    return shows
