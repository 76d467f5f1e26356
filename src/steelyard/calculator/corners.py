"""Two ways at the corners of their ranges: what is sure between them, and what hangs on where amounts lie.

The ranges of two ways are independent of each other; within a way an amount is one, wherever it enters (the
search that is paid upfront is the search of a rebuild). Costs only rise with an amount, so that the corner
best for a way has its own amounts low and the other's high.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from steelyard.calculator.amounts import Range
from steelyard.calculator.records import BreakEvenFigures, VolumeFigure
from steelyard.economics.course import cost_over_time
from steelyard.economics.crossings import BreakEvens, break_evens, volume_turns
from steelyard.economics.sheet import CostSheet, Traffic
from steelyard.words import counted


class Ends(NamedTuple):
    """A way's sheet at the low end, the middle and the high end of its ranges."""

    low: CostSheet
    middle: CostSheet
    high: CostSheet


class Winners(NamedTuple):
    """The ways that cost least wherever the amounts lie, and those that may."""

    sure: tuple[str, ...]
    possible: tuple[str, ...]


def winners(ways: Sequence[Ends], traffic: Traffic) -> Winners:
    """Which ways are the cheapest over the horizon; amounts are known."""
    totals = [
        Range(*(cost_over_time(sheet, traffic).total.amount or Decimal(0) for sheet in ends))
        for ends in ((way.low, way.high) for way in ways)
    ]
    sure, possible = [], []
    for at, way in enumerate(ways):
        others = [total for place, total in enumerate(totals) if place != at]
        if all(totals[at].high <= other.low for other in others):
            sure.append(way.middle.name)
        if all(totals[at].low <= other.high for other in others):
            possible.append(way.middle.name)
    return Winners(tuple(sure), tuple(possible))


def break_even_figures(way: Ends, base: Ends, traffic: Traffic) -> BreakEvenFigures:
    """When ``way`` has cost less than ``base``, from its best corner to its worst."""
    corners = [(way.low, base.high), (way.middle, base.middle), (way.high, base.low)]
    if way.low == way.high and base.low == base.high:
        corners = corners[:1]
    evens = [break_evens(one, other, traffic) for one, other in corners]
    name = way.middle.name
    best, worst = _first(evens[0], name), _first(evens[-1], name)
    days = requests = None
    if best is not None and worst is not None:
        days, requests = Range(best[0], worst[0]), Range(Decimal(best[1]), Decimal(worst[1]))
    volumes, is_middle = _volumes(corners, traffic)
    return BreakEvenFigures(
        name,
        base.middle.name,
        days,
        requests,
        max(len(even.crossings) for even in evens),
        None if days is not None else _why(evens, best, traffic),
        volumes,
        volumes_at_middle=is_middle,
        earliest_days=None if best is None else best[0],
        earliest_requests=None if best is None else Decimal(best[1]),
    )


def _volumes(
    corners: Sequence[tuple[CostSheet, CostSheet]], traffic: Traffic
) -> tuple[tuple[VolumeFigure, ...], bool]:
    """Where the cheaper changes over volume; a range of each where all corners have the same changes, apart.

    Where they do not, or one may come before the other, those in the middle of the ranges, and ``True``.
    """
    courses = []
    for one, other in corners:
        turns = volume_turns(one, other, traffic)
        changes = [(Decimal(f"{turn.requests_per_day:.9g}"), turn.cheaper) for turn in turns.turns]
        below = [(Decimal(0), turns.below)] if turns.below is not None else []
        courses.append([*below, *changes])
    names = [name for _, name in max(courses, key=len)]
    padded = [[(Decimal(0), name) for name in names[: len(names) - len(c)]] + c for c in courses]
    is_same = all([name for _, name in course] == names for course in padded)
    figures = [
        VolumeFigure(Range(min(places), max(places)), str(name))
        for places, name in zip(
            zip(*([at for at, _ in c] for c in padded), strict=False), names, strict=False
        )
    ]
    ends = [figure.requests_per_day for figure in figures]
    apart = all(one.high <= other.low for one, other in pairwise(ends))
    # where they never differ at a corner, nothing turns there
    if not is_same or not apart or (names and not all(courses)):
        middle = courses[len(courses) // 2]
        return tuple(VolumeFigure(Range(at, at), str(name)) for at, name in middle if at), True
    return tuple(figure for figure in figures if figure.requests_per_day.high), False


def _first(evens: BreakEvens, name: str) -> tuple[Decimal, int] | None:
    if evens.start == name:
        return Decimal(0), 0
    mine = (c for c in evens.crossings if c.cheaper == name)
    return next(((c.day, c.requests) for c in mine), None)


def _why(evens: Sequence[BreakEvens], best: tuple[Decimal, int] | None, traffic: Traffic) -> str:
    reasons = [even.reason for even in evens if even.reason]
    if reasons:
        return reasons[0]
    if all(even.start is None for even in evens):
        return "both cost the same"
    if best is not None:
        days = f"{best[0]:,.2f}".removesuffix(".00")
        return (
            f"after {days} days at the earliest, and not within {counted(traffic.horizon_days, 'day')} at "
            "the other ends of the ranges"
        )
    return f"not within {counted(traffic.horizon_days, 'day')}"
