"""Break-evens as table rows: with their interval, and in words where the cheaper arm changes often."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from steelyard.economics import SAME_COST
from steelyard.report import formats
from steelyard.report.view import View
from steelyard.result.verdict import BreakEvenWith, CostCrossing, CrossoverArm
from steelyard.words import likely

_MOST_TURNS = 6
_LEVEL = f"90{formats.THIN}%"


class BreakEvenRow(NamedTuple):
    """One break-even; ``none`` says why there is no number of requests, or that it is at once."""

    arm: str
    against: str
    note: str
    requests: str
    requests_between: str
    days: str
    days_between: str
    none: str
    never: str
    turns: str


def rows(view: View, evens: Iterable[CrossoverArm]) -> list[BreakEvenRow]:
    """The rows of arms with the prompt that each is compared with."""
    return [
        _row(view, one.arm or "", one.even, "lower quality" if one.is_with_lower_quality else "")
        for one in evens
    ]


def pair_rows(view: View) -> list[BreakEvenRow]:
    """The rows of any two arms: those that pay after some requests, the earliest first, then the others."""
    pairs = view.result.crossover.pairs
    ordered = sorted(pairs, key=lambda one: (not one.requests, one.requests or 0, one.arm))
    return [_row(view, one.arm, one, "") for one in ordered]


def _row(view: View, arm: str, even: BreakEvenWith, note: str) -> BreakEvenRow:
    days = view.task.traffic.horizon_days
    low, high = formats.count(even.requests_low), formats.count(even.requests_high)
    beyond = f"after day {formats.count(days)}"
    since, first, last = _times(even, days)
    return BreakEvenRow(
        arm=arm,
        against=even.against or formats.NONE,
        note=note,
        requests=formats.count(even.requests) if even.requests else "",
        requests_between=_between(even, low, high, "later"),
        days=since,
        days_between=_between(even, first, last, beyond),
        none="" if even.requests else _none(even),
        never=_never(even, days),
        turns=_turns(even),
    )


def _none(even: BreakEvenWith) -> str:
    if even.is_tie:
        return SAME_COST
    return even.reason or ("at once" if even.requests == 0 else "never")


def _times(even: BreakEvenWith, horizon: int | None) -> tuple[str, str, str]:
    """When, and its interval: in one unit, with digits enough to tell them apart."""
    times = (even.days, even.days_low, even.days_high)
    is_beyond = even.never is not None and even.days_high is None
    spans = formats.Spans((*times, horizon if is_beyond else None))
    is_days = spans.unit == "days"
    ends = (f"day {spans.number(t)}" if is_days else spans.text(t) for t in times[1:])
    low, high = ("the first request" if t == 0 else e for t, e in zip(times[1:], ends, strict=True))
    return spans.text(even.days), low, high


def _day(day: float) -> str:
    return "the first request" if day == 0 else f"day {formats.Spans((day,), 'days').number(day)}"


def _between(even: BreakEvenWith, low: str, high: str, beyond: str) -> str:
    """The interval; empty where both cost the same, none was drawn, or nearly all are at once or never."""
    if even.never is None or even.requests_low is None:
        return ""
    if even.is_tie or even.requests == 0 == even.requests_high:
        return ""
    high = beyond if even.requests_high is None else high
    return f"{_LEVEL}: {low}" if low == high else f"{_LEVEL}: {low} to {high}"


def _never(even: BreakEvenWith, days: int | None) -> str:
    """In how many scenarios it has not paid for itself by the end of the horizon."""
    if not even.never or (even.never == 1 and even.requests is None):
        return ""
    after = f"after {formats.count(days)} days"
    if even.never == 1:
        return f"costs more {after} in every scenario"
    return f"costs more {after} in {likely(even.never)} of the scenarios"


def _turns(even: BreakEvenWith) -> str:
    """Every change of the cheaper of the two, in words; empty where there is one at most."""
    if len(even.crossings) < 2:
        return ""
    changes = [_turn(turn) for turn in even.crossings[:_MOST_TURNS]]
    more = len(even.crossings) - _MOST_TURNS
    changes += (
        [f"and {more} more changes" if more > 1 else "and one more change"] if more > 0 else []
    )
    return f"{even.first} costs less at first, {', '.join(changes)}."


def _turn(turn: CostCrossing) -> str:
    requests = formats.count(turn.requests)
    return f"{turn.cheaper} from {_day(turn.day)} ({requests} requests)"
