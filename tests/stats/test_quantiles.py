"""The interval of a percentile by order statistics."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.stats import least_values, quantile_limits


@pytest.mark.parametrize("n", [20, 72, 200])
def test_each_limit_is_wrong_as_rarely_as_it_says(n):
    rng = np.random.default_rng(n)
    true, wrong = float(np.exp(0.5 * 1.6448536)), {"low": 0, "high": 0}
    for _ in range(2000):
        low, high = quantile_limits(rng.lognormal(0, 0.5, n).tolist(), 0.95)
        assert low is not None
        wrong["low"] += low > true
        wrong["high"] += high is not None and high < true
    assert wrong["low"] / 2000 <= 0.03 and wrong["high"] / 2000 <= 0.033


def test_few_values_do_not_bound_a_high_percentile_above():
    assert quantile_limits(list(range(1, 21)), 0.95) == (17, None)
    least = least_values(0.95)
    assert least == 72
    assert quantile_limits(list(range(least - 1)), 0.95).high is None
    assert quantile_limits(list(range(least)), 0.95).high == least - 1
    assert quantile_limits([1.0], 0.95) == (None, None) == quantile_limits([], 0.95)


def test_the_median_of_many_equals_the_usual_sign_test_interval():
    """David and Nagaraja (2003), 7.1: for n = 10, the 2nd and the 9th value, 97.9 %."""
    assert quantile_limits(list(range(1, 11)), 0.5) == (2, 9)
