from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import DataError
from steelyard.stats import Family, compare, pair_tests, statistic_tests
from steelyard.stats.binary import mcnemar, tango
from steelyard.stats.power import mcnemar_power

NAMES = ("a", "b")


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_larger_of_the_mid_p_and_the_score_test(only_a, only_b):
    from scipy.stats import binom, binomtest, norm

    n, fewer = only_a + only_b, min(only_a, only_b)
    exact = binomtest(fewer, n, 0.5).pvalue if n else 1.0
    mid_p = exact - binom.pmf(fewer, n, 0.5) if only_a != only_b else 1.0
    score = 2 * norm.sf(abs(only_a - only_b) / np.sqrt(n)) if n else 1.0
    assert mcnemar(only_a, only_b) == pytest.approx(max(mid_p, score))
    assert mcnemar(only_a, only_b) <= exact + 1e-8 or score > exact


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


def mcnemar_size(n: int, psi: float, alpha: float = 0.05) -> float:
    """Probability, by enumeration, that equal arms that differ on a share ``psi`` are told apart."""
    from scipy.stats import binom

    size = 0.0
    for differing in range(1, n + 1):
        rejected = [k for k in range(differing + 1) if mcnemar(k, differing - k) <= alpha]
        size += binom.pmf(differing, n, psi) * binom.pmf(rejected, differing, 0.5).sum()
    return float(size)


@pytest.mark.parametrize("n", [10, 30, 60, 120])
def test_the_power_without_a_difference_is_the_size_by_enumeration(n):
    for psi in (0.1, 0.3, 0.8, 1.0):
        assert mcnemar_power(n, 0.0, psi, 0.05) == pytest.approx(mcnemar_size(n, psi), abs=1e-6)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 78])
def test_size_of_mcnemar_by_enumeration(alpha):
    """At most the level, unless the arms differ on more than four items of five."""
    every = (*range(5, 61), 80, 120, 240, 500, 1000)
    size = {
        psi: max(mcnemar_power(n, 0.0, psi, alpha) for n in every) / alpha
        for psi in (0.05, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 1.0)
    }
    assert all(size[psi] <= 1.005 for psi in (0.05, 0.1, 0.3, 0.5, 0.8))
    assert size[0.9] <= 1.1 and size[0.95] <= 1.2 and size[1.0] <= 1.6


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


def mean_of(answers, weights):
    return weights @ answers / weights.sum(axis=1)


def test_a_statistic_that_is_a_mean_agrees_with_the_plain_comparison():
    rng = _rng(4)
    a, b = (rng.random(40) < 0.8).astype(float), (rng.random(40) < 0.5).astype(float)
    [test] = statistic_tests(NAMES, (a, b), mean_of, "m", _rng(5))
    found, plain = test.at(0.95), compare(a, b, NAMES, "m", _rng(5))
    assert found.difference == pytest.approx(plain.difference)
    assert found.p_value == pytest.approx(plain.p_value, abs=0.04)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.05)


ARMS = ("one", "two", "three", "four")


@st.composite
def scores_of_arms(draw):
    """Four arms over some tens of items: right or wrong, graded, skewed, level or in clusters."""
    rng, n = _rng(draw(st.integers(0, 10_000))), draw(st.integers(2, 60))
    kind = draw(st.sampled_from(["binary", "graded", "skewed", "level", "mixed"]))
    lift = draw(st.sampled_from([0.0, 0.1, 0.3]))
    scores = np.clip(rng.random((4, n)) + lift * np.arange(4)[:, None], 0, 1)
    if kind == "binary":
        scores = np.round(scores)
    elif kind == "skewed":
        scores = np.where(scores > 0.9, 1.0, 0.1 * scores)
    elif kind == "level":
        scores = np.round(np.repeat(scores[:, :1], n, axis=1), 1)
    elif kind == "mixed":
        scores[::2] = np.round(scores[::2])
    size = draw(st.sampled_from([1, 1, 3]))
    clusters = None if size == 1 else [item // size for item in range(n)]
    return scores, clusters


def agrees(comparison, p_value, level):
    excludes = comparison.low > 0 or comparison.high < 0
    return excludes == (p_value <= 1 - level)


@settings(deadline=None, max_examples=60)
@given(scores_of_arms(), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_test_and_the_interval_agree_at_any_level(drawn, level):
    scores, clusters = drawn
    for test in pair_tests(ARMS, scores, "m", _rng(1), clusters=clusters):
        found = test.at(level)
        assert agrees(found, found.p_value, level), found
        assert found.low <= found.difference <= found.high and found.level == level
    for test in statistic_tests(ARMS[:2], scores[:2], mean_of, "m", _rng(1), clusters=clusters):
        assert agrees(test.at(level), test.p_value, level)


@settings(deadline=None, max_examples=40)
@given(scores_of_arms())
def test_a_corrected_p_value_and_the_interval_beside_it_agree(drawn):
    scores, clusters = drawn
    family = Family(ARMS, pair_tests(ARMS, scores, "m", _rng(1), clusters=clusters))
    for a, b in combinations(ARMS, 2):
        found, turned = family.corrected(a, b), family.corrected(b, a)
        assert (found.a, found.b) == (a, b) and turned == found.turned()
        assert agrees(found, found.p_adjusted, 0.95), found
        assert found.p_adjusted >= found.p_value == family.alone(a, b).p_value
        assert found.level >= 0.95 - 1e-12 and family.alone(a, b).level == 0.95


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200), st.floats(0.5, 0.999))
def test_counts_of_right_and_wrong_agree_at_any_level(only_a, only_b, rest, level):
    n = only_a + only_b + rest
    if n == 0:
        return
    a = np.array([1.0] * only_a + [0.0] * (only_b + rest))
    b = np.array([0.0] * only_a + [1.0] * only_b + [0.0] * rest)
    found = compare(a, b, NAMES, "accuracy", _rng(), level=level)
    assert agrees(found, found.p_value, level)


def test_what_a_pair_gets_depends_on_no_other_arm():
    rng = _rng(7)
    scores = [*np.round(rng.random((2, 80))), *rng.random((3, 80))]
    names = tuple("abcde")
    every = {test.names: test.at(0.95) for test in pair_tests(names, scores, "m", _rng(2))}
    for (i, first), (j, second) in combinations(enumerate(names), 2):
        [alone] = pair_tests((first, second), (scores[i], scores[j]), "m", _rng(2))
        other = every[first, second]
        assert alone.at(0.95).p_value == pytest.approx(other.p_value)
        assert (alone.at(0.95).low, alone.at(0.95).high) == pytest.approx((other.low, other.high))


def test_few_skewed_differences_are_said_to_be_assumed_symmetric():
    skewed, zeros = np.array([0.9] * 2 + [0.0] * 18), np.zeros(20)
    note = "assumes symmetry"
    assert note in compare(skewed + 0.05, zeros, NAMES, "m", _rng()).method
    even = np.linspace(-0.5, 0.6, 20)
    assert note not in compare(even, zeros, NAMES, "m", _rng()).method
    many = np.tile(skewed + 0.05, 4)
    assert note not in compare(many, np.zeros(80), NAMES, "m", _rng()).method
