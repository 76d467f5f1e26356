"""What a metric is, and where to find one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from steelyard.registry import Registry


class Metric(ABC):
    """Scores answers against references, in [0, 1], more is better. A failed answer scores 0.

    ``decomposable``: the metric over many items is the mean of their scores. ``binary``: an item
    scores 0 or 1 and nothing between.
    """

    name: ClassVar[str]
    decomposable: ClassVar[bool] = True
    binary: ClassVar[bool] = False

    @abstractmethod
    def score_answer(self, output: str, reference: str) -> float:
        """Score one answer that did not fail."""

    def score(self, output: str | None, reference: str) -> float:
        """Score one answer; ``None`` is a failed one and scores 0."""
        return 0.0 if output is None else self.score_answer(output, reference)

    def aggregate(
        self,
        scores: Sequence[float],
        outputs: Sequence[str | None],
        references: Sequence[str],
    ) -> float | None:
        """The metric over all items; ``None`` when there are none."""
        return float(np.mean(scores)) if len(scores) else None


class CorpusMetric(Metric):
    """A metric that is no mean of item scores; its interval comes from resampling answers."""

    decomposable: ClassVar[bool] = False

    @abstractmethod
    def encode(
        self, outputs: Sequence[str | None], references: Sequence[str]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return outputs and references as arrays of equal length, fit for :meth:`figure`."""

    @abstractmethod
    def figure(self, outputs: NDArray[Any], references: NDArray[Any]) -> float:
        """The metric over encoded outputs and references."""

    def aggregate(
        self,
        scores: Sequence[float],
        outputs: Sequence[str | None],
        references: Sequence[str],
    ) -> float | None:
        """The metric over all items; ``None`` when there are none."""
        return self.figure(*self.encode(outputs, references)) if len(references) else None


_METRICS: Registry[type[Metric]] = Registry(
    "metric",
    {
        "accuracy": "steelyard.score.label:Accuracy",
        "macro_f1": "steelyard.score.label:MacroF1",
        "exact_match": "steelyard.score.exact:ExactMatch",
        "token_f1": "steelyard.score.exact:TokenF1",
        "numeric": "steelyard.score.numeric:Numeric",
        "json_match": "steelyard.score.json_fields:JsonMatch",
        "field_f1": "steelyard.score.json_fields:FieldF1",
    },
)


def metric_names() -> list[str]:
    """The names of every metric."""
    return list(_METRICS)


def get_metric(name: str) -> Metric:
    """Return the metric called ``name``; an unknown name raises `ConfigError` with the closest."""
    return _METRICS.get(name)()
