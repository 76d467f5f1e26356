"""How old a price is, and what to say of one that is too old to be trusted."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from steelyard.config.dated import parse_day
from steelyard.packaged import packaged
from steelyard.words import counted


def stale_after_days() -> int:
    """From how many days on a price is marked as old."""
    return int(packaged("economics/data/examples.yaml")["stale_after_days"])


class PriceAge(NamedTuple):
    """Days since a price was read, ``None`` where no date is known or it is later than the day asked for."""

    days: int | None = None
    is_stale: bool = False


def age_of(read_on: date | str | None, day: date) -> PriceAge:
    """The age on ``day`` of a price that was read on a day, or in a month, as text or not at all."""
    since = parse_day(read_on) if read_on else None
    if since is None or since > day:
        return PriceAge()
    days = (day - since).days
    return PriceAge(days, days > stale_after_days())


def stale_price(name: str, days: int, source: str = "") -> str:
    """That the price of something is old; ``source`` is whose price it is, where it is not the user's."""
    whose = f" ({source})" if source else ""
    old = f"{counted(days, 'day')} old, more than {stale_after_days()}"
    return f"the price of {name}{whose} is {old}: check it"


def later_price(name: str, read_on: date | str, day: date) -> str:
    """That a price was read after the day at whose prices is weighed."""
    return f"the price of {name} is from {read_on}, after {day}, at whose prices this is weighed"


def stale_book(newest: date, name: str) -> str:
    """That the book of prices is old."""
    return (
        f"the newest change in the book of prices is of {newest}, more than {stale_after_days()} days ago: "
        f"check the price of {name}"
    )
