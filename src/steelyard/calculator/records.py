"""What the calculator answers, as plain records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from steelyard.calculator.amounts import Range
from steelyard.economics.choice_map import ChoiceMap
from steelyard.economics.simulate import Simulation


class PriceNote(NamedTuple):
    """A price that was used: its source, the day it is from and its age in days, where these are known.

    One that is from after the day asked for has no age.

    The book dates few of its prices: for one of it (``is_book``) that it does not date the day is that of
    the newest change in the book, and none where that is later than the day asked for. ``is_stale`` marks
    what is older than 180 days, a price of the book by the book's newest change.
    """

    name: str
    amounts: str
    source: str
    date: date | None
    age_days: int | None
    is_stale: bool
    is_book: bool = False


@dataclass(frozen=True)
class MachineFigures:
    """Hours of a machine in the first month: busy, and on; replicas in the first month and the last."""

    busy_hours: Decimal
    on_hours: Decimal
    replicas: int
    replicas_at_end: int
    is_shared: bool
    as_busy: Range
    """What the first month would cost if only busy hours were paid."""
    as_on: Range
    """What it would cost if every hour were paid."""


@dataclass(frozen=True)
class WayFigures:
    """One way in money: upfront by kind, the first month of 30 days by part, and over the horizon.

    ``until_end`` is the total up to the day on which its vendor ends it, ``without_end`` what the whole
    horizon would cost if it went on; both only where that day is within the horizon. ``not_counted`` names
    what the user gave nothing for.
    """

    name: str
    per_request: Range
    upfront: Mapping[str, Range]
    upfront_total: Range
    month: Mapping[str, Range]
    month_total: Range
    later: Mapping[str, Range]
    """What falls on single days within the horizon: retraining, changes, a rebuild."""
    total: Range | None
    total_reason: str | None
    not_counted: tuple[str, ...]
    machine: MachineFigures | None = None
    until_end: Range | None = None
    without_end: Range | None = None
    ends_on_day: int | None = None
    is_tuned: bool = False


class VolumeFigure(NamedTuple):
    """Requests a day above which the way ``cheaper`` costs less over the horizon."""

    requests_per_day: Range
    cheaper: str


class ChangeFigure(NamedTuple):
    """From these days and requests on, counted from the start, the way ``cheaper`` has cost less."""

    days: Range
    requests: Range
    cheaper: str


@dataclass(frozen=True)
class BreakEvenFigures:
    """When ``way`` has cost less than ``against``, over all corners of the ranges of both.

    ``days`` and ``requests`` are those of the first crossing in its favour, ``None`` where it may not come
    within the horizon: ``reason`` then says what there is to say, and ``earliest_days`` and
    ``earliest_requests`` are those of the best corner, if any. Where it comes and does not last, ``reason``
    says so. ``crossings`` is the most within the horizon.
    """

    way: str
    against: str
    days: Range | None
    requests: Range | None
    crossings: int
    reason: str | None = None
    volumes: tuple[VolumeFigure, ...] = ()
    """Where the cheaper over the horizon changes, in order of volume."""
    volumes_at_middle: bool = False
    """Whether they hold in the middle of the ranges only, since other corners have other changes."""
    earliest_days: Decimal | None = None
    earliest_requests: Decimal | None = None
    changes: tuple[ChangeFigure, ...] = ()
    """Every change of the cheaper within the horizon, in order of time."""
    changes_at_middle: bool = False
    """Likewise for them."""


def leading(evens: Sequence[BreakEvenFigures], cheapest: str) -> tuple[BreakEvenFigures, ...]:
    """The break-evens against the way that costs least upfront, and those of the cheapest way, in order."""
    return tuple(
        even
        for even in evens
        if even.against == evens[0].against or cheapest in (even.way, even.against)
    )


class Omission(NamedTuple):
    """Something that the sum leaves out, and where that alone turns the choice.

    ``at`` is the turning value by name, in the unit that the name says; empty where it cannot.
    """

    what: str
    text: str
    at: Mapping[str, float]


@dataclass(frozen=True)
class CostAnswer:
    """What `cost` returns.

    ``cheapest`` are the ways that cost least, several where they cost the same, none where the ranges leave
    it open among ``may_be_cheapest``. ``not_used`` names what the user gave and no sum holds.
    """

    name: str | None
    about: str | None
    currency: str
    day: date
    requests_per_day: Decimal
    growth_per_month: Decimal
    peak: Decimal
    horizon_days: int
    ways: tuple[WayFigures, ...]
    cheapest: tuple[str, ...]
    month_saving: Range | None
    """How much less a month of the cheapest way costs than of the next."""
    break_evens: tuple[BreakEvenFigures, ...]
    """Of any two ways, the one that costs more upfront against the other; first those against the one that
    costs least upfront."""
    left_out: tuple[Omission, ...]
    prices: tuple[PriceNote, ...]
    notes: tuple[str, ...]
    next_cheapest: str | None = None
    """The next way, which ``month_saving`` and the swings of ``scenarios`` are held against."""
    left_out_between: tuple[str, str] | None = None
    """The two ways that ``left_out`` is about: the cheapest and its rival."""
    leader: str | None = None
    """The way that costs least with amounts in the middle of their ranges, ahead of ``next_cheapest``."""
    may_be_cheapest: tuple[str, ...] = ()
    not_used: tuple[str, ...] = ()
    has_ranges: bool = False
    map: ChoiceMap | None = None
    scenarios: Simulation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; money and counts are numbers, a range is ``{low, high}``."""
        return dict(_plain(self))

    def to_json(self) -> str:
        """Return the answer as JSON text."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


_FIGURES = 12  # significant digits


def _plain(value: Any) -> Any:
    if isinstance(value, Range):
        return {"low": _plain(value.low), "high": _plain(value.high)}
    if isinstance(value, Decimal):
        return float(f"{value:.{_FIGURES}g}")
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
