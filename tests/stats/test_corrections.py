from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.stats import holm


def test_a_worked_example():
    """By hand: 0.005*4, then max(0.02, 0.01*3), then max(0.03, 0.03*2), then max(0.06, 0.04)."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_none_and_one():
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_never_below_the_raw_value_nor_above_one_nor_out_of_order(p_values):
    adjusted = holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)
