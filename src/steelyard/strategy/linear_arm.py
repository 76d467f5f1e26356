"""What linear classifiers share: weights over features of a text, chosen and calibrated on dev."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import NonNegativeInt, PositiveFloat

from steelyard.config.options import Options, Several, one_of
from steelyard.config.records import read_as
from steelyard.core import Answer, Completion, Example, Question
from steelyard.errors import DataError
from steelyard.label_sets import labels_of
from steelyard.model.base import ModelSpec
from steelyard.output_kinds import KINDS
from steelyard.retrieve.arrays import read_arrays
from steelyard.seeds import fit_generator
from steelyard.stats.resample import Floats
from steelyard.strategy.base import Arm, ArmFacts, FitContext, Strategy, TaskFacts
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.linear import Linear, LinearSets, Loss, fit_linear, fit_sets
from steelyard.strategy.nearest_neighbour import train_shots
from steelyard.strategy.record import FitRecord
from steelyard.strategy.saved import write_manifest
from steelyard.strategy.search import Choice, Halving, SearchCandidate, choose, trace_options

CLASSIFIERS: tuple[Loss, ...] = ("logistic", "svm")
THRESHOLD_RULE = (
    "a label is given from the score on that is best on dev, the same for all labels; between equals the "
    "nearest to even odds"
)


class LinearOptions(Options):
    """The grid tried on dev; ``c`` is the inverse regularisation strength.

    With more than ``max_logistic_labels`` labels only the svm is tried: the time of the logistic
    classifier grows with labels times features (on banking77, 30 times the svm's, for less quality).
    """

    classifier: Several[Annotated[Loss, one_of("classifier", lambda: CLASSIFIERS)]] = CLASSIFIERS
    c: Several[PositiveFloat] = (1.0, 10.0, 100.0)
    max_logistic_labels: NonNegativeInt = 20


class LinearArm(ClassicalArm):
    """Answers with the label of the highest score, or with those above a threshold, as its classifier has it.

    Probabilities are calibrated on dev.
    """

    def __init__(self, facts: ArmFacts, linear: Linear) -> None:
        super().__init__(facts)
        self._linear = linear

    @abstractmethod
    def features(self, texts: Sequence[str]) -> Any:
        """Return (n texts, n features) numbers that the classifier weighs."""

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        return self._linear.predictions(self._scores(texts))

    def _scores(self, texts: Sequence[str]) -> Floats:
        return self._linear.scores(self.features(texts))

    def calibrate(self, dev: Sequence[Example]) -> None:
        """Scale the scores so that the outputs of ``dev`` are most likely; no answer changes."""
        items = 0
        if dev:
            scores = self._scores([example.input for example in dev])
            outputs = [example.output for example in dev]
            self._linear, items = self._linear.calibrated(scores, outputs)
        self.options["calibration"] = {"items": items, "scale": self._linear.scale}

    def set_threshold(self, context: FitContext) -> None:
        """Choose on dev from which score on a label is given; where one label is given, there is none."""
        linear, dev = self._linear, context.dev
        if not isinstance(linear, LinearSets):
            return

        def score_of(predictions: Sequence[Prediction]) -> float:
            answers = [Answer(one.output, Completion(one.output, "stop")) for one in predictions]
            return context.score(dev, answers)

        if dev:
            scores = self._scores([example.input for example in dev])
            linear = self._linear = linear.with_threshold(scores, score_of)
        self.options |= {"threshold": linear.threshold, "threshold_rule": THRESHOLD_RULE}

    def save_linear(self, folder: Path, more: Mapping[str, Any] | None = None) -> None:
        """Write the manifest, with ``more`` in it, and the classifier."""
        linear = self._linear
        fields = {"loss": linear.loss, "trained_labels": list(linear.labels), "scale": linear.scale}
        if isinstance(linear, LinearSets):
            fields |= {"threshold": linear.threshold, "fewest": linear.fewest}
        write_manifest(self, folder, {**fields, **(more or {})})
        np.savez_compressed(folder / "linear.npz", weights=linear.weights, bias=linear.bias)


def read_linear(folder: Path, saved: Mapping[str, Any], width: int) -> Linear:
    """Read the classifier that `LinearArm.save_linear` wrote, of ``width`` features.

    Raises `ValueError` and `LookupError` for anything else.
    """
    weights, bias = read_arrays(folder / "linear.npz", ("weights", "bias"))
    labels = read_as(tuple[str, ...], saved["trained_labels"], "trained_labels")
    if weights.shape != (width, len(labels)) or bias.shape != (len(labels),):
        raise ValueError(
            f"weights of the shape {weights.shape}, for {width} features and {len(labels)} labels"
        )
    loss = read_as(Loss, saved["loss"], "loss")
    scale = saved.get("scale", 1.0)  # absent in arms of the first versions
    arrays = (loss, labels, weights, bias, read_as(float, scale, "scale"))
    if "threshold" not in saved:
        return Linear(*arrays)
    threshold = read_as(float, saved["threshold"], "threshold")
    fewest = read_as(NonNegativeInt, saved["fewest"], "fewest")
    return LinearSets(*arrays, threshold, fewest)


@dataclass(frozen=True)
class FeatureSet:
    """One way to turn texts into numbers: its ``name``, the (n train, n features) ``matrix``, its arm.

    ``build`` makes the arm of a classifier of the matrix; ``options`` are what it states of the features.
    Between sets that are equal on dev the smaller ``size`` wins. The option ``c`` counts ``c_factor`` times,
    for features on another scale than most.
    """

    name: str
    options: Mapping[str, Any]
    matrix: Any
    build: Callable[[ArmFacts, Linear], LinearArm]
    size: int = 0
    c_factor: float = 1.0


class GridPoint(NamedTuple):
    """One point of the grid: the features, the classifier, and the ``c`` that is offered."""

    features: FeatureSet
    loss: Loss
    c: float

    def beyond(self, offered: Sequence[float]) -> GridPoint | None:
        """The next point, one step of the grid on, where this one has its least or largest ``c``."""
        grid = sorted(set(offered))
        if len(grid) < 2 or self.c not in (grid[0], grid[-1]):
            return None
        last, neighbour = (grid[0], grid[1]) if self.c == grid[0] else (grid[-1], grid[-2])
        return self._replace(c=last * last / neighbour)


class LinearStrategy(Strategy):
    """Fits every point of a small grid on train and takes the best on dev. Labels, one or several.

    Where the best has the least or the largest ``c`` of several, the grid is extended by one point there.
    """

    config: LinearOptions

    @abstractmethod
    def feature_sets(self, context: FitContext, texts: Sequence[str]) -> Iterable[FeatureSet]:
        """Yield the ways to be tried of turning ``texts``, the inputs of train, into numbers."""

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `ConfigError` for other outputs, `DataError` for a single label."""
        brief = context.brief
        self.require_fit(context.task)
        shots = train_shots(context.train)
        outputs = [shot.output for shot in shots]
        if len(set(outputs)) < 2:
            raise DataError(
                f"strategy {self.name} needs at least two labels in train; "
                f"all {len(outputs)} examples have {outputs[0]!r}"
            )
        labels = len({label for one in outputs for label in labels_of(one, brief.kind)})
        points = [
            GridPoint(features, loss, c)
            for features in self.feature_sets(context, [shot.input for shot in shots])
            for loss, c in itertools.product(self._classifiers(labels), self.config.c)
        ]
        candidates = [self._candidate(point, outputs, context) for point in points]
        choice = self._choice(candidates, context)
        best = next(
            point for point, one in zip(points, candidates, strict=True) if one is choice.best
        )
        beyond = best.beyond(self.config.c) if context.dev else None
        if beyond is not None:
            candidates.append(self._candidate(beyond, outputs, context))
            choice = self._choice(candidates, context)
        arm = choice.best.value
        arm.fit = FitRecord(trace_options(choice))
        arm.calibrate(context.dev)
        return [arm]

    def _candidate(
        self, point: GridPoint, outputs: Sequence[str], context: FitContext
    ) -> SearchCandidate[LinearArm]:
        features, loss = point.features, point.loss
        c = point.c * features.c_factor
        fit = fit_sets if context.brief.kind == "labels" else fit_linear
        linear = fit(loss, c, features.matrix, outputs, context.seed)
        options = {**features.options, "classifier": loss, "c": c}
        arm = features.build(ArmFacts(self.name, self.name, context.brief, options), linear)
        arm.set_threshold(context)
        return SearchCandidate(f"{features.name}, {loss}, c={c:g}", arm, features.size)

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        reason = super().refusal(task, model)
        if reason is None and not KINDS[task.brief.kind].is_labelled:
            needed = "JSON" if task.brief.kind == "json" else "text"
            return f"it can only predict labels; this task needs {needed}"
        return reason

    def _classifiers(self, labels: int) -> tuple[Loss, ...]:
        is_many = labels > self.config.max_logistic_labels and "svm" in self.config.classifier
        return ("svm",) if is_many else self.config.classifier

    def _choice(
        self, candidates: Sequence[SearchCandidate[LinearArm]], context: FitContext
    ) -> Choice[LinearArm]:
        def answer(arm: LinearArm, questions: Sequence[Question]) -> list[Answer]:
            return arm.answer_all(questions)

        rng = fit_generator(context.seed, self.name)
        plan = Halving(finalists=len(candidates))
        return choose(candidates, context.dev, answer, context.score, rng, plan)
