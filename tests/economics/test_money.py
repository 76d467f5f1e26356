from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Price, Usage
from steelyard.economics import (
    CostSheet,
    Money,
    Traffic,
    break_even,
    cost_of,
    cost_over_time,
    to_number,
)

# $0.03 per 1,000 tokens, in and out alike
THREE_CENTS = Price(input=Decimal(30), output=Decimal(30))


def running(each: Money, days: int) -> Money:
    """What 10,000 requests a day cost over so many days."""
    sheet = CostSheet("x", extras={"requests": each})
    return cost_over_time(sheet, Traffic(Decimal(10_000), days)).total


def test_the_worked_example_of_the_field_to_the_cent():
    prompted = cost_of(Usage(input_tokens=500), THREE_CENTS)
    tuned = cost_of(Usage(input_tokens=50), THREE_CENTS)
    long, short = (running(each, 1) for each in (prompted, tuned))
    assert (long.amount, short.amount) == (Decimal("150.00"), Decimal("15.00"))
    long, short = (running(each, 30) for each in (prompted, tuned))
    assert (long.amount, short.amount) == (Decimal("4500.00"), Decimal("450.00"))
    assert long.amount - short.amount == Decimal("4050.00")
    month = 10_000 * 30
    for training in (200, 500):
        upfront = Money(Decimal(training))
        first_month = (upfront + tuned * month).amount
        assert (prompted * month).amount - first_month == 4050 - training
    early = break_even(Decimal(200), tuned.amount, Decimal(0), prompted.amount, 10_000)
    late = break_even(Decimal(500), tuned.amount, Decimal(0), prompted.amount, 10_000)
    assert (early.requests, late.requests) == (14_815, 37_038)
    assert (early.days, late.days) == (Decimal("1.4815"), Decimal("3.7038"))


def test_cached_tokens_cost_the_cached_price_or_else_the_input_price():
    usage = Usage(input_tokens=1000, cached_tokens=800, output_tokens=10)
    known = Price(input=Decimal(1), cached=Decimal("0.1"), output=Decimal(2))
    assert cost_of(usage, known).amount == Decimal("0.0003")
    unknown = Price(input=Decimal(1), output=Decimal(2))
    assert cost_of(usage, unknown).amount == Decimal("0.00102")


def test_a_machine_is_paid_by_time():
    price = Price(machine_hour=Decimal("0.09"))
    assert cost_of(Usage(machine_seconds=2.0), price).amount == Decimal("0.00005")
    assert cost_of(Usage(input_tokens=10**9), price).amount == 0


def test_trained_tokens_have_a_price_of_their_own_or_none():
    usage = Usage(input_tokens=1_000_000, trained_tokens=2_000_000)
    assert cost_of(usage, replace(THREE_CENTS, training=Decimal(3))).amount == 36
    unknown = cost_of(usage, THREE_CENTS)
    assert (unknown.amount, unknown.reason) == (None, "the price of training is unknown")
    machine = Price(machine_hour=Decimal(2))
    assert cost_of(usage + Usage(machine_seconds=1800), machine) == Money(Decimal(1))


def test_usage_adds_up_figure_by_figure():
    usages = [Usage(1, 10, 4, 2, 0, 0.5), Usage(2, 20, 0, 4, 100, 1.5)]
    total = sum(usages, Usage())
    assert total == Usage(3, 30, 4, 6, 100, 2.0)
    assert total / 2 == Usage(1.5, 15, 2, 3, 50, 1.0)


def test_an_unknown_price_is_unknown_all_the_way():
    each = cost_of(Usage(input_tokens=5), Price(source="no price known for 'x'"))
    assert (each.amount, each.reason) == (None, "no price known for 'x'")
    assert running(each, 365) == each
    assert Money(Decimal(1)) + each * 100 == Money(None, reason=each.reason)


def test_currencies_are_never_mixed():
    with pytest.raises(ValueError, match="EUR"):
        Money(Decimal(1)) + Money(Decimal(1), "EUR")


@pytest.mark.parametrize(
    ("a", "b", "requests", "reason"),
    [
        ((0, 1), (0, 2), 0, "at once"),
        ((0, 1), (0, 1), 0, "both cost the same"),
        ((5, 1), (0, 1), None, "never"),
        ((5, 2), (0, 1), None, "never"),
        ((0, 2), (5, 1), None, "cheaper only for the first 5 requests"),
        ((None, 2), (5, 1), None, "unknown"),
    ],
)
def test_break_even_at_the_edges(a, b, requests, reason):
    amounts = [None if amount is None else Decimal(amount) for amount in (*a, *b)]
    found = break_even(*amounts, requests_per_day=10)
    assert found.requests == requests
    assert reason in found.reason


def test_a_break_even_of_residue_is_none_in_practice():
    residue = Decimal("1e-12")
    late = break_even(Decimal(1), Decimal(1) - residue, Decimal(0), Decimal(1), 10_000)
    assert (late.requests, late.days) == (None, None)
    assert late.reason.startswith("never in practice: it takes more than 36,500,000,000 requests")
    early = break_even(Decimal(0), Decimal(1), Decimal(1), Decimal(1) - residue, 10_000)
    assert (early.requests, early.days) == (0, 0)
    assert early.reason.startswith("at once: cheaper for more than 36,500,000,000 requests")
    last = break_even(Decimal("36.5"), Decimal(1), Decimal(0), Decimal(1) + Decimal("1e-9"), 10_000)
    assert last.requests == 36_500_000_000


def test_break_even_without_traffic_has_no_days():
    found = break_even(Decimal(10), Decimal(1), Decimal(0), Decimal(2), 0)
    assert (found.requests, found.days) == (10, None)
    assert "without traffic" in found.reason


AMOUNTS = st.decimals(0, 1000, places=4)


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_break_even_is_the_first_request_that_pays(up_a, each_a, up_b, each_b):
    found = break_even(up_a, each_a, up_b, each_b, 100)
    if found.requests:
        assert up_a + each_a * found.requests <= up_b + each_b * found.requests
        before = found.requests - 1
        assert up_a + each_a * before > up_b + each_b * before


def test_numbers_for_json():
    assert to_number(Decimal("0.000123456789")) == 0.000123457
    assert to_number(None) is None
