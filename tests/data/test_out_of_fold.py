from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from steelyard.data.suspicion.out_of_fold import FoldSettings, deal_folds, log_loss, out_of_fold


def blobs(
    rows: int, labels: int, seed: int = 0
) -> tuple[
    np.ndarray[tuple[int, int], np.dtype[np.float32]], np.ndarray[tuple[int], np.dtype[np.intp]]
]:
    rng = np.random.default_rng(seed)
    codes = np.arange(rows) % labels
    points = np.eye(labels)[codes] + rng.normal(0, 0.4, (rows, labels))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points.astype(np.float32), codes


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 20)), min_size=1, max_size=80),
    st.integers(2, 5),
    st.integers(0, 9),
)
def test_a_group_shares_a_fold(rows: list[tuple[int, int]], folds: int, seed: int) -> None:
    labels = np.array([label for label, _ in rows])
    groups = np.unique([group for _, group in rows], return_inverse=True)[1]
    dealt = deal_folds(labels, groups, folds, np.random.default_rng(seed))
    assert dealt.shape == labels.shape
    assert set(dealt.tolist()) <= set(range(folds))
    for group in set(groups.tolist()):
        assert len(set(dealt[groups == group].tolist())) == 1


def test_labels_are_spread_evenly_over_the_folds() -> None:
    labels = np.repeat([0, 1, 2], [50, 23, 5])
    dealt = deal_folds(labels, np.arange(78), 5, np.random.default_rng(1))
    for label in range(3):
        counts = np.bincount(dealt[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    again = deal_folds(labels, np.arange(78), 5, np.random.default_rng(1))
    assert (again == dealt).all()


def test_probabilities_are_those_of_a_converged_logistic_regression() -> None:
    points, codes = blobs(300, 3)
    fold_of = deal_folds(codes, np.arange(300), 3, np.random.default_rng(0))
    settings = FoldSettings(folds=3, penalty=0.5, steps=200)
    found = out_of_fold(points, codes, fold_of, settings)
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)
    # Ours has a fixed bias, the labels' shares: equal here, as is the library's without one.
    model = LogisticRegression(C=2.0, fit_intercept=False, max_iter=1000, tol=1e-8)
    for fold in range(3):
        inside = fold_of == fold
        shares = np.bincount(codes[~inside]) / (~inside).sum()
        assert shares == pytest.approx(1 / 3, abs=0.01)
        theirs = model.fit(points[~inside], codes[~inside]).predict_proba(points[inside])
        assert found[inside] == pytest.approx(theirs, abs=0.02)


def test_a_row_has_no_say_in_its_own_prediction() -> None:
    points, codes = blobs(60, 2)
    fold_of = np.arange(60) % 3
    before = out_of_fold(points, codes, fold_of, FoldSettings(folds=3))
    other = codes.copy()
    other[fold_of == 1] = 1 - other[fold_of == 1]
    after = out_of_fold(points, other, fold_of, FoldSettings(folds=3))
    assert (before[fold_of == 1] == after[fold_of == 1]).all()
    assert not np.allclose(before[fold_of == 0], after[fold_of == 0])


def test_a_label_that_a_fold_has_alone_gets_a_small_probability() -> None:
    points, codes = blobs(30, 3)
    fold_of = np.where(codes == 2, 0, np.arange(30) % 2)
    found = out_of_fold(points, codes, fold_of, FoldSettings(folds=2))
    assert np.isfinite(found).all()
    assert found[codes == 2, 2].max() < 0.2


def test_rows_of_zeros_get_the_labels_shares() -> None:
    codes = np.repeat([0, 1], [90, 30])
    fold_of = np.arange(120) % 3
    found = out_of_fold(np.zeros((120, 4), dtype=np.float32), codes, fold_of, FoldSettings(folds=3))
    assert found[:, 0] == pytest.approx(0.75, abs=0.01)


def test_log_loss_is_the_mean_of_the_negative_logarithms() -> None:
    shares = np.array([[0.5, 0.5], [0.25, 0.75]], dtype=np.float32)
    assert log_loss(shares, np.array([0, 1])) == pytest.approx(-np.log([0.5, 0.75]).mean())
    assert np.isfinite(log_loss(np.array([[0.0, 1.0]], dtype=np.float32), np.array([0])))
