"""What the user gave and no sum uses, named by its key: nothing is left out without a word."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from steelyard.calculator.prices import MODEL_KINDS, PriceList
from steelyard.calculator.sections import CostConfig, ModelPrices, WayConfig
from steelyard.economics.sheet import RETRAINING, CostSheet

_OF_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cached_share",
    "batch_share",
    "multiplier",
    "output_multiplier",
)


def not_used(prices: PriceList, sheets: tuple[CostSheet, ...]) -> tuple[str, ...]:
    """The keys, each with the reason where it is not plain; ``sheets`` are those of the ways, in order."""
    config = prices.config
    keys = [*_of_prices(prices), *_of_traffic(config), *_of_paths(config, sheets)]
    for sheet, (name, way) in zip(sheets, config.ways.items(), strict=True):
        keys += [f"ways.{name}.{text}" for text in _of_way(way, sheet, config)]
    return tuple(keys)


def _of_prices(prices: PriceList) -> Iterator[str]:
    for name, entry in prices.config.prices.items():
        paid = prices.used_keys.get(name)
        if paid is None:
            yield f"prices.{name}"
        elif isinstance(entry, ModelPrices):
            written = [kind for kind in MODEL_KINDS if getattr(entry, kind) is not None]
            yield from (f"prices.{name}.{kind}" for kind in written if kind not in paid)


def _of_traffic(config: CostConfig) -> Iterator[str]:
    ways = config.ways.values()
    if config.traffic.peak is not None and not any(way.machine_seconds for way in ways):
        yield "traffic.peak (no way has a machine of its own)"
    if config.traffic.changes_per_year is not None and not any(way.change for way in ways):
        yield "traffic.changes_per_year (no way has a change)"


def _of_paths(config: CostConfig, sheets: tuple[CostSheet, ...]) -> Iterator[str]:
    """Changes of prices that no way pays."""
    if config.uncertain is None:
        return
    pays = {
        "token_prices": any(sheet.tokens for sheet in sheets),
        "machine_prices": any(sheet.machine or sheet.hosted for sheet in sheets),
        "retraining": any(r.name == RETRAINING for sheet in sheets for r in sheet.recurring),
    }
    for key, is_paid in pays.items():
        if getattr(config.uncertain, key) and not is_paid:
            yield f"uncertain.{key} (no way has any)"


def _of_way(way: WayConfig, sheet: CostSheet, config: CostConfig) -> Iterator[str]:
    if way.machine_seconds is not None:
        yield from _given(way, _OF_TOKENS, "a machine is paid by its time")
    elif not way.input_tokens and not way.output_tokens:
        yield from _given(way, _OF_TOKENS[2:], "it has no tokens")
    elif not way.input_tokens:
        yield from _given(way, ("cached_share",), "it has no input tokens")
    elif not way.output_tokens:
        yield from _given(way, ("output_multiplier",), "it has no output tokens")
    if config.error_cost is None:
        yield from _given(way, ("quality",), "no error_cost")
    if not way.handover_share:
        yield from _given(way, ("handover_price",), "nothing is handed over")
    if sheet.end is not None and sheet.end.day >= config.traffic.horizon_days:
        yield from _given(way, ("ends", "rebuild"), "after the horizon")
    yield from _of_scenarios(way, config)
    for again in sheet.recurring:
        if not list(sheet.days_of(again, config.traffic.horizon_days)):
            key = "change" if again.counts_last_day else "retrain_days"
            yield f"{key} (none falls within the horizon)"
    if way.change is not None and not config.traffic.changes_per_year:
        yield "change (no changes a year)"


def _of_scenarios(way: WayConfig, config: CostConfig) -> Iterator[str]:
    """Standard errors enter scenarios only, each with the figure that it is of."""
    by_token = way.machine_seconds is None
    for key in ("input_tokens", "output_tokens", "quality"):
        mean: Decimal | None = getattr(way, key)
        enters = config.error_cost is not None if key == "quality" else by_token
        if config.uncertain is None:
            yield from _given(way, (f"{key}_sd",), "no uncertain, so no scenarios")
        elif not mean or not enters:
            yield from _given(way, (f"{key}_sd",), f"no {key} is in the sum")


def _given(way: WayConfig, keys: tuple[str, ...], why: str) -> Iterator[str]:
    yield from (f"{key} ({why})" for key in keys if getattr(way, key) is not None)
