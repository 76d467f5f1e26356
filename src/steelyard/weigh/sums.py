"""What each arm costs over the horizon, part by part, and from day to day with its band."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

import numpy as np

from steelyard.core import Usage
from steelyard.economics import CostSheet, Money, Traffic, cost_over_time, simulate, to_number
from steelyard.economics.course import MINIMUM, REBUILD, cost_line
from steelyard.economics.simulate import Band
from steelyard.result.economics import ArmSums, CostLine, CostPart
from steelyard.verdict.base import Case, family_of
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.weigh.doubts import SCENARIOS, doubts_of

_OF_REQUESTS = ("tokens", "embedding", "machine", "retrieval")
_BY_MONTH = {"hosting": "hosting", "storage": "storage", MINIMUM: "minimum"}
"""Parts of a course, as they are called here."""
_NO_LABEL = "not counted: give prices.label, what one label costs"
_NO_JUDGE = "not counted: judge.cost is that of the whole run, and belongs to no arm alone"


def sums_of(
    arms: Sequence[MeasuredArm], costs: Mapping[str, Costs], case: Case, *, is_judged: bool
) -> tuple[ArmSums, ...]:
    """Return every arm's cost by part; ``is_judged`` says whether a judge graded the arms."""
    sheets = {
        measured.arm.name: sheet
        for measured in arms
        if (sheet := costs[measured.arm.name].sheet) is not None
    }
    bands: Mapping[str, Band] = {}
    if sheets:
        doubts = doubts_of(arms, sheets)
        scenarios = simulate(
            list(sheets.values()), case.traffic, doubts, scenarios=SCENARIOS, seed=case.seed
        )
        bands = scenarios.bands
    return tuple(
        _sums(measured, costs[measured.arm.name], case, bands, is_judged=is_judged)
        for measured in arms
    )


def _sums(
    measured: MeasuredArm, costs: Costs, case: Case, bands: Mapping[str, Band], *, is_judged: bool
) -> ArmSums:
    name, whole = measured.arm.name, costs.whole
    assert whole is not None, "every arm of a run has its amounts"
    upfront = list(_upfront(measured, costs, case))
    if is_judged:
        upfront.append(CostPart(part="judge", reason=_NO_JUDGE, counted=False))
    course = None if costs.sheet is None else cost_over_time(costs.sheet, case.traffic)
    total = None if course is None else course.total.amount
    end = whole.end and case.price_day + timedelta(days=whole.end.day)
    return ArmSums(
        arm=name,
        upfront=tuple(upfront),
        running=tuple(_running(costs, whole, case.traffic)),
        total=None if total is None else float(total),
        reason=whole.unknown,
        ends_on=None if end is None else end.isoformat(),
        until_end=None if course is None else _amount(course.until_end),
        without_end=None if course is None else _amount(course.without_end),
        line=_line(costs.sheet, case.traffic, bands[name]) if costs.sheet else CostLine(),
    )


def _upfront(measured: MeasuredArm, costs: Costs, case: Case) -> Iterator[CostPart]:
    """What is paid first; a search or a training that the arm does not have is not there."""
    amounts = dict(costs.upfront_by)
    labels = amounts.pop("labels", None)
    if labels is None or case.label_cost is None:
        for part in ("labels", "test labels"):
            yield CostPart(part=part, reason=_NO_LABEL, counted=False)
    else:
        test = Money(case.label_cost * len(measured.records), labels.currency)
        yield _part("labels", labels + test * -1)
        yield _part("test labels", test)
    hours = amounts.pop("hours", None)
    yield (
        CostPart(part="hours", reason=_no_hours(measured, case), counted=False)
        if hours is None
        else _part("hours", hours)
    )
    lacks = {"search": not measured.search, "training": measured.training == Usage()}
    yield from (_part(kind, money) for kind, money in amounts.items() if not lacks.get(kind))


def _no_hours(measured: MeasuredArm, case: Case) -> str:
    """What is missing: the price, and hours by the arm's strategy or its family."""
    strategy, family = measured.arm.strategy, family_of(measured.arm.strategy)
    price = "prices.hour and " if case.hour_cost is None else ""
    names = f"{strategy}: …" if strategy == family else f"{strategy}: …}} or {{{family}: …"
    return f"not counted: give {price}hours: {{{names}}}"


def _running(costs: Costs, whole: CostSheet, traffic: Traffic) -> Iterator[CostPart]:
    """What the requests, the months and what falls on a day cost, in the order of the table."""
    course = cost_over_time(whole, traffic)
    parts = {} if costs.request is None else dict(costs.request.parts)
    is_on = whole.machine is not None and not whole.machine.shared
    if is_on:  # its hours are paid, whatever is computed in them
        parts.pop("retrieval", None)
    for part in _OF_REQUESTS:
        if part == "machine" and is_on:
            yield _part(part, course.part_total(part))
        elif part in parts:
            yield _part(part, parts[part] * traffic.requests)
    for part, name in _BY_MONTH.items():
        if part in course.parts:
            yield _part(name, course.part_total(part))
    for again in whole.recurring:
        nothing = Money(Decimal(0), whole.currency)
        name, has = again.name, again.name in course.parts
        yield _part(name, course.part_total(name) if has else nothing)
    if REBUILD in course.parts:
        yield _part(REBUILD, course.part_total(REBUILD))


def _amount(money: Money | None) -> float | None:
    return None if money is None or money.amount is None else float(money.amount)


def _part(name: str, money: Money) -> CostPart:
    amount = None if money.amount is None else float(money.amount)
    return CostPart(part=name, amount=amount, reason=money.reason if amount is None else None)


def _line(sheet: CostSheet, traffic: Traffic, band: Band) -> CostLine:
    """The exact sum so far; how far the band lies from it goes in a straight line from month to month."""
    corners = cost_line(sheet, traffic)
    days, cost = (np.array(values, dtype=float) for values in zip(*corners, strict=True))
    at_ends = [float(money.amount or 0) for money in cost_over_time(sheet, traffic).cumulative]
    ends = [0.0, *(float(30 * m + traffic.days_in(m)) for m in range(traffic.months))]

    def edge(sums: Sequence[float]) -> tuple[float, ...]:
        off = [0.0, *(end - exact for end, exact in zip(sums, at_ends, strict=True))]
        return _rounded(cost + np.interp(days, ends, off))

    return CostLine(
        days=_rounded(days), cost=_rounded(cost), low=edge(band.low), high=edge(band.high)
    )


def _rounded(
    values: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, ...]:
    return tuple(to_number(float(value)) or 0.0 for value in values)
