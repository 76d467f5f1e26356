"""From when on a price is old."""

from __future__ import annotations

from datetime import date, timedelta

from steelyard.model.price_age import age_of, stale_after_days, stale_price

DAY = date(2026, 12, 1)


def test_a_price_is_old_after_180_days() -> None:
    assert stale_after_days() == 180
    assert age_of(DAY - timedelta(days=180), DAY) == (180, False)
    assert age_of(DAY - timedelta(days=181), DAY) == (181, True)
    assert age_of("2026-11", DAY) == (30, False)


def test_without_a_day_that_has_come_there_is_no_age() -> None:
    for day in (None, "", DAY + timedelta(days=1)):
        assert age_of(day, DAY) == (None, False)


def test_an_old_price_names_its_source_where_that_is_not_the_user() -> None:
    assert (
        stale_price("label", 200) == "the price of label is 200 days old, more than 180: check it"
    )
    assert stale_price("m", 200, "a list") == (
        "the price of m (a list) is 200 days old, more than 180: check it"
    )
