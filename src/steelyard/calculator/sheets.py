"""From what the user wrote of a way to its `CostSheet`, at one end of the ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from steelyard.calculator.amounts import Range
from steelyard.calculator.prices import PriceList
from steelyard.calculator.sections import HOSTED, CostConfig, TrainedTokens, WayConfig
from steelyard.economics.money import Money
from steelyard.economics.sheet import (
    AGAIN,
    RETRAINING,
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Recurring,
    TokenUse,
    Traffic,
)
from steelyard.errors import ConfigError

Pick = Callable[[Range], Decimal]
"""Which end of a range a sheet takes."""
_DAYS_PER_YEAR = Decimal(365)
_ONE = Decimal(1)
_ROUNDED = Decimal("0.99")
"""Of a throughput: people round it."""


@dataclass(frozen=True)
class SheetMaker:
    """Makes the sheets of a calculation, at the end of each range that ``pick`` takes.

    Whatever is needed and missing raises `ConfigError` with what to give.
    """

    config: CostConfig
    prices: PriceList
    pick: Pick

    def sheets(self) -> tuple[CostSheet, ...]:
        """A sheet for every way, in order."""
        return tuple(self._sheet(name, way) for name, way in self.config.ways.items())

    def _sheet(self, name: str, way: WayConfig) -> CostSheet:
        upfront = self._upfront(name, way)
        money = partial(self.prices.money)
        errors = self.config.error_cost
        if errors is not None and way.quality is None:
            raise self._missing(name, "quality", "the share of right answers: errors have a price")
        return CostSheet(
            name,
            self.config.currency,
            upfront=upfront,
            tokens=self._tokens(name, way),
            extras={
                part: money(amount)
                for part in ("judge", "embedding", "retrieval")
                if (amount := getattr(way, part)) is not None
            },
            machine=self._machine(name, way),
            hosted=self._hosted(way),
            recurring=self._recurring(name, way, upfront),
            end=self._end(name, way, upfront),
            handover_share=way.handover_share or Decimal(0),
            handover_price=self._person(name, way),
            error_cost=None if errors is None else money(errors),
            quality=way.quality,
        )

    def _upfront(self, name: str, way: WayConfig) -> dict[str, Money]:
        costs = {}
        if way.labels is not None:
            labels = way.labels.train + way.labels.test
            costs["labels"] = self.prices.label * labels if labels else self._nothing
        if way.hours is not None:
            costs["hours"] = self.prices.hour * way.hours if way.hours else self._nothing
        if way.search is not None:
            costs["search"] = self._amount(way.search)
        if way.training is not None:
            costs["training"] = self._training(name, way)
        if way.evaluation is not None:
            costs["evaluation"] = self._amount(way.evaluation)
        return costs

    def _training(self, name: str, way: WayConfig) -> Money:
        training = way.training
        if not isinstance(training, TrainedTokens):
            assert training is not None
            return self._amount(training)
        price = self.prices.amount(way.model, "training")
        if price is None:
            raise ConfigError(
                f"ways.{name}.training: the price is missing: give prices: "
                f"{{{way.model or 'MODEL'}: {{training: …}}}} per million tokens"
            )
        return self.prices.money(training.tokens * training.epochs * price / 1_000_000)

    def _tokens(self, name: str, way: WayConfig) -> tuple[TokenUse, ...]:
        if way.input_tokens is None and way.output_tokens is None:
            lone = way.machine_seconds is None and way.training is None
            if lone and not (way.judge or way.embedding or way.retrieval or way.handover_share):
                raise self._missing(name, "input_tokens", "the mean of a request")
            return ()
        if way.machine_seconds is not None:
            return ()  # a machine of one's own is paid by its time, whatever its tokens
        if way.model is None:
            raise self._missing(name, "model", "a name under prices, or one that the book knows")
        needs = {
            "input": way.input_tokens,
            "cached": way.cached_share and way.input_tokens,
            "output": way.output_tokens,
        }
        price = self.prices.of_model(way.model, [kind for kind, amount in needs.items() if amount])
        batch = self.prices.amount(way.model, "batch") if way.batch_share else None
        for kind, tokens in (("input", way.input_tokens), ("output", way.output_tokens)):
            if tokens and getattr(price, kind) is None:
                raise ConfigError(
                    f"prices.{way.model}.{kind} is missing: give what a million {kind} tokens cost"
                )
        if way.cached_share and price.cached is None:
            raise ConfigError(
                f"prices.{way.model}.cached is missing: give what a million cached tokens cost"
            )
        if way.batch_share and batch is None:
            raise ConfigError(
                f"prices.{way.model}.batch is missing: give the share of the price that a batch costs"
            )
        if way.output_multiplier is not None and way.multiplier is None:
            raise self._missing(
                name, "multiplier", "that of input tokens; 1 if they cost the base's"
            )
        multiplier = way.multiplier or _ONE
        use = TokenUse(
            price,
            way.input_tokens or Decimal(0),
            way.output_tokens or Decimal(0),
            way.cached_share or Decimal(0),
            way.batch_share or Decimal(0),
            batch,
            multiplier,
            way.output_multiplier or multiplier,
        )
        return (use,)

    def _machine(self, name: str, way: WayConfig) -> MachineUse | None:
        if way.machine_seconds is None:
            if way.requests_per_second is not None:
                raise self._missing(name, "machine_seconds", "the busy seconds of a request")
            return None
        if way.model is not None:
            raise ConfigError(
                f"ways.{name} has a model and machine_seconds: give model for tokens that are paid, or "
                "machine_seconds for a machine of your own"
            )
        each, often = way.machine_seconds, way.requests_per_second
        if often is not None and often * each < _ROUNDED:
            raise ConfigError(
                f"ways.{name}.requests_per_second is {often}, fewer than the {1 / each:.3g} that one at a "
                f"time gives at machine_seconds {each}: correct one of them"
            )
        hour, shared = self.prices.machine
        if not shared and self.config.traffic.peak is None:
            raise ConfigError(
                "traffic.peak is missing: give how many times the average the busiest moment is, for a "
                "machine that is on all the time"
            )
        return MachineUse(hour, each, often, shared)

    def _hosted(self, way: WayConfig) -> HostedTune | None:
        """What the way says, 0 for none of it; else what the row of its model has, tuned or not."""
        amounts = [
            self.prices.amount(way.model, key) if getattr(way, key) is None else getattr(way, key)
            for key in HOSTED
        ]
        if all(amount is None for amount in amounts):
            return None
        return HostedTune(*(None if a is None else self.prices.money(a) for a in amounts))

    def _recurring(
        self, name: str, way: WayConfig, upfront: dict[str, Money]
    ) -> tuple[Recurring, ...]:
        recurring = []
        if way.retrain_days is not None:
            cost = self._again(name, "retraining", way.retraining, upfront)
            recurring.append(Recurring(RETRAINING, way.retrain_days, cost))
        elif way.retraining is not None:
            raise self._missing(name, "retrain_days", "how often it is tuned again")
        changes = self.config.traffic.changes_per_year
        if way.change is not None and changes is None:
            raise ConfigError(
                "traffic.changes_per_year is missing: give how often the requirements change"
            )
        if way.change is not None and changes:
            cost = self._amount(way.change)
            recurring.append(
                Recurring("changes", _DAYS_PER_YEAR, cost, times=changes, counts_last_day=True)
            )
        return tuple(recurring)

    def _end(self, name: str, way: WayConfig, upfront: dict[str, Money]) -> EndOfLife | None:
        if way.ends is None:
            if way.rebuild is not None:
                raise self._missing(name, "ends", "the day on which the vendor ends the model")
            return None
        day = days_until(way.ends, self.prices.day)
        if day < 1:
            raise ConfigError(f"ways.{name} ended on {way.ends}: leave it out, or correct ends")
        within = day < self.config.traffic.horizon_days
        rebuild = self._again(name, "rebuild", way.rebuild, upfront) if within else self._nothing
        return EndOfLife(day, rebuild)

    def _again(self, name: str, key: str, amount: Range | None, upfront: dict[str, Money]) -> Money:
        """What tuning again costs: as given, or training and evaluation once more; labels are there."""
        if amount is not None:
            return self._amount(amount)
        again = [upfront[part] for part in AGAIN if part in upfront]
        if not again:
            raise self._missing(name, key, "what it costs each time")
        return sum(again, self._nothing)

    def _person(self, name: str, way: WayConfig) -> Money | None:
        if way.handover_price is not None and way.handover_share is None:
            raise self._missing(name, "handover_share", "the share of requests that people answer")
        if not way.handover_share:
            return None
        if way.handover_price is not None:
            return self.prices.money(way.handover_price)
        return self.prices.label

    @property
    def _nothing(self) -> Money:
        return self.prices.money(Decimal(0))

    def _amount(self, amount: Range) -> Money:
        return self.prices.money(self.pick(amount))

    def _missing(self, name: str, key: str, what: str) -> ConfigError:
        return ConfigError(f"ways.{name}.{key} is missing: give {what}")


def traffic_of(config: CostConfig) -> Traffic:
    """The traffic of a calculation. Raises `ConfigError` for what cannot be."""
    traffic = config.traffic
    return Traffic(
        traffic.per_day, traffic.horizon_days, traffic.growth_per_month, traffic.peak or _ONE
    )


def days_until(end: date, today: date) -> int:
    """Days from one day to another."""
    return (end - today).days
