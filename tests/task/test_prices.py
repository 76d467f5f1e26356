"""Prices in ``task.yaml``: their date, source and currency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from steelyard.errors import ConfigError
from steelyard.model.base import ModelSpec
from steelyard.model.prices import machine_price, price_of
from steelyard.task import Task
from steelyard.task.prices import about_amounts
from tests.conftest import MakeTask

OWN = {"input": 1, "output": 2, "date": "2026-05", "source": "the vendor's mail"}
MODEL = ModelSpec("openai", "gpt-4o-mini")


def task(make_task: MakeTask, **keys: Any) -> Task:
    return make_task({"e.jsonl": [{"input": "a", "output": "b"}]}, **keys)


def test_a_price_keeps_its_date_and_source(make_task: MakeTask) -> None:
    machine = {"hour": 2, "date": "2026-11-30", "currency": "EUR"}
    prices = task(make_task, currency="EUR", prices={"gpt-4o-mini": OWN, "machine": machine})
    price = price_of(MODEL, prices.model_prices)
    assert (price.currency, price.source, price.date) == ("EUR", "the vendor's mail", "2026-05-01")
    assert (price.input, price.cached, price.output) == (1, None, 2)
    hour = machine_price(prices.model_prices)
    assert (hour.currency, hour.machine_hour, hour.date) == ("EUR", 2, "2026-11-30")


def test_an_amount_may_be_dated_too(make_task: MakeTask) -> None:
    label = {"amount": "1,000.5", "date": "2026-01-02", "source": "crowd"}
    dated = task(make_task, prices={"label": label, "hour": 90})
    assert (dated.label_price, dated.hour_price) == (Decimal("1000.5"), 90)
    rows = {
        name: (amount, p.source, p.date) for name, amount, p in about_amounts(dated.prices, "USD")
    }
    assert rows == {
        "label": (Decimal("1000.5"), "crowd", "2026-01-02"),
        "hour": (90, "your prices in task.yaml", ""),
    }
    again = task(make_task, prices=dated.to_config()["prices"])
    assert again.prices == dated.prices


def test_what_the_book_adds_makes_the_price_as_old_as_the_older(make_task: MakeTask) -> None:
    half = {"input": 1, "date": "2020-01-01"}
    price = price_of(MODEL, task(make_task, prices={"gpt-4o-mini": half}).model_prices)
    assert price.date == "2020-01-01"
    assert price.source.startswith("your prices in task.yaml; the rest from genai-prices")
    book = price_of(MODEL)
    assert book.date and book.date in book.source


def test_an_unknown_price_is_in_the_tasks_currency(make_task: MakeTask) -> None:
    prices = task(make_task, currency="EUR").model_prices
    assert price_of(ModelSpec("openai", "no-such"), prices).currency == "EUR"
    assert price_of(MODEL, prices).currency == "USD"  # the plan refuses it


def test_an_amount_over_a_book_in_another_currency_is_refused(make_task: MakeTask) -> None:
    prices = task(make_task, currency="EUR", prices={"gpt-4o-mini": {"input": 1}}).model_prices
    with pytest.raises(
        ConfigError, match=r"prices\.gpt-4o-mini is in EUR, and what it leaves out is in USD"
    ):
        price_of(MODEL, prices)


LATER = str(datetime.now(UTC).date() + timedelta(days=3))


@pytest.mark.parametrize(
    ("prices", "message"),
    [
        ({"label": {"amount": 1, "date": LATER}}, f"prices.label: date {LATER} is still to come"),
        ({"m": {**OWN, "date": LATER}}, f"prices.m: date {LATER} is still to come"),
        ({"machine": {"hour": 1, "date": "soon"}}, r"prices.machine.date: 'soon' is not a date"),
        ({"m": {**OWN, "currency": "EUR"}}, r"prices.m is in EUR, and this task in USD"),
        (
            {"hour": {"amount": 1, "currency": "EUR"}},
            r"prices.hour is in EUR, and this task in USD",
        ),
        ({"m": {"amount": 1}}, r"write the price of m as \{input"),
        ({"machine": {"amount": 1}}, r"write the price of machine as \{per_hour"),
        ({"label": {"input": 1}}, r"write the price of label as 0\.30"),
        ({"m": {"date": "2026-01-01"}}, r"prices.m: no price given"),
        (
            {"label": {"amount": 1, "dat": "2026-01-01"}},
            r"unknown key 'dat' \(did you mean 'date'\?\)",
        ),
        ({"label": "0,30"}, r"prices.label: '0,30' can be read in two ways"),
    ],
)
def test_bad_prices_are_refused_in_one_line(
    make_task: MakeTask, prices: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        task(make_task, prices=prices)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "prices",
    [
        {"m": {"input": 1e9, "output": 1}},
        {"m": {"input": 1, "output": 99_999_999}},
        {"m": {"input": 1, "output": 1, "hosting_hour": 1e11}},
        {"machine": {"per_hour": 2_000_000}},
        {"label": 5_000_000},
    ],
)
def test_a_price_that_no_vendor_asks_is_a_slip(make_task: MakeTask, prices: Any) -> None:
    """The same limits as in the calculator."""
    with pytest.raises(ConfigError, match="at most"):
        task(make_task, prices=prices)
