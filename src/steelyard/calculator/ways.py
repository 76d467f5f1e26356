"""A way's course over time at both ends of its ranges, as figures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from steelyard.calculator.amounts import Range
from steelyard.calculator.records import MachineFigures, WayFigures
from steelyard.calculator.sections import CostConfig
from steelyard.economics.course import CostCourse, monthly_parts
from steelyard.economics.money import DAYS_PER_MONTH, Money
from steelyard.economics.sheet import CostSheet, Traffic

_ZERO = Decimal(0)


class Course(NamedTuple):
    """A sheet and its course."""

    sheet: CostSheet
    course: CostCourse


def way_figures(config: CostConfig, low: Course, high: Course, traffic: Traffic) -> WayFigures:
    """Return a way's figures, each from its low end to its high."""
    sheet = low.sheet
    months = [monthly_parts(end.sheet, traffic, 0) for end in (low, high)]
    daily = set(months[0])
    later = [part for part in low.course.parts if part not in daily and part != "nothing"]
    total, until, without = (
        _range(*pair)
        for pair in (
            (low.course.total, high.course.total),
            (low.course.until_end, high.course.until_end),
            (low.course.without_end, high.course.without_end),
        )
    )
    return WayFigures(
        name=sheet.name,
        per_request=_sure(sheet.per_request, high.sheet.per_request),
        upfront=_each(low.sheet.upfront, high.sheet.upfront),
        upfront_total=_sure(low.course.upfront, high.course.upfront),
        month=_each(*months),
        month_total=Range(*(_total(month) for month in months)),
        later={
            part: _sure(low.course.part_total(part), high.course.part_total(part)) for part in later
        },
        total=total,
        total_reason=low.course.total.reason,
        not_counted=not_counted(sheet.name, config, sheet),
        machine=_machine(low, traffic),
        until_end=until,
        without_end=without,
        ends_on_day=None if sheet.end is None else sheet.end.day,
        is_tuned=config.ways[sheet.name].is_tuned,
    )


def not_counted(name: str, config: CostConfig, sheet: CostSheet) -> tuple[str, ...]:
    """What nobody gave of a way: upfront, tokens, and what a tuned model usually costs beside.

    A model of its own name and price has its multiplier in its price.
    """
    way = config.ways[name]
    parts = list(sheet.not_counted)
    if way.machine_seconds is None and (way.model is not None or not way.handover_share):
        parts += ["input tokens"] if way.input_tokens is None else []
        parts += ["output tokens"] if way.output_tokens is None else []
    if way.is_tuned and way.model is not None:
        is_base = config.counts_base_price(way)
        parts += ["multiplier"] if way.multiplier is None and is_base else []
        parts += ["hosting"] if sheet.hosted is None or sheet.hosted.hosting_hour is None else []
        parts += ["retraining"] if not sheet.recurring else []
    return tuple(parts)


def _machine(way: Course, traffic: Traffic) -> MachineFigures | None:
    machine = way.sheet.machine
    if machine is None:
        return None
    hours = way.course.machine_hours
    days = traffic.days_in(0)
    busy, on = (hour * DAYS_PER_MONTH / days for hour in hours[0][:2])
    price = machine.hour.amount or _ZERO
    return MachineFigures(
        busy,
        on,
        hours[0].replicas,
        hours[-1].replicas,
        machine.shared,
        Range(price * busy, price * busy),
        Range(price * on, price * on),
    )


def _range(low: Money | None, high: Money | None) -> Range | None:
    if low is None or high is None or low.amount is None or high.amount is None:
        return None
    return Range(low.amount, high.amount)


def _sure(low: Money, high: Money) -> Range:
    """The range of two amounts that are known: a calculation asks for all that it needs."""
    assert low.amount is not None and high.amount is not None, low.reason or high.reason
    return Range(low.amount, high.amount)


def _each(low: Mapping[str, Money], high: Mapping[str, Money]) -> dict[str, Range]:
    return {part: _sure(money, high[part]) for part, money in low.items()}


def _total(parts: Mapping[str, Money]) -> Decimal:
    return sum((money.amount or _ZERO for money in parts.values()), _ZERO)
