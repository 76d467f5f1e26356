"""``--max-cost``: a hard cap on the money that a run pays for hosted answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from decimal import ROUND_UP, Decimal
from threading import RLock
from typing import Any, Literal

from steelyard.config.records import read_kept
from steelyard.core import Completion, Price, Request, Usage
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, ConfigError
from steelyard.model.base import Meter, ModelSpec
from steelyard.model.hosted.address import read_fingerprint
from steelyard.model.prices import price_of
from steelyard.store.database import Store
from steelyard.store.tables import AskedModel

_CENT_OF_A_CENT = Decimal("0.0001")
_ROOM = 24  # tokens of a chat template around a turn, or of JSON around a label
_PRICE_OF = "price:"
_AMOUNTS = ("input", "cached", "output", "training", "machine_hour")
_SLACK = 2  # bytes of text that make one token at least: English needs four, no common script fewer

CountText = Callable[[str], int | None]


class Budget:
    """One cap for all hosted models of a run, each at its own price; safe from any thread.

    ``prices`` names each model by its fingerprint or by its name, as `prices_of` does; ``former`` those
    that were asked before and are in the run no more. What is spent is counted from the usage that
    endpoints report; before a request is sent the most that it can cost is set aside, so that the cap
    holds with many requests in flight. A model whose answers turn out to cost more than their length
    allows (hidden reasoning) has correspondingly more set aside from then on.
    """

    def __init__(
        self, cap: Decimal, prices: Mapping[str, Price], former: Mapping[str, Price] | None = None
    ) -> None:
        self.cap = cap
        self._prices = dict(prices)
        self._former = dict(former or {})
        self._lock = RLock()
        self._meters: dict[AskedModel, _Meter] = {}
        self._spent = Decimal(0)

    @property
    def spent(self) -> Decimal:
        with self._lock:
            return self._spent

    def resume(self, paid: Mapping[AskedModel, Usage]) -> None:
        """Begin with what the run folder already paid for.

        Raises `ConfigError` where that cannot be counted: a price is not known, or in other money.
        """
        for model, usage in paid.items():
            price = self._price(model) or _named(model, self._former)
            if _is_paid(model, price, usage):
                self._spent += _amount(usage, self._countable(model, price))

    def add_price(self, account: str, price: Price) -> None:
        """Take in the price of a model that did not exist when the run began."""
        with self._lock:
            self._prices[account] = price

    def meter(self, model: AskedModel, count_tokens: CountText) -> Meter | None:
        """Return the meter of a hosted model; ``None`` for one that is paid by the hour.

        Raises `ConfigError` where its price is not known.
        """
        with self._lock:
            if model not in self._meters:
                price = self._price(model)
                if price is not None and price.machine_hour is not None:
                    return None
                if price is None or price.input is None or price.output is None:
                    why = f": {price.source}" if price is not None and price.source else ""
                    raise ConfigError(f"--max-cost needs the price of {model.name}{why}")
                self._meters[model] = _Meter(self, price, count_tokens)
            return self._meters[model]

    def _price(self, model: AskedModel) -> Price | None:
        return _named(model, self._prices)

    def _countable(self, model: AskedModel, price: Price | None) -> Price:
        """Refuse a cap over what was paid at an unknown price, or in another currency."""
        currencies = {price_of_model.currency for price_of_model in self._prices.values()}
        if price is None or not _is_known(price):
            why = "has no known price"
        elif currencies and price.currency not in currencies:
            why = f"was paid in {price.currency}, not in {', '.join(sorted(currencies))}"
        else:
            return price
        raise ConfigError(
            f"--max-cost includes earlier spending in this run folder, but {model.name} {why}: "
            "give its price under prices in task.yaml, or choose another --out"
        )


class _Meter:
    """One model's part in the budget; the budget's fields are shared under its lock."""

    def __init__(self, budget: Budget, price: Price, count_tokens: CountText) -> None:
        self._budget = budget
        self._price = price
        self._count_tokens = count_tokens
        self._aside = Decimal(0)  # the bounds of what is in flight
        self._excess = Decimal(1)  # how far an answer went over its bound at most
        self._next = Decimal(0)

    def reserve(self, request: Request) -> Literal["go", "wait", "stop"]:
        bound = self._bound(request)
        budget = self._budget
        with budget._lock:
            self._next = bound * self._excess
            if budget._spent + self._next > budget.cap:
                return "stop"
            aside = sum(
                (meter._aside * meter._excess for meter in budget._meters.values()), Decimal(0)
            )
            if budget._spent + aside + self._next > budget.cap:
                return "wait"
            self._aside += bound
            return "go"

    def owe(self, request: Request) -> None:
        bound = self._bound(request)
        with self._budget._lock:
            self._aside += bound

    def settle(self, request: Request, completion: Completion | None) -> None:
        bound = self._bound(request)
        with self._budget._lock:
            self._aside -= bound
            if completion is None:
                return
            cost = _amount(completion.usage, self._price)
            self._budget._spent += cost
            if bound:
                self._excess = max(self._excess, cost / bound)

    def over(self) -> BudgetError:
        with self._budget._lock:
            spent, cap = self._budget._spent, self._budget.cap
            coming, excess = self._next, self._excess
        currency = self._price.currency
        longer = (
            f" (answers cost up to {excess:.1f} times what their length allows: hidden reasoning)"
            if excess > 1
            else ""
        )
        return BudgetError(
            f"stopped at {_shown(spent)} {currency} of --max-cost {cap}: the next request may cost "
            f"up to {_shown(coming)} {currency}{longer}; everything measured is kept: "
            "raise --max-cost and run again to resume"
        )

    def _bound(self, request: Request) -> Decimal:
        """The most that ``request`` can cost by its length: all it sends, and the longest answer."""
        texts = [message.content for message in request.messages]
        texts += [*request.choices, *((request.schema,) if request.schema is not None else ())]
        input_tokens = sum(self._tokens(text) + _ROOM for text in texts)
        longest = Usage(1, input_tokens, output_tokens=request.max_output_tokens + _ROOM)
        return _amount(longest, self._price)

    def _tokens(self, text: str) -> int:
        counted = self._count_tokens(text)
        return len(text.encode("utf-8", "replace")) // _SLACK + 1 if counted is None else counted


def prices_of(models: Iterable[tuple[ModelSpec, Price]]) -> dict[str, Price]:
    """Return the prices of a run's models as `Budget` takes them; none needs to be built for it."""
    by_account: dict[str, Price] = {}
    for spec, price in models:
        by_account.setdefault(spec.account, price)
    return by_account


def former_prices(
    store: Store, prices: Mapping[str, Price], overrides: Mapping[str, Any]
) -> dict[str, Price]:
    """Store today's prices in the run folder; return the price of every model that it ever paid.

    A model that has left the run was paid all the same. Where its price was never known, today's
    ``overrides`` and the book may say it.
    """
    keep_prices(store, prices)
    stored = {
        key.removeprefix(_PRICE_OF): read_kept(Price, data, "a price")
        for key, data in store.metas(_PRICE_OF).items()
    }
    for model in store.paid_by_model():
        spec = read_fingerprint(model.fingerprint)
        if spec is not None and _named(model, stored) is None:
            stored[model.fingerprint] = price_of(spec, overrides)
    return stored


def keep_prices(store: Store, prices: Mapping[str, Price]) -> None:
    """Store the known ones of ``prices`` in the run folder, by account."""
    for account, price in prices.items():
        if _is_known(price):
            store.set_meta(_PRICE_OF + account, _as_data(price))


def _as_data(price: Price) -> dict[str, Any]:
    data = asdict(price)
    return data | {name: str(data[name]) for name in _AMOUNTS if data[name] is not None}


def _named(model: AskedModel, prices: Mapping[str, Price]) -> Price | None:
    return prices.get(model.fingerprint) or prices.get(model.name)


def _is_paid(model: AskedModel, price: Price | None, usage: Usage) -> bool:
    """Whether tokens of a model cost money; one on this machine, or by the hour, costs its time."""
    by_the_hour = price is not None and price.machine_hour is not None
    is_priced = price is not None or read_fingerprint(model.fingerprint) is not None
    return bool(usage.input_tokens + usage.output_tokens) and is_priced and not by_the_hour


def _is_known(price: Price) -> bool:
    return price.machine_hour is not None or None not in (price.input, price.output)


def _amount(usage: Usage, price: Price) -> Decimal:
    amount = cost_of(usage, price).amount
    assert amount is not None
    return amount


def _shown(amount: Decimal) -> Decimal:
    """Round up to a hundredth of a cent: a smaller amount is not nothing."""
    return amount.quantize(_CENT_OF_A_CENT, rounding=ROUND_UP)
