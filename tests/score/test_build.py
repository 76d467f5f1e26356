"""Metrics of one name keep their figures apart."""

from __future__ import annotations

import pytest

from steelyard.core import Answer, Completion, Example
from steelyard.errors import ConfigError
from steelyard.score import Metric, build_metrics
from steelyard.weigh.measure import to_records
from tests.score.tasks import task_with

FIVE_PERCENT = {"name": "numeric", "options": {"tolerance": "5 %"}}
EXACT = {"name": "numeric", "options": {"tolerance": 0}}


def metrics_of(*metrics: str | dict[str, object]) -> tuple[Metric, ...]:
    return build_metrics(task_with(metric=list(metrics)))


def names_of(*metrics: str | dict[str, object]) -> list[str]:
    return [metric.name for metric in metrics_of(*metrics)]


def test_a_second_metric_of_a_name_is_called_by_its_options() -> None:
    both = {"tolerance": {"absolute": 0.123456, "relative": 0.123456}}
    numeric = [EXACT, FIVE_PERCENT, "numeric", {"name": "numeric", "options": both}]
    assert names_of(*numeric, "exact_match") == [
        "numeric",
        "numeric (tolerance 5 %)",
        "numeric-2",
        "numeric-3",
        "exact_match",
    ]


def test_each_keeps_its_own_scores() -> None:
    metrics = metrics_of(EXACT, FIVE_PERCENT)
    answer = Answer("101", Completion("101", "stop"))
    [record] = to_records("arm", [Example("a", "?", "100")], [answer], metrics)
    assert record.score == 0
    assert record.scores == {"numeric": 0, "numeric (tolerance 5 %)": 1}


def test_the_same_metric_twice_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="numeric is listed twice with the same options; remove"):
        names_of("numeric", "exact_match", "numeric")
    assert names_of("numeric") == ["numeric"]
