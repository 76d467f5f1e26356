"""What a model costs: the user's prices, then the bundled book, then a machine by the hour.

The book is the snapshot inside the ``genai-prices`` package; nothing is fetched. An unknown hosted
price is ``None`` with the reason in ``source``, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from steelyard.core import Price
from steelyard.errors import ConfigError, closest
from steelyard.model.config import endpoints
from steelyard.model.hosted.secrets import DEFAULT_BASE_URL
from steelyard.packaged import packaged

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

LOCAL_PROVIDERS = frozenset({"embedded", "hf", "fake", "classical"})
GPU_PROVIDERS = ("embedded", "hf")
MACHINE = "machine"
_TRAINING = "training"
_BATCH = "batch"
_KEYS = ("input", "cached", "output", "per_hour", _BATCH, _TRAINING)
_YOURS = "your prices in task.yaml"

Overrides = Mapping[str, Mapping[str, Any]]


def price_for(
    provider: str,
    name: str,
    overrides: Overrides | None = None,
    *,
    base_url: str | None = None,
    when: datetime | None = None,
    batch: bool = False,
) -> Price:
    """Return the price of a model, of its direct requests or of those in a ``batch``.

    ``overrides`` is the task's ``prices``: per million tokens, or ``per_hour``, under the model's
    ``name`` (or ``provider:name``), each winning over the book. Local models are priced by
    :func:`machine_price`. Hosted ones are looked up at ``base_url``'s provider, or at ``provider``;
    ``when`` (default: now) picks among dated prices. Bad overrides raise `ConfigError`.
    """
    if batch:
        direct = price_for(provider, name, overrides, base_url=base_url, when=when)
        every = _amounts(overrides)
        given = every.get(f"{provider}:{name}") or every.get(name, {})
        return _batch_price(direct, given.get(_BATCH), base_url)
    own = _checked(overrides)
    amounts = own.get(f"{provider}:{name}") or (own.get(name) if name != MACHINE else None)
    if amounts and ("per_hour" in amounts or {"input", "output"} <= set(amounts)):
        return _own_price(amounts, Price())
    if provider in LOCAL_PROVIDERS:
        own_machine = MACHINE in own
        return machine_price(overrides) if own_machine or not _on_gpu(provider) else _GPU_PRICE
    listed = _book_price(provider, name, base_url, when or datetime.now(UTC))
    return _own_price(amounts, listed) if amounts else listed


def _batch_price(price: Price, share: Decimal | None, base_url: str | None) -> Price:
    """The price in a batch: the user's share of the direct price, or that of the endpoint."""
    if price.machine_hour is not None:
        return price
    said = f"in batches {share} of it, by {_YOURS}"
    if share is None:
        known = _batch_terms(base_url)
        if known is None:
            full = "no batch price is known for this endpoint, so the full one counts"
            return replace(price, source=f"{price.source}; {full}")
        share = Decimal(str(known["share"]))
        said = f"in batches {share} of it, {known['source']}, {known['date']}"
    cheaper = {
        key: amount * share
        for key in ("input", "cached", "output")
        if (amount := getattr(price, key)) is not None
    }
    return replace(price, source=f"{price.source}; {said}", **cheaper)


def _batch_terms(base_url: str | None) -> Mapping[str, Any] | None:
    """What is known of the batch interface of the endpoint at ``base_url``; `None`: OpenAI's own."""
    host = urlsplit(base_url or DEFAULT_BASE_URL).hostname or ""
    for known in endpoints().values():
        place = urlsplit(known.get("base_url") or known.get("hint") or "").hostname or ""
        place = place.removeprefix(
            "resource"
        )  # a user's own resource lies before the provider's name
        if _BATCH in known and place and (host == place or host.endswith(f".{place.lstrip('.')}")):
            return dict(known[_BATCH])
    return None


_GPU_PRICE = Price(
    source="the price of this GPU is not known; set prices: {machine: {per_hour: ...}} in task.yaml"
)


def _on_gpu(provider: str) -> bool:
    """Whether the engine runs this provider's models on a GPU: never where torch is not installed."""
    if provider not in GPU_PROVIDERS or find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def machine_price(overrides: Overrides | None = None) -> Price:
    """The price per hour of the machine of local models: the user's, or a stated assumption."""
    own = _checked(overrides).get(MACHINE)
    if own:
        return Price(machine_hour=own["per_hour"], source=_YOURS)
    entry = packaged("model/data/machines.json")
    default = entry["default"]
    return Price(
        currency=default["currency"],
        machine_hour=Decimal(default["per_hour"]),
        source=f"{default['description']}; {default['source']}",
        date=default["date"],
    )


def context_window(
    provider: str, name: str, *, base_url: str | None = None
) -> tuple[int | None, str]:
    """Return a hosted model's context in tokens with its source, or ``None`` with the reason."""
    found = _find(provider, name, base_url)
    if isinstance(found, str) or found.context_window is None:
        return None, f"{price_book()} has no context window for {name!r} at {base_url or provider}"
    return found.context_window, price_book()


def training_price(name: str, overrides: Overrides | None = None) -> Decimal | None:
    """What a million training tokens of ``name`` cost by the user's ``prices``, in USD.

    The book has none, and providers change theirs: ``None`` where the user gives no ``training``.
    """
    return _amounts(overrides).get(name, {}).get(_TRAINING)


def price_book() -> str:
    """Name the book, its version, and its newest price change: it states no date of its own."""
    from importlib.metadata import version

    newest = _newest_change()
    known = f", its newest price change in force of {newest.isoformat()}" if newest else ""
    return f"genai-prices {version('genai-prices')}{known}"


def _checked(overrides: Overrides | None) -> dict[str, dict[str, Decimal]]:
    """What answers cost, by model: the amounts that are set but for training and batches."""
    return {
        name: {key: amount for key, amount in amounts.items() if key not in (_TRAINING, _BATCH)}
        for name, amounts in _amounts(overrides).items()
    }


def _amounts(overrides: Overrides | None) -> dict[str, dict[str, Decimal]]:
    """The amounts that are set; an unknown key or a bad amount raises `ConfigError`."""
    own: dict[str, dict[str, Decimal]] = {}
    for name, entry in (overrides or {}).items():
        for key in entry:
            if key not in _KEYS:
                raise ConfigError(
                    f"prices.{name} has the unknown key {key!r}{closest(key, _KEYS)}; "
                    f"known: {', '.join(_KEYS)}"
                )
        own[name] = {
            key: _amount(name, key, value) for key, value in entry.items() if value is not None
        }
        if name == MACHINE and "per_hour" not in own[name]:
            raise ConfigError(f"prices.{MACHINE} lacks per_hour; give what an hour costs")
    return own


def _own_price(amounts: Mapping[str, Decimal], listed: Price) -> Price:
    """The user's amounts over the listed ones."""
    if "per_hour" in amounts:
        return Price(machine_hour=amounts["per_hour"], source=_YOURS)
    return Price(
        input=amounts.get("input", listed.input),
        cached=amounts.get("cached", listed.cached),
        output=amounts.get("output", listed.output),
        source=f"{_YOURS}, over {listed.source}" if listed.source else _YOURS,
    )


def _amount(name: str, key: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ConfigError(f"prices.{name}.{key} is {value!r}; give an amount of money, 0 or more")
    return amount


def _book_price(provider: str, name: str, base_url: str | None, when: datetime) -> Price:
    found = _find(provider, name, base_url)
    if isinstance(found, str):
        return Price(source=found)
    known = found.get_prices(when)
    amounts = [_base(getattr(known, f"{key}_mtok", None)) for key in ("input", "output")]
    if None in amounts:
        reason = f"{price_book()} has no token price for {name!r}; {_advice(name)}"
        return Price(source=reason)
    cached = _base(getattr(known, "cache_read_mtok", None))
    return Price(input=amounts[0], cached=cached, output=amounts[1], source=price_book())


def _find(provider: str, name: str, base_url: str | None) -> ModelInfo | str:
    """Find a model in the book, or say why it is not there."""
    from genai_prices.data_snapshot import get_snapshot

    where = (None, base_url) if base_url else (provider, None)
    try:
        return get_snapshot().find_provider_model(name, None, *where)[1]
    except LookupError:
        at = base_url or provider
        return f"no price known for {name!r} at {at}; {_advice(name)}"


def _advice(name: str) -> str:
    return f"add prices: {{{name}: {{input: ..., output: ...}}}} per million tokens to task.yaml"


def _base(price: object) -> Decimal | None:
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
