"""Pairs of a better and a worse answer: how many there are, and those that teach nothing or contradict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.data.base import Finding, Severity
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.pairs import PairState, pair_state
from steelyard.words import counted

CHECK = "format"
_SAYS: Mapping[PairState, tuple[Severity, str]] = {
    "equal": (
        "warning",
        "a rejected answer that is the output or another accepted one, so it is no pair",
    ),
    "empty": ("warning", "an empty rejected answer, so it is no pair: write the worse answer"),
    "no_output": (
        "warning",
        "a rejected answer and no output, so it is no pair: write the better answer",
    ),
}


def pair_facts(data: Dataset) -> dict[str, Any]:
    """Counts of rows by `PairState`, under ``pairs``; nothing where no row states a rejected answer."""
    states = [pair_state(example) for example in data.examples]
    if set(states) <= {"none"}:
        return {}
    return {"pairs": {state: states.count(state) for state in ("pair", *_SAYS, "none")}}


def pair_findings(data: Dataset) -> Iterator[Finding]:
    """How many pairs there are, rows that are none of them, and pairs turned round."""
    states = [pair_state(example) for example in data.examples]
    pairs = [index for index, state in enumerate(states) if state == "pair"]
    if pairs:
        without = states.count("none")
        others = f"; {counted(without, 'row has', 'rows have')} none" if without else ""
        yield Finding.of_rows(
            data,
            pairs,
            CHECK,
            "note",
            f"{_have(pairs)} a rejected answer beside the output, which the strategy preference alone "
            f"learns from{others}",
            rejected=[(data.examples[index].rejected or "")[:160] for index in pairs[:SHOWN]],
        )
    for state, (severity, says) in _SAYS.items():
        rows = [index for index, one in enumerate(states) if one == state]
        if rows:
            yield Finding.of_rows(data, rows, CHECK, severity, f"{_have(rows)} {says}")
    yield from _turned(data, pairs)


def _turned(data: Dataset, pairs: list[int]) -> Iterator[Finding]:
    """Pairs that another one of the same question has the other way round."""
    keys = {}
    for index in pairs:
        one = data.examples[index]
        keys[index] = (one.question, one.output.strip(), (one.rejected or "").strip())
    every = set(keys.values())
    rows = [index for index, (asked, *two) in keys.items() if (asked, *reversed(two)) in every]
    if rows:
        message = (
            f"{_have(rows)} a pair that another row has the other way round: decide which is better"
        )
        yield Finding.of_rows(data, rows, CHECK, "warning", message)


def _have(rows: list[int]) -> str:
    return counted(len(rows), "row has", "rows have")
