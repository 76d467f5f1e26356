"""Corrections for many tests, and the family of all pairs of arms."""

from __future__ import annotations

from itertools import combinations
from math import comb
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.stats import Family, holm, pair_tests, shaffer
from steelyard.stats.families import _equal_pairs


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


def test_which_numbers_of_pairs_can_be_equal():
    """Shaffer (1986), table 1: of four arms 0, 1, 2, 3 or 6 pairs can be equal, never 4 or 5."""
    assert sorted(_equal_pairs(3)) == [0, 1, 3]
    assert sorted(_equal_pairs(4)) == [0, 1, 2, 3, 6]
    assert sorted(_equal_pairs(5)) == [0, 1, 2, 3, 4, 6, 10]
    for arms in range(1, 8):
        partitions = (
            {tuple(np.bincount(labels)) for labels in np.ndindex(*[arms] * arms)}
            if arms < 6
            else ()
        )
        if partitions:
            counts = {sum(comb(int(size), 2) for size in sizes) for sizes in partitions}
            assert counts == _equal_pairs(arms)


def test_shaffers_correction_of_a_worked_example():
    """Four arms: counts 6, then 3, 3, 3, 2, 1 (Shaffer 1986, section 3)."""
    found = shaffer([0.001, 0.01, 0.012, 0.02, 0.04, 0.5], 4)
    assert found == pytest.approx([0.006, 0.03, 0.036, 0.06, 0.08, 0.5])


@settings(deadline=None)
@given(
    st.integers(2, 7).flatmap(
        lambda k: st.tuples(
            st.just(k), st.lists(st.floats(0, 1), min_size=comb(k, 2), max_size=comb(k, 2))
        )
    )
)
def test_shaffers_correction_lies_between_none_and_holms(drawn):
    arms, p_values = drawn
    adjusted = shaffer(p_values, arms)
    for raw, new, most in zip(p_values, adjusted, holm(p_values), strict=True):
        assert raw <= new <= most + 1e-12


def test_other_numbers_of_p_values_are_refused():
    with pytest.raises(ValueError, match="4 arms have 6 pairs, got 5"):
        shaffer([0.1] * 5, 4)


def equal_arms(rng: np.random.Generator, arms: int, n: int, kind: str) -> np.ndarray:
    """Arms of one quality, alike in which items are hard for them."""
    shared = rng.normal(size=n) * 0.7
    latent = shared + rng.normal(size=(arms, n)) * 0.7
    if kind == "binary":
        return (latent < 0.84).astype(float)
    return np.clip(0.75 + 0.3 * latent, 0, 1)


@pytest.mark.parametrize(
    ("arms", "kind", "n", "runs"),
    [
        (6, "binary", 240, 300),
        (13, "binary", 240, 150),
        (6, "graded", 60, 150),
        (13, "graded", 60, 100),
    ],
)
def test_any_claim_among_equal_arms_is_as_rare_as_the_level_says(arms, kind, n, runs):
    """Whichever pair is looked at; 0.05 and two standard errors of the simulation."""
    rng, names, wrong = np.random.default_rng(arms), [f"arm{i}" for i in range(arms)], 0
    for _ in range(runs):
        tests = pair_tests(names, equal_arms(rng, arms, n, kind), "m", rng)
        wrong += min(shaffer([test.p_value for test in tests], arms)) <= 0.05
    assert wrong / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


@pytest.mark.parametrize(("kind", "seconds"), [("binary", 1.0), ("graded", 8.0)])
def test_thirteen_arms_are_compared_at_once(kind, seconds):
    """Far above what it takes: 0.05 and 0.7 seconds on an idle core."""
    names = tuple(f"arm{i}" for i in range(13))
    scores = equal_arms(np.random.default_rng(0), 13, 500, kind)
    started = perf_counter()
    family = Family(names, pair_tests(names, scores, "m", np.random.default_rng(0)))
    comparisons = [family.corrected(a, b) for a, b in combinations(names, 2)]
    assert len(comparisons) == 78 and perf_counter() - started < seconds
