"""Curves as plain characters, for terminals, pipes and logs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

_LEAST_WIDTH, _MOST_WIDTH = 30, 100


class TextSeries(NamedTuple):
    """Points (x, y) that are drawn as one ``mark``; those in one column are drawn at their mean."""

    mark: str
    name: str
    points: Sequence[tuple[float, float]]


class TextMark(NamedTuple):
    """A word below the axis, at ``x``."""

    x: float
    text: str


def text_chart(
    series: Sequence[TextSeries],
    marks: Sequence[TextMark],
    width: int,
    rows: int = 8,
    number: Callable[[float], str] = "{:#.3g}".format,
    is_log: bool = False,
) -> str:
    """Draw ``series`` over each other, the last on top; empty where there is no point.

    Lines have at most ``width`` characters. ``number`` writes the figures at the axis, which is logarithmic
    where ``is_log``: all are above 0 then.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return ""
    xs = [x for one in drawn for x, _ in one.points] + [mark.x for mark in marks]
    ys = [y for one in drawn for _, y in one.points]
    row = _rows(min(ys), max(ys), rows, is_log=is_log)
    labels = _labels(min(ys), max(ys), rows, number, is_log=is_log)
    edge = max(map(len, labels.values())) + 2
    columns = max(_LEAST_WIDTH, min(width, _MOST_WIDTH)) - edge
    column = _placer(min(xs), max(xs), columns)
    lines = [[" "] * columns for _ in range(rows)]
    for one in drawn:
        for place, y in _means(one, column):
            lines[row(y)][place] = one.mark
    text = [
        f"{labels.get(place, ''):>{edge - 2}} |{''.join(line)}".rstrip()
        for place, line in enumerate(lines)
    ]
    axis = " " * (edge - 1) + "+" + "-" * columns
    legend = " " * edge + "   ".join(f"{one.mark} {one.name}" for one in drawn)
    return "\n".join([*text, axis, *_below(marks, column, edge, columns), legend])


def _rows(low: float, high: float, rows: int, *, is_log: bool) -> Callable[[float], int]:
    """Return what gives the row of a figure, the highest first."""
    scale = math.log if is_log else float
    span = scale(high) - scale(low)
    return lambda y: round((scale(high) - scale(y)) / span * (rows - 1)) if span > 0 else 0


def _labels(
    low: float, high: float, rows: int, number: Callable[[float], str], *, is_log: bool
) -> dict[int, str]:
    """The figures at the first, the middle and the last row."""
    if low == high:
        return {0: number(low)}
    middle = (rows - 1) // 2
    share = middle / (rows - 1)
    between = high * (low / high) ** share if is_log else high - (high - low) * share
    labels = {0: number(high), middle: number(between), rows - 1: number(low)}
    if labels[middle] in (labels[0], labels[rows - 1]):
        del labels[middle]  # it rounds to the same text
    return labels


def _placer(first: float, last: float, columns: int) -> Callable[[float], int]:
    span = last - first
    return lambda x: round((x - first) / span * (columns - 1)) if span > 0 else 0


def _means(one: TextSeries, column: Callable[[float], int]) -> list[tuple[int, float]]:
    by_column: dict[int, list[float]] = {}
    for x, y in one.points:
        by_column.setdefault(column(x), []).append(y)
    return [(place, sum(ys) / len(ys)) for place, ys in by_column.items()]


def _below(
    marks: Sequence[TextMark], column: Callable[[float], int], edge: int, columns: int
) -> list[str]:
    """The words below the axis, each ending at its place; those that would touch another are left out."""
    line = " " * (edge + columns)
    for mark in marks:
        end = max(edge + column(mark.x) + 1, edge + len(mark.text))
        start = end - len(mark.text)
        if not line[max(0, start - 1) : end + 1].strip():
            line = line[:start] + mark.text + line[end:]
    return [line.rstrip()] if line.strip() else []
