"""What a run pays, by name: in one currency, and how old each price is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

from steelyard.core import Price
from steelyard.errors import ConfigError
from steelyard.model.planned import PlannedModel
from steelyard.model.price_age import age_of, later_price, stale_price
from steelyard.model.prices import YOURS
from steelyard.task import Task
from steelyard.task.prices import about_amounts


class NamedPrice(NamedTuple):
    """A price by the name of what it is for; ``each`` is that of a label, or of an hour of a person."""

    name: str
    price: Price
    each: Decimal | None = None

    @property
    def is_given(self) -> bool:
        """Whether there is an amount."""
        amounts = (self.each, self.price.machine_hour, self.price.input, self.price.output)
        return any(amount is not None for amount in amounts)


def prices_of_people(task: Task) -> Iterator[NamedPrice]:
    """The prices of a label and of an hour of a person, where the task gives them."""
    for name, amount, about in about_amounts(task.prices, task.currency):
        yield NamedPrice(name, about, amount)


def old_prices(prices: Iterable[NamedPrice], today: date | None = None) -> tuple[str, ...]:
    """A sentence for each price that is old on ``today`` (default: the day it is)."""
    day = today or datetime.now(UTC).date()
    aged = [(one.name, one.price, age_of(one.price.date, day)) for one in prices]
    sentences = [
        stale_price(name, age.days, "" if price.source == YOURS else price.source)
        for name, price, age in aged
        if age.is_stale and age.days is not None
    ]
    sentences += [
        later_price(name, price.date, day)
        for name, price, age in aged
        if price.date and age.days is None
    ]
    return tuple(dict.fromkeys(sentences))


def check_prices(
    models: Sequence[PlannedModel], currency: str, *, cap: Decimal | None = None
) -> None:
    """Refuse models that are not priced in the task's currency, and a cap where a price is not known."""
    for model in models:
        price, name = model.price, model.spec.name
        if price.machine_hour is None and price.currency != currency:
            raise ConfigError(
                f"the price of {name} is in {price.currency} ({price.source}), and this task in {currency}: "
                f"give prices: {{{name}: {{input: …, output: …}}}} in {currency}"
            )
    for model in models if cap is not None else ():
        price = model.price
        if price.machine_hour is None and (price.input is None or price.output is None):
            raise ConfigError(f"--max-cost needs the price of {model.spec.name}: {price.source}")


def check_machine_price(price: Price, currency: str) -> None:
    """Refuse the assumed price of a machine where the task is in another currency."""
    if price.currency != currency:
        raise ConfigError(
            f"no price of the machine is given, the assumed one is in {price.currency}, and this task in "
            f"{currency}: give prices: {{machine: {{per_hour: …}}}} in {currency}"
        )
