"""What one way of doing a task costs, as data: upfront, by the request, by the hour, by the month, in time.

Amounts are `Money`: one that is not known is ``None`` with its reason and makes every sum that it enters
unknown. What a sheet does not hold is not counted, and `CostSheet.not_counted` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal, localcontext
from typing import NamedTuple

from steelyard.core import Price
from steelyard.economics.money import DAYS_PER_MONTH, MOST_DAYS, Money
from steelyard.errors import ConfigError

UPFRONT = ("labels", "hours", "search", "training", "evaluation")
"""What may be paid before the first request: labels, people's hours, prompt search, training, evaluation."""
AGAIN = ("search", "training", "evaluation")
"""What is paid once more where an approach is set up anew: the labels are there."""
RETRAINING = "retraining"
HOURS_PER_MONTH = 24 * DAYS_PER_MONTH
MOST_REQUESTS = Decimal(10) ** 11
"""A day; more, growth included, is taken for a mistake."""
LOAD_DIGITS = 9
_DIGITS = 60
_SECONDS_PER_DAY = 86_400
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Traffic:
    """How many requests come: a day, with growth by the month of 30 days, over a horizon in days.

    ``growth_per_month`` is a share (0.05 is 5 % more each month), ``peak`` how many times the average the
    busiest moment is. Raises `ConfigError` for what cannot be.
    """

    requests_per_day: Decimal
    horizon_days: int = 365
    growth_per_month: Decimal = Decimal(0)
    peak: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not 0 < self.requests_per_day <= MOST_REQUESTS:
            raise ConfigError(
                f"{self.requests_per_day} requests a day: give more than 0 and at most {MOST_REQUESTS:,}"
            )
        if not 0 < self.horizon_days <= MOST_DAYS:
            raise ConfigError(
                f"a horizon of {self.horizon_days} days: give from 1 to {MOST_DAYS:,} days"
            )
        if self.peak < 1:
            raise ConfigError(
                f"a peak of {self.peak}: the busiest moment is at least the average, 1"
            )
        if not -1 < self.growth_per_month <= 1:
            raise ConfigError(
                f"growth of {self.growth_per_month} a month: give a share above -1 and up to 1"
            )
        if self.rate(self.months - 1) > MOST_REQUESTS:
            raise ConfigError(
                f"growth of {self.growth_per_month} a month ends at more than {MOST_REQUESTS:,} requests "
                "a day: give less growth, or a shorter horizon"
            )

    @property
    def months(self) -> int:
        """Months of 30 days that the horizon touches; the last one may be a part of one."""
        return -(-self.horizon_days // DAYS_PER_MONTH)

    @property
    def requests(self) -> Decimal:
        """Requests over the horizon."""
        months = range(self.months)
        return sum((self.rate(m) * self.days_in(m) for m in months), Decimal(0))

    def requests_until(self, day: Decimal) -> Decimal:
        """Requests from the start to a day, which may lie past the horizon: growth goes on."""
        month = int(day // DAYS_PER_MONTH)
        before = sum((self.rate(m) * DAYS_PER_MONTH for m in range(month)), Decimal(0))
        return before + self.rate(month) * (day - DAYS_PER_MONTH * month)

    def days_in(self, month: int) -> int:
        """Days of the horizon in a month, counted from 0."""
        return min(DAYS_PER_MONTH, self.horizon_days - DAYS_PER_MONTH * month)

    def rate(self, month: int) -> Decimal:
        """Requests a day in a month, counted from 0: growth goes by whole months."""
        return self.requests_per_day * (1 + self.growth_per_month) ** month


@dataclass(frozen=True)
class TokenUse:
    """Tokens of a mean request to one model, and what they cost.

    ``cached_share`` is the part of the input that the provider reads from its cache, ``batch_share`` the part
    of the requests that go by batch at ``batch_price`` of the direct price. The multipliers are those of a
    tuned model over ``price``, its base's.
    """

    price: Price
    input: Decimal = Decimal(0)
    output: Decimal = Decimal(0)
    cached_share: Decimal = Decimal(0)
    batch_share: Decimal = Decimal(0)
    batch_price: Decimal | None = None
    input_multiplier: Decimal = Decimal(1)
    output_multiplier: Decimal = Decimal(1)

    @property
    def input_cost(self) -> Money:
        """The input of a request, or ``None`` where a price that it needs is not known."""
        price, cached = self.price, self.price.cached
        if self.input and price.input is None:
            return self._unknown(price.source or "the price of input tokens is unknown")
        if self.input and self.cached_share and cached is None:
            return self._unknown("the price of cached tokens is unknown")
        full = (1 - self.cached_share) * (price.input or 0)
        million = (full + self.cached_share * (cached or 0)) * self.input_multiplier
        return self._batched(self.input * million / _MILLION)

    @property
    def output_cost(self) -> Money:
        """The output of a request, or ``None`` where its price is not known."""
        if self.output and self.price.output is None:
            return self._unknown(self.price.source or "the price of output tokens is unknown")
        million = (self.price.output or 0) * self.output_multiplier
        return self._batched(self.output * million / _MILLION)

    @property
    def per_request(self) -> Money:
        return self.input_cost + self.output_cost

    def _batched(self, amount: Decimal) -> Money:
        if not self.batch_share:
            return Money(amount, self.price.currency)
        if self.batch_price is None:
            return self._unknown("the price of a batch is unknown")
        return Money(amount * (1 - self.batch_share * (1 - self.batch_price)), self.price.currency)

    def _unknown(self, reason: str) -> Money:
        return Money(None, self.price.currency, reason)


@dataclass(frozen=True)
class MachineUse:
    """A machine of one's own: the price of an hour and the busy seconds of a request.

    Shared with other work it is paid for the busy seconds; otherwise for every hour that it is on, with as
    many replicas as the busiest moment needs. ``requests_per_second`` is what one replica was measured to
    do, in batches, which share its busy time; without it, one request at a time takes ``seconds``.
    """

    hour: Money
    seconds: Decimal
    requests_per_second: Decimal | None = None
    shared: bool = True

    def __post_init__(self) -> None:
        if self.seconds <= 0 or (self.requests_per_second or 1) <= 0:
            raise ConfigError("a request takes a machine more than 0 seconds, and it serves some")

    @property
    def busy_seconds(self) -> Decimal:
        """Busy time for each request: its share of a batch where the throughput is known."""
        if self.requests_per_second is None:
            return self.seconds
        return min(self.seconds, 1 / self.requests_per_second)

    @property
    def capacity(self) -> Decimal:
        """Requests a day that one replica can serve without a pause."""
        return _SECONDS_PER_DAY * (self.requests_per_second or 1 / self.seconds)

    def replicas(self, requests_per_day: Decimal, peak: Decimal) -> int:
        """Machines that the busiest moment needs: at least one.

        Rounded to nine digits first, so that a machine that is exactly full is enough.
        """
        load = round(requests_per_day * peak / self.capacity, LOAD_DIGITS)
        return max(1, int(load.to_integral_value(ROUND_CEILING)))


@dataclass(frozen=True)
class HostedTune:
    """What a tuned model at a vendor costs beside its tokens; ``None`` is nothing of the kind.

    ``hosting_hour`` is paid for every hour, ``storage_month`` for every month, and a month's bill, tokens
    included, is at least ``minimum_month``.
    """

    hosting_hour: Money | None = None
    storage_month: Money | None = None
    minimum_month: Money | None = None


class Recurring(NamedTuple):
    """A cost that comes back: `RETRAINING`, or what every change of the requirements takes.

    It does so ``times`` in ``every_days``, evenly, at the end of each part: the 1st of 6 a year is on day
    365 / 6. What falls on the horizon's last day is paid where ``counts_last_day``: 6 changes a year are 6
    in 365 days, while tuning again on the last day would serve no request.
    """

    name: str
    every_days: Decimal
    cost: Money
    times: Decimal = Decimal(1)
    counts_last_day: bool = False

    def count(self, day: int | Decimal, *, with_day: bool = False) -> int:
        """How often it is paid before ``day``, ``with_day`` that day among them; exact."""
        with localcontext(prec=_DIGITS):
            whole, rest = divmod(day * self.times, self.every_days)
        return int(whole) - (not rest and not with_day and whole > 0)

    def days(self, horizon_days: int) -> Iterator[Decimal]:
        """The days on which it is paid within a horizon."""
        for number in range(1, self.count(horizon_days, with_day=self.counts_last_day) + 1):
            yield number * self.every_days / self.times


class EndOfLife(NamedTuple):
    """The day, from the start, on which a vendor ends a model, and what building it anew costs."""

    day: int
    rebuild: Money


@dataclass(frozen=True)
class CostSheet:
    """All that one way costs. See the module; ``handover_share`` of the requests go on to people.

    ``quality`` is the share of right answers among those that are not handed over, ``error_cost`` what a
    wrong one costs; both together or neither. Raises `ConfigError` for two currencies in one sheet.
    """

    name: str
    currency: str = "USD"
    upfront: Mapping[str, Money] = field(default_factory=dict)
    tokens: tuple[TokenUse, ...] = ()
    extras: Mapping[str, Money] = field(default_factory=dict)
    """Money for a request by name: judge, embedding, retrieval."""
    machine: MachineUse | None = None
    hosted: HostedTune | None = None
    recurring: tuple[Recurring, ...] = ()
    end: EndOfLife | None = None
    handover_share: Decimal = Decimal(0)
    handover_price: Money | None = None
    error_cost: Money | None = None
    quality: Decimal | None = None

    def __post_init__(self) -> None:
        if unknown := set(self.upfront) - set(UPFRONT):
            raise ConfigError(
                f"{self.name}: no upfront cost is called {', '.join(sorted(unknown))}"
            )
        for money in self._amounts():
            if money.currency != self.currency:
                raise ConfigError(
                    f"{self.name} has prices in {self.currency} and in {money.currency}: give all in one "
                    "currency"
                )
            if money.amount is not None and money.amount < 0:
                raise ConfigError(f"{self.name} has an amount of {money.amount}: give 0 or more")
        if any(every.every_days < every.times for every in self.recurring):
            raise ConfigError(f"{self.name}: what recurs does so every 1 day or more")
        if self.end is not None and self.end.day < 1:
            raise ConfigError(f"{self.name}: its vendor has ended it: it cannot be chosen any more")

    @property
    def is_line(self) -> bool:
        """Whether it costs an amount upfront and one per request: nothing by the hour, month or date."""
        by_hour = self.machine is not None and not self.machine.shared
        return not (by_hour or self.hosted or self.recurring or self.end)

    def count_of(self, again: Recurring, day: int | Decimal, horizon_days: int) -> int:
        """How often what recurs is paid before ``day``, within the horizon: the same days as `days_of`."""
        end = self._restart(again, horizon_days)
        with_day = again.counts_last_day and day == horizon_days
        if end is None or day <= end:
            return again.count(day, with_day=with_day)
        return again.count(end) + again.count(day - end, with_day=with_day)

    def days_of(self, again: Recurring, horizon_days: int) -> Iterator[Decimal]:
        """The days on which what recurs is paid; after a rebuild the days to tuning again count anew."""
        end = self._restart(again, horizon_days)
        if end is None:
            yield from again.days(horizon_days)
            return
        yield from again._replace(counts_last_day=False).days(end)
        yield from (end + day for day in again.days(horizon_days - end))

    def _restart(self, again: Recurring, horizon_days: int) -> int | None:
        """The day of the rebuild from which on `RETRAINING` is counted, where it is within the horizon."""
        if again.name != RETRAINING or self.end is None or self.end.day >= horizon_days:
            return None
        return self.end.day

    @property
    def unknown(self) -> str | None:
        """Why what it costs is not known, where an amount is not; ``None`` where all are."""
        amounts = [*self._amounts(), *self.request_parts().values()]
        reasons = [money.reason or "a cost is unknown" for money in amounts if money.amount is None]
        return reasons[0] if reasons else None

    @property
    def not_counted(self) -> tuple[str, ...]:
        """What an honest sum would hold and this sheet does not."""
        return tuple(kind for kind in UPFRONT if kind not in self.upfront)

    @property
    def per_request(self) -> Money:
        """What each request adds: tokens, extras, people, wrong answers, seconds of a shared machine."""
        return sum(self.request_parts().values(), Money(Decimal(0), self.currency))

    def request_parts(self) -> dict[str, Money]:
        """What each request adds, by part."""
        nothing = Money(Decimal(0), self.currency)
        parts = {}
        if self.tokens:
            parts["tokens"] = sum((use.per_request for use in self.tokens), nothing)
        parts |= self.extras
        if self.machine is not None and self.machine.shared:
            parts["machine"] = self.machine.hour * (self.machine.busy_seconds / 3600)
        if self.handover_share:
            price = self.handover_price or Money(
                None, self.currency, "the price of a person's answer is unknown"
            )
            parts["people"] = price * self.handover_share
        if self.error_cost is not None:
            parts["errors"] = self._errors(self.error_cost)
        return parts

    def _errors(self, error_cost: Money) -> Money:
        if self.quality is None:
            return Money(None, self.currency, f"the quality of {self.name} is unknown")
        return error_cost * ((1 - self.quality) * (1 - self.handover_share))

    def _amounts(self) -> Iterator[Money]:
        yield from self.upfront.values()
        yield from (use.per_request for use in self.tokens)
        yield from self.extras.values()
        yield from (every.cost for every in self.recurring)
        hosted = self.hosted or HostedTune()
        several = (
            None if self.machine is None else self.machine.hour,
            hosted.hosting_hour,
            hosted.storage_month,
            hosted.minimum_month,
            None if self.end is None else self.end.rebuild,
            self.handover_price,
            self.error_cost,
        )
        yield from (money for money in several if money is not None)
