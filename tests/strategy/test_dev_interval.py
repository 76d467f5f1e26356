"""The interval of a score on dev: that of the mean, by groups, or none."""

from __future__ import annotations

import pytest

from steelyard.core import Example
from steelyard.families import METRICS
from steelyard.stats import proportion
from steelyard.strategy.dev_interval import interval_of

ACCURACY, MACRO_F1 = (METRICS.get(name)(None, "") for name in ("accuracy", "macro_f1"))


def examples(count: int, groups: int | None = None) -> list[Example]:
    group = (lambda place: None) if groups is None else (lambda place: f"g{place % groups}")
    return [Example(str(n), f"input {n}", "A", group=group(n)) for n in range(count)]


def test_right_and_wrong_answers_have_the_interval_of_a_share() -> None:
    scores = [1.0] * 30 + [0.0] * 20
    expected = proportion(30, 50)
    assert interval_of(ACCURACY, 0.6, scores, examples(50), 0) == (expected.low, expected.high)


def test_examples_of_one_group_count_as_one() -> None:
    scores = [float(n % 5 < 3) for n in range(50)]
    low, high = interval_of(ACCURACY, 0.6, scores, examples(50, groups=5), 0)
    plain = interval_of(ACCURACY, 0.6, scores, examples(50), 0)
    assert low is not None and high is not None and plain[0] is not None and plain[1] is not None
    assert high - low > 1.5 * (plain[1] - plain[0])


def test_partial_scores_have_one_too_and_it_is_the_same_again() -> None:
    scores = [0.1 * (n % 11) for n in range(60)]
    total = sum(scores) / 60
    low, high = interval_of(ACCURACY, total, scores, examples(60), 3)
    assert low is not None and high is not None and low < total < high
    assert interval_of(ACCURACY, total, scores, examples(60), 3) == (low, high)


@pytest.mark.parametrize(
    ("total", "scores"), [(0.42, [1.0, 0.0, 1.0, 1.0]), (0.0, [])], ids=["no mean", "no examples"]
)
def test_what_is_no_mean_has_none(total: float, scores: list[float]) -> None:
    assert interval_of(ACCURACY, total, scores, examples(len(scores)), 0) == (None, None)


def test_a_metric_over_all_examples_has_none_even_where_it_is_the_mean() -> None:
    assert interval_of(MACRO_F1, 1.0, [1.0] * 30, examples(30), 0) == (None, None)
    assert interval_of(ACCURACY, 1.0, [1.0] * 30, examples(30), 0) != (None, None)
