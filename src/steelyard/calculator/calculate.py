"""``steelyard.cost``: what each way costs, without any data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steelyard.calculator.amounts import Range
from steelyard.calculator.corners import Ends, break_even_figures, winners
from steelyard.calculator.omissions import left_out
from steelyard.calculator.prices import PriceList
from steelyard.calculator.records import BreakEvenFigures, CostAnswer, Omission, leading
from steelyard.calculator.rivals import Rivals
from steelyard.calculator.sections import HOSTED, CostConfig
from steelyard.calculator.sheets import SheetMaker, traffic_of
from steelyard.calculator.uncertain import arm_doubt
from steelyard.calculator.unused import not_used
from steelyard.calculator.ways import Course, way_figures
from steelyard.calculator.worked_examples import worked_example
from steelyard.config.dated import DatedSection, parse_price_day
from steelyard.config.explain import Place, explain
from steelyard.config.source import Lines, read_yaml
from steelyard.economics.choice_map import ChoiceMap, choice_map
from steelyard.economics.course import cost_over_time
from steelyard.economics.scenarios import PricePaths, Uncertain
from steelyard.economics.sheet import CostSheet
from steelyard.economics.simulate import Doubts, Simulation, simulate
from steelyard.errors import ConfigError
from steelyard.files import expanded
from steelyard.model.price_age import stale_price

MAP_VOLUMES = tuple(Decimal(10) ** power for power in (2, 3, 4, 5, 6, 7))
MAP_MONTHS = (1, 3, 6, 12, 24, 36)


def cost(
    config: Mapping[str, Any] | Path | str | None = None,
    *,
    example: str | None = None,
    prices_at: date | str | None = None,
    today: date | None = None,
    with_map: bool = False,
    **keys: Any,
) -> CostAnswer:
    """Say what each way costs: upfront, a month, over the horizon, and when one pays back another.

    ``config`` is what the YAML file holds (or its path): ``traffic``, ``prices`` per million tokens and
    ``ways``; ``example`` takes one that ships; ``keys`` replace its keys at the top. ``prices_at`` (default
    ``today``, or else the day it is) is the day whose prices of the book hold and from which ages and ends
    of life are counted. ``with_map`` adds which way is cheapest over volumes and horizons. No price is
    ever assumed but that of a machine, which the answer says. Raises `ConfigError` for whatever is missing,
    unknown or absurd, in one line.
    """
    data, place = _read(config, example)
    data = {**data, **keys}
    day = _day(prices_at) or today or datetime.now(UTC).date()
    try:
        read = CostConfig.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, place) from None
    _refuse_prices_to_come(read, day)
    return _Calculation(read, day).answer(with_map=with_map)


def _read(
    config: Mapping[str, Any] | Path | str | None, example: str | None
) -> tuple[Mapping[str, Any], Place]:
    if example is not None:
        if config is not None:
            raise ConfigError(f"give a file or the example {example!r}, not both")
        return worked_example(example), Place(f"example {example}", {})
    if isinstance(config, (str, Path)):
        path = expanded(config)
        if (path / "result.json").is_file() or path.name == "result.json":
            raise ConfigError(
                f"{path} is a run: steelyard run TASK --out FOLDER --prices-at DATE weighs again what it "
                "measured, at the prices of another day"
            )
        data, lines = read_yaml(path, holds="the keys traffic, prices and ways")
        return data, Place(path.name, lines)
    no_lines: Lines = {}
    return dict(config or {}), Place("cost", no_lines)


def _day(text: date | str | None) -> date | None:
    try:
        return None if text is None else parse_price_day(text)
    except ValueError as error:
        raise ConfigError(f"prices-at: {error}") from None


def _refuse_prices_to_come(config: CostConfig, day: date) -> None:
    for name, entry in config.prices.items():
        problem = entry.date_problem(day) if isinstance(entry, DatedSection) else None
        if problem is not None:
            raise ConfigError(f"prices.{name}: {problem}")


class _Calculation:
    """The sheets at both ends of the ranges and in their middle, and what follows from them."""

    def __init__(self, config: CostConfig, day: date) -> None:
        self.config, self.traffic = config, traffic_of(config)
        self.prices = PriceList(config, day)
        ends = (lambda r: r.low, lambda r: r.high, lambda r: r.middle)
        self.low, self.high, self.middle = (
            SheetMaker(config, self.prices, pick).sheets() for pick in ends
        )
        self.ends = [Ends(*s) for s in zip(self.low, self.middle, self.high, strict=True)]
        self.has_ranges = self.low != self.high
        self.day = day

    def answer(self, *, with_map: bool) -> CostAnswer:
        ways = tuple(
            way_figures(
                self.config,
                Course(low, cost_over_time(low, self.traffic)),
                Course(high, cost_over_time(high, self.traffic)),
                self.traffic,
            )
            for low, high in zip(self.low, self.high, strict=True)
        )
        order = self._order(self.middle)
        least = winners(self.ends, self.traffic)
        best, second = order[0], order[1] if len(order) > 1 else None
        saving: Range | None = None
        turns: tuple[Omission, ...] = ()
        rivals = None
        if second is not None:
            months = ways[second].month_total, ways[best].month_total
            saving = Range(months[0].low - months[1].high, months[0].high - months[1].low)
            rivals = self._rivals(best, self._rival(order))
            turns = left_out(rivals)
        runner_up = None if second is None else (ways[best].name, ways[second].name)
        evens = self._break_evens()
        return CostAnswer(
            name=self.config.name,
            about=self.config.about,
            currency=self.config.currency,
            day=self.day,
            requests_per_day=self.traffic.requests_per_day,
            growth_per_month=self.traffic.growth_per_month,
            peak=self.traffic.peak,
            horizon_days=self.traffic.horizon_days,
            ways=ways,
            cheapest=least.sure,
            may_be_cheapest=least.possible,
            month_saving=saving,
            break_evens=evens,
            left_out=turns,
            left_out_between=None if rivals is None else (rivals.best.name, rivals.next.name),
            next_cheapest=None if runner_up is None else runner_up[1],
            prices=tuple(self.prices.notes.values()),
            notes=tuple(self._notes(with_map=with_map)),
            not_used=not_used(self.prices, self.middle),
            has_ranges=self.has_ranges,
            map=self._map() if with_map else None,
            scenarios=self._scenarios(evens, runner_up),
            leader=None if runner_up is None else runner_up[0],
        )

    def _order(self, sheets: Sequence[CostSheet]) -> list[int]:
        """The ways from the least total to the most."""
        totals = [cost_over_time(sheet, self.traffic).total.amount for sheet in sheets]
        return sorted(range(len(sheets)), key=lambda at: (totals[at] is None, totals[at] or 0))

    def _rival(self, order: Sequence[int]) -> int:
        """The next way, or the next that is tuned where the best is not and the other way round."""
        ways = list(self.config.ways.values())
        others = [at for at in order[1:] if ways[at].is_tuned != ways[order[0]].is_tuned]
        return others[0] if others else order[1]

    def _rivals(self, best: int, second: int) -> Rivals:
        sheets, ways = self.middle, list(self.config.ways.values())
        return Rivals(
            sheets[best],
            ways[best],
            sheets[second],
            ways[second],
            self.traffic,
            self.config,
            self.day,
        )

    def _break_evens(self) -> tuple[BreakEvenFigures, ...]:
        """Of any two ways the one that costs more upfront against the other, by what the other costs."""
        upfront = [cost_over_time(sheet, self.traffic).upfront.amount or 0 for sheet in self.middle]
        order = sorted(range(len(upfront)), key=upfront.__getitem__)
        pairs = ((base, way) for at, base in enumerate(order) for way in sorted(order[at + 1 :]))
        return tuple(
            break_even_figures(self.ends[way], self.ends[base], self.traffic) for base, way in pairs
        )

    def _notes(self, *, with_map: bool) -> list[str]:
        notes = [
            stale_price(note.name, note.age_days or 0)
            for note in self.prices.notes.values()
            if note.is_stale and not note.is_book
        ]
        notes += [
            f"the price of {note.name} is from {note.date}, after {self.day}"
            for note in self.prices.notes.values()
            if note.date is not None and note.date > self.day
        ]
        notes += self.prices.remarks.values()
        notes += self._hosting_notes()
        if with_map and self.has_ranges:
            notes.append("the map holds amounts in the middle of their ranges")
        for sheet in self.middle:
            if sheet.end is not None and sheet.end.day < self.traffic.horizon_days:
                notes.append(
                    f"{sheet.name} ends on day {sheet.end.day} of {self.traffic.horizon_days}: its total "
                    "holds a rebuild"
                )
        return notes

    def _hosting_notes(self) -> Iterator[str]:
        """A row's hosting counts for every way on it, also where nothing says that it is tuned."""
        for name, way in self.config.ways.items():
            row = self.config.prices.get(way.model or "")
            keys = [k for k in HOSTED if getattr(way, k) is None and getattr(row, k, None)]
            if keys and not way.is_tuned:
                yield (
                    f"{name} pays {', '.join(f'prices.{way.model}.{key}' for key in keys)}: where it does "
                    f"not, write {', '.join(f'{key}: 0' for key in keys)} in the way"
                )

    def _scenarios(
        self, evens: Sequence[BreakEvenFigures], runner_up: tuple[str, str] | None
    ) -> Simulation | None:
        """Chances, where the user says what is uncertain; pairs are those of the break-evens.

        The swings are those of the saving of the cheapest way against the next.
        """
        uncertain = self.config.uncertain
        if uncertain is None:
            return None
        paths = (uncertain.token_prices, uncertain.machine_prices, uncertain.retraining)
        arms = {
            sheet.name: arm_doubt(way, self.low[at], self.high[at])
            for at, (sheet, way) in enumerate(
                zip(self.middle, self.config.ways.values(), strict=True)
            )
        }
        return simulate(
            self.middle,
            self.traffic,
            Doubts(arms, PricePaths(*(Uncertain(0.0, sd) for sd in paths))),
            [(e.way, e.against) for e in leading(evens, runner_up[0])] if runner_up else [],
            scenarios=uncertain.scenarios,
            seed=uncertain.seed,
            swings_of=runner_up,
        )

    def _map(self) -> ChoiceMap:
        return choice_map(self.middle, self.traffic, MAP_VOLUMES, MAP_MONTHS)
