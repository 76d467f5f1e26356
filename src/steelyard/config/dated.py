"""Days as people write them, and what every price may say of itself: currency, day, source."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from steelyard.config.section import Name, Section
from steelyard.words import shortened

_MONTH, _CODE = len("2026-12"), len("EUR")
_FIRST_TO_BEGIN = timedelta(hours=14)  # of the zone in which a day begins first


def parse_day(value: object) -> date:
    """Read a day, ``2026-11-30``, or a month for its first day. Raises `ValueError`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        text = str(value)
        return date.fromisoformat(f"{text}-01" if len(text) == _MONTH else text)
    except ValueError:
        raise ValueError(
            f"{shortened(repr(value), 40)} is not a date: write it as 2026-12-31"
        ) from None


def is_to_come(day: date) -> bool:
    """Whether a day has begun nowhere yet."""
    return day > (datetime.now(UTC) + _FIRST_TO_BEGIN).date()


def parse_price_day(value: object) -> date:
    """Read the day whose prices hold, as `parse_day` does; one to come has none. Raises `ValueError`."""
    day = parse_day(value)
    if is_to_come(day):
        raise ValueError(
            f"{day} is still to come, and nobody knows its prices: give a day up to today"
        )
    return day


PriceDay = Annotated[date, BeforeValidator(parse_price_day)]
"""A field that takes what `parse_price_day` does."""
DayText = Annotated[date, BeforeValidator(parse_day)]
"""A field that takes what `parse_day` does."""
DayOrNone = date | None


def _code(text: str) -> str:
    if len(text) != _CODE or not (text.isascii() and text.isalpha() and text.isupper()):
        raise ValueError(f"{shortened(repr(text), 40)} is no currency: write its code, such as EUR")
    return text


Currency = Annotated[str, AfterValidator(_code)]
"""A currency by its code: ``EUR``."""


class DatedSection(Section):
    """A price's currency, the day from which it is, and where it stands."""

    currency: Currency | None = None
    date: DayText | None = None
    source: Name | None = None

    def date_problem(self, until: DayOrNone = None) -> str | None:
        """What is wrong with a date that is later than ``until`` and still to come; else ``None``."""
        day = self.date
        if day is None or not is_to_come(day) or (until is not None and day <= until):
            return None
        return f"date {day} is still to come: give the day on which the price was read"
