"""Evidence that may be looked at again and again."""

from __future__ import annotations

from math import comb, exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.stats.binary import mcnemar
from steelyard.stats.sequential import evidence

COUNTS = st.integers(0, 40)


@given(COUNTS, COUNTS)
def test_the_e_value_is_the_mixture_over_all_biases_against_a_fair_coin(wins, losses):
    n = wins + losses
    expected = 2.0**n / ((n + 1) * comb(n, wins))
    assert evidence(wins, losses).e_value == pytest.approx(expected)
    assert evidence(wins, losses) == evidence(losses, wins)


@given(st.integers(0, 60))
def test_its_mean_under_equal_arms_is_one(n):
    mean = sum(comb(n, k) / 2.0**n * evidence(k, n - k).e_value for k in range(n + 1))
    assert mean == pytest.approx(1.0)


def test_twenty_looks_hold_the_level_where_a_test_at_a_fixed_size_does_not():
    rng, runs, by_evidence, by_test = np.random.default_rng(0), 1000, 0, 0
    for _ in range(runs):
        differs = rng.choice([1, -1, 0], size=1200, p=[0.15, 0.15, 0.7])
        largest, shown, claimed = 0.0, False, False
        for look in range(60, 1201, 60):
            wins, losses = int((differs[:look] > 0).sum()), int((differs[:look] < 0).sum())
            found = evidence(wins, losses, largest)
            largest = max(largest, found.log_e_value)
            shown |= found.p_value <= 0.05
            claimed |= mcnemar(wins, losses) <= 0.05
        by_evidence += shown
        by_test += claimed
    assert by_evidence / runs <= 0.05
    assert by_test / runs > 0.15


def test_a_clear_difference_is_shown_and_stays_shown():
    first = evidence(40, 10)
    assert first.p_value == pytest.approx(exp(-first.log_e_value)) and first.p_value < 0.001
    later = evidence(50, 45, first.log_e_value)
    assert later.e_value < 1 and later.p_value == first.p_value
    assert evidence(0, 0).p_value == 1.0 and evidence(5000, 0).p_value < 1e-300
    with pytest.raises(ValueError, match="counts"):
        evidence(-1, 2)
