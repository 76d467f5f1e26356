from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.stats import mean, proportion, statistic

LEVELS = st.floats(0.5, 0.99)
COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None)
@given(COUNTS, LEVELS)
def test_a_proportion_lies_inside_its_interval_and_the_interval_inside_0_and_1(counts, level):
    found = proportion(*counts, level=level)
    assert 0 <= found.low <= found.value <= found.high <= 1


@settings(deadline=None)
@given(COUNTS, LEVELS)
def test_a_higher_level_gives_a_wider_interval(counts, level):
    narrow, wide = proportion(*counts, level=level), proportion(*counts, level=(1 + level) / 2)
    assert wide.low <= narrow.low and narrow.high <= wide.high


def test_no_items_is_undefined_with_a_reason():
    for found in (
        proportion(0, 0),
        mean([], np.random.default_rng(0)),
        statistic(lambda weights: weights.sum(axis=1), 0, np.random.default_rng(0)),
    ):
        assert (found.value, found.low, found.high, found.reason) == (None, None, None, "no items")


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.3"):
        proportion(4, 3)


def test_wilson_equals_scipy():
    from scipy.stats import binomtest

    expected = binomtest(61, 80).proportion_ci(0.9, method="wilson")
    found = proportion(61, 80, 0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "Wilson"


def test_clopper_pearson_equals_scipy_on_few_items():
    from scipy.stats import binomtest

    expected = binomtest(7, 9).proportion_ci(0.95, method="exact")
    found = proportion(7, 9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.method == "Clopper-Pearson"


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("n", [12, 60, 200])
def test_coverage_of_a_proportion(share, n):
    """Exact expectation over every outcome: no simulation noise."""
    from scipy.stats import binom

    counts = np.arange(n + 1)
    covers = [proportion(int(k), n).low <= share <= proportion(int(k), n).high for k in counts]
    coverage = float(np.sum(binom.pmf(counts, n, share) * covers))
    assert coverage >= (0.95 if n < 40 else 0.925)


def test_coverage_of_a_mean_of_graded_scores():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        found = mean(rng.beta(4, 2, size=80), rng)
        hits += found.low <= 4 / 6 <= found.high
    assert 0.91 <= hits / 300 <= 0.99


def test_coverage_of_a_clustered_proportion_where_the_plain_one_fails():
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(30), 8).tolist()
    clustered = plain = 0
    for _ in range(300):
        shares = np.repeat(rng.beta(2, 1, size=30), 8)
        scores = (rng.random(240) < shares).astype(float)
        found = mean(scores, rng, clusters=clusters)
        clustered += found.low <= 2 / 3 <= found.high
        naive = mean(scores, rng)
        plain += naive.low <= 2 / 3 <= naive.high
    assert clustered / 300 >= 0.93
    assert plain / 300 < 0.90


def test_clusters_of_one_change_nothing():
    scores = [1.0] * 30 + [0.0] * 20
    rng = np.random.default_rng(0)
    assert mean(scores, rng, clusters=[None] * 50) == mean(scores, rng)


def test_clusters_that_all_agree_count_as_single_items():
    found = mean([1.0] * 60, np.random.default_rng(0), clusters=[i // 20 for i in range(60)])
    assert found.low == pytest.approx(proportion(3, 3).low)


def test_graded_scores_without_spread_still_have_an_honest_interval():
    found = mean([0.5] * 20, np.random.default_rng(0))
    assert found.low < 0.4 and found.high > 0.6


def test_the_same_seed_gives_the_same_interval():
    scores = np.random.default_rng(5).random(50)
    first, second = (mean(scores, np.random.default_rng(9)) for _ in range(2))
    assert first == second


def test_a_statistic_is_enclosed_and_close_to_the_mean_interval_for_a_mean():
    scores = np.random.default_rng(3).random(60)

    def figure(weights):
        return weights @ scores / weights.sum(axis=1)

    found = statistic(figure, 60, np.random.default_rng(4))
    expected = mean(scores, np.random.default_rng(4))
    assert found.value == pytest.approx(expected.value)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.015)
    assert found.low < found.value < found.high
