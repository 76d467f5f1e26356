"""What may come: many scenarios of tokens, quality, prices and retraining, drawn once from one seed.

Each scenario draws every arm's mean tokens and quality from what was measured of them, a yearly change
of prices of either sign, and how often what was tuned is tuned again. The assumptions: these are
independent of each other, arms on one vendor's prices move together, and a price changes at one pace.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.economics.scenarios import (
    ArmDoubt,
    PricePaths,
    Scenarios,
    World,
    draw_scenarios,
    one_at_a_time,
)
from steelyard.economics.sheet import CostSheet, Traffic
from steelyard.errors import ConfigError
from steelyard.seeds import generator

Rows = NDArray[np.floating[Any]]
SCENARIOS = 100_000
BAND = (0.05, 0.5, 0.95)
_LARGEST_SWINGS = 8
_THREADS = 2


class Band(NamedTuple):
    """A total so far at the end of each month: 5 %, median and 95 % of the scenarios, in money."""

    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class PayBack:
    """Whether an arm has cost no more than another by the end of the horizon, and from what day on.

    The days are the 5th, 50th and 95th percentile of the first day on which it has; ``None`` is later than
    the horizon. ``by_month`` is the chance at the end of each month.
    """

    arm: str
    against: str
    chance: float
    by_month: tuple[float, ...]
    days_low: float | None
    days: float | None
    days_high: float | None


class Swing(NamedTuple):
    """What one input does to the saving of an arm over another: at its 10th and 90th percentile, in money."""

    input: str
    low: float
    high: float


@dataclass(frozen=True)
class Simulation:
    """The chances of each arm to be the cheapest over the horizon, and what else the scenarios show."""

    scenarios: int
    seed: int
    cheapest: Mapping[str, float]
    bands: Mapping[str, Band]
    pay_back: tuple[PayBack, ...] = ()
    tornado: tuple[Swing, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        bands = {name: band._asdict() for name, band in self.bands.items()}
        swings = [swing._asdict() for swing in self.tornado]
        return {**asdict(self), "bands": bands, "tornado": swings}


@dataclass(frozen=True)
class Doubts:
    """What is uncertain: each arm's measured figures by its name, and how prices may go."""

    arms: Mapping[str, ArmDoubt] = field(default_factory=dict)
    prices: PricePaths = field(default_factory=PricePaths)


def simulate(
    sheets: Sequence[CostSheet],
    traffic: Traffic,
    doubts: Doubts,
    pairs: Sequence[tuple[str, str]] = (),
    *,
    scenarios: int = SCENARIOS,
    seed: int = 0,
) -> Simulation:
    """Draw scenarios and weigh the arms in each of them; the same seed gives the same figures.

    ``pairs`` are arms and what each is to pay back against, for the tornado the first of them. Ties
    are shared. In float32, to about five digits. Raises `ConfigError` where a cost is
    unknown, a name is, or there are no scenarios.
    """
    if scenarios < 1 or not sheets:
        raise ConfigError("a simulation needs at least one arm and one scenario")
    names = [sheet.name for sheet in sheets]
    if unknown := [name for pair in pairs for name in pair if name not in names]:
        raise ConfigError(f"no arm is called {unknown[0]!r}; arms: {', '.join(names)}")
    world = World(tuple(sheets), traffic)
    draws = draw_scenarios(
        world, doubts.arms, doubts.prices, generator(seed, "economics"), scenarios
    )
    in_pairs = {name for pair in pairs for name in pair}
    final = np.empty((len(sheets), scenarios), dtype=np.float32)
    sums_by_name: dict[str, Rows] = {}

    def follow(at: int) -> Band:
        sums = world.sums(at, draws)
        final[at] = sums[-1]
        if names[at] in in_pairs:
            sums_by_name[names[at]] = sums.copy()
        return _band(sums)

    with ThreadPoolExecutor(_THREADS) as threads:
        bands = dict(zip(names, threads.map(follow, range(len(sheets))), strict=True))
    is_least = final == final.min(axis=0)
    wins = (is_least / is_least.sum(axis=0)).mean(axis=1)
    return Simulation(
        scenarios,
        seed,
        dict(zip(names, map(float, wins), strict=True)),
        bands,
        tuple(_pay_back(world, draws, pair, sums_by_name) for pair in pairs),
        _tornado(world, doubts, pairs[0]) if pairs else (),
    )


def _band(sums: Rows) -> Band:
    """Quantiles of each month, the lower of two neighbours; ``sums`` are reordered."""
    at = [int(share * (sums.shape[1] - 1)) for share in BAND]
    sums.partition(at, axis=1)
    return Band(*(tuple(map(float, sums[:, place])) for place in at))


def _pay_back(
    world: World, draws: Scenarios, pair: tuple[str, str], sums_by_name: Mapping[str, Rows]
) -> PayBack:
    """Between two ends of months the first day is read off a straight line."""
    arm, against = pair
    gap = sums_by_name[arm] - sums_by_name[against]
    upfront = draws.upfront[world.names.index(arm)] - draws.upfront[world.names.index(against)]
    paid = gap <= 0
    first = np.where(paid.any(axis=0), paid.argmax(axis=0), -1)
    days = np.full(gap.shape[1], np.inf)
    some = np.flatnonzero(first >= 0)
    month = first[some]
    ends = np.asarray(world.month_ends)
    before = np.where(month > 0, gap[month - 1, some], upfront[some])
    began = np.where(month > 0, ends[month - 1], 0.0)
    after = gap[month, some]
    share = np.where(before > 0, before / np.maximum(before - after, 1e-30), 0.0)
    days[some] = began + share * (ends[month] - began)
    low, middle, high = np.quantile(days, BAND, method="lower")
    by_month = tuple(map(float, paid.mean(axis=1)))
    return PayBack(arm, against, by_month[-1], by_month, *map(_day, (low, middle, high)))


def _day(day: float) -> float | None:
    return float(day) if np.isfinite(day) else None


def _tornado(world: World, doubts: Doubts, pair: tuple[str, str]) -> tuple[Swing, ...]:
    """The largest swings of the saving of the first arm over the second, one input at a time."""
    inputs, draws = one_at_a_time(world, doubts.arms, doubts.prices)
    if not inputs:
        return ()
    arm, against = (world.names.index(name) for name in pair)
    saving = world.sums(against, draws)[-1] - world.sums(arm, draws)[-1]
    swings = [
        Swing(name, float(saving[2 * at]), float(saving[2 * at + 1]))
        for at, name in enumerate(inputs)
    ]
    moving = [swing for swing in swings if swing.low != swing.high]
    return tuple(sorted(moving, key=lambda s: -abs(s.high - s.low))[:_LARGEST_SWINGS])
