"""What a model costs: the user's prices, then the bundled book, then a machine by the hour.

The book is the snapshot inside the ``genai-prices`` package; nothing is fetched. An unknown hosted
price is ``None`` with the reason in ``source``, never 0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from steelyard.config.section import unknown_keys
from steelyard.core import Price
from steelyard.errors import ConfigError
from steelyard.model.base import ModelProvider, ModelSpec, provider_of
from steelyard.model.config import endpoints
from steelyard.model.hosted.address import DEFAULT_BASE_URL
from steelyard.packaged import packaged

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

LABEL, HOUR, MACHINE = "label", "hour", "machine"
"""In ``prices``: one labelled example, an hour of a person, an hour of the machine of local models."""
_GPU_DEVICES = ("nvidia*", "nvhost*", "nvgpu*", "dxg", "kfd")
"""Device files of NVIDIA's driver, its boards, the Windows subsystem and AMD's driver."""
_TRAINING = "training"
_BATCH = "batch"
_KEYS = ("input", "cached", "output", "per_hour", _BATCH, _TRAINING)
_YOURS = "your prices in task.yaml"

Overrides = Mapping[str, Mapping[str, Any]]


def price_of(
    spec: ModelSpec, overrides: Overrides | None = None, *, when: datetime | None = None
) -> Price:
    """Return the price of the model's requests: direct, or of batches if it is asked in batches.

    ``overrides`` is the task's ``prices``: per million tokens, or ``per_hour``, under the model's
    name (or ``provider:name``), each winning over the book. Local models are priced by
    :func:`machine_price`. Hosted ones are looked up at their endpoint's provider; ``when`` (default:
    now) picks among dated prices. A tuned hosted model has a price of its own, never its base's: see
    `_tuned_price`. Bad overrides raise `ConfigError`.
    """
    amounts = _own_amounts(spec, overrides)
    price = _direct_price(spec, amounts, overrides, when or datetime.now(UTC))
    if spec.batch:
        price = _batch_price(price, amounts.get(_BATCH), spec.base_url)
    return replace(price, training=amounts.get(_TRAINING))


def embedding_price(
    spec: ModelSpec, overrides: Overrides | None = None, *, when: datetime | None = None
) -> Price:
    """Return the price of vectors of texts, as `price_of` does: only what goes in is paid.

    An unknown one is ``None`` with the reason in ``source``.
    """
    amounts = _own_amounts(spec, overrides)
    if "per_hour" in amounts or "input" in amounts:
        return _own_price({"output": Decimal(0), **amounts}, Price())
    entry = _find(spec.provider, spec.name, spec.base_url)
    listed = None if isinstance(entry, str) else entry.get_prices(when or datetime.now(UTC))
    amount = _base(getattr(listed, "input_mtok", None))
    if amount is None:
        reason = f"no price known for {spec.name!r} at {spec.base_url or spec.provider}"
        return Price(source=f"{reason}; {_embedding_advice(spec.name)}")
    return Price(input=amount, output=Decimal(0), source=price_book())


def _embedding_advice(name: str) -> str:
    return f"add prices: {{{name}: {{input: ...}}}} per million tokens to task.yaml"


def _own_amounts(spec: ModelSpec, overrides: Overrides | None) -> Mapping[str, Decimal]:
    """The user's amounts for a model; a tuned one without a name yet goes by ``ft:BASE``."""
    every = _amounts(overrides)
    names = [f"{spec.provider}:{spec.name}", spec.name]
    if spec.tuned_from is not None:
        names.append(spec.tuned_key)
    return next((every[name] for name in names if every.get(name) and name != MACHINE), {})


def _direct_price(
    spec: ModelSpec, amounts: Mapping[str, Decimal], overrides: Overrides | None, when: datetime
) -> Price:
    if "per_hour" in amounts or {"input", "output"} <= set(amounts):
        return _own_price(amounts, Price())
    provider = provider_of(spec)
    if provider.is_local:
        is_known = MACHINE in (overrides or {}) or not _on_gpu(provider)
        return machine_price(overrides) if is_known else _GPU_PRICE
    listed = _book_price(spec, when) if spec.tuned_from is None else _tuned_price(spec, when)
    return _own_price(amounts, listed) if set(amounts) - {_BATCH, _TRAINING} else listed


def _tuned_price(spec: ModelSpec, when: datetime) -> Price:
    """The book's price where it lists tuned models apart from their base, else unknown.

    Names in the book match by how they begin, so that a tuned model may be found as its base.
    """
    entry = _find(spec.provider, spec.name, spec.base_url)
    if not isinstance(entry, str) and entry != _find(spec.provider, spec.base.name, spec.base_url):
        return _book_price(spec, when)
    return Price(
        source=f"no price known for {spec.name!r}, and the price of {spec.base.name!r}, which it was tuned "
        f"from, does not apply; {_advice(spec.tuned_key)}"
    )


def _batch_price(price: Price, share: Decimal | None, base_url: str | None) -> Price:
    """The price in a batch: the user's share of the direct price, or that of the endpoint."""
    if price.machine_hour is not None:
        return price
    source = f"batches at {share} of that, from {_YOURS}"
    if share is None:
        terms = _batch_terms(base_url)
        if terms is None:
            full = "no batch price is known for this endpoint, so the full price is used"
            return replace(price, source=f"{price.source}; {full}")
        share = Decimal(str(terms["share"]))
        source = f"batches at {share} of that, {terms['source']}, {terms['date']}"
    cheaper = {
        key: amount * share
        for key in ("input", "cached", "output")
        if (amount := getattr(price, key)) is not None
    }
    return replace(price, source=f"{price.source}; {source}", **cheaper)


def _batch_terms(base_url: str | None) -> Mapping[str, Any] | None:
    """The terms of the batch interface at ``base_url``; ``None`` is OpenAI's own address."""
    host = urlsplit(base_url or DEFAULT_BASE_URL).hostname or ""
    for endpoint in endpoints().values():
        place = urlsplit(endpoint.get("base_url") or endpoint.get("hint") or "").hostname or ""
        place = place.removeprefix("resource")  # the user's own lies before the provider's name
        is_there = host == place or host.endswith(f".{place.lstrip('.')}")
        if _BATCH in endpoint and place and is_there:
            return dict(endpoint[_BATCH])
    return None


_GPU_PRICE = Price(
    source="price of this GPU unknown; set prices: {machine: {per_hour: ...}} in task.yaml"
)


def _on_gpu(provider: ModelProvider) -> bool:
    """Whether the engine runs this provider's models on a GPU: never where torch is not installed."""
    if not provider.runs_on_gpu or find_spec("torch") is None or not _may_have_gpu():
        return False
    import torch

    return bool(torch.cuda.is_available())


def _may_have_gpu() -> bool:
    """Whether to ask torch, which takes seconds to import: on Linux no GPU works without its device."""
    if sys.platform != "linux":
        return True
    return any(any(Path("/dev").glob(pattern)) for pattern in _GPU_DEVICES)


def machine_price(overrides: Overrides | None = None) -> Price:
    """The price per hour of the machine of local models: the user's, or a stated assumption."""
    amounts = _amounts(overrides).get(MACHINE)
    if amounts:
        return Price(machine_hour=amounts["per_hour"], source=_YOURS)
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
    entry = _find(provider, name, base_url)
    if isinstance(entry, str) or entry.context_window is None:
        return None, f"{price_book()} has no context window for {name!r} at {base_url or provider}"
    return entry.context_window, price_book()


def training_price(name: str, overrides: Overrides | None = None) -> Decimal | None:
    """What a million training tokens of ``name`` cost by the user's ``prices``, in USD.

    The book has none, and providers change theirs: ``None`` where the user gives no ``training``.
    """
    return _amounts(overrides).get(name, {}).get(_TRAINING)


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
    entry = _find(spec.provider, spec.name, spec.base_url)
    prices = [] if isinstance(entry, str) else entry.prices
    starts = [
        start
        for conditional in (prices if isinstance(prices, list) else [])
        if (start := getattr(conditional.constraint, "start_date", None)) is not None
    ]
    return max((start for start in starts if start <= day), default=None)


def _amounts(overrides: Overrides | None) -> dict[str, dict[str, Decimal]]:
    """The amounts that are set; an unknown key or a bad amount raises `ConfigError`."""
    amounts: dict[str, dict[str, Decimal]] = {}
    for name, entry in (overrides or {}).items():
        if unknown := [key for key in entry if key not in _KEYS]:
            raise ConfigError(f"prices.{name}: {unknown_keys(unknown, _KEYS, 'key')}")
        amounts[name] = {
            key: _amount(name, key, value) for key, value in entry.items() if value is not None
        }
        if name == MACHINE and "per_hour" not in amounts[name]:
            raise ConfigError(f"prices.{MACHINE} lacks per_hour; give what an hour costs")
    return amounts


def _own_price(amounts: Mapping[str, Decimal], listed: Price) -> Price:
    """The user's amounts over the listed ones."""
    if "per_hour" in amounts:
        return Price(machine_hour=amounts["per_hour"], source=_YOURS)
    return Price(
        input=amounts.get("input", listed.input),
        cached=amounts.get("cached", listed.cached),
        output=amounts.get("output", listed.output),
        source=f"{_YOURS}; the rest from {listed.source}" if listed.source else _YOURS,
    )


def _amount(name: str, key: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ConfigError(
            f"prices.{name}.{key} is {value!r}; expected an amount of money, 0 or more"
        )
    return amount


def _book_price(spec: ModelSpec, when: datetime) -> Price:
    entry = _find(spec.provider, spec.name, spec.base_url)
    if isinstance(entry, str):
        return Price(source=entry)
    prices = entry.get_prices(when)
    amounts = [_base(getattr(prices, f"{key}_mtok", None)) for key in ("input", "output")]
    if None in amounts:
        reason = f"{price_book()} has no token price for {spec.name!r}; {_advice(spec.name)}"
        return Price(source=reason)
    cached = _base(getattr(prices, "cache_read_mtok", None))
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
