from __future__ import annotations

from decimal import Decimal

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from steelyard.economics import price_factor_flip, volume_flip

AMOUNTS = st.decimals("0.01", 1000, places=2)


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_both_arms_cost_the_same_at_the_flip(up_a, each_a, up_b, each_b):
    flip = volume_flip((up_a, each_a), (up_b, each_b), 365)
    assume(flip.at is not None)
    requests = flip.at * 365
    assert abs((up_a + each_a * requests) - (up_b + each_b * requests)) < Decimal("1e-15")
    dearer_each = each_a if each_a > each_b else each_b
    assert dearer_each == (each_b, each_a)[flip.above]


@settings(deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_both_arms_cost_the_same_at_the_price_factor(up_a, each_a, up_b, each_b):
    flip = price_factor_flip((up_a, each_a), (up_b, each_b), 1000)
    assume(flip.at is not None)
    first, second = up_a + each_a * flip.at * 1000, up_b + each_b * 1000
    assert abs(first - second) < Decimal("1e-15")


def test_no_flip_says_why():
    cheap, dear = (Decimal(0), Decimal(1)), (Decimal(1), Decimal(2))
    assert "every volume" in volume_flip(cheap, dear, 365).reason
    assert "horizon" in volume_flip(cheap, dear, 0).reason
    assert "unknown" in volume_flip((None, Decimal(1)), dear, 365).reason
    assert "unknown" in price_factor_flip((None, Decimal(1)), dear, 10).reason
    assert "nothing" in price_factor_flip((Decimal(0), Decimal(0)), dear, 10).reason
    assert "upfront" in price_factor_flip((Decimal(100), Decimal(1)), cheap, 10).reason
