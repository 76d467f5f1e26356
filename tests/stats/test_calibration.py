from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.stats import proportion
from steelyard.stats.calibration import (
    CoveragePoint,
    brier,
    calibration_error,
    chance_error,
    coverage_curve,
    equal_mass,
    handover,
    items_to_show,
    reliability,
)

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.25, 0.5, 0.6, 0.9, 0.99, 1.0]), st.booleans()),
    min_size=1,
    max_size=80,
)


def arrays(pairs):
    return np.array([p for p, _ in pairs]), np.array([float(right) for _, right in pairs])


@given(PAIRS)
def test_bins_hold_every_item_once_and_keep_ties_together(pairs):
    confidence, correct = arrays(pairs)
    codes = equal_mass(confidence)
    assert set(codes) == set(range(codes.max() + 1)) and codes.max() < 10
    for value in set(confidence):
        assert len(set(codes[confidence == value])) == 1
    assert (np.diff(codes[np.argsort(confidence)]) >= 0).all()
    bins = reliability(confidence, correct)
    assert sum(each.n for each in bins) == len(confidence)
    assert all(each.low <= each.confidence + 1e-9 <= each.high + 2e-9 for each in bins)
    assert all(a.high < b.low for a, b in pairwise(bins))


def test_bins_of_distinct_confidences_are_of_equal_mass():
    sizes = np.bincount(equal_mass(np.random.default_rng(0).random(1000)))
    assert sizes.tolist() == [100] * 10


@settings(deadline=None, max_examples=30)
@given(PAIRS)
def test_the_error_is_the_weighted_gap_of_the_bins_and_lies_in_its_interval(pairs):
    confidence, correct = arrays(pairs)
    found = calibration_error(confidence, correct, np.random.default_rng(0))
    gaps = [each.n * abs(each.confidence - each.accuracy) for each in reliability(*arrays(pairs))]
    assert found.value == pytest.approx(sum(gaps) / len(pairs))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_same_seed_gives_the_same_interval():
    confidence, correct = arrays([(0.9, True), (0.5, False), (0.6, True)] * 20)
    both = [calibration_error(confidence, correct, np.random.default_rng(4)) for _ in range(2)]
    assert both[0] == both[1]


def test_no_items_is_undefined_with_a_reason():
    found = calibration_error(np.zeros(0), np.zeros(0), np.random.default_rng(0))
    assert (found.value, found.reason) == (None, "no items")


@pytest.mark.parametrize(
    ("name", "true_share"),
    [
        ("calibrated", lambda c: c),
        ("a little too sure", lambda c: c - 0.05),
        ("too sure", lambda c: c - 0.15),
        ("far too sure", lambda c: 0.6 * c),
    ],
)
@pytest.mark.parametrize("n", [60, 300])
def test_the_interval_covers_the_true_error_where_a_bootstrap_does_not(name, true_share, n):
    rng = np.random.default_rng(n)
    hits = bootstrapped = 0
    for _ in range(60):
        confidence = rng.beta(4, 1.5, size=n)
        share = np.clip(true_share(confidence), 0, 1)
        correct = (rng.random(n) < share).astype(float)
        codes = equal_mass(confidence)
        truth = np.abs(np.bincount(codes, weights=confidence - share)).sum() / n
        found = calibration_error(confidence, correct, rng)
        hits += found.low - 1e-12 <= truth <= found.high + 1e-12
        gaps = confidence - correct
        picks = rng.integers(0, n, size=(200, n))
        drawn = [np.abs(np.bincount(codes[p], weights=gaps[p])).sum() / n for p in picks]
        bootstrapped += np.quantile(drawn, 0.025) <= truth
    assert hits / 60 >= 0.85
    if name == "calibrated":
        assert bootstrapped == 0


def test_groups_that_are_right_together_widen_the_interval():
    rng = np.random.default_rng(1)
    share = np.repeat(rng.integers(0, 2, size=30), 10).astype(float)
    confidence = np.full(300, 0.9)
    groups = np.repeat(np.arange(30), 10).tolist()
    alone = calibration_error(confidence, share, np.random.default_rng(0))
    together = calibration_error(confidence, share, np.random.default_rng(0), clusters=groups)
    assert together.high > alone.high


def test_the_error_by_chance_is_what_calibrated_answers_show():
    rng = np.random.default_rng(2)
    confidence = rng.beta(4, 1.5, size=100)
    seen = [
        calibration_error(confidence, (rng.random(100) < confidence).astype(float), rng).value
        for _ in range(150)
    ]
    found = chance_error(confidence, (rng.random(100) < confidence).astype(float), rng)
    assert found.expected == pytest.approx(np.mean(seen), abs=0.01)
    assert found.expected > 0.05  # above 0, although nothing is wrong


def test_overconfidence_is_no_chance():
    confidence = np.full(60, 0.95)
    correct = np.r_[np.ones(40), np.zeros(20)]
    assert chance_error(confidence, correct, np.random.default_rng(0)).p_value < 0.01


def test_brier_by_hand():
    assert brier(np.array([0.8, 0.6]), np.array([1.0, 0.0])) == pytest.approx((0.04 + 0.36) / 2)


def test_the_curve_keeps_the_surest_and_counts_the_unanswered():
    confidence = np.array([0.9, 0.8, 0.8, 0.3])
    correct = np.array([1.0, 1.0, 0.0, 0.0])
    curve = coverage_curve(confidence, correct, 5, np.random.default_rng(0))
    found = [(k.threshold, k.n, k.coverage, k.accuracy) for k in curve]
    assert found == [(0.3, 4, 0.8, 0.5), (0.8, 3, 0.6, pytest.approx(2 / 3)), (0.9, 1, 0.2, 1.0)]


@settings(deadline=None, max_examples=30)
@given(PAIRS)
def test_the_curve_falls_in_coverage_and_begins_with_everything(pairs):
    confidence, correct = arrays(pairs)
    curve = coverage_curve(confidence, correct, len(pairs), np.random.default_rng(0))
    assert curve[0].coverage == 1 and curve[0].accuracy == pytest.approx(correct.mean())
    assert all(a.coverage > b.coverage for a, b in pairwise(curve))
    assert all(kept.low <= kept.accuracy <= kept.high for kept in curve)
    assert len(curve) <= 20


def kept(n, low):
    return CoveragePoint(n / 200, 0.97, low, 1.0, 1 - n / 200, n, n)


def test_handover_loosens_from_the_strictest_threshold_that_can_show_the_target():
    curve = [kept(200, 0.80), kept(150, 0.96), kept(100, 0.951), kept(10, 0.69)]
    assert handover(curve, 0.95) == curve[1]
    assert handover(curve, 0.99) is None


def test_handover_stops_at_the_first_threshold_that_fails():
    curve = [kept(200, 0.96), kept(150, 0.90), kept(100, 0.951)]
    assert handover(curve, 0.95) == curve[2]


@pytest.mark.parametrize(
    ("sizes", "first"),
    [
        ((400, 200, 142, 141, 80), 142),  # 142 show 0.95 with two wrong
        ((400, 201, 141, 80), 141),  # 201 is over half, 141 bear one wrong
        ((240, 142, 110, 109, 80), 110),  # 142 is over half, 110 bear one wrong
        ((200, 110, 80), 80),  # 110 is over half
        ((90, 80, 73, 72), 73),
        ((72, 60), None),
    ],
)
def test_handover_starts_where_a_few_wrong_answers_can_be_borne(sizes, first):
    """A threshold that alone shows the target is what is handed over only where it is the first."""
    for place, n in enumerate(sizes):
        curve = [kept(size, 0.96 if size == n else 0.5) for size in sizes]
        assert handover(curve, 0.95) == (curve[place] if n == first else None)


def test_a_wrong_answer_among_the_surest_seldom_ends_the_handover():
    """93 % right, 600 items: from where none may be wrong, a quarter of runs would show nothing."""
    rng = np.random.default_rng(2)
    nothing = 0
    for _ in range(100):
        share = 1 / (1 + np.exp(-(3.5 + 1.5 * rng.normal(size=600))))
        correct = (rng.random(600) < share).astype(float)
        nothing += handover(coverage_curve(share, correct, 600, rng), 0.95) is None
    assert nothing <= 12


def test_handover_promises_too_much_in_few_runs():
    """The accuracy kept is below the target in at most about 2.5 % of runs, though 20 are tried."""
    rng = np.random.default_rng(7)
    broken = 0
    for _ in range(200):
        confidence = rng.random(400)
        share = 0.80 + 0.2 * confidence  # the target is met by the surest half alone
        correct = (rng.random(400) < share).astype(float)
        best = handover(coverage_curve(confidence, correct, 400, rng), 0.95)
        if best is not None:
            broken += share[confidence >= best.threshold].mean() < 0.95
    assert broken / 200 <= 0.06


def test_how_many_answers_show_a_target():
    assert items_to_show(1.0) is None
    for target in (0.5, 0.9, 0.95, 0.999):
        n = items_to_show(target)
        assert proportion(n, n).low >= target > proportion(n - 1, n - 1).low


def test_copies_of_answers_are_no_evidence_against_the_probabilities():
    """Thirty answers that are right as often as they say, ten times each, seem off without clusters."""
    alone = clustered = 0
    clusters = np.repeat(np.arange(30), 10).tolist()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        confidence = rng.uniform(0.5, 1.0, 30)
        correct = (rng.random(30) < confidence).astype(float)
        confidence, correct = np.repeat(confidence, 10), np.repeat(correct, 10)
        alone += chance_error(confidence, correct, rng).p_value <= 0.05
        clustered += chance_error(confidence, correct, rng, clusters=clusters).p_value <= 0.05
    assert clustered <= 6 and alone > 40


def test_thresholds_that_few_clusters_cannot_show_do_not_end_the_search():
    """Two copies of each answer: the strictest thresholds are skipped, not failed."""
    confidence = np.repeat(np.linspace(1.0, 0.5, 100), 2)
    correct, clusters = np.ones(200), np.repeat(np.arange(100), 2).tolist()
    curve = coverage_curve(confidence, correct, 200, np.random.default_rng(0), clusters=clusters)
    assert [point.units for point in curve] == [point.n // 2 for point in curve]
    best = handover(curve, 0.9)
    assert best is not None and best.coverage == 1.0
