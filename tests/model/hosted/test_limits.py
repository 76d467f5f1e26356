from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from steelyard.model.hosted.wire import RateLimits, read_limits, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        ("12ms", 0.012),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3600.0),  # the longest wait that is believed
        ("", None),
        (None, None),
        ("soon", None),
        ("-3", None),
        ("3 apples", None),
    ],
)
def test_lengths_of_time(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


def test_what_an_endpoint_says_of_its_limits() -> None:
    found = read_limits(
        {
            "retry-after": "2",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )
    assert found == RateLimits(2.0, 0, pytest.approx(0.12), 149984, 360.0)
    assert read_limits({}) == RateLimits()


def test_a_wait_in_milliseconds_or_until_a_date() -> None:
    assert read_limits({"retry-after-ms": "1500", "retry-after": "9"}).wait_seconds == 1.5
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = read_limits({"retry-after": later}).wait_seconds
    assert wait is not None
    assert 25 < wait <= 30
    earlier = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert read_limits({"retry-after": earlier}).wait_seconds == 0.0
    assert read_limits({"retry-after": "never"}).wait_seconds is None
