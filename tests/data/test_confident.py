from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steelyard.data.suspicion.confident import (
    STRONG_ODDS,
    estimate_joint,
    log_odds,
    suspects,
    thresholds,
)

SURE = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
GIVEN = np.array([0, 0, 1, 1, 0])
"""The last row is given 0, and the model is sure of 1."""


def test_a_threshold_is_the_mean_probability_of_a_label_over_its_rows() -> None:
    assert thresholds(SURE, GIVEN) == pytest.approx([(0.9 + 0.8 + 0.05) / 3, (0.9 + 0.8) / 2])
    wider = np.hstack([SURE, np.zeros((5, 1))])
    assert thresholds(wider, GIVEN)[2] == np.inf


def test_the_joint_counts_the_sure_rows_and_scales_them_to_the_given_counts() -> None:
    # sure: rows 0 and 1 of 0; rows 2 and 4 of 1 (0.9 and 0.95 reach 0.85, row 3 does not)
    assert estimate_joint(SURE, GIVEN) == pytest.approx(np.array([[2.0, 1.0], [0.0, 2.0]]))


def test_a_label_without_a_sure_row_is_taken_to_be_right() -> None:
    unsure = np.array([[0.6, 0.2, 0.2], [0.6, 0.2, 0.2], [0.2, 0.6, 0.2]])
    joint = estimate_joint(unsure, np.array([0, 0, 1]))
    assert joint == pytest.approx(np.diag([2.0, 1.0, 0.0]))


def test_log_odds_compare_the_best_other_label_with_the_given() -> None:
    shares = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    odds, best = log_odds(shares, np.array([0, 0, 0]))
    assert best.tolist()[:2] == [1, 2]
    assert odds[:2] == pytest.approx(np.log([0.3 / 0.5, 0.5 / 0.2]))
    assert np.isfinite(odds).all()


def test_log_odds_rank_a_foreign_label_above_one_of_two_related() -> None:
    related, foreign = [0.15, 0.80, 0.05], [0.001, 0.60, 0.399]
    odds, _ = log_odds(np.array([related, foreign]), np.array([0, 0]))
    assert odds[1] > odds[0], "by the difference of the probabilities it is the other way round"


def test_as_many_rows_are_listed_as_are_estimated_to_be_wrong() -> None:
    found = suspects(SURE, GIVEN)
    assert found.estimated == pytest.approx(1)
    assert (found.rows.tolist(), found.suggested.tolist()) == ([4], [1])


def test_a_row_needs_the_least_odds() -> None:
    assert suspects(SURE, GIVEN, least_odds=18).rows.tolist() == [4]
    assert suspects(SURE, GIVEN, least_odds=20).rows.tolist() == []


@given(
    arrays.arrays(np.float64, (20, 4), elements=st.floats(0.01, 1)),
    arrays.arrays(np.intp, 20, elements=st.integers(0, 3)),
)
def test_the_joint_adds_up_and_the_list_is_ordered(
    raw: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    codes: np.ndarray[tuple[int], np.dtype[np.intp]],
) -> None:
    shares = raw / raw.sum(axis=1, keepdims=True)
    found = suspects(shares, codes)
    assert found.joint.sum(axis=1) == pytest.approx(np.bincount(codes, minlength=4))
    assert found.joint.sum() == pytest.approx(20)
    strong = (log_odds(shares, codes)[0] >= np.log(STRONG_ODDS)).sum()
    assert len(found.rows) <= max(found.estimated + 0.5, strong)
    odds = log_odds(shares, codes)[0][found.rows]
    assert (np.diff(odds) <= 0).all()
    assert (odds >= np.log(2)).all()
    assert (found.suggested != codes[found.rows]).all()


def test_the_estimate_is_near_the_truth_where_the_model_is_right() -> None:
    """The paper's case: labels flipped by label alone, probabilities that follow the flips."""
    rng = np.random.default_rng(0)
    flips = np.array([[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]])
    true = rng.integers(3, size=3_000)
    given = np.array([rng.choice(3, p=flips[code]) for code in true])
    found = suspects(flips[true], given)
    assert found.estimated == pytest.approx((true != given).sum(), rel=0.05)
    assert (true != given)[found.rows].mean() > 0.95


def test_a_row_far_from_its_own_label_is_listed_whatever_the_estimate() -> None:
    sure = np.tile([0.99, 0.01], (60, 1))
    probabilities = np.vstack([sure, sure[:, ::-1], [[0.96, 0.04]]])
    given = np.array([0] * 60 + [1] * 61)
    found = suspects(probabilities, given)
    assert found.estimated == 0
    assert found.rows.tolist() == [120]
    assert found.suggested.tolist() == [0]
