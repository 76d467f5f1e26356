"""The prices of a run in words, each with its source and age."""

from __future__ import annotations

from typing import NamedTuple

from steelyard.report import formats
from steelyard.result.run import PriceResult
from steelyard.words import counted

STALE = "older than 180 days"


class PriceRow(NamedTuple):
    """A price as the report shows it; what is not known of it is empty."""

    name: str
    amounts: str
    source: str
    date: str
    age: str

    @classmethod
    def of(cls, price: PriceResult) -> PriceRow:
        return cls(price.name, _amounts(price), price.source, price.date, _age(price))


def _age(price: PriceResult) -> str:
    if price.age_days is None:
        return "" if price.date or not _amounts(price) else "no date given"
    return f"{counted(price.age_days, 'day')} old{f', {STALE}' if price.is_stale else ''}"


def _amounts(price: PriceResult) -> str:
    if price.each is not None:
        return f"{formats.money(price.each, price.currency)} each"
    if price.machine_hour is not None:
        return f"{formats.money(price.machine_hour, price.currency)} per machine hour{_paid(price)}"
    if price.input is None:
        return ""
    kinds = {"in": price.input, "cached": price.cached, "out": price.output}
    listed = ", ".join(f"{formats.money(v, price.currency)} {kind}" for kind, v in kinds.items())
    return f"{listed}, per million tokens"


def _paid(price: PriceResult) -> str:
    """How the hours of a machine are counted; older results do not say it."""
    if price.shared is None:
        return ""
    if price.shared:
        return ", for the time that it is busy, at the measured throughput"
    return ", for every hour, since it is always on; arms that ask no model pay for its busy time"
