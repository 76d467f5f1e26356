from __future__ import annotations

import numpy as np
import pytest

from steelyard.stats import detectable_difference, items_for_interval, items_for_mean, items_needed
from steelyard.stats.paired import mcnemar
from steelyard.stats.power import mcnemar_power


def test_power_equals_simulation():
    rng = np.random.default_rng(0)
    counts = rng.multinomial(120, [0.2, 0.08, 0.72], size=2000)
    simulated = np.mean([mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in counts])
    assert mcnemar_power(120, 0.12, 0.28, 0.05) == pytest.approx(simulated, abs=0.03)


def test_without_a_difference_power_is_at_most_the_level():
    assert 0 < mcnemar_power(300, 0.0, 0.3, 0.05) <= 0.05


def test_the_detectable_difference_falls_with_items_and_rises_with_comparisons():
    few, many = detectable_difference(100), detectable_difference(1000)
    assert many.difference < few.difference < 0.2
    corrected = detectable_difference(100, comparisons=8)
    assert corrected.difference > few.difference
    assert corrected.correction == ", after correction for 8 comparisons"
    assert few.correction == ""


def test_items_needed_and_detectable_difference_are_inverse():
    needed = items_needed(0.1)
    assert detectable_difference(needed.items).difference == pytest.approx(0.1, abs=0.005)
    assert mcnemar_power(needed.items, 0.1, 0.3, 0.05) >= 0.8


@pytest.mark.parametrize("n", [0, 1, 3, 10])
def test_too_few_items_detect_nothing_and_say_so(n):
    found = detectable_difference(n)
    assert found.difference is None
    assert found.reason


def test_differences_nobody_can_show():
    assert items_needed(0.0).items is None
    assert "more than" in items_needed(0.0001).reason
    assert items_for_mean(0.0, 0.1).items is None
    assert "more than" in items_for_mean(1e-5, 0.5).reason


def test_items_for_a_mean_follow_the_textbook_formula():
    """(1.960 + 0.842)^2 * 0.25 / 0.1^2 = 196.2."""
    assert items_for_mean(0.1, 0.25).items == 197


def test_items_for_an_interval():
    assert items_for_interval(0.25, 0.05) == 385
    assert items_for_interval(0.25, 0.0) is None
