"""What a metric is, and where to find one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Answer, Example, OutputKind
from steelyard.errors import ConfigError, closest
from steelyard.families import METRICS
from steelyard.model.base import Model, ModelSpec


@dataclass(frozen=True)
class Grade:
    """What one answer is worth, in [0, 1], and the scores of its parts (rules, fields) by name.

    A part that does not apply to the example is left out.
    """

    score: float
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MetricSpec:
    """A metric by name with its options: plain data, a line of ``task.yaml``.

    A name with a colon is the user's own function: ``scorers.py:score`` or ``package.module:score``.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Materials:
    """What of the task metrics are built from.

    ``schema`` is JSON text; ``rules`` and ``judge`` are those sections of ``task.yaml`` as plain data;
    ``folder`` is the task's, where relative paths start; ``model`` the task's first model,
    ``models`` all of them.
    """

    kind: OutputKind = "text"
    labels: tuple[str, ...] = ()
    instruction: str = ""
    schema: str | None = None
    rules: tuple[Mapping[str, Any], ...] = ()
    judge: Mapping[str, Any] | None = None
    folder: Path = Path()
    model: ModelSpec | None = None
    models: tuple[ModelSpec, ...] = ()


class Metric(ABC):
    """Scores answers, in [0, 1], more is better. A failed answer scores 0.

    ``decomposable``: the metric over many items is the mean of their scores. ``binary``: an item
    scores 0 or 1 and nothing between. A metric of output and reference alone gives `score_answer`;
    one that reads the example, or has parts, gives `grade`; one that asks a model, `grade_all`.
    ``kinds``: the kinds of output that it is for.
    ``pooled_part`` names the figure over all parts of all items, without the ``summary_parts``, which
    sum up one item's; ``None`` where that says nothing.
    """

    name: str
    kinds: ClassVar[tuple[OutputKind, ...]] = ("label", "json", "text")
    decomposable: ClassVar[bool] = True
    pooled_part: ClassVar[str | None] = None
    summary_parts: ClassVar[tuple[str, ...]] = ()
    binary: bool = False
    asks_model: ClassVar[bool] = False  # many answers are then graded in one call, not as they come

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Build the metric for a task. Raises `ConfigError` for options it does not know."""
        refuse_options(cls.name, options, ())
        return cls()

    @property
    def fingerprint(self) -> str:
        """What decides the scores beside name and options: a judge's settings, the user's own code."""
        return ""

    def check(self, examples: Sequence[Example]) -> None:
        """Look over the examples before anything is spent. Raises for what cannot be scored."""
        return

    def connect(self, build_model: Callable[[ModelSpec], Model]) -> None:
        """Be given the run's models, before the first grade; what they are asked is the judge's."""
        return

    @abstractmethod
    def score_answer(self, output: str, reference: str) -> float:
        """Score one answer that did not fail."""

    def score(self, output: str | None, reference: str) -> float:
        """Score one answer; ``None`` is a failed one and scores 0."""
        return 0.0 if output is None else self.score_answer(output, reference)

    def grade(self, example: Example, output: str | None) -> Grade:
        """Grade one answer to ``example``; ``None`` is a failed one and scores 0."""
        return Grade(self.score(output, example.output))

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        """Grade each answer; same length and order."""
        return [self.grade(*pair) for pair in zip(examples, outputs, strict=True)]

    def over(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float | None:
        """The metric over answered examples; ``scores`` are the answers' own, where they are known."""
        outputs = [answer.output for answer in answers]
        if scores is None:
            scores = [grade.score for grade in self.grade_all(examples, outputs)]
        return self.aggregate(scores, outputs, [example.output for example in examples])

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

    decomposable: ClassVar[bool] = False  # its item scores only serve to show items

    @abstractmethod
    def encode(
        self, outputs: Sequence[str | None], references: Sequence[str]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return outputs and references as arrays of equal length, fit for :meth:`figure`."""

    @abstractmethod
    def figure(self, outputs: NDArray[Any], references: NDArray[Any]) -> float:
        """The metric over encoded outputs and references."""

    def over(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float | None:
        """The metric over answered examples; ``scores`` are the answers' own, where they are known."""
        outputs = [answer.output for answer in answers]
        if scores is None:
            scores = [grade.score for grade in self.grade_all(examples, outputs)]
        return self.aggregate(scores, outputs, [example.output for example in examples])

    def aggregate(
        self,
        scores: Sequence[float],
        outputs: Sequence[str | None],
        references: Sequence[str],
    ) -> float | None:
        """The metric over all items; ``None`` when there are none."""
        return self.figure(*self.encode(outputs, references)) if len(references) else None


def metric_names() -> list[str]:
    """The names of every metric."""
    return list(METRICS)


def refuse_unfit(name: str, kind: OutputKind) -> None:
    """Raise `ConfigError` where the metric called ``name`` is not for outputs of ``kind``."""
    wanted = _kind_of(name).kinds
    if kind in wanted:
        return
    fitting = [each for each in METRICS if each != "custom" and kind in _kind_of(each).kinds]
    raise ConfigError(
        f"metric {name} is for output.kind: {' or '.join(wanted)}, and the task's is {kind}; "
        f"those for {kind}: {', '.join(fitting)}, or FILE.py:FUNCTION"
    )


def _kind_of(name: str) -> type[Metric]:
    if name.endswith(".py"):
        raise ConfigError(
            f"metric {name!r} names a file: add the function in it that scores, {name}:FUNCTION"
        )
    kind: type[Metric] = METRICS.get("custom" if ":" in name else name)
    return kind


def get_metric(name: str) -> Metric:
    """Return the metric called ``name``; an unknown name raises `ConfigError` with the closest."""
    return build_metric(MetricSpec(name), Materials())


def build_metric(spec: MetricSpec, materials: Materials) -> Metric:
    """Build the metric that ``spec`` names for a task.

    Raises `ConfigError` for an unknown name or option, and for what the task lacks.
    """
    kind = _kind_of(spec.name)
    options = {**spec.options, "function": spec.name} if ":" in spec.name else spec.options
    return kind.build(options, materials)


def refuse_options(metric: str, options: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise `ConfigError` for the first option that is not ``known``."""
    for name in options:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise ConfigError(
                f"metric {metric}: unknown option {name!r}{closest(name, known)}; known: {listed}"
            )
