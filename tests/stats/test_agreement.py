from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from steelyard.stats.agreement import UNANSWERED, agreement, pair_agreement, spread, unchanged

SHAPES = st.tuples(st.integers(1, 12), st.integers(2, 6))
ANSWERS = SHAPES.flatmap(
    lambda shape: arrays.arrays(np.int64, shape, elements=st.integers(UNANSWERED, 3))
)


def test_agreement_counts_pairs_of_answers_by_hand():
    answers = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 2], [0, 0, UNANSWERED], [0, -1, -1]])
    assert pair_agreement(answers)[:4].tolist() == pytest.approx([1, 1 / 3, 0, 1])
    assert np.isnan(pair_agreement(answers)[4])


@settings(deadline=None, max_examples=40)
@given(ANSWERS, st.integers(0, 2**32))
def test_agreement_ignores_the_order_of_repeats_and_the_names_of_answers(answers, seed):
    rng = np.random.default_rng(seed)
    renamed = np.where(answers == UNANSWERED, UNANSWERED, 7 - answers)
    shuffled = rng.permuted(renamed, axis=1)
    np.testing.assert_allclose(pair_agreement(answers), pair_agreement(shuffled))


@settings(deadline=None, max_examples=40)
@given(ANSWERS)
def test_unchanged_is_never_more_than_agreement_and_both_lie_in_their_intervals(answers):
    both = (
        agreement(answers, np.random.default_rng(0)),
        unchanged(answers, np.random.default_rng(0)),
    )
    if both[0].value is None:
        assert both[1].value is None and both[0].reason == "no item was answered twice"
        return
    assert both[1].value <= both[0].value + 1e-12
    for found in both:
        assert 0 <= found.low <= found.value <= found.high <= 1


def test_items_that_all_agree_still_leave_room_for_doubt():
    found = agreement(np.zeros((24, 3), dtype=np.int64), np.random.default_rng(0))
    assert (found.value, found.high) == (1, 1)
    assert 0.8 < found.low < 0.9


@pytest.mark.parametrize(("n", "times"), [(12, 3), (24, 2), (24, 3), (60, 5)])
def test_the_intervals_cover_the_true_agreement(n, times):
    rng = np.random.default_rng(n * times)
    many = rng.beta(4, 1, size=400_000)
    true_agreement = float(np.mean(many**2 + (1 - many) ** 2))
    true_unchanged = float(np.mean(many**times + (1 - many) ** times))
    hits = np.zeros(2)
    for _ in range(200):
        answers = (rng.random((n, times)) < rng.beta(4, 1, size=n)[:, None]).astype(np.int64)
        for place, (of, truth) in enumerate(
            [(agreement, true_agreement), (unchanged, true_unchanged)]
        ):
            found = of(answers, rng)
            hits[place] += found.low <= truth <= found.high
    assert (hits / 200 >= 0.9).all()


def test_clustered_items_make_the_interval_wider():
    rng = np.random.default_rng(5)
    shares = np.repeat(rng.beta(1, 1, size=10), 8)
    answers = (rng.random((80, 3)) < shares[:, None]).astype(np.int64)
    groups = np.repeat(np.arange(10), 8).tolist()
    alone, together = agreement(answers, rng), agreement(answers, rng, clusters=groups)
    assert together.high - together.low > alone.high - alone.low


def test_the_spread_of_equal_variants_is_put_down_to_chance():
    """The p-value of a true null is uniform: about one in twenty falls below 0.05."""
    rng = np.random.default_rng(3)
    small = [
        spread((rng.random((24, 4)) < 0.7).astype(float), rng).p_value <= 0.05 for _ in range(200)
    ]
    assert np.mean(small) <= 0.09


def test_a_variant_that_hurts_is_told_from_chance():
    scores = np.column_stack([np.ones(30), np.ones(30), np.r_[np.ones(18), np.zeros(12)]])
    found = spread(scores, np.random.default_rng(0))
    assert found.value == pytest.approx(0.4)
    assert found.by_chance < 0.25
    assert found.p_value < 0.01


def test_identical_scores_do_not_spread_at_all():
    found = spread(np.tile([[1.0], [0.0]], (10, 3)), np.random.default_rng(0))
    assert found == (0.0, 0.0, 1.0)


def test_clusters_are_dealt_out_whole():
    """One cluster alone says nothing, however many items it has."""
    scores = np.column_stack([np.ones(40), np.zeros(40)])
    found = spread(scores, np.random.default_rng(0), clusters=["one"] * 40)
    assert found.p_value == 1


def test_nothing_to_spread_is_refused():
    with pytest.raises(ValueError, match=r"shape \(0, 3\)"):
        spread(np.zeros((0, 3)), np.random.default_rng(0))
