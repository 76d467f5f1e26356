"""Figures as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.report import formats as f

_T = f.THIN


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, f.NONE),
        (0, "$0"),
        (Decimal("0.0000001"), "< $0.001"),
        (0.0064, "$0.0064"),
        (0.4083, "$0.41"),
        (1, "$1.00"),
        (4500, "$4,500"),
        (Decimal("12.5"), "$12.50"),
    ],
)
def test_money(value: Decimal | float | None, shown: str) -> None:
    assert f.money(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, f.NONE),
        (0, "$0"),
        (5e-9, "$0.000000005"),
        (0.0000084, "$0.0000084"),
        (0.006, "$0.006"),
        (0.0114, "$0.011"),
        (0.02, "$0.02"),
        (0.5, "$0.50"),
        (-0.25, "\u2212$0.25"),
        (7, "$7.00"),
        (2500, "$2,500"),
    ],
)
def test_a_price_far_below_a_cent_keeps_two_digits(value: float | None, shown: str) -> None:
    assert f.small_money(value) == shown


def test_money_in_other_currencies() -> None:
    assert f.money(3, "EUR") == "€3.00"
    assert f.money(3, "CHF") == f"CHF{_T}3.00"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, f.NONE),
        (0.00001, f"< 0.1{_T}ms"),
        (0.0005, f"0.5{_T}ms"),
        (0.21, f"210{_T}ms"),
        (2.6, f"2.6{_T}s"),
        (231.4, f"3{_T}min 51{_T}s"),
        (7500, f"2{_T}h 05{_T}min"),
    ],
)
def test_seconds(value: float | None, shown: str) -> None:
    assert f.seconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "from the first request"),
        (0.0001, "under one minute"),
        (0.0561, "81 minutes"),
        (1 / 1440, "1 minute"),
        (1.5, "36 hours"),
        (30, "30 days"),
        (4000, "4,000 days"),
    ],
)
def test_days(value: float, shown: str) -> None:
    assert f.days(value) == shown


def test_differences_carry_their_sign() -> None:
    assert f.points(0.156) == "+15.6"
    assert f.points(-0.006) == "\u22120.6"
    assert f.points(0.0) == "0.0"
    assert f.p_value(0.0004) == "< 0.001"


@given(st.one_of(st.none(), st.integers(-(10**15), 10**15), st.floats(-1e15, 1e15)))
def test_whatever_comes_something_readable_is_shown(value: float | None) -> None:
    for shown in (f.money(value), f.percent(value), f.seconds(value), f.count(value)):
        assert shown
        assert "nan" not in shown
        assert "inf" not in shown


@given(st.floats(min_value=1e-12, max_value=1e12))
def test_money_is_never_a_silent_zero(value: float) -> None:
    assert any(digit in f.money(value) for digit in "123456789")
