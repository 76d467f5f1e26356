"""Scenarios as arrays, and what an arm costs in each of them, month by month."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.economics.floats import FloatSheet
from steelyard.economics.money import DAYS_PER_MONTH
from steelyard.economics.sheet import RETRAINING, CostSheet, Traffic
from steelyard.errors import ConfigError

Float = type[np.floating[Any]]
"""How exact scenarios are: float32 for sums by the million, float64 where two of them nearly cancel out."""
Row = NDArray[np.floating[Any]]
_MACHINE = "machines"
_Z90 = 1.2815516  # the 90th percentile of a standard normal


class Uncertain(NamedTuple):
    """A figure that is known within limits: normal around its mean, or draws of it, each as likely.

    Draws ``in_order`` go together: the first of one figure with the first of another.
    """

    mean: float = 0.0
    sd: float = 0.0
    draws: tuple[float, ...] = ()
    in_order: bool = False

    def sample(self, rng: np.random.Generator, n: int, number: Float = np.float32) -> Row:
        """Draw ``n`` values."""
        if self.in_order:
            return np.resize(np.asarray(self.draws, dtype=number), n)
        if self.draws:
            return rng.choice(np.asarray(self.draws, dtype=number), n)
        normal = rng.standard_normal(n, np.float32).astype(number, copy=False)
        return number(self.mean) + number(self.sd) * normal

    @property
    def ends(self) -> tuple[float, float, float]:
        """The 10th, 50th and 90th percentile."""
        if self.draws:
            low, middle, high = np.quantile(self.draws, (0.1, 0.5, 0.9))
            return float(low), float(middle), float(high)
        return self.mean - _Z90 * self.sd, self.mean, self.mean + _Z90 * self.sd

    @property
    def is_sure(self) -> bool:
        return self.ends[0] == self.ends[2]


@dataclass(frozen=True, kw_only=True)
class ArmDoubt:
    """What is uncertain of an arm: mean tokens of a request, the sum upfront, the share of right answers.

    Left out, the sheet's own figure holds. ``prices_of`` names whose token prices it pays: arms with one
    name see the same price path.
    """

    input_tokens: Uncertain | None = None
    output_tokens: Uncertain | None = None
    upfront: Uncertain | None = None
    quality: Uncertain | None = None
    prices_of: str = "tokens"


@dataclass(frozen=True)
class PricePaths:
    """How prices change in a year, as the logarithm of their factor: 0.1 is about 10 % dearer.

    ``tokens`` holds for each name of `ArmDoubt.prices_of` apart, ``machines`` for hours of machines and of
    hosting. ``retraining`` is the logarithm of the factor on the interval between retrainings.
    """

    tokens: Uncertain = field(default_factory=Uncertain)
    machines: Uncertain = field(default_factory=Uncertain)
    retraining: Uncertain = field(default_factory=Uncertain)


@dataclass(frozen=True)
class Scenarios:
    """One value for each scenario: factors on an arm's tokens, its sum upfront, its wrong share, the rest."""

    input: Sequence[Row]
    output: Sequence[Row]
    upfront: Sequence[Row]
    wrong: Sequence[Row]
    group: Sequence[str]
    weights: Mapping[str, Row]
    """By price path, an array (months, scenarios): that month's requests times the price's factor."""
    on: Row
    """(months, scenarios): the factor on hours of machines, times the share of a month."""
    interval: Row


class _Input(NamedTuple):
    """A figure of the model that may be drawn: its name, what is known of it."""

    name: str
    value: Uncertain


class World:
    """The arms at a volume: what each costs in given scenarios. Raises `ConfigError` for unknown costs."""

    def __init__(
        self, sheets: tuple[CostSheet, ...], traffic: Traffic, number: Float = np.float32
    ) -> None:
        self.sheets, self.traffic, self.number = sheets, traffic, number
        self.floats = [FloatSheet.of(sheet) for sheet in sheets]
        self.names = [sheet.name for sheet in sheets]
        if len({sheet.currency for sheet in sheets}) > 1:
            raise ConfigError("the arms are priced in several currencies: give one")

    @cached_property
    def month_ends(self) -> tuple[float, ...]:
        """The last day of each month."""
        t = self.traffic
        return tuple(float(DAYS_PER_MONTH * m + t.days_in(m)) for m in range(t.months))

    @cached_property
    def requests(self) -> Row:
        """Requests of each month."""
        t = self.traffic
        months = range(t.months)
        return np.array([float(t.rate(m) * t.days_in(m)) for m in months], dtype=self.number)

    def sums(self, at: int, draws: Scenarios) -> Row:
        """The sum so far at the end of each month, (months, scenarios), for arm number ``at``."""
        sums = self.monthly(at, draws)
        sums[0] += draws.upfront[at]
        for month in range(1, len(sums)):
            sums[month] += sums[month - 1]
        self._add_events(self.floats[at], sums, draws.interval)
        return sums

    def monthly(self, at: int, draws: Scenarios) -> Row:
        """What each month of arm number ``at`` costs without upfront and events, (months, scenarios)."""
        arm, number = self.floats[at], self.number
        tokens = draws.input[at] * number(arm.input) + draws.output[at] * number(arm.output)
        sums: Row = draws.weights[draws.group[at]] * tokens
        months = range(len(sums))
        if arm.month:
            sums += number(arm.month) * draws.on
        if arm.minimum:
            shares = np.array([self.traffic.days_in(m) / DAYS_PER_MONTH for m in months])
            np.maximum(sums, (arm.minimum * shares).astype(number)[:, None], out=sums)
        if arm.busy:
            sums += (self.requests * number(arm.busy))[:, None] * draws.on / self._shares
        if arm.on:
            rates = np.array([float(self.traffic.rate(m)) for m in months])
            replicas = arm.replicas(self.traffic, rates).astype(number)
            sums += (replicas * number(arm.on))[:, None] * draws.on
        request = draws.wrong[at] * number(arm.wrong) + number(arm.flat)
        if request.any():
            sums += self.requests[:, None] * request
        return sums

    @cached_property
    def _shares(self) -> Row:
        days = [self.traffic.days_in(m) / DAYS_PER_MONTH for m in range(self.traffic.months)]
        return np.array(days, dtype=self.number)[:, None]

    def _add_events(self, arm: FloatSheet, sums: Row, interval: Row) -> None:
        """Add what recurs, and a rebuild at a vendor's end; see `Recurring` for the last day.

        An interval that is as the sheet has it gives the exact counts, one that is drawn those of float32.
        """
        sheet, horizon = arm.sheet, self.traffic.horizon_days
        ends = [DAYS_PER_MONTH * m + self.traffic.days_in(m) for m in range(self.traffic.months)]
        usual = interval == 1
        for again in sheet.recurring:
            amount = np.float32(_known(sheet, again.cost.amount, again.cost.reason))
            is_drawn = again.name == RETRAINING and not usual.all()
            every = np.float32(again.every_days / again.times)
            often = (1 / (interval * every)).astype(np.float32) if is_drawn else interval
            for month, day in enumerate(ends):
                exact = again.count(day, with_day=again.counts_last_day and day == horizon)
                if not is_drawn:
                    sums[month] += np.float32(exact) * amount
                    continue
                # events before the day; a little off, so that rounding adds none on it
                count = np.maximum(np.ceil(np.float32(day) * often - np.float32(1.0001)), 0)
                count[usual] = exact
                sums[month] += count * amount
        if sheet.end is not None and sheet.end.day < horizon:
            rebuild = _known(sheet, sheet.end.rebuild.amount, sheet.end.rebuild.reason)
            sums[sheet.end.day // DAYS_PER_MONTH :] += np.float32(rebuild)


def _known(sheet: CostSheet, amount: object, reason: str | None) -> float:
    if amount is None:
        raise ConfigError(f"{sheet.name}: {reason or 'a cost is unknown'}")
    return float(str(amount))


Draw = Callable[[_Input], Row]


def draw_scenarios(
    world: World,
    arms: Mapping[str, ArmDoubt],
    prices: PricePaths,
    rng: np.random.Generator,
    n: int,
) -> Scenarios:
    """Draw ``n`` scenarios; the inputs are drawn in the order of the arms."""
    return _scenarios(world, arms, prices, lambda drawn: drawn.value.sample(rng, n, world.number))


def one_at_a_time(
    world: World, arms: Mapping[str, ArmDoubt], prices: PricePaths
) -> tuple[tuple[str, ...], Scenarios]:
    """The names of all uncertain inputs, and scenarios with each at its 10th, then its 90th percentile."""
    inputs: list[_Input] = []

    def collect(drawn: _Input) -> Row:
        inputs.append(drawn)
        return np.array([drawn.value.ends[1]], dtype=np.float32)

    _scenarios(world, arms, prices, collect)
    moving = [drawn for drawn in inputs if not drawn.value.is_sure]
    places = {drawn.name: 2 * at for at, drawn in enumerate(moving)}

    def vary(drawn: _Input) -> Row:
        low, middle, high = drawn.value.ends
        row = np.full(max(2 * len(moving), 1), middle, dtype=np.float32)
        if drawn.name in places:
            row[places[drawn.name]], row[places[drawn.name] + 1] = low, high
        return row

    return tuple(places), _scenarios(world, arms, prices, vary)


def _scenarios(
    world: World, arms: Mapping[str, ArmDoubt], prices: PricePaths, draw: Draw
) -> Scenarios:
    if unknown := set(arms) - set(world.names):
        raise ConfigError(
            f"no arm is called {sorted(unknown)[0]!r}; arms: {', '.join(world.names)}"
        )
    doubts = [arms.get(name, ArmDoubt()) for name in world.names]
    group = [doubt.prices_of for doubt in doubts]
    inputs, outputs, upfronts, wrongs = [], [], [], []
    for arm, doubt in zip(world.floats, doubts, strict=True):
        tokens = arm.sheet.tokens
        means = (sum(float(u.input) for u in tokens), sum(float(u.output) for u in tokens))
        name = arm.sheet.name
        inputs.append(_factor(draw, f"input tokens of {name}", doubt.input_tokens, means[0]))
        outputs.append(_factor(draw, f"output tokens of {name}", doubt.output_tokens, means[1]))
        paid = draw(_Input(f"upfront of {name}", doubt.upfront or Uncertain(arm.upfront)))
        upfronts.append(np.maximum(paid, 0))
        quality = doubt.quality or Uncertain(1 - (arm.wrong_share if not doubt.quality else 0.0))
        share = draw(_Input(f"quality of {name}", quality))
        wrongs.append((1 - np.clip(share, 0, 1)).astype(world.number))
    years = (np.asarray(world.month_ends) / 365 - 15 / 365).astype(world.number)[:, None]
    weights = {}
    for name in dict.fromkeys(group):
        path = draw(_Input(f"prices of {name}", prices.tokens))
        weights[name] = world.requests[:, None] * _path(path, years)
    hours = draw(_Input(f"prices of {_MACHINE}", prices.machines))
    interval = np.exp(draw(_Input("days between retrainings", prices.retraining)))
    on = _path(hours, years) * world._shares
    return Scenarios(
        inputs, outputs, upfronts, wrongs, group, weights, on, interval.astype(world.number)
    )


def _path(yearly: Row, years: Row) -> Row:
    """The factor on a price in the middle of each month, (months, scenarios)."""
    factors: Row = np.exp(years * yearly)
    return factors


def _factor(draw: Draw, name: str, doubt: Uncertain | None, mean: float) -> Row:
    """The drawn tokens over those of the sheet, never below 0."""
    if doubt is not None and not mean:
        raise ConfigError(f"{name} are uncertain, and its sheet has none: give their mean there")
    value = Uncertain(mean) if doubt is None else doubt
    drawn = np.maximum(draw(_Input(name, value)), 0)
    return drawn / drawn.dtype.type(mean) if mean else drawn * 0
