"""Metrics of one name keep their figures apart."""

from __future__ import annotations

import pytest

from steelyard.core import Answer, Completion, Example
from steelyard.errors import ConfigError
from steelyard.score import Materials, MetricSpec, build_metric
from steelyard.score.naming import name_apart
from steelyard.weigh.measure import to_records


def named(*specs: MetricSpec) -> list[str]:
    metrics = [build_metric(spec, Materials()) for spec in specs]
    name_apart(specs, metrics)
    return [metric.name for metric in metrics]


def test_a_second_metric_of_a_name_is_called_by_its_options() -> None:
    numeric = [
        MetricSpec("numeric", {"tolerance": 0}),
        MetricSpec("numeric", {"tolerance": "5 %"}),
        MetricSpec("numeric"),
        MetricSpec("numeric", {"tolerance": {"absolute": 0.123456, "relative": 0.123456}}),
    ]
    assert named(*numeric, MetricSpec("exact_match")) == [
        "numeric",
        "numeric (tolerance 5 %)",
        "numeric-2",
        "numeric-3",
        "exact_match",
    ]


def test_each_keeps_its_own_scores() -> None:
    specs = [MetricSpec("numeric", {"tolerance": 0}), MetricSpec("numeric", {"tolerance": "5 %"})]
    metrics = [build_metric(spec, Materials()) for spec in specs]
    name_apart(specs, metrics)
    answer = Answer("101", Completion("101", "stop"))
    [record] = to_records("arm", [Example("a", "?", "100")], [answer], metrics)
    assert record.score == 0
    assert record.scores == {"numeric": 0, "numeric (tolerance 5 %)": 1}


def test_the_same_metric_twice_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="numeric is listed twice with the same options: remove"):
        named(MetricSpec("numeric"), MetricSpec("exact_match"), MetricSpec("numeric"))
    assert named(MetricSpec("numeric")) == ["numeric"]
