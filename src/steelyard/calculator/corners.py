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
from steelyard.calculator.records import BreakEvenFigures, ChangeFigure, VolumeFigure
from steelyard.economics.course import cost_over_time
from steelyard.economics.crossings import BreakEvens, break_evens, volume_turns
from steelyard.economics.money import SAME_COST
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
    changes, changes_at_middle = _aligned([_over_time(even) for even in evens])
    days = requests = None
    if best is not None and worst is not None:
        days, requests = Range(best[0], worst[0]), Range(Decimal(best[1]), Decimal(worst[1]))
    volumes, volumes_at_middle = _aligned([_over_volume(*c, traffic) for c in corners])
    return BreakEvenFigures(
        name,
        base.middle.name,
        days,
        requests,
        max(len(even.crossings) for even in evens),
        _why(evens, best, traffic) if days is None else _back(evens, base.middle.name),
        tuple(VolumeFigure(volume, name) for (volume,), name in volumes),
        volumes_at_middle=volumes_at_middle,
        changes=tuple(ChangeFigure(day, request, name) for (day, request), name in changes),
        changes_at_middle=changes_at_middle,
        earliest_days=None if best is None else best[0],
        earliest_requests=None if best is None else Decimal(best[1]),
    )


class _Change(NamedTuple):
    """From this point on ``cheaper`` costs less; a point is a day and a request, or a volume."""

    at: tuple[Decimal, ...]
    cheaper: str


def _over_time(evens: BreakEvens) -> list[_Change]:
    start = [_Change((Decimal(0), Decimal(0)), evens.start)] if evens.start is not None else []
    return [*start, *(_Change((c.day, Decimal(c.requests)), c.cheaper) for c in evens.crossings)]


def _over_volume(one: CostSheet, other: CostSheet, traffic: Traffic) -> list[_Change]:
    course = volume_turns(one, other, traffic)
    below = [_Change((Decimal(0),), course.below)] if course.below is not None else []
    turns = [(Decimal(f"{turn.requests_per_day:.9g}"), turn.cheaper) for turn in course.turns]
    return [*below, *(_Change((at,), cheaper) for at, cheaper in turns)]


def _aligned(courses: Sequence[Sequence[_Change]]) -> tuple[list[tuple[list[Range], str]], bool]:
    """Where the cheaper changes: a range of each point where all corners have the same changes, apart.

    Where they do not, or one may come before the other, the points in the middle of the ranges, and
    ``True``. What is so from the start is no change.
    """
    longest = max(courses, key=len)
    names = [change.cheaper for change in longest]
    start = tuple(Decimal(0) for point in longest[:1] for _ in point.at)
    padded = [[*(_Change(start, n) for n in names[: len(names) - len(c)]), *c] for c in courses]
    is_same = all([change.cheaper for change in course] == names for course in padded)
    ranges = [
        [Range(min(ends), max(ends)) for ends in zip(*(c.at for c in same), strict=True)]
        for same in zip(*padded, strict=True)
    ]
    apart = all(one[0].high <= other[0].low for one, other in pairwise(ranges))
    # where they never differ at a corner, nothing changes there
    is_middle = not is_same or not apart or (bool(names) and not all(courses))
    if is_middle:
        middle = courses[len(courses) // 2]
        names = [change.cheaper for change in middle]
        ranges = [[Range(end, end) for end in change.at] for change in middle]
    pairs = zip(ranges, names, strict=True)
    return [(ends, name) for ends, name in pairs if ends[0].high], is_middle


def _first(evens: BreakEvens, name: str) -> tuple[Decimal, int] | None:
    if evens.start == name:
        return Decimal(0), 0
    mine = (c for c in evens.crossings if c.cheaper == name)
    return next(((c.day, c.requests) for c in mine), None)


def _back(evens: Sequence[BreakEvens], base: str) -> str | None:
    """That ``base`` is the cheaper again at the horizon's end, at some corner or at all."""
    lasts = [(even.crossings[-1] if even.crossings else None) for even in evens]
    if not any(last is not None and last.cheaper == base for last in lasts):
        return None
    always = all(last is not None and last.cheaper == base for last in lasts)
    return (
        f"for a time only: {base} {'is' if always else 'may be'} cheaper at the end of the horizon"
    )


def _why(evens: Sequence[BreakEvens], best: tuple[Decimal, int] | None, traffic: Traffic) -> str:
    reasons = [even.reason for even in evens if even.reason]
    if reasons:
        return reasons[0]
    if all(even.start is None for even in evens):
        return SAME_COST
    if best is not None:
        days = f"{best[0]:,.2f}".removesuffix(".00")
        return (
            f"after {days} days at the earliest, and not within {counted(traffic.horizon_days, 'day')} at "
            "the other ends of the ranges"
        )
    return f"not within {counted(traffic.horizon_days, 'day')}"
