from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from steelyard.errors import ConfigError
from steelyard.model import ModelSpec
from steelyard.model.price_book import price_book
from steelyard.model.prices import machine_price, price_of

WHEN = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_book_knows_a_hosted_model_and_says_where_from():
    price = price_of(ModelSpec("openai", "gpt-4o-mini"), when=WHEN)
    assert (price.input, price.cached, price.output) == (
        Decimal("0.15"),
        Decimal("0.075"),
        Decimal("0.6"),
    )
    assert price.source == price_book()
    assert price.source.startswith("genai-prices ")


def test_a_compatible_endpoint_is_found_by_its_address():
    price = price_of(
        ModelSpec("openai", "gpt-4o-mini", base_url="https://api.openai.com/v1"), when=WHEN
    )
    assert price.input == Decimal("0.15")


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:8000/v1"])
def test_an_unknown_hosted_price_is_none_with_a_reason(base_url):
    price = price_of(ModelSpec("openai", "my-model", base_url=base_url))
    assert price.input is price.output is price.machine_hour is None
    assert "no price known for 'my-model'" in price.source
    assert "add prices:" in price.source


def test_your_prices_win_over_the_book():
    own = {"gpt-4o-mini": {"input": 1, "cached": None, "output": 2.5}}
    price = price_of(ModelSpec("openai", "gpt-4o-mini"), own, when=WHEN)
    assert (price.input, price.cached, price.output) == (Decimal(1), None, Decimal("2.5"))
    assert "your prices" in price.source


def test_your_part_of_a_price_is_completed_by_the_book():
    price = price_of(
        ModelSpec("openai", "gpt-4o-mini"), {"openai:gpt-4o-mini": {"output": 9}}, when=WHEN
    )
    assert (price.input, price.output) == (Decimal("0.15"), Decimal(9))


def test_local_models_are_paid_by_the_hour():
    assumed = price_of(ModelSpec("embedded", "smollm2-135m"))
    assert assumed == machine_price()
    assert assumed.machine_hour == Decimal("0.09")
    assert "assumption" in assumed.source and assumed.date
    own = price_of(ModelSpec("hf", "some/folder"), {"machine": {"per_hour": "1.5"}})
    assert own.machine_hour == Decimal("1.5")
    assert "your prices" in own.source


def test_a_model_of_your_own_may_be_paid_by_the_hour():
    price = price_of(
        ModelSpec("openai", "mine", base_url="http://localhost/v1"), {"mine": {"per_hour": 2}}
    )
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
        price_of(ModelSpec("openai", "other"), overrides)


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
    price = price_of(ModelSpec("openai", "m", base_url=base_url, batch=True), own)
    expected = [Decimal(share) * amount for amount in (2, 1, 8)]
    assert [price.input, price.cached, price.output] == expected
    assert f"batches at {share} of that" in price.source


def test_the_users_share_of_a_batch_wins() -> None:
    own = {"m": {"input": 2, "output": 8, "batch": "0.25"}}
    price = price_of(ModelSpec("openai", "m", batch=True), own)
    assert (price.input, price.output) == (Decimal("0.5"), Decimal(2))
    assert price_of(ModelSpec("openai", "m"), own).output == 8


def test_an_unknown_batch_interface_counts_in_full_and_says_so() -> None:
    own = {"m": {"input": 2, "output": 8}}
    price = price_of(ModelSpec("openai", "m", base_url="http://localhost:9/v1", batch=True), own)
    assert (price.input, price.output) == (2, 8)
    assert "the full price is used" in price.source


def test_a_listed_price_is_halved_too() -> None:
    direct, batched = (
        price_of(ModelSpec("openai", "gpt-4o-mini", batch=batch)) for batch in (False, True)
    )
    assert direct.input is not None
    assert batched.input == direct.input / 2


NANO = ModelSpec("openai", "gpt-4.1-nano")
TUNED = ModelSpec("openai", "ft:gpt-4.1-nano:us::1", tuned_from=NANO)
OWN = {"input": 2, "output": 8}


def test_a_tuned_model_never_has_its_bases_price_by_itself() -> None:
    assert price_of(NANO, when=WHEN).input is not None
    for name in (TUNED.name, "gpt-4.1-nano-tuned"):  # the book finds the second by how it begins
        price = price_of(replace(TUNED, name=name), when=WHEN)
        assert (price.input, price.output, price.training) == (None, None, None)
        assert price.source == (
            f"no price known for {name!r}, and the price of 'gpt-4.1-nano', which it was tuned "
            "from, does not apply; add prices: {ft:gpt-4.1-nano: {input: ..., output: ...}} per million "
            "tokens to task.yaml"
        )


@pytest.mark.parametrize("key", [TUNED.name, f"openai:{TUNED.name}", "ft:gpt-4.1-nano"])
def test_a_tuned_model_has_the_price_that_the_user_gives(key: str) -> None:
    price = price_of(TUNED, {"gpt-4.1-nano": {"input": 1, "output": 1}, key: OWN})
    assert (price.input, price.output) == (2, 8)


def test_a_tuned_model_that_the_book_lists_apart_has_that_price() -> None:
    base = ModelSpec("openai", "gpt-4o-mini")
    tuned = ModelSpec("openai", "ft:gpt-4o-mini-2024-07-18:us::1", tuned_from=base)
    assert price_of(tuned, when=WHEN).input == 2 * price_of(base, when=WHEN).input > 0


def test_a_tuned_model_on_this_machine_costs_the_machines_time() -> None:
    tuned = ModelSpec("hf", "/tuned", tuned_from=ModelSpec("embedded", "smollm2-135m"))
    assert price_of(tuned, {"machine": {"per_hour": 2}}).machine_hour == 2


def test_training_costs_what_the_user_gives() -> None:
    price = price_of(NANO, {NANO.name: {"training": "1.5"}}, when=WHEN)
    assert price == replace(price_of(NANO, when=WHEN), training=Decimal("1.5"))
