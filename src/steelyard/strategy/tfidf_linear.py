"""A linear classifier over TF-IDF n-grams: the classical baseline that a model has to beat."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import NonNegativeInt, PositiveFloat

from steelyard.config.options import Options, Several, one_of
from steelyard.config.records import read_as
from steelyard.core import Answer, Completion, Example, Question
from steelyard.errors import DataError
from steelyard.label_sets import labels_of
from steelyard.model.base import Model, ModelSpec
from steelyard.output_kinds import KINDS
from steelyard.retrieve.arrays import read_arrays
from steelyard.retrieve.tfidf import FeatureName, Tfidf
from steelyard.seeds import fit_generator
from steelyard.stats.resample import Floats
from steelyard.strategy.base import Arm, ArmFacts, FitContext, Strategy, TaskFacts
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.linear import Linear, LinearSets, Loss, fit_linear, fit_sets
from steelyard.strategy.nearest_neighbour import train_shots
from steelyard.strategy.record import FitRecord
from steelyard.strategy.saved import read_facts, write_manifest
from steelyard.strategy.search import Halving, SearchCandidate, choose, trace_options
from steelyard.strategy.traits import Traits

CLASSIFIERS: tuple[Loss, ...] = ("logistic", "svm")
THRESHOLD_RULE = (
    "a label is given from the score on that is best on dev, the same for all labels; between equals the "
    "nearest to even odds"
)


class TfidfLinearOptions(Options):
    """The grid tried on dev; ``c`` is the inverse regularisation strength.

    With more than ``max_logistic_labels`` labels only the svm is tried: the time of the logistic
    classifier grows with labels times features (on banking77, 30 times the svm's, for less quality).
    """

    features: Several[FeatureName] = ("word", "word+char")
    classifier: Several[Annotated[Loss, one_of("classifier", lambda: CLASSIFIERS)]] = CLASSIFIERS
    c: Several[PositiveFloat] = (1.0, 10.0, 100.0)
    max_logistic_labels: NonNegativeInt = 20


class TfidfLinearArm(ClassicalArm):
    """Answers with the label of the highest score, or with those above a threshold, as its classifier has it.

    Probabilities are calibrated on dev.
    """

    def __init__(self, facts: ArmFacts, tfidf: Tfidf, linear: Linear) -> None:
        super().__init__(facts)
        self._tfidf = tfidf
        self._linear = linear

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        return self._linear.predictions(self._scores(texts))

    def _scores(self, texts: Sequence[str]) -> Floats:
        return self._linear.scores(self._tfidf.transform(texts))

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

    def save(self, folder: Path) -> None:
        linear = self._linear
        fields = {"loss": linear.loss, "trained_labels": list(linear.labels), "scale": linear.scale}
        if isinstance(linear, LinearSets):
            fields |= {"threshold": linear.threshold, "fewest": linear.fewest}
        write_manifest(self, folder, fields)
        self._tfidf.save(folder)
        np.savez_compressed(folder / "linear.npz", weights=linear.weights, bias=linear.bias)

    @classmethod
    def restore(
        cls, folder: Path, saved: Mapping[str, Any], build_model: Callable[[ModelSpec], Model]
    ) -> TfidfLinearArm:
        weights, bias = read_arrays(folder / "linear.npz", ("weights", "bias"))
        labels = read_as(tuple[str, ...], saved["trained_labels"], "trained_labels")
        scale = saved.get("scale", 1.0)  # absent in arms of the first versions
        loss = read_as(Loss, saved["loss"], "loss")
        tfidf = Tfidf.load(folder)
        if weights.shape != (tfidf.width, len(labels)) or bias.shape != (len(labels),):
            raise ValueError(
                f"weights of the shape {weights.shape}, for {tfidf.width} features and {len(labels)} labels"
            )
        arrays = (loss, labels, weights, bias, read_as(float, scale, "scale"))
        if "threshold" not in saved:
            return cls(read_facts(saved), tfidf, Linear(*arrays))
        threshold = read_as(float, saved["threshold"], "threshold")
        fewest = read_as(NonNegativeInt, saved["fewest"], "fewest")
        return cls(read_facts(saved), tfidf, LinearSets(*arrays, threshold, fewest))


class TfidfLinear(Strategy):
    """Fits every point of a small grid on train and takes the best on dev. Labels, one or several."""

    name: ClassVar[str] = "tfidf_linear"
    traits: ClassVar[Traits] = Traits(
        family="classical",
        about="a linear classifier on word counts",
        needs_model=False,
        needs_references=True,
        is_reference=True,
        carries="nothing",
    )
    options_type = TfidfLinearOptions
    config: TfidfLinearOptions
    arm_type: ClassVar[type[Arm]] = TfidfLinearArm

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
        fit = fit_sets if brief.kind == "labels" else fit_linear
        texts = [shot.input for shot in shots]
        candidates = []
        for features in self.config.features:
            tfidf = Tfidf.fit(texts, features)
            matrix = tfidf.transform(texts)
            for loss, c in itertools.product(self._classifiers(labels), self.config.c):
                linear = fit(loss, c, matrix, outputs, context.seed)
                options = {"features": features, "classifier": loss, "c": c}
                facts = ArmFacts(self.name, self.name, brief, options)
                arm = TfidfLinearArm(facts, tfidf, linear)
                arm.set_threshold(context)
                candidates.append(SearchCandidate(f"{features}, {loss}, c={c:g}", arm))
        return [_best(candidates, context)]

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        reason = super().refusal(task, model)
        if reason is None and not KINDS[task.brief.kind].is_labelled:
            needed = "JSON" if task.brief.kind == "json" else "text"
            return f"it can only predict labels; this task needs {needed}"
        return reason

    def _classifiers(self, labels: int) -> tuple[Loss, ...]:
        is_many = labels > self.config.max_logistic_labels and "svm" in self.config.classifier
        return ("svm",) if is_many else self.config.classifier


def _best(
    candidates: Sequence[SearchCandidate[TfidfLinearArm]], context: FitContext
) -> TfidfLinearArm:
    def answer(arm: TfidfLinearArm, questions: Sequence[Question]) -> list[Answer]:
        return arm.answer_all(questions)

    rng = fit_generator(context.seed, "tfidf_linear")
    score = context.score
    choice = choose(candidates, context.dev, answer, score, rng, Halving(finalists=len(candidates)))
    arm = choice.best.value
    arm.fit = FitRecord(trace_options(choice))
    arm.calibrate(context.dev)
    return arm
