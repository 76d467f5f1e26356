"""What an endpoint says of its limits in the headers of an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import NamedTuple

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNIT_NAMES = {
    name: unit
    for unit, names in {
        "ms": "ms milliseconds millisecond",
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
    }.items()
    for name in names.split()
}
_PART = rf"\d{{1,9}}(?:\.\d{{1,12}})?\s?(?:{'|'.join(sorted(_UNIT_NAMES, key=len, reverse=True))})(?![a-z])"
_PARTS = re.compile(r"(\d{1,9}(?:\.\d{1,12})?)\s?([a-z]+)", re.IGNORECASE)
_ASKED = re.compile(
    rf'"retry_?(?:delay|after)"\s{{0,4}}:\s{{0,4}}"(?P<delay>{_PART})"'
    rf"|\b(?:re)?try(?: again)? (?:in|after) (?P<wait>{_PART}"
    rf"(?:\s?{_PART})*)",
    re.IGNORECASE,
)
_MOST_ASKED = 10
_LONGEST_WAIT = 30 * 86400.0
_HOURS_FROM = 7200.0
_EPOCH_FROM = 10.0**9  # seconds: a wait of 31 years, or a day in 2001


class RateLimits(NamedTuple):
    """Seconds to wait before the next request, as asked for; requests and tokens left, if said."""

    wait_seconds: float | None = None
    requests_left: int | None = None
    requests_reset_seconds: float | None = None
    tokens_left: int | None = None
    tokens_reset_seconds: float | None = None


def read_limits(headers: Mapping[str, str]) -> RateLimits:
    """Read ``retry-after`` (RFC 9110, 10.2.3), ``retry-after-ms`` and ``x-ratelimit-*``."""
    return RateLimits(
        wait_seconds=_wait(headers),
        requests_left=_whole(headers.get("x-ratelimit-remaining-requests")),
        requests_reset_seconds=seconds_of(headers.get("x-ratelimit-reset-requests")),
        tokens_left=_whole(headers.get("x-ratelimit-remaining-tokens")),
        tokens_reset_seconds=seconds_of(headers.get("x-ratelimit-reset-tokens")),
    )


def _wait(headers: Mapping[str, str]) -> float | None:
    exact = seconds_of(f"{headers.get('retry-after-ms', '').strip()}ms")
    if exact is not None:
        return exact
    header = headers.get("retry-after")
    seconds = seconds_of(header)
    if seconds is None and header:
        seconds = _until(header)
    return seconds


def wait_in(body: str) -> float | None:
    """Seconds to wait that an error itself asks for, as Google's and OpenAI's do; the longest of several."""
    waits = [
        seconds_of(
            "".join(part[0] + _UNIT_NAMES[part[1].lower()] for part in _PARTS.findall(found))
        )
        for match in islice(_ASKED.finditer(body), _MOST_ASKED)
        for found in [match["delay"] or match["wait"]]
    ]
    return max((wait for wait in waits if wait is not None), default=None)


def _until(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT)


def seconds_of(text: str | None) -> float | None:
    """Read ``7.5``, ``7.5s`` or ``1m30s`` as seconds; ``None`` for anything else.

    A bare number from `_EPOCH_FROM` is a time, since 1970: the seconds until then.
    """
    if not text:
        return None
    try:
        value = _until_epoch(float(text))
    except ValueError:
        parts = _LENGTH.findall(text)
        if "".join(number + unit for number, unit in parts) != text.strip():
            return None
        value = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return min(value, _LONGEST_WAIT) if value >= 0 else None


def _until_epoch(value: float) -> float:
    """A wait as it is; of a time in seconds, or in thousandths of them or finer, the wait until then."""
    if not _EPOCH_FROM <= value < math.inf:
        return value
    while value >= _EPOCH_FROM * 1000:
        value /= 1000
    return max(0.0, value - datetime.now(UTC).timestamp())


def in_words(seconds: float) -> str:
    """A wait as people read it: ``90 s``, ``24 h``."""
    return f"{seconds:,.0f} s" if seconds < _HOURS_FROM else f"{seconds / 3600:.3g} h"


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None
