"""Prices in the report: amounts, how a machine is paid, and their age."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.report import render
from steelyard.report.price_rows import PriceRow
from steelyard.result import parse_result
from steelyard.result.run import PriceResult


def row(**fields: Any) -> PriceRow:
    return PriceRow.of(PriceResult.model_validate({"name": "m", "currency": "EUR", **fields}))


@pytest.mark.parametrize(
    ("shared", "words"),
    [
        (None, "€1.25 per machine hour"),
        (True, "€1.25 per machine hour, for the time that it is busy, at the measured throughput"),
        (
            False,
            "€1.25 per machine hour, for every hour, since it is always on; arms that ask no model "
            "pay for its busy time",
        ),
    ],
)
def test_how_a_machine_is_paid(shared: bool | None, words: str) -> None:
    assert row(machine_hour="1.25", shared=shared).amounts == words


def test_amounts_of_tokens_and_of_one_thing() -> None:
    assert row(input=1, output=2).amounts == "€1.00 in, – cached, €2.00 out, per million tokens"
    assert row(each="0.3").amounts == "€0.30 each"
    assert row().amounts == ""


def test_age_and_mark_are_the_results() -> None:
    assert row().age == "" == row(each="0.3", date="2027-01-01").age
    assert row(each="0.3").age == "no date given"
    assert row(age_days=3).age == "3 days old"
    assert row(age_days=200, is_stale=True).age == "200 days old, older than 180 days"


def test_the_page_shows_an_old_price(result: dict[str, Any]) -> None:
    price = {
        "name": "m",
        "each": "0.3",
        "source": "a list",
        "date": "2020-01-01",
        "currency": "EUR",
    }
    result["prices"] = [{**price, "age_days": 999, "is_stale": True}]
    page = render(parse_result(result))
    assert "<td>2020-01-01 <small>999 days old, older than 180 days</small></td>" in page
    assert "m: a list, 2020-01-01, 999 days old, older than 180 days." in page
