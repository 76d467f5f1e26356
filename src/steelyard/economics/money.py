"""What an arm costs: `Decimal` amounts in a named currency; unknown is ``None`` with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from steelyard.core import Price, Usage

DAYS_PER_MONTH = 30
MOST_IN_PRACTICE = 10_000_000
"""Requests a day: the most that any rule of thumb or map of ours speaks of."""
MOST_DAYS = 3650
SAME_COST = "both cost the same"
"""Why there is no break-even of two whose costs never differ."""
_NEVER_AFTER = MOST_IN_PRACTICE * MOST_DAYS
"""Requests: the longest horizon at the most a day. A later break-even is the residue of two equal prices."""
_MILLION = Decimal(1_000_000)
_SECONDS_PER_HOUR = Decimal(3600)


@dataclass(frozen=True)
class Money:
    """An amount in a currency, or ``None`` with the reason."""

    amount: Decimal | None
    currency: str = "USD"
    reason: str | None = None

    def __add__(self, other: Money) -> Money:
        """Add; unknown stays unknown. Two currencies are never mixed."""
        if self.currency != other.currency:
            raise ValueError(f"cannot add {self.currency} and {other.currency}")
        if self.amount is None or other.amount is None:
            return Money(None, self.currency, self.reason or other.reason)
        return Money(self.amount + other.amount, self.currency)

    def __mul__(self, factor: Decimal | int) -> Money:
        if self.amount is None:
            return self
        return Money(self.amount * factor, self.currency)


@dataclass(frozen=True)
class BreakEven:
    """After how many requests and days ``a`` has cost as much as ``b``, or ``None`` and why."""

    requests: int | None
    days: Decimal | None
    reason: str | None = None


def cost_of(usage: Usage, price: Price) -> Money:
    """Price a usage: by machine time where the price is a machine's, else by tokens.

    Cached tokens cost the cached price where it is known and the input price otherwise. Unknown is
    ``None`` with the reason: a model without a price, or trained tokens without a training price.
    """
    if price.machine_hour is not None:
        hours = _decimal(usage.machine_seconds) / _SECONDS_PER_HOUR
        return Money(hours * price.machine_hour, price.currency)
    if price.input is None or price.output is None:
        return Money(None, price.currency, price.source or "the model's price is unknown")
    if usage.trained_tokens and price.training is None:
        return Money(None, price.currency, "the price of training is unknown")
    cached_price = price.input if price.cached is None else price.cached
    cached = _decimal(min(usage.cached_tokens, usage.input_tokens))
    tokens = (_decimal(usage.input_tokens) - cached) * price.input + cached * cached_price
    tokens += _decimal(usage.output_tokens) * price.output
    tokens += _decimal(usage.trained_tokens) * (price.training or 0)
    return Money(tokens / _MILLION, price.currency)


def break_even(
    upfront_a: Decimal | None,
    per_request_a: Decimal | None,
    upfront_b: Decimal | None,
    per_request_b: Decimal | None,
    requests_per_day: int,
) -> BreakEven:
    """Find when ``a``, more expensive upfront, has paid for itself against ``b`` by cheaper requests.

    Amounts in one currency. 0 requests when ``a`` costs no more in either way; ``None`` when it never
    pays or a cost is unknown, and also when ``a`` only *starts* cheaper: the reason then says for how
    long. What would come after more requests than there are in ten years at 10 million a day never comes.
    """
    if upfront_a is None or per_request_a is None or upfront_b is None or per_request_b is None:
        return BreakEven(None, None, "a cost is unknown")
    extra, saving = upfront_a - upfront_b, per_request_b - per_request_a
    if extra == saving == 0:
        return BreakEven(0, Decimal(0), SAME_COST)
    if extra <= 0 and saving >= 0:
        return BreakEven(0, Decimal(0), "at once: no more expensive upfront or per request")
    if extra >= 0 and saving <= 0:
        return BreakEven(None, None, "never: its requests are not cheaper")
    requests = int((extra / saving).to_integral_value(ROUND_CEILING))
    if requests > _NEVER_AFTER:
        return _never_in_practice(starts_cheaper=saving < 0)
    if saving < 0:
        reason = f"cheaper only for the first {requests:,} requests: each request costs more"
        return BreakEven(None, None, reason)
    if requests_per_day <= 0:
        return BreakEven(requests, None, "without traffic the number of days is unknown")
    return BreakEven(requests, Decimal(requests) / requests_per_day)


def _never_in_practice(*, starts_cheaper: bool) -> BreakEven:
    many = f"more than {_NEVER_AFTER:,} requests, ten years at {MOST_IN_PRACTICE:,} a day"
    if starts_cheaper:
        why = f"at once: cheaper for {many}, though each request costs slightly more"
        return BreakEven(0, Decimal(0), why)
    return BreakEven(None, None, f"never in practice: it takes {many}")


def to_number(amount: Decimal | float | None) -> float | None:
    """A plain JSON number of six significant digits, as ``result.json`` wants it."""
    return None if amount is None else float(f"{amount:.6g}")


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
