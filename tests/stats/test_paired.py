from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError
from steelyard.stats import compare, compare_statistic, holm
from steelyard.stats.paired import mcnemar, tango

NAMES = ("a", "b")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_equals_the_binomial_test(only_a, only_b):
    from scipy.stats import binomtest

    n = only_a + only_b
    expected = binomtest(min(only_a, only_b), n, 0.5).pvalue if n else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(expected)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 60), st.floats(0.6, 0.98))
def test_tango_encloses_the_difference_mirrors_and_widens_with_the_level(b, c, rest, level):
    n = b + c + rest
    low, high = tango(b, c, n, level)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert tango(c, b, n, level) == pytest.approx((-high, -low), abs=1e-6)
    wider = tango(b, c, n, (1 + level) / 2)
    assert wider[0] <= low + 1e-9 and wider[1] >= high - 1e-9


def test_tango_solves_the_score_equation_with_the_likelihood_maximised_by_search():
    low, high = tango(3, 1, 44, 0.95)
    z = 1.959964
    for delta, sign in ((low, 1), (high, -1)):
        share = _constrained_share(3, 1, 44, delta)
        score = (3 - 1 - 44 * delta) / np.sqrt(44 * (2 * share + delta * (1 - delta)))
        assert score == pytest.approx(sign * z, abs=1e-4)


def _constrained_share(b: int, c: int, n: int, delta: float) -> float:
    """The likelihood's maximum by search, independent of the closed form."""
    from scipy.optimize import minimize_scalar

    def loss(share: float) -> float:
        rest = 1 - 2 * share - delta
        return -(b * np.log(share + delta) + c * np.log(share) + (n - b - c) * np.log(rest))

    bounds = (max(1e-9, 1e-9 - delta), (1 - delta) / 2 - 1e-9)
    return float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)


@pytest.mark.parametrize("n", [30, 150])
def test_coverage_of_the_paired_difference(n):
    rng = _rng(1)
    true_a, true_b, hits = 0.16, 0.06, 0
    for _ in range(600):
        counts = rng.multinomial(n, [true_a, true_b, 1 - true_a - true_b])
        low, high = tango(int(counts[0]), int(counts[1]), n, 0.95)
        hits += low <= true_a - true_b <= high
    assert 0.925 <= hits / 600 <= 0.985


def test_type_one_error_of_mcnemar_is_held_exactly():
    from scipy.stats import binom

    for n in (5, 17, 60):
        rejected = [k for k in range(n + 1) if mcnemar(k, n - k) <= 0.05]
        assert binom.pmf(rejected, n, 0.5).sum() <= 0.05


def test_type_one_error_and_coverage_for_graded_scores():
    rng, wrong, hits = _rng(2), 0, 0
    for _ in range(200):
        shared = rng.random(50)
        a, b = (np.clip(shared + rng.normal(0, 0.2, 50), -1, 2) for _ in range(2))
        found = compare(a, b, NAMES, "token_f1", rng)
        wrong += found.p_value <= 0.05
        hits += found.low <= 0 <= found.high
    assert wrong / 200 <= 0.09
    assert hits / 200 >= 0.90


def test_clustered_differences_hold_their_level_where_the_plain_test_does_not():
    rng, clustered, plain = _rng(3), 0, 0
    clusters = np.repeat(np.arange(20), 10).tolist()
    for _ in range(150):
        lean = np.repeat(rng.choice([0.2, 0.8], size=20), 10)
        a = (rng.random(200) < lean).astype(float)
        b = 1 - a
        clustered += compare(a, b, NAMES, "accuracy", rng, clusters=clusters).p_value <= 0.05
        plain += compare(a, b, NAMES, "accuracy", rng).p_value <= 0.05
    assert clustered / 150 <= 0.10
    assert plain / 150 > 0.20


def test_a_clear_difference_is_found_and_oriented():
    a, b = np.ones(50), np.array([0.0] * 20 + [1.0] * 30)
    found = compare(a, b, NAMES, "accuracy", _rng())
    assert (found.a, found.b, found.difference, found.p_adjusted) == ("a", "b", 0.4, None)
    assert found.p_value < 0.001 and 0.2 < found.low < 0.4 < found.high


def test_equal_answers_are_no_difference_but_leave_room():
    for scores in ([1.0, 0.0, 1.0], [0.5, 0.25, 0.75]):
        found = compare(scores, scores, NAMES, "token_f1", _rng())
        assert found.p_value == 1.0
        assert found.low < -0.3 and found.high > 0.3


def test_nothing_to_compare_is_an_error():
    with pytest.raises(DataError, match="empty"):
        compare([], [], NAMES, "accuracy", _rng())
    with pytest.raises(ValueError, match="shape"):
        compare([1.0], [1.0, 0.0], NAMES, "accuracy", _rng())


def test_a_statistic_that_is_a_mean_agrees_with_the_plain_comparison():
    rng = _rng(4)
    a, b = (rng.random(40) < 0.8).astype(float), (rng.random(40) < 0.5).astype(float)
    found = compare_statistic(
        lambda answers, index: float(answers[index].mean()), a, b, NAMES, "m", _rng(5)
    )
    plain = compare(a, b, NAMES, "m", _rng(5))
    assert found.difference == pytest.approx(plain.difference)
    assert found.p_value == pytest.approx(plain.p_value, abs=0.03)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.04)


def test_holms_correction_of_a_worked_example():
    """By hand: 0.005*4, then max(0.02, 0.01*3), then max(0.03, 0.03*2), then max(0.06, 0.04)."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holms_correction_of_none_and_one():
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_holms_correction_is_never_below_the_raw_value_nor_above_one_nor_out_of_order(p_values):
    adjusted = holm(p_values)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)
