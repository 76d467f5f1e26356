"""A sheet in float64, for whole arrays of volumes or scenarios at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from steelyard.economics.course import events
from steelyard.economics.money import DAYS_PER_MONTH, Money
from steelyard.economics.sheet import HOURS_PER_MONTH, LOAD_DIGITS, CostSheet, HostedTune, Traffic
from steelyard.errors import ConfigError

_Array = NDArray[np.float64]
_MOST_REPLICAS = 20_000


@dataclass(frozen=True)
class FloatSheet:
    """The amounts of a `CostSheet`: each request's by kind, each month's, and what is known to be steps."""

    sheet: CostSheet
    upfront: float
    input: float
    """Input tokens of a request, in money; likewise ``output``."""
    output: float
    flat: float
    """Extras and people: what a request costs beside tokens, machine and wrong answers."""
    wrong: float
    """What a request would cost more if every answer were wrong."""
    busy: float
    """A request's seconds on a shared machine, in money."""
    on: float
    """A month of one replica that is always on."""
    month: float
    """Hosting and storage."""
    minimum: float

    @classmethod
    def of(cls, sheet: CostSheet) -> FloatSheet:
        """Read a sheet. Raises `ConfigError` where an amount in it is unknown."""
        parts = sheet.request_parts()
        hosted = sheet.hosted or HostedTune()
        hosting, storage = _amount(sheet, hosted.hosting_hour), _amount(sheet, hosted.storage_month)
        apart = ("tokens", "machine", "errors")
        machine = sheet.machine
        on = machine is not None and not machine.shared
        return cls(
            sheet,
            upfront=_total(sheet, sheet.upfront.values()),
            input=_total(sheet, (use.input_cost for use in sheet.tokens)),
            output=_total(sheet, (use.output_cost for use in sheet.tokens)),
            flat=_total(sheet, (money for part, money in parts.items() if part not in apart)),
            wrong=_amount(sheet, sheet.error_cost) * float(1 - sheet.handover_share),
            busy=_amount(sheet, parts.get("machine")),
            on=_amount(sheet, machine.hour) * HOURS_PER_MONTH if on and machine else 0.0,
            month=hosting * HOURS_PER_MONTH + storage,
            minimum=_amount(sheet, hosted.minimum_month),
        )

    @property
    def wrong_share(self) -> float:
        """The share of wrong answers. Raises `ConfigError` where it matters and is unknown."""
        if self.sheet.quality is None:
            if self.wrong:
                raise ConfigError(
                    f"{self.sheet.name}: its quality is unknown, and errors have a price"
                )
            return 0.0
        return float(1 - self.sheet.quality)

    def fixed(self, traffic: Traffic) -> float:
        """What does not hang on volume: upfront and events."""
        return self.upfront + sum(_amount(self.sheet, e.cost) for e in events(self.sheet, traffic))

    def total(self, traffic: Traffic, volumes: _Array) -> _Array:
        """The cost over the horizon at each of several volumes, in requests a day now."""
        sums = np.full(volumes.shape, self.fixed(traffic))
        rest = self._rest
        for growth, days in _months(traffic):
            requests = volumes * (growth * DAYS_PER_MONTH)
            bill = requests * (self.input + self.output) + self.month
            month = np.maximum(bill, self.minimum) + requests * rest
            if self.on:
                month += self.on * self.replicas(traffic, volumes * growth)
            sums += month * (days / DAYS_PER_MONTH)
        return sums

    def slope(self, traffic: Traffic, volumes: _Array) -> _Array:
        """What one more request a day adds to `total` at each of ``volumes``, between its steps and bends."""
        sums = np.zeros(volumes.shape)
        by_token = self.input + self.output
        for growth, days in _months(traffic):
            is_paid = volumes * (growth * DAYS_PER_MONTH * by_token) + self.month >= self.minimum
            sums += growth * days * (self._rest + by_token * is_paid)
        return sums

    @property
    def _rest(self) -> float:
        """What a request costs beside tokens and replicas."""
        return self.flat + self.busy + self.wrong * self.wrong_share

    def replicas(self, traffic: Traffic, requests_per_day: _Array) -> _Array:
        """Machines that are on, at least one."""
        machine = self.sheet.machine
        assert machine is not None
        load = requests_per_day * float(traffic.peak) / float(machine.capacity)
        return np.maximum(np.ceil(load - 0.5 * 10.0**-LOAD_DIGITS), 1.0)

    def most_volume(self, traffic: Traffic) -> float:
        """The volume up to which `steps` has all replicas."""
        if not self.on or self.sheet.machine is None:
            return float("inf")
        growth = max(growth for growth, _ in _months(traffic))
        return _MOST_REPLICAS * float(self.sheet.machine.capacity / traffic.peak) / growth

    def steps(self, traffic: Traffic, most: float) -> _Array:
        """Volumes up to ``most``, itself up to `most_volume`, where the total has a step or a bend."""
        places = []
        by_token = self.input + self.output
        for growth, _ in dict.fromkeys(_months(traffic)):
            if self.minimum > self.month and by_token:
                places.append(
                    np.array([(self.minimum - self.month) / (by_token * growth * DAYS_PER_MONTH)])
                )
            if self.on and self.sheet.machine is not None:
                one = float(self.sheet.machine.capacity) / (float(traffic.peak) * growth)
                places.append(one * np.arange(1, most / one + 1))
        volumes = np.concatenate(places) if places else np.empty(0)
        return volumes[volumes < most]


def _months(traffic: Traffic) -> Sequence[tuple[float, float]]:
    """The growth so far and the days of each month."""
    return [
        (float((1 + traffic.growth_per_month) ** month), float(traffic.days_in(month)))
        for month in range(traffic.months)
    ]


def _total(sheet: CostSheet, several: Iterable[Money]) -> float:
    return float(sum((_exact(sheet, money) for money in several), Decimal(0)))


def _amount(sheet: CostSheet, money: Money | None) -> float:
    return 0.0 if money is None else float(_exact(sheet, money))


def _exact(sheet: CostSheet, money: Money) -> Decimal:
    if money.amount is None:
        raise ConfigError(f"{sheet.name}: {money.reason or 'a cost is unknown'}")
    return money.amount
