"""Prices for the calculator: the user's own, then the book; each with its source, date and age."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from steelyard.calculator.records import PriceNote
from steelyard.calculator.sections import (
    CostConfig,
    MachinePrice,
    ModelPrices,
    PlainPrice,
)
from steelyard.config.dated import DatedSection, parse_day
from steelyard.core import Price
from steelyard.economics.money import Money
from steelyard.errors import ConfigError, closest
from steelyard.model.base import ModelSpec
from steelyard.model.config import ModelConfig, with_provider
from steelyard.model.price_age import age_of, stale_book
from steelyard.model.price_book import book_date, in_force_since
from steelyard.model.prices import (
    HOUR,
    LABEL,
    MACHINE,
    machine_price,
    price_of,
)
from steelyard.packaged import packaged

YOURS = "your prices"
TOKEN_KINDS = ("input", "cached", "output")
_WORDS = {
    "input": "{} in",
    "cached": "{} cached",
    "output": "{} out",
    "batch": "{} of that in batches",
    "training": "{} training",
    "hosting_hour": "{} an hour of hosting",
    "storage_month": "{} a month of storage",
    "minimum": "{} a month at least",
}
MODEL_KINDS = tuple(_WORDS)
"""The amounts of a model's row, in the order in which they are shown."""


def examples() -> Mapping[str, Any]:
    """Prices that vendors and people were seen to charge, by kind; see ``economics/data/examples.yaml``."""
    by_kind: Mapping[str, Any] = packaged("economics/data/examples.yaml")
    return by_kind


@dataclass
class PriceList:
    """The prices of one calculation, on a day; ``notes`` and ``used_keys`` fill with those that were used.

    ``used_keys`` has those of each row of the user's, ``remarks`` what is to say of a price of the book.
    """

    config: CostConfig
    day: date
    notes: dict[tuple[str, bool], PriceNote] = field(default_factory=dict)
    used_keys: dict[str, set[str]] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)

    def of_model(self, name: str, kinds: Collection[str] = TOKEN_KINDS) -> Price:
        """A model's token prices, of which ``kinds`` are used: the user's row, or else the book.

        Of a row without input and output the book fills what is missing. A name that nobody knows, and two
        currencies, raise `ConfigError` with what to give.
        """
        row = self._row(name) or ModelPrices()
        is_yours = row.input is not None or row.output is not None
        book = Price(self.config.currency) if is_yours else self._in_book(name)
        amounts: dict[str, Decimal | None] = {}
        for kind in TOKEN_KINDS:
            mine = self.amount(name, kind) if kind in kinds else getattr(row, kind)
            amounts[kind] = getattr(book, kind) if mine is None else mine
        whole = amounts["input"]
        if row.cached is not None and whole is not None and row.cached > whole:
            raise ConfigError(
                f"prices.{name}.cached is {row.cached}, more than the {whole} of tokens that are not cached: "
                "correct one of them"
            )
        if not is_yours:
            missing = [kind for kind in TOKEN_KINDS if getattr(row, kind) is None]
            parts = [(kind, getattr(book, kind)) for kind in missing]
            self._add_of_book(name, _listed(parts), book)
        return Price(self.config.currency, whole, amounts["cached"], amounts["output"])

    def amount(self, model: str | None, key: str) -> Decimal | None:
        """An amount of the user's row of a model, noted as used; ``None`` where the user gives none."""
        row = self._row(model) if model else None
        amount: Decimal | None = getattr(row, key, None)
        if model is not None and row is not None and amount is not None:
            keys = self.used_keys.setdefault(model, set())
            keys.add(key)
            self._note(
                model, row, _listed([(k, getattr(row, k)) for k in MODEL_KINDS if k in keys])
            )
        return amount

    def _row(self, name: str) -> ModelPrices | None:
        entry = self.config.prices.get(name)
        if entry is not None and not isinstance(entry, ModelPrices):
            raise ConfigError(f"prices.{name}: give a model's as {{input: …, output: …}}")
        if entry is not None and entry.currency is not None:
            self._same_currency(f"prices.{name}", entry.currency)
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
        spec = ModelSpec(**model.to_spec())
        price = price_of(spec, when=when)
        if price.machine_hour is not None or price.input is None:
            why = "runs on a machine: give machine_seconds" if price.machine_hour else ask
            raise ConfigError(f"the book has no token price for {name!r}{hint}: {why}")
        self._same_currency(f"the book's price of {name}", price.currency)
        return replace(price, date=str(in_force_since(spec, self.day) or ""))

    def _same_currency(self, what: str, currency: str) -> None:
        if currency != self.config.currency:
            raise ConfigError(
                f"{what} is in {currency}, and this sum is in {self.config.currency}: give your own in "
                f"{self.config.currency}"
            )

    def _add_of_book(self, name: str, amounts: str, price: Price) -> None:
        """Note a price of the book, by the day that the book has for it, else by that of the whole book.

        A book that is newer than the day asked for may have had another price then.
        """
        newest, since, source = book_date(), None, price.source
        if price.date:
            since = parse_day(price.date)
        elif newest is not None and newest <= self.day:
            since = newest
        elif newest is not None:
            self.remarks[name] = (
                f"the book does not date its price of {name}, and its newest change is of {newest}, after "
                f"{self.day}: on that day it may have been another"
            )
        is_old = age_of(newest, self.day).is_stale
        if newest is not None and is_old:
            self.remarks[name] = stale_book(newest, name)
        age = age_of(since, self.day).days
        self.notes[name, True] = PriceNote(name, amounts, source, since, age, is_old, True)

    def _note(self, name: str, entry: DatedSection, amounts: str) -> None:
        if entry.currency is not None:
            self._same_currency(f"prices.{name}", entry.currency)
        self.used_keys.setdefault(name, set())
        self._add(name, amounts, entry.source or YOURS, entry.date)

    def _add(self, name: str, amounts: str, source: str, day: date | None) -> None:
        age = age_of(day, self.day)
        self.notes[name, False] = PriceNote(name, amounts, source, day, age.days, age.is_stale)


def _listed(amounts: Iterable[tuple[str, Decimal | None]]) -> str:
    return ", ".join(
        _WORDS[kind].format(f"{amount.normalize():f}")
        for kind, amount in amounts
        if amount is not None
    )
