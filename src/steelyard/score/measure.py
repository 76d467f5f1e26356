"""A metric over records: its estimate, and the difference of two arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Comparison, Estimate, Record
from steelyard.errors import DataError
from steelyard.score.base import CorpusMetric, Metric
from steelyard.stats.intervals import mean, statistic
from steelyard.stats.paired import PairTest, pair_tests, statistic_tests
from steelyard.stats.resample import Clusters, Floats


def item_scores(metric: Metric, records: Sequence[Record]) -> Floats:
    """Each record's score by this metric, failed records 0; what a record holds is not redone."""
    return np.array(
        [
            record.scores[metric.name]
            if metric.name in record.scores
            else metric.score(record.answer.output, record.reference)
            for record in records
        ],
        dtype=np.float64,
    )


def quality(
    metric: Metric,
    records: Sequence[Record],
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
) -> Estimate:
    """The metric over an arm's records with its interval; ``clusters`` is in the records' order."""
    if not isinstance(metric, CorpusMetric):
        return mean(item_scores(metric, records), rng, clusters=clusters)
    if not records:
        return Estimate(None, reason="no items")
    outputs, references = metric.encode(*_texts(records))
    return statistic(
        lambda weights: metric.weighted(outputs, references, weights),
        len(records),
        rng,
        clusters=clusters,
    )


def compare_records(
    metric: Metric,
    a: Sequence[Record],
    b: Sequence[Record],
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
) -> Comparison:
    """The paired difference of two arms; both must hold the same examples in the same order."""
    [test] = pairs_of_records(metric, (a, b), rng, clusters=clusters)
    return test.at(0.95)


def pairs_of_records(
    metric: Metric,
    arms: Sequence[Sequence[Record]],
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
) -> list[PairTest]:
    """Test the paired difference of every two of ``arms``; each holds the same examples in one order."""
    orders = {tuple(record.example_id for record in records) for records in arms}
    if len(orders) > 1:
        raise ValueError("paired records must hold the same examples in the same order")
    if not all(arms):
        raise DataError("nothing to compare: the test split is empty")
    names = [records[0].arm for records in arms]
    if not isinstance(metric, CorpusMetric):
        scores = [item_scores(metric, records) for records in arms]
        return pair_tests(names, scores, metric.name, rng, clusters=clusters)
    encoded = [metric.encode(*_texts(records)) for records in arms]
    references = encoded[0][1]

    def figure(answers: NDArray[Any], weights: Floats) -> Floats:
        times = len(answers) // len(references)
        return metric.weighted(answers, np.tile(references, times), weights)

    outputs = [answers for answers, _ in encoded]
    return statistic_tests(names, outputs, figure, metric.name, rng, clusters=clusters)


def _texts(records: Sequence[Record]) -> tuple[list[str | None], list[str]]:
    return [record.answer.output for record in records], [record.reference for record in records]
