"""Whether two JSON values that are no containers say the same."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from typing import Any

from steelyard.score.fields.types import Likeness

_MONTHS = "january february march april may june july august september october november december"
_MONTH_OF = {name[:3]: place for place, name in enumerate(_MONTHS.split(), 1)}
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([A-Za-z]{3,9})\.?,? (\d{4})")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_NUMERIC = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")


def same(said: Any, wanted: Any, path: str, likeness: Likeness) -> bool:
    """Whether ``said`` is the value ``wanted`` at ``path``.

    A number is no text and true is not 1. Dates are the same day (or moment) however they are
    written; days and months in figures only are read year first, as other orders are ambiguous.
    """
    if isinstance(wanted, bool) or isinstance(said, bool):
        return said is wanted
    if isinstance(wanted, int | float) and isinstance(said, int | float):
        return _close(said, wanted, likeness.tolerance)
    if isinstance(wanted, str) and isinstance(said, str):
        return _same_text(said, wanted, path, likeness)
    return bool(said == wanted)


def _close(said: float, wanted: float, tolerance: float) -> bool:
    if said == wanted:
        return True
    try:
        return abs(said - wanted) <= tolerance * max(abs(said), abs(wanted))
    except OverflowError:  # an integer beyond what a float holds
        return False


def _same_text(said: str, wanted: str, path: str, likeness: Likeness) -> bool:
    kind = likeness.kind(path)
    if kind == "verbatim":
        return said == wanted
    if kind == "date" and (moment := as_date(wanted)) is not None:
        return as_date(said) == moment
    return _folded(said, likeness.case) == _folded(wanted, likeness.case)


def _folded(text: str, case: bool) -> str:
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    return plain if case else plain.casefold()


def as_date(text: str) -> date | datetime | None:
    """The day, or the moment, that a text names; ``None`` where it is none.

    A moment with its offset is turned to UTC, and is none where that leaves the calendar; midnight
    without an offset is the day.
    """
    plain = " ".join(text.split())
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError:
        return _written_out(plain)
    if moment.tzinfo is not None:
        return _in_utc(moment)
    return moment if any((moment.hour, moment.minute, moment.second)) else moment.date()


def _in_utc(moment: datetime) -> datetime | None:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999
        return None


def _written_out(text: str) -> date | None:
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year = found[1], _MONTH_OF.get(found[2][:3].casefold()), found[3]
    elif found := _MONTH_FIRST.fullmatch(text):
        month, day, year = _MONTH_OF.get(found[1][:3].casefold()), found[2], found[3]
    elif found := _NUMERIC.fullmatch(text):
        year, month, day = found[1], int(found[2]), found[3]
    else:
        return None
    try:
        return None if month is None else date(int(year), month, int(day))
    except ValueError:
        return None
