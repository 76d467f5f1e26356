"""Labels that stand in a file twice, as numbers and by name: SetFit's ``label`` and ``label_text``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.words import listed

_LOOKED_AT = 1_000
_MOST = 200
_TIMES = 2


def other_name(rows: Sequence[Mapping[str, Any]], output: str) -> tuple[str | None, str | None]:
    """The column that has one value for each value of ``output``, and a remark on the two.

    One of them holds numbers, the other names. ``None`` where there is no such column.
    """
    first = rows[:_LOOKED_AT]
    for name in dict.fromkeys(name for row in first[:1] for name in row):
        if name != output and (pairs := _one_to_one(first, output, name)):
            shown = listed([f"{number} is {label!r}" for number, label in _by_number(pairs)], 3)
            if all(value.isdecimal() for value, _ in pairs):
                return name, (
                    f"{output!r} holds numbers that {name!r} names ({shown}): a model is asked for the "
                    f"numbers; --columns output={name} asks for the names"
                )
            return (
                name,
                f"{name!r} numbers the labels in {output!r} ({shown}); the names are asked for",
            )
    return None, None


def _one_to_one(
    rows: Sequence[Mapping[str, Any]], output: str, name: str
) -> set[tuple[str, str]] | None:
    """The pairs of values in two columns where each has one partner, and one column is of numbers."""
    values = [
        (_text(row[output]), _text(row[name]))
        for row in rows
        if row.get(output) is not None and row.get(name) is not None
    ]
    pairs = set(values)
    sides = [{pair[side] for pair in pairs} for side in (0, 1)]
    counts = {len(pairs), *map(len, sides)}
    if len(counts) > 1 or not 2 <= len(pairs) <= min(_MOST, len(values) // _TIMES):
        return None
    are_numbers = [all(value.isdecimal() for value in side) for side in sides]
    return pairs if sum(are_numbers) == 1 else None


def _text(value: Any) -> str:
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if is_whole else value).strip()


def _by_number(pairs: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Numbers with their names, in order."""
    numbered = [(a, b) if a.isdecimal() else (b, a) for a, b in pairs]
    return sorted(numbered, key=lambda pair: int(pair[0]))
