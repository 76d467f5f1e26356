"""What a way costs over time: month by month and part by part, exact in `Decimal`.

Inside a month of 30 days every cost but an event goes by the day, so that the sum over time is a line
with a new slope each month and a step at each event. `steelyard.economics.crossings` rests on that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from steelyard.economics.money import DAYS_PER_MONTH, Money
from steelyard.economics.sheet import HOURS_PER_MONTH, CostSheet, HostedTune, Traffic

REBUILD = "rebuild"
MINIMUM = "up to the minimum"
MOST_STEPS = 300


class Event(NamedTuple):
    """A cost that falls on one day, counted from the start."""

    day: Decimal
    part: str
    cost: Money


class MachineHours(NamedTuple):
    """The hours of a month on machines: busy, on, and how many machines are on."""

    busy: Decimal
    on: Decimal
    replicas: int


@dataclass(frozen=True)
class CostCourse:
    """A way's costs: upfront by kind, then by part a sum for each month; amounts may be ``None``.

    ``until_end`` is the sum up to the day on which the vendor ends the model, where that is within the
    horizon; from then on the rebuild is in the sums.
    """

    sheet: CostSheet
    upfront: Money
    parts: Mapping[str, tuple[Money, ...]]
    machine_hours: tuple[MachineHours, ...] = ()
    until_end: Money | None = None

    @property
    def monthly(self) -> tuple[Money, ...]:
        """Running costs of each month, upfront not among them."""
        nothing = Money(Decimal(0), self.sheet.currency)
        return tuple(sum(month, nothing) for month in zip(*self.parts.values(), strict=True))

    @property
    def cumulative(self) -> tuple[Money, ...]:
        """The sum up to the end of each month, upfront among them."""
        sums, total = [], self.upfront
        for month in self.monthly:
            total += month
            sums.append(total)
        return tuple(sums)

    @property
    def total(self) -> Money:
        """All of it, over the horizon."""
        return sum(self.monthly, self.upfront)

    def part_total(self, part: str) -> Money:
        """A part's sum over the horizon."""
        return sum(self.parts[part], Money(Decimal(0), self.sheet.currency))


def cost_over_time(sheet: CostSheet, traffic: Traffic) -> CostCourse:
    """Return what a way costs over the horizon of ``traffic``."""
    nothing = Money(Decimal(0), sheet.currency)
    parts: dict[str, list[Money]] = {}
    for month in range(traffic.months):
        share = Decimal(traffic.days_in(month))
        for part, money in monthly_parts(sheet, traffic, month).items():
            parts.setdefault(part, []).append(_share(money, share))
    for day, part, cost in events(sheet, traffic):
        months = parts.setdefault(part, [nothing] * traffic.months)
        months[min(int(day // DAYS_PER_MONTH), traffic.months - 1)] += cost
    if not parts:
        parts["nothing"] = [nothing] * traffic.months
    return CostCourse(
        sheet,
        sum(sheet.upfront.values(), nothing),
        {part: tuple(months) for part, months in parts.items()},
        _machine_hours(sheet, traffic),
        _until_end(sheet, traffic),
    )


def cost_line(sheet: CostSheet, traffic: Traffic) -> list[tuple[Decimal, Decimal]]:
    """The sum so far as the corners of a line, days and amounts: two of them on a day with a step.

    Corners at steps are left out where they are more than `MOST_STEPS`; those at the ends of months stay.
    Raises `ValueError` where a cost is unknown.
    """
    if (why := sheet.unknown) is not None:
        raise ValueError(f"{sheet.name}: {why}")
    steps = events(sheet, traffic)
    total = sum((money.amount or Decimal(0) for money in sheet.upfront.values()), Decimal(0))
    corners, day = [(Decimal(0), total)], Decimal(0)
    ends = [*corners]
    for month in range(traffic.months):
        last = Decimal(DAYS_PER_MONTH * month + traffic.days_in(month))
        rate = sum(m.amount or 0 for m in monthly_parts(sheet, traffic, month).values())
        is_last = month == traffic.months - 1
        while steps and (steps[0].day < last or (is_last and steps[0].day == last)):
            step = steps.pop(0)
            total += rate * (step.day - day) / DAYS_PER_MONTH
            cost = step.cost.amount or Decimal(0)
            corners += [(step.day, total), (step.day, total + cost)]
            total, day = total + cost, step.day
        total += rate * (last - day) / DAYS_PER_MONTH
        corners.append((last, total))
        day = last
        ends.append(corners[-1])
    return corners if len(corners) <= MOST_STEPS else ends


def monthly_parts(sheet: CostSheet, traffic: Traffic, month: int) -> dict[str, Money]:
    """What 30 days at the traffic of a month cost, by part; events are not among them."""
    requests = traffic.rate(month) * DAYS_PER_MONTH
    parts = {part: money * requests for part, money in sheet.request_parts().items()}
    machine = sheet.machine
    if machine is not None and not machine.shared:
        replicas = machine.replicas(traffic.rate(month), traffic.peak)
        parts["machine"] = machine.hour * (HOURS_PER_MONTH * replicas)
    hosted = sheet.hosted or HostedTune()
    if hosted.hosting_hour is not None:
        parts["hosting"] = hosted.hosting_hour * HOURS_PER_MONTH
    if hosted.storage_month is not None:
        parts["storage"] = hosted.storage_month
    if hosted.minimum_month is not None:
        bill = sum(
            (parts[part] for part in ("tokens", "hosting", "storage") if part in parts),
            Money(Decimal(0), sheet.currency),
        )
        parts[MINIMUM] = _missing(hosted.minimum_month, bill)
    return parts


def events(sheet: CostSheet, traffic: Traffic) -> list[Event]:
    """The costs that fall on one day within the horizon, in order of time."""
    costs = [
        Event(day, again.name, again.cost)
        for again in sheet.recurring
        for day in again.days(traffic.horizon_days)
    ]
    if sheet.end is not None and sheet.end.day < traffic.horizon_days:
        costs.append(Event(Decimal(sheet.end.day), REBUILD, sheet.end.rebuild))
    return sorted(costs, key=lambda event: event.day)


def _until_end(sheet: CostSheet, traffic: Traffic) -> Money | None:
    if sheet.end is None or sheet.end.day >= traffic.horizon_days:
        return None
    life = Traffic(traffic.requests_per_day, sheet.end.day, traffic.growth_per_month, traffic.peak)
    return cost_over_time(sheet, life).total


def _machine_hours(sheet: CostSheet, traffic: Traffic) -> tuple[MachineHours, ...]:
    machine = sheet.machine
    if machine is None:
        return ()
    months = []
    for month in range(traffic.months):
        rate, days = traffic.rate(month), traffic.days_in(month)
        replicas = machine.replicas(rate, traffic.peak)
        busy = rate * days * machine.busy_seconds / 3600
        months.append(MachineHours(busy, Decimal(24 * days * replicas), replicas))
    return tuple(months)


def _share(money: Money, days: Decimal) -> Money:
    if money.amount is None or days == DAYS_PER_MONTH:
        return money
    return Money(money.amount * days / DAYS_PER_MONTH, money.currency)


def _missing(minimum: Money, bill: Money) -> Money:
    if minimum.amount is None or bill.amount is None:
        return Money(None, minimum.currency, minimum.reason or bill.reason)
    return Money(max(minimum.amount - bill.amount, Decimal(0)), minimum.currency)
