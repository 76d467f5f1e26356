"""A metric over records: its estimate, and the difference of two arms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.core import Comparison, Estimate, Record
from steelyard.errors import DataError
from steelyard.score.base import CorpusMetric, Metric
from steelyard.stats.intervals import mean, statistic
from steelyard.stats.paired import compare, compare_statistic
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
        lambda index: metric.figure(outputs[index], references[index]),
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
    if [record.example_id for record in a] != [record.example_id for record in b]:
        raise ValueError("paired records must hold the same examples in the same order")
    if not a:
        raise DataError("nothing to compare: the test split is empty")
    names = (a[0].arm, b[0].arm)
    if not isinstance(metric, CorpusMetric):
        scores = item_scores(metric, a), item_scores(metric, b)
        return compare(*scores, names, metric.name, rng, clusters=clusters)
    first, references = metric.encode(*_texts(a))
    second, _ = metric.encode(*_texts(b))
    return compare_statistic(
        lambda answers, index: metric.figure(answers[index], references[index]),
        first,
        second,
        names,
        metric.name,
        rng,
        clusters=clusters,
    )


def _texts(records: Sequence[Record]) -> tuple[list[str | None], list[str]]:
    return [record.answer.output for record in records], [record.reference for record in records]
