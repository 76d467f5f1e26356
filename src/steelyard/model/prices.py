"""What a model costs: the user's prices, then the bundled book, then a machine by the hour.

An unknown hosted price is ``None`` with the reason in ``source``, never 0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from steelyard.config.section import unknown_keys
from steelyard.core import Price
from steelyard.errors import ConfigError
from steelyard.model.base import ModelProvider, ModelSpec, provider_of
from steelyard.model.config import endpoints
from steelyard.model.hosted.address import DEFAULT_BASE_URL
from steelyard.model.price_book import (
    find_in_book,
    of_book,
    plain_price,
    price_advice,
    price_in_book,
)
from steelyard.packaged import packaged

LABEL, HOUR, MACHINE = "label", "hour", "machine"
"""In ``prices``: one labelled example, an hour of a person, an hour of the machine of local models."""
_GPU_DEVICES = ("nvidia*", "nvhost*", "nvgpu*", "dxg", "kfd")
"""Device files of NVIDIA's driver, its boards, the Windows subsystem and AMD's driver."""
_TRAINING = "training"
_BATCH = "batch"
_TOKENS = ("input", "cached", "output")
_KEYS = (*_TOKENS, "per_hour", _BATCH, _TRAINING)
_ABOUT = ("currency", "date", "source")
YOURS = "your prices in task.yaml"

Overrides = Mapping[str, Mapping[str, Any]]


class PriceRows(dict[str, Mapping[str, Any]]):
    """A task's prices of models and of the machine by name, all in one ``currency``.

    A row may say with ``date`` and ``source`` when and where its amounts were read.
    """

    def __init__(self, rows: Overrides, currency: str) -> None:
        super().__init__(rows)
        self.currency = currency


def _currency(overrides: Overrides | None) -> str:
    return overrides.currency if isinstance(overrides, PriceRows) else Price().currency


class _Row(NamedTuple):
    """The user's amounts of one model, and what is said of them."""

    amounts: Mapping[str, Decimal] = {}
    currency: str = Price().currency
    date: str = ""
    source: str = YOURS


def price_of(
    spec: ModelSpec, overrides: Overrides | None = None, *, when: datetime | None = None
) -> Price:
    """Return the price of the model's requests: direct, or of batches if it is asked in batches.

    ``overrides`` is the task's ``prices``: per million tokens, or ``per_hour``, under the model's
    name (or ``provider:name``), each winning over the book. Local models are priced by
    :func:`machine_price`. Hosted ones are looked up at their endpoint's provider; ``when`` (default:
    now) picks among dated prices. A tuned hosted model has a price of its own, never its base's: see
    `_tuned_price`. The price is in its own currency, which may not be that of the overrides; one that is
    not known is in theirs. Bad overrides, and a price of two currencies, raise `ConfigError`.
    """
    row = _own_row(spec, overrides)
    price = _direct_price(spec, row, overrides, when or datetime.now(UTC))
    if spec.batch:
        price = _batch_price(price, row.amounts.get(_BATCH), spec.base_url)
    if price.input is None and price.machine_hour is None:
        price = replace(price, currency=_currency(overrides))
    return replace(price, training=row.amounts.get(_TRAINING))


def embedding_price(
    spec: ModelSpec, overrides: Overrides | None = None, *, when: datetime | None = None
) -> Price:
    """Return the price of vectors of texts, as `price_of` does: only what goes in is paid.

    An unknown one is ``None`` with the reason in ``source``.
    """
    row = _own_row(spec, overrides)
    if "per_hour" in row.amounts or "input" in row.amounts:
        return _own_price(row._replace(amounts={"output": Decimal(0), **row.amounts}))
    entry = find_in_book(spec.provider, spec.name, spec.base_url)
    listed = None if isinstance(entry, str) else entry.get_prices(when or datetime.now(UTC))
    amount = plain_price(getattr(listed, "input_mtok", None))
    if amount is None:
        reason = f"no price known for {spec.name!r} at {spec.base_url or spec.provider}"
        advice = _embedding_advice(spec.name)
        return Price(_currency(overrides), source=f"{reason}; {advice}")
    return replace(of_book(), input=amount, output=Decimal(0))


def _embedding_advice(name: str) -> str:
    return f"add prices: {{{name}: {{input: ...}}}} per million tokens to task.yaml"


def _own_row(spec: ModelSpec, overrides: Overrides | None) -> _Row:
    """The user's amounts for a model; a tuned one without a name yet goes by ``ft:BASE``."""
    every = _rows(overrides)
    names = [f"{spec.provider}:{spec.name}", spec.name]
    if spec.tuned_from is not None:
        names.append(spec.tuned_key)
    rows = (every[name] for name in names if name in every and name != MACHINE)
    return next((row for row in rows if row.amounts), _Row(currency=_currency(overrides)))


def _direct_price(spec: ModelSpec, row: _Row, overrides: Overrides | None, when: datetime) -> Price:
    amounts = row.amounts
    if "per_hour" in amounts or {"input", "output"} <= set(amounts):
        return _own_price(row)
    provider = provider_of(spec)
    if provider.is_local:
        is_known = MACHINE in (overrides or {}) or not _on_gpu(provider)
        return machine_price(overrides) if is_known else _GPU_PRICE
    if spec.tuned_from is None:
        listed = price_in_book(spec, when)
    else:
        listed = _tuned_price(spec, when, row.currency)
    return _over_book(spec, row, listed) if set(amounts) - {_BATCH, _TRAINING} else listed


def _tuned_price(spec: ModelSpec, when: datetime, currency: str) -> Price:
    """The book's price where it lists tuned models apart from their base, else unknown.

    Names in the book match by how they begin, so that a tuned model may be found as its base. A tuned model
    comes to be within a run, so that it is too late to refuse a price in another currency: it is unknown.
    """
    entry = find_in_book(spec.provider, spec.name, spec.base_url)
    if not isinstance(entry, str) and entry != find_in_book(
        spec.provider, spec.base.name, spec.base_url
    ):
        listed = price_in_book(spec, when)
        if listed.currency == currency:
            return listed
        in_other = f"the book's price of {spec.name!r} is in {listed.currency}, not in {currency}"
        return Price(currency, source=f"{in_other}; {price_advice(spec.tuned_key)}")
    return Price(
        source=f"no price known for {spec.name!r}, and the price of {spec.base.name!r}, which it was tuned "
        f"from, does not apply; {price_advice(spec.tuned_key)}"
    )


def _batch_price(price: Price, share: Decimal | None, base_url: str | None) -> Price:
    """The price in a batch: the user's share of the direct price, or that of the endpoint."""
    if price.machine_hour is not None:
        return price
    source = f"batches at {share} of that, from {YOURS}"
    if share is None:
        terms = _batch_terms(base_url)
        if terms is None:
            full = "no batch price is known for this endpoint, so the full price is used"
            return replace(price, source=f"{price.source}; {full}")
        share = Decimal(str(terms["share"]))
        source = f"batches at {share} of that, {terms['source']}, {terms['date']}"
    cheaper = {
        key: amount * share for key in _TOKENS if (amount := getattr(price, key)) is not None
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
    row = _rows(overrides).get(MACHINE)
    if row is not None:
        return _own_price(row)
    entry = packaged("model/data/machines.json")
    default = entry["default"]
    return Price(
        currency=default["currency"],
        machine_hour=Decimal(default["per_hour"]),
        source=f"{default['description']}; {default['source']}",
        date=default["date"],
    )


def training_price(name: str, overrides: Overrides | None = None) -> Decimal | None:
    """What a million training tokens of ``name`` cost by the user's ``prices``, in their currency.

    The book has none, and providers change theirs: ``None`` where the user gives no ``training``.
    """
    return _rows(overrides).get(name, _Row()).amounts.get(_TRAINING)


def _rows(overrides: Overrides | None) -> dict[str, _Row]:
    """The rows with the amounts that are set; an unknown key or a bad amount raises `ConfigError`."""
    rows: dict[str, _Row] = {}
    for name, entry in (overrides or {}).items():
        if unknown := [key for key in entry if key not in (*_KEYS, *_ABOUT)]:
            raise ConfigError(f"prices.{name}: {unknown_keys(unknown, _KEYS, 'key')}")
        amounts = {
            key: _amount(name, key, value)
            for key, value in entry.items()
            if value is not None and key not in _ABOUT
        }
        if name == MACHINE and "per_hour" not in amounts:
            raise ConfigError(f"prices.{MACHINE} lacks per_hour; give what an hour costs")
        rows[name] = _Row(
            amounts,
            _currency(overrides),
            str(entry.get("date") or ""),
            entry.get("source") or YOURS,
        )
    return rows


def _own_price(row: _Row) -> Price:
    if "per_hour" in row.amounts:
        hour = row.amounts["per_hour"]
        return Price(row.currency, machine_hour=hour, source=row.source, date=row.date)
    whole = {key: row.amounts.get(key) for key in _TOKENS}
    return Price(row.currency, **whole, source=row.source, date=row.date)


def _over_book(spec: ModelSpec, row: _Row, listed: Price) -> Price:
    """The user's amounts over the listed ones, as old as the older of the two."""
    if listed.input is not None and listed.currency != row.currency:
        raise ConfigError(
            f"prices.{spec.name} is in {row.currency}, and what it leaves out is in {listed.currency}, from "
            f"{listed.source}: give input, cached and output in {row.currency}"
        )
    whole = {key: row.amounts.get(key, getattr(listed, key)) for key in _TOKENS}
    oldest = min(filter(None, (row.date, listed.date)), default="")
    source = f"{row.source}; the rest from {listed.source}"
    return Price(row.currency, **whole, source=source, date=oldest)


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
