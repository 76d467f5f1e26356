from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from steelyard.errors import ConfigError
from steelyard.model.prices import machine_price, price_book, price_for

WHEN = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_book_knows_a_hosted_model_and_says_where_from():
    price = price_for("openai", "gpt-4o-mini", when=WHEN)
    assert (price.input, price.cached, price.output) == (
        Decimal("0.15"),
        Decimal("0.075"),
        Decimal("0.6"),
    )
    assert price.source == price_book()
    assert price.source.startswith("genai-prices ")


def test_a_compatible_endpoint_is_found_by_its_address():
    price = price_for("openai", "gpt-4o-mini", base_url="https://api.openai.com/v1", when=WHEN)
    assert price.input == Decimal("0.15")


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:8000/v1"])
def test_an_unknown_hosted_price_is_none_with_a_reason(base_url):
    price = price_for("openai", "my-model", base_url=base_url)
    assert price.input is price.output is price.machine_hour is None
    assert "no price known for 'my-model'" in price.source
    assert "add prices:" in price.source


def test_your_prices_win_over_the_book():
    own = {"gpt-4o-mini": {"input": 1, "cached": None, "output": 2.5}}
    price = price_for("openai", "gpt-4o-mini", own, when=WHEN)
    assert (price.input, price.cached, price.output) == (Decimal(1), None, Decimal("2.5"))
    assert "your prices" in price.source


def test_your_part_of_a_price_is_completed_by_the_book():
    price = price_for("openai", "gpt-4o-mini", {"openai:gpt-4o-mini": {"output": 9}}, when=WHEN)
    assert (price.input, price.output) == (Decimal("0.15"), Decimal(9))


def test_local_models_are_paid_by_the_hour():
    assumed = price_for("embedded", "smollm2-135m")
    assert assumed == machine_price()
    assert assumed.machine_hour == Decimal("0.09")
    assert "assumption" in assumed.source and assumed.date
    own = price_for("hf", "some/folder", {"machine": {"per_hour": "1.5"}})
    assert own.machine_hour == Decimal("1.5")
    assert "your prices" in own.source


def test_a_model_of_your_own_may_be_paid_by_the_hour():
    price = price_for("openai", "mine", {"mine": {"per_hour": 2}}, base_url="http://localhost/v1")
    assert (price.machine_hour, price.input) == (Decimal(2), None)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"m": {"inptu": 1}}, r"unknown key 'inptu' \(did you mean 'input'\?\)"),
        ({"m": {"input": -1}}, r"prices\.m\.input is -1"),
        ({"m": {"input": "free"}}, r"'free'"),
        ({"m": {"input": float("nan")}}, "nan"),
        ({"m": {"input": True}}, "True"),
        ({"machine": {"per_hour": None}}, "lacks per_hour"),
    ],
)
def test_bad_prices_are_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        price_for("openai", "other", overrides)
