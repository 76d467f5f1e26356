"""Whether the gains of two ways add: planted interactions, clusters, and the interval's coverage."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.stats.factorial import Factorial, interaction
from steelyard.stats.resample import Floats


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(
    random: np.random.Generator, items: int, shares: tuple[float, ...], size: int = 1
) -> Factorial:
    """0/1 scores of four arms with these shares of right answers, alike on items, more so in clusters."""
    from scipy.special import ndtri

    easy = np.repeat(random.normal(size=-(-items // size)), size)[:items]
    latent = np.sqrt(0.6) * easy + np.sqrt(0.4) * random.normal(size=(4, items))
    rows: list[Floats] = [
        (latent[at] < ndtri(share)).astype(float) for at, share in enumerate(shares)
    ]
    return Factorial(*rows)


def test_it_is_the_mean_of_the_contrast_of_each_item() -> None:
    scores = drawn(rng(), 50, (0.4, 0.6, 0.6, 0.7))
    neither, first, second, both = scores
    estimate = interaction(scores, rng())
    assert estimate.value == pytest.approx(np.mean(both - first - second + neither))
    assert estimate.low is not None and estimate.high is not None
    assert estimate.low < estimate.value < estimate.high and estimate.n == 50


def test_graded_scores_and_the_order_of_the_two_ways_do_not_matter() -> None:
    random = rng(3)
    neither, first, second, both = (random.uniform(size=40) for _ in range(4))
    one = interaction(Factorial(neither, first, second, both), rng())
    other = interaction(Factorial(neither, second, first, both), rng())
    assert one.value == pytest.approx(other.value) and one.low == pytest.approx(other.low)


def test_equal_items_are_no_certainty() -> None:
    ones, zeros = np.ones(12), np.zeros(12)
    estimate = interaction(Factorial(zeros, zeros, zeros, ones), rng())
    assert estimate.value == 1 and estimate.low is not None and 0 < estimate.low < 1


def test_a_few_clusters_tell_less_than_their_items() -> None:
    scores = drawn(rng(5), 120, (0.4, 0.5, 0.5, 0.9), size=12)
    alone = interaction(scores, rng())
    clustered = interaction(scores, rng(), clusters=[item // 12 for item in range(120)])
    assert alone.value == pytest.approx(clustered.value)
    assert "clusters" in clustered.method and "clusters" not in alone.method


@pytest.mark.parametrize(
    ("items", "shares", "size"),
    [
        (60, (0.5, 0.6, 0.6, 0.7), 1),
        (60, (0.2, 0.3, 0.5, 0.3), 1),
        (120, (0.5, 0.6, 0.6, 0.7), 4),
        (80, (0.5, 0.5, 0.5, 0.5), 1),
    ],
)
def test_the_interval_holds_what_is_true(items: int, shares: tuple[float, ...], size: int) -> None:
    """A/A: of 250 tests drawn from four arms with a known interaction."""
    neither, first, second, both = shares
    truth = both - first - second + neither
    clusters = None if size == 1 else [item // size for item in range(items)]
    holds = 0
    for seed in range(250):
        random = rng(seed)
        estimate = interaction(drawn(random, items, shares, size), random, clusters=clusters)
        assert estimate.low is not None and estimate.high is not None
        holds += estimate.low - 1e-9 <= truth <= estimate.high + 1e-9
    assert holds / 250 >= 0.93
