"""Prices for the calculator: the user's own, then the book; each with its source, date and age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from steelyard.calculator.amounts import parse_day
from steelyard.calculator.records import PriceNote
from steelyard.calculator.sections import (
    HOUR,
    LABEL,
    MACHINE,
    CostConfig,
    DatedSection,
    MachinePrice,
    ModelPrices,
    PlainPrice,
)
from steelyard.core import Price
from steelyard.economics.money import Money
from steelyard.errors import ConfigError, closest
from steelyard.model.base import ModelSpec
from steelyard.model.config import ModelConfig, with_provider
from steelyard.model.prices import book_date, machine_price, price_of
from steelyard.packaged import packaged

YOURS = "your prices"


def examples() -> Mapping[str, Any]:
    """Prices that vendors and people were seen to charge, by kind; see ``economics/data/examples.yaml``."""
    by_kind: Mapping[str, Any] = packaged("economics/data/examples.yaml")
    return by_kind


@dataclass
class PriceList:
    """The prices of one calculation, on a day; ``notes`` fills with those that were used."""

    config: CostConfig
    day: date
    notes: dict[str, PriceNote] = field(default_factory=dict)

    def of_model(self, name: str) -> Price:
        """A model's token prices; a name that nobody knows raises `ConfigError` with what to give."""
        yours = self.yours(name)
        if yours is not None and (yours.input is not None or yours.output is not None):
            self._note(name, yours, _per_million(yours.input, yours.cached, yours.output))
            return Price(self.config.currency, yours.input, yours.cached, yours.output)
        price = self._in_book(name)
        amounts = _per_million(price.input, price.cached, price.output)
        self._add(name, amounts, price.source, book_date(), is_book=True)
        return price

    def yours(self, name: str) -> ModelPrices | None:
        """What the user gives for a model."""
        entry = self.config.prices.get(name)
        if entry is not None and not isinstance(entry, ModelPrices):
            raise ConfigError(f"prices.{name}: give a model's as {{input: …, output: …}}")
        return entry

    def plain(self, name: str, what: str) -> Money:
        """The price of a label or an hour. Raises `ConfigError` where it is missing."""
        entry = self.config.prices.get(name)
        if entry is None:
            raise ConfigError(f"prices.{name} is missing: give {what}")
        if isinstance(entry, Decimal):
            entry = PlainPrice(amount=entry)
        if not isinstance(entry, PlainPrice):
            raise ConfigError(f"prices.{name}: give an amount, {what}")
        self._note(name, entry, f"{entry.amount} each")
        return self.money(entry.amount)

    @property
    def label(self) -> Money:
        return self.plain(LABEL, "what one labelled example costs")

    @property
    def hour(self) -> Money:
        return self.plain(HOUR, "what an hour of a person costs")

    @property
    def machine(self) -> tuple[Money, bool]:
        """An hour of the machine, and whether it is shared; without a price of it, the assumed one."""
        entry = self.config.prices.get(MACHINE)
        if entry is None:
            assumed = machine_price()
            self._same_currency("the assumed price of a machine", assumed.currency)
            note = f"{assumed.machine_hour} an hour"
            source = (
                f"{assumed.source.partition('; set ')[0]}; set prices: {{machine: {{hour: …}}}}"
            )
            self._add(MACHINE, note, source, parse_day(assumed.date))
            return Money(assumed.machine_hour, assumed.currency), False
        if not isinstance(entry, MachinePrice):
            raise ConfigError(
                "prices.machine: give {hour: …}, and shared: true if it has other work too"
            )
        self._note(MACHINE, entry, f"{entry.hour} an hour")
        return self.money(entry.hour), entry.shared

    def money(self, amount: Decimal | None, reason: str = "") -> Money:
        """An amount in the calculation's currency."""
        return Money(amount, self.config.currency, reason or None)

    def _in_book(self, name: str) -> Price:
        ask = f"give prices: {{{name}: {{input: …, output: …}}}} per million tokens"
        names = sorted(
            key
            for key, entry in self.config.prices.items()
            if isinstance(entry, ModelPrices) and key != name
        )
        hint = closest(name, names)
        try:
            model = ModelConfig.model_validate(with_provider(name) or name)
        except ValidationError:
            raise ConfigError(f"nobody knows a model {name!r}{hint}: {ask}") from None
        when = datetime.combine(self.day, time(), UTC)
        price = price_of(ModelSpec(**model.to_spec()), when=when)
        if price.machine_hour is not None or price.input is None:
            why = "runs on a machine: give machine_seconds" if price.machine_hour else ask
            raise ConfigError(f"the book has no token price for {name!r}{hint}: {why}")
        self._same_currency(f"the book's price of {name}", price.currency)
        return price

    def _same_currency(self, what: str, currency: str) -> None:
        if currency != self.config.currency:
            raise ConfigError(
                f"{what} is in {currency}, and this sum is in {self.config.currency}: give your own in "
                f"{self.config.currency}"
            )

    def _note(self, name: str, entry: DatedSection, amounts: str) -> None:
        if entry.currency is not None:
            self._same_currency(f"prices.{name}", entry.currency)
        self._add(name, amounts, entry.source or YOURS, entry.date)

    def _add(
        self, name: str, amounts: str, source: str, day: date | None, *, is_book: bool = False
    ) -> None:
        age = None if day is None else (self.day - day).days
        stale = age is not None and age > examples()["stale_after_days"]
        self.notes[name] = PriceNote(name, amounts, source, day, age, stale, is_book)


def _per_million(input: Decimal | None, cached: Decimal | None, output: Decimal | None) -> str:
    parts = (("in", input), ("cached", cached), ("out", output))
    return ", ".join(
        f"{amount.normalize():f} {name}" for name, amount in parts if amount is not None
    )
