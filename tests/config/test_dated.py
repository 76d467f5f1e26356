"""What a price may say of itself: the day, the source, the currency."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import ValidationError

from steelyard.config.dated import DatedSection, is_to_come, parse_day

TODAY = datetime.now(UTC).date()


def test_a_day_or_a_month() -> None:
    assert parse_day("2026-11-30") == parse_day(date(2026, 11, 30)) == date(2026, 11, 30)
    assert parse_day("2026-11") == date(2026, 11, 1)


@pytest.mark.parametrize("text", ["yesterday", "30.11.2026", "2026-13", "2026-02-30", 3.5])
def test_what_is_no_date_is_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="is not a date: write it as 2026-12-31"):
        DatedSection.model_validate({"date": text})


def test_a_day_has_come_where_it_has_begun_anywhere() -> None:
    assert not is_to_come(TODAY)
    assert is_to_come(TODAY + timedelta(days=2))
    later = DatedSection.model_validate({"date": TODAY + timedelta(days=9)})
    assert later.date_problem() is not None
    assert "is still to come" in str(later.date_problem(TODAY))
    assert later.date_problem(TODAY + timedelta(days=9)) is None
    assert DatedSection().date_problem() is None


@pytest.mark.parametrize("code", ["eur", "EURO", "€", "E1R", ""])
def test_a_currency_is_its_code(code: str) -> None:
    with pytest.raises(ValidationError, match="is no currency: write its code, such as EUR"):
        DatedSection.model_validate({"currency": code})
    assert DatedSection.model_validate({"currency": "CHF"}).currency == "CHF"
