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


@pytest.mark.parametrize(
    ("base_url", "share"),
    [
        (None, "0.5"),
        ("https://api.openai.com/v1", "0.5"),
        ("https://me.openai.azure.com/openai/v1", "0.5"),
        ("https://api.groq.com/openai/v1", "0.75"),
    ],
)
def test_a_batch_costs_the_providers_share(base_url: str | None, share: str) -> None:
    own = {"m": {"input": 2, "cached": 1, "output": 8}}
    price = price_for("openai", "m", own, base_url=base_url, batch=True)
    expected = [Decimal(share) * amount for amount in (2, 1, 8)]
    assert [price.input, price.cached, price.output] == expected
    assert f"in batches {share} of it" in price.source


def test_the_users_share_of_a_batch_wins() -> None:
    own = {"m": {"input": 2, "output": 8, "batch": "0.25"}}
    price = price_for("openai", "m", own, batch=True)
    assert (price.input, price.output) == (Decimal("0.5"), Decimal(2))
    assert price_for("openai", "m", own).output == 8


def test_an_unknown_batch_interface_counts_in_full_and_says_so() -> None:
    own = {"m": {"input": 2, "output": 8}}
    price = price_for("openai", "m", own, base_url="http://localhost:9/v1", batch=True)
    assert (price.input, price.output) == (2, 8)
    assert "the full one counts" in price.source


def test_a_listed_price_is_halved_too() -> None:
    direct, batched = (price_for("openai", "gpt-4o-mini", batch=batch) for batch in (False, True))
    assert direct.input is not None
    assert batched.input == direct.input / 2
