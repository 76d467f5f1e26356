"""What one request to an arm costs: by the token, and by the time of a machine of one's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from steelyard.core import Completion, Price, Usage
from steelyard.economics import Money, cost_of
from steelyard.model.accounts import MACHINE, merged
from steelyard.model.planned import PlannedModel
from steelyard.strategy import traits_of
from steelyard.weigh.arms import MeasuredArm, RequestMoney
from steelyard.weigh.measure import paid_completions

_FINDS = ("documents", "retrieved_shots")
"""What arms carry that look texts up for each request."""


@dataclass(frozen=True)
class Prices:
    """The run's prices by model, the arm's first; ``default`` is for what names no model.

    ``machine`` is for what was computed without a language model; left out, that costs nothing.
    """

    models: Sequence[PlannedModel]
    default: Price
    machine: Price | None = None

    def named(self, model: str) -> Price:
        """The price of the model called ``model``, as accounts, its spec or people name it.

        One that the run does not know has no known price.
        """
        if model == MACHINE:
            return self.machine or Price(self.default.currency, machine_hour=Decimal(0))
        prices = (planned.price for planned in self.models if model in planned.names)
        why = f"the price of {model} is unknown: it is not one of the run's models"
        return next(prices, Price(self.default.currency, source=why) if model else self.default)

    def is_encoder(self, model: str) -> bool:
        """Whether an account is that of a model which is asked for vectors only."""
        return any(planned.is_encoder for planned in self.models if model in planned.names)

    def of(self, usage: Mapping[str, Usage]) -> Money:
        nothing = Money(Decimal(0), self.default.currency)
        return sum((cost_of(use, self.named(name)) for name, use in usage.items()), nothing)


def request_money(measured: MeasuredArm, prices: Prices) -> RequestMoney:
    """Price what the requests of an arm took in the mean, as on a calm machine."""
    seconds, currency = measured.machine_seconds, prices.default.currency
    nothing = Money(Decimal(0), currency)
    if seconds is None:
        unknown = Money(None, currency, "no request was served, so its cost is unknown")
        return RequestMoney(unknown, nothing, parts={"tokens": unknown})
    paid, tokens = paid_completions(measured.records), measured.tokens
    if any(completion.spent for completion in paid):
        spent = mean_spent(paid)
    else:
        counts = (tokens.input_mean or 0.0, tokens.cached_mean or 0.0, tokens.output_mean or 0.0)
        spent = {"": Usage(1, *counts, machine_seconds=seconds * measured.slowdown)}
    calm = {
        account: usage._replace(machine_seconds=usage.machine_seconds / measured.slowdown)
        for account, usage in spent.items()
    }
    by_time = {name for name in calm if prices.named(name).machine_hour is not None}
    return RequestMoney(
        prices.of({name: usage for name, usage in calm.items() if name not in by_time}),
        prices.of({name: usage for name, usage in calm.items() if name in by_time}),
        sum(usage.machine_seconds for name, usage in calm.items() if name in by_time),
        _parts(calm, by_time, prices, finds=_finds(measured.arm.strategy)),
    )


def _finds(strategy: str) -> bool:
    """Whether all that this machine does for an arm is finding texts: one of several parts may do more."""
    traits = traits_of(strategy)
    return traits.carries in _FINDS and not traits.spans_models


def _parts(
    spent: Mapping[str, Usage], by_time: Collection[str], prices: Prices, *, finds: bool
) -> dict[str, Money]:
    """What a request costs by part; of an arm that ``finds`` texts, this machine's own work is retrieval."""
    parts: dict[str, Money] = {}
    for name, usage in spent.items():
        part = "machine" if name in by_time or name == MACHINE else "tokens"
        if prices.is_encoder(name):
            part = "embedding"
        elif name == MACHINE and finds:
            part = "retrieval"
        money = prices.of({name: usage})
        parts[part] = parts[part] + money if part in parts else money
    return parts


def mean_spent(paid: Sequence[Completion]) -> dict[str, Usage]:
    """What each model was asked for one answer on average; under ``""`` what names no model."""
    sums = merged(completion.spent or {"": completion.usage} for completion in paid)
    return {account: usage / len(paid) for account, usage in sums.items()}
