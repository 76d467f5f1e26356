"""How sure a score on dev is, for whoever reads it beside a choice."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steelyard.core import Example, clusters_of
from steelyard.score.base import CorpusMetric, Metric
from steelyard.seeds import generator
from steelyard.stats import mean


def interval_of(
    metric: Metric, total: float, scores: Sequence[float], examples: Sequence[Example], seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Return the 95 % interval of the ``total`` of ``metric`` over dev, clusters of examples as one.

    ``None`` for a metric that is not the mean of its ``scores``, and without examples.
    """
    if isinstance(metric, CorpusMetric):  # which may equal the mean by chance
        return None, None
    estimate = mean(scores, generator(seed, "interval on dev"), clusters=clusters_of(examples))
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None, None
    if not math.isclose(estimate.value, total, abs_tol=1e-9):
        return None, None
    return estimate.low, estimate.high
