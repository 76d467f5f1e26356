"""The book of prices: the snapshot inside the ``genai-prices`` package; nothing is fetched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from steelyard.core import Price
from steelyard.model.base import ModelSpec

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo


def context_window(
    provider: str, name: str, *, base_url: str | None = None
) -> tuple[int | None, str]:
    """Return a hosted model's context in tokens with its source, or ``None`` with the reason."""
    entry = find_in_book(provider, name, base_url)
    if isinstance(entry, str) or entry.context_window is None:
        return None, f"{price_book()} has no context window for {name!r} at {base_url or provider}"
    return entry.context_window, price_book()


def price_book() -> str:
    """Name the book, its version, and its newest price change: it states no date of its own."""
    from importlib.metadata import version

    newest = _newest_change()
    change = f", its newest price change in force of {newest.isoformat()}" if newest else ""
    return f"genai-prices {version('genai-prices')}{change}"


def book_date() -> date | None:
    """The day of the book's newest price change in force today: the book dates most prices no closer."""
    return _newest_change()


def in_force_since(spec: ModelSpec, day: date) -> date | None:
    """The day from which the book's price of ``day`` holds, for the few models whose prices it dates."""
    entry = find_in_book(spec.provider, spec.name, spec.base_url)
    prices = [] if isinstance(entry, str) else entry.prices
    starts = [
        start
        for conditional in (prices if isinstance(prices, list) else [])
        if (start := getattr(conditional.constraint, "start_date", None)) is not None
    ]
    return max((start for start in starts if start <= day), default=None)


def price_in_book(spec: ModelSpec, when: datetime) -> Price:
    """The book's price of a model on a day; ``None`` with the reason in ``source`` where it has none."""
    entry = find_in_book(spec.provider, spec.name, spec.base_url)
    if isinstance(entry, str):
        return Price(source=entry)
    prices = entry.get_prices(when)
    amounts = [plain_price(getattr(prices, f"{key}_mtok", None)) for key in ("input", "output")]
    if None in amounts:
        reason = f"{price_book()} has no token price for {spec.name!r}; {price_advice(spec.name)}"
        return Price(source=reason)
    cached = plain_price(getattr(prices, "cache_read_mtok", None))
    since = in_force_since(spec, when.date())
    price = replace(of_book(), input=amounts[0], cached=cached, output=amounts[1])
    return (
        price if since is None else replace(price, source=f"{price.source}; in force since {since}")
    )


def of_book() -> Price:
    """A price of the book's age: it dates few of its prices, and says of none after its newest change."""
    return Price(source=price_book(), date=str(book_date() or ""))


def find_in_book(provider: str, name: str, base_url: str | None) -> ModelInfo | str:
    """Find a model in the book, or say why it is not there."""
    from genai_prices.data_snapshot import get_snapshot

    where = (None, base_url) if base_url else (provider, None)
    try:
        return get_snapshot().find_provider_model(name, None, *where)[1]
    except LookupError:
        at = base_url or provider
        return f"no price known for {name!r} at {at}; {price_advice(name)}"


def price_advice(name: str) -> str:
    """What to write in a task for a model without a price."""
    return f"add prices: {{{name}: {{input: ..., output: ...}}}} per million tokens to task.yaml"


def plain_price(price: object) -> Decimal | None:
    """A plain price, or the first tier of one that rises with very long prompts."""
    price = getattr(price, "base", price)
    return price if isinstance(price, Decimal) else None


@cache
def _newest_change() -> date | None:
    """The newest dated price not after today."""
    from genai_prices.data_snapshot import get_snapshot

    dates = [
        start
        for provider in get_snapshot().providers
        for model in provider.models
        if isinstance(model.prices, list)
        for conditional in model.prices
        if (start := getattr(conditional.constraint, "start_date", None)) is not None
    ]
    today = datetime.now(UTC).date()
    return max((start for start in dates if start <= today), default=None)
