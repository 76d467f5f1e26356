"""Two ways held against each other, and what one change of their sheets does to the choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from steelyard.calculator.sections import CostConfig, WayConfig
from steelyard.calculator.show import count, money, turns_text
from steelyard.economics.course import monthly_parts
from steelyard.economics.crossings import MOST_VOLUME, volume_turns
from steelyard.economics.sheet import AGAIN, RETRAINING, CostSheet, HostedTune, Traffic
from steelyard.economics.turning import Turned, saving, turned_at
from steelyard.model.price_age import age_of
from steelyard.words import counted


@dataclass(frozen=True)
class Rivals:
    """The cheapest way, ``best``, and the ``next``, each with what the user wrote of it.

    Where one is tuned and others are not, one of either kind.
    """

    best: CostSheet
    best_way: WayConfig
    next: CostSheet
    next_way: WayConfig
    traffic: Traffic
    config: CostConfig
    day: date
    """From which the age of an example's price is counted."""

    @property
    def is_tuned(self) -> bool:
        """Whether tuning is what is held against the other."""
        return self.best_way.is_tuned and not self.next_way.is_tuned

    @property
    def saving(self) -> Decimal:
        """By which the best is cheaper over the horizon."""
        return saving(self.best, self.next, self.traffic)

    @property
    def month_saving(self) -> Decimal:
        """By which the first month of the best is cheaper."""
        months = [monthly_parts(s, self.traffic, 0).values() for s in (self.next, self.best)]
        sums = [sum((part.amount or Decimal(0) for part in month), Decimal(0)) for month in months]
        return sums[0] - sums[1]

    @property
    def span(self) -> str:
        return f"over {counted(self.traffic.horizon_days, 'day')}"

    def seen_on(self, terms: Mapping[str, Any]) -> str:
        """The date of an example's price, marked with its age where it is old."""
        return f"{terms['date']}{self.age(terms)}"

    def age(self, terms: Mapping[str, Any]) -> str:
        """The mark of an example's price that is old; empty for one that is not."""
        age = age_of(terms["date"], self.day)
        return f", {age.days:,} days old" if age.is_stale else ""

    @property
    def again(self) -> Decimal:
        """What setting up the best once more costs."""
        amounts = [self.best.upfront[part].amount for part in AGAIN if part in self.best.upfront]
        return sum((amount or Decimal(0) for amount in amounts), Decimal(0))

    def money(self, amount: Decimal) -> str:
        return money(amount, self.best.currency)

    def hosted(self, hour: Decimal) -> Rivals:
        """With so much an hour for hosting the best."""
        hosted = self.best.hosted or HostedTune()
        price = replace(self.best.per_request, amount=hour, reason=None)
        return replace(self, best=replace(self.best, hosted=replace(hosted, hosting_hour=price)))

    @property
    def is_retrained(self) -> bool:
        """Whether the sum holds tuning again already."""
        return any(again.name == RETRAINING for again in self.best.recurring)

    def running(self) -> Rivals:
        """Without what is paid upfront or on a single day."""
        bare = [replace(s, upfront={}, recurring=(), end=None) for s in (self.best, self.next)]
        return replace(self, best=bare[0], next=bare[1])

    def is_turned(self) -> bool:
        return self.saving < 0

    def turned(
        self, change: Callable[[Decimal], Rivals], values: Sequence[Decimal]
    ) -> tuple[Turned, ...]:
        """At which values the change makes the next the cheaper; see `turned_at`."""
        return turned_at(lambda value: change(value).is_turned(), values)

    def outcome(self) -> str:
        """Who is the cheaper over the horizon, and by how much."""
        amount = self.saving
        if not amount:
            return f"{self.best.name} and {self.next.name} cost the same {self.span}"
        if amount > 0:
            return f"{self.best.name} stays {self.money(amount)} cheaper {self.span}"
        return f"{self.next.name} becomes the cheaper, by {self.money(-amount)} {self.span}"

    def volumes(self) -> tuple[str, Mapping[str, float]]:
        """Where the cheaper over the horizon changes with volume, in words and figures."""
        course = volume_turns(self.best, self.next, self.traffic)
        values = {
            f"requests_per_day{f'_{at}' * (at > 1)}": turn.requests_per_day
            for at, turn in enumerate(course.turns, 1)
        }
        if not course.turns:
            same = "neither is cheaper" if course.below is None else f"{course.below} is cheaper"
            to = f" up to {count(course.looked_to)}" if course.looked_to < MOST_VOLUME else ""
            return f"{same} at any volume{to}", values
        points = [(turn.cheaper, count(turn.requests_per_day)) for turn in course.turns]
        return f"the cheaper is {turns_text(points)}", values


def spans_text(spans: Sequence[Turned], write: Callable[[Decimal], str]) -> str:
    """``above 3`` or ``from 3 to 5 and above 9``."""
    parts = [
        f"above {write(span.above)}"
        if span.below is None
        else f"from {write(span.above)} to {write(span.below)}"
        for span in spans
    ]
    return " and ".join(parts)
