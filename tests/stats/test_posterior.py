"""The joint posterior of several arms' qualities."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.stats.posterior import (
    MeanOutlook,
    Posterior,
    ShareOutlook,
    chance_at_least,
    effective_items,
    item_covariance,
    update_of,
)


def _scores(rng: np.random.Generator, qualities: np.ndarray, n: int) -> np.ndarray:
    return (rng.random((len(qualities), n)) < qualities[:, None]).astype(float)


def test_equal_arms_are_drawn_together_and_shown_differences_stay():
    rng = np.random.default_rng(0)
    equal = _scores(rng, np.full(8, 0.8), 100)
    means = equal.mean(axis=1)
    posterior = Posterior(means, item_covariance(equal) / 100)
    assert np.ptp(posterior.mean) < np.ptp(means) / 2
    clear = np.array([0.5, 0.9])
    apart = Posterior(clear, np.eye(2) * 0.0001)
    assert apart.mean == pytest.approx(clear, abs=0.01)


def test_chances_are_kept():
    """Of the times that an arm is said to be the best with a chance, it is that often."""
    rng, stated, right = np.random.default_rng(1), [], []
    for _ in range(400):
        truths = rng.normal(0.75, 0.06, size=4)
        scores = _scores(rng, truths, 80)
        posterior = Posterior(scores.mean(axis=1), item_covariance(scores) / 80)
        draws = posterior.draws(np.random.default_rng(len(right)), 2000)
        chances = np.bincount(draws.argmax(axis=1), minlength=4) / 2000
        stated.append(chances.max())
        right.append(chances.argmax() == truths.argmax())
    assert np.mean(stated) - 0.04 < np.mean(right) < np.mean(stated) + 0.12


def test_the_covariance_is_that_of_items_where_these_are_many():
    rng = np.random.default_rng(2)
    scores = rng.random((3, 20_000))
    scores[1] = 0.7 * scores[0] + 0.3 * scores[1]
    assert item_covariance(scores) == pytest.approx(np.cov(scores), abs=0.003)


def test_items_of_a_cluster_count_once():
    rng = np.random.default_rng(3)
    once = _scores(rng, np.array([0.8, 0.7]), 200)
    tenfold = np.repeat(once, 10, axis=1)
    clusters = [str(place) for place in np.repeat(np.arange(200), 10)]
    apart = item_covariance(once) / 200
    assert item_covariance(tenfold, clusters) / 2000 == pytest.approx(apart, rel=0.02)
    assert (np.diag(item_covariance(tenfold)) / 2000 < np.diag(apart) / 5).all()


def test_few_items_without_a_difference_prove_none():
    alike = np.ones((2, 30))
    draws = Posterior(alike.mean(axis=1), item_covariance(alike) / 30).draws(
        np.random.default_rng(0)
    )
    assert 0.005 < np.std(draws[:, 0] - draws[:, 1]) < 0.05


def test_a_known_spread_gives_the_textbook_shrinkage():
    """Two independent arms of equal variance: half the difference is kept where spread is the error."""
    update = update_of(np.eye(2) * 0.01, np.eye(2) * 0.01)
    one, other = update.matrix @ np.array([0.4, 0.6])
    assert (one, other) == pytest.approx((0.45, 0.55))


def test_arms_apart_are_not_drawn_together():
    means, covariance = np.array([0.2, 0.6]), np.eye(2) * 0.01
    assert Posterior(means, covariance, apart=True).mean == pytest.approx(means, abs=0.001)


def test_one_arm_alone_keeps_its_mean():
    posterior = Posterior(np.array([0.7]), np.array([[0.01]]))
    assert posterior.mean == pytest.approx([0.7])
    assert posterior.draws(np.random.default_rng(0)).std() == pytest.approx(0.1, rel=0.1)


def test_what_more_items_show_is_centred_on_what_is_known():
    means, covariance = np.array([0.6, 0.7]), np.eye(2) * 0.2
    posterior = Posterior(means, covariance / 100)
    rng = np.random.default_rng(0)
    outcome = MeanOutlook(posterior, means, covariance, 100, rng, 4000).after(400)
    assert outcome.means.mean(axis=0) == pytest.approx(posterior.mean, abs=0.01)
    assert np.diag(outcome.covariance).max() < 0.2 / 100
    assert (outcome.expected - outcome.truths).mean(axis=0) == pytest.approx(0, abs=0.003)
    assert (outcome.expected - outcome.means).std(axis=0).max() < 0.01
    error = (outcome.means - outcome.truths).std(axis=0)
    assert error == pytest.approx(np.sqrt(np.diag(outcome.covariance)), rel=0.25)


@pytest.mark.parametrize(
    ("mean", "n", "least", "chance"),
    [(0.87, 200, 0.85, 0.79), (0.5, 100, 0.5, 0.5), (1.0, 20, 0.9, 0.97), (0.0, 20, 0.1, 0.03)],
)
def test_the_chance_of_a_share_is_jeffreys(mean, n, least, chance):
    items = effective_items(mean, mean * (1 - mean) / n, n)
    assert items == pytest.approx(n)
    assert chance_at_least(mean, items, least) == pytest.approx(chance, abs=0.02)


def test_the_shares_after_more_items_are_beta_binomial():
    """Against a calculation of its own; two arms that answer alike keep together."""
    from scipy.stats import betabinom

    means, items = np.array([0.9, 0.9]), np.array([60.0, 60.0])
    alike = np.array([[1.0, 0.99], [0.99, 1.0]])
    shares = ShareOutlook(means, items, alike, 7, 20_000).after(40)
    right = np.rint(shares * 100 - 54).astype(int)
    expected = betabinom(40, 54.5, 6.5)
    for most in (30, 34, 36, 38):
        assert (right[:, 0] <= most).mean() == pytest.approx(expected.cdf(most), abs=0.012)
    assert np.corrcoef(shares.T)[0, 1] > 0.3


def test_draws_are_the_same_whichever_part_of_them_is_used():
    posterior = Posterior(np.array([0.6, 0.7, 0.9]), np.eye(3) * 0.004)
    draws = posterior.draws(np.random.default_rng(0))
    assert draws[:2000].mean(axis=0) == pytest.approx(draws.mean(axis=0), abs=0.006)
    assert draws[:2000].std(axis=0) == pytest.approx(draws.std(axis=0), rel=0.06)
    assert draws.mean(axis=0) == pytest.approx(posterior.mean, abs=0.004)


def test_the_ends_of_the_scale_are_certain():
    assert chance_at_least(0.5, 10, 0.0) == 1
    assert chance_at_least(1.0, 10, 1.0) == 0


def test_copies_of_one_arm_are_no_evidence_that_all_arms_are_equal():
    """Six near-copies at 73 % and one arm at 85 %: the copies are not taken to be near it."""
    rng, near = np.random.default_rng(5), 0
    for _ in range(40):
        first = rng.random(240) < 0.73
        copies = [np.where(rng.random(240) < 0.03, rng.random(240) < 0.73, first) for _ in range(6)]
        scores = np.array([*copies, rng.random(240) < 0.85], dtype=np.float64)
        posterior = Posterior(scores.mean(axis=1), item_covariance(scores) / 240)
        draws = posterior.draws(rng, 1000)
        chances = (draws >= draws.max(axis=1, keepdims=True) - 0.02).mean(axis=0)
        near += chances[:6].max() >= 0.5
    assert near <= 4


def test_draws_are_qualities():
    right = np.ones((2, 24))
    draws = Posterior(right.mean(axis=1), item_covariance(right) / 24).draws(
        np.random.default_rng(0)
    )
    assert draws.min() >= 0 and draws.max() <= 1
