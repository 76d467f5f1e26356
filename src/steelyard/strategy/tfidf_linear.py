"""A linear classifier over TF-IDF n-grams: the classical baseline that a model has to beat."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, PositiveFloat
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.config.options import Options, Several, one_of
from steelyard.config.records import read_as
from steelyard.core import Answer, Example, Question
from steelyard.errors import DataError
from steelyard.model.base import Model, ModelSpec
from steelyard.retrieve.arrays import read_arrays
from steelyard.retrieve.tfidf import FeatureName, Tfidf
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Arm, ArmFacts, FitContext, Strategy, TaskFacts
from steelyard.strategy.classical import ClassicalArm, Prediction
from steelyard.strategy.nearest_neighbour import train_shots
from steelyard.strategy.record import FitRecord
from steelyard.strategy.saved import read_facts, write_manifest
from steelyard.strategy.search import Halving, SearchCandidate, choose, trace_options
from steelyard.strategy.traits import Traits

CLASSIFIERS = ("logistic", "svm")
_LEAST_TO_CALIBRATE = 10
_LOG_SCALES = (-4.0, 4.0)


class TfidfLinearOptions(Options):
    """The grid tried on dev; ``c`` is the inverse regularisation strength.

    With more than ``max_logistic_labels`` labels only the svm is tried: the time of the logistic
    classifier grows with labels times features (on banking77, 30 times the svm's, for less quality).
    """

    features: Several[FeatureName] = ("word", "word+char")
    classifier: Several[Annotated[str, one_of("classifier", lambda: CLASSIFIERS)]] = CLASSIFIERS
    c: Several[PositiveFloat] = (1.0, 10.0, 100.0)
    max_logistic_labels: NonNegativeInt = 20


Loss = Literal["logistic", "svm"]


class Linear(NamedTuple):
    """A fitted linear classifier as arrays.

    ``weights`` is (n features, n labels), ``bias`` (n labels,); scores are log-odds where ``loss`` is
    logistic, margins where it is svm. Probabilities are the softmax of ``scale`` times the scores.
    """

    loss: Loss
    labels: tuple[str, ...]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    scale: float = 1.0

    def scores(self, matrix: Any) -> NDArray[np.float64]:
        """Return (n texts, n labels) scores of (n texts, n features)."""
        return np.asarray(matrix @ self.weights) + self.bias

    def probabilities(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(softmax(self.scale * scores, axis=1))


class TfidfLinearArm(ClassicalArm):
    """Answers with the label of the highest score; probabilities are calibrated on dev."""

    def __init__(self, facts: ArmFacts, tfidf: Tfidf, linear: Linear) -> None:
        super().__init__(facts)
        self._tfidf = tfidf
        self._linear = linear

    def guess(self, texts: Sequence[str]) -> list[Prediction]:
        linear = self._linear
        scores = linear.scores(self._tfidf.transform(texts))
        best = [linear.labels[place] for place in scores.argmax(axis=1)]
        return [
            Prediction(label, dict(zip(linear.labels, row.tolist(), strict=True)))
            for label, row in zip(best, linear.probabilities(scores), strict=True)
        ]

    def calibrate(self, dev: Sequence[Example]) -> None:
        """Scale the scores so that the labels of ``dev`` are most likely; no answer changes.

        One parameter for all labels: Platt (1999) without the intercept, temperature scaling of Guo et
        al. (2017). Labels missing in train are left out; with fewer than ten items nothing is scaled.
        """
        places = {label: place for place, label in enumerate(self._linear.labels)}
        usable = [example for example in dev if example.output in places]
        self.options["calibration"] = {"items": len(usable), "scale": 1.0}
        if len(usable) < _LEAST_TO_CALIBRATE:
            return
        scores = self._linear.scores(self._tfidf.transform([item.input for item in usable]))
        right = scores[np.arange(len(usable)), [places[item.output] for item in usable]]

        def surprise(log_scale: float) -> float:
            scale = math.exp(log_scale)
            return float(np.mean(logsumexp(scale * scores, axis=1) - scale * right))

        scale = math.exp(float(minimize_scalar(surprise, bounds=_LOG_SCALES, method="bounded").x))
        self._linear = self._linear._replace(scale=scale)
        self.options["calibration"]["scale"] = scale

    def save(self, folder: Path) -> None:
        linear = self._linear
        fields = {"loss": linear.loss, "trained_labels": list(linear.labels), "scale": linear.scale}
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
        linear = Linear(loss, labels, weights, bias, read_as(float, scale, "scale"))
        return cls(read_facts(saved), tfidf, linear)


class TfidfLinear(Strategy):
    """Fits every point of a small grid on train and takes the best on dev. Labels only."""

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
        labels = [shot.output for shot in shots]
        if len(set(labels)) < 2:
            raise DataError(
                f"strategy {self.name} needs at least two labels in train; "
                f"all {len(labels)} examples have {labels[0]!r}"
            )
        texts = [shot.input for shot in shots]
        candidates = []
        for features in self.config.features:
            tfidf = Tfidf.fit(texts, features)
            matrix = tfidf.transform(texts)
            for loss, c in itertools.product(self._classifiers(labels), self.config.c):
                linear = _fit_linear(loss, c, matrix, labels, context.seed)
                options = {"features": features, "classifier": loss, "c": c}
                facts = ArmFacts(self.name, self.name, brief, options)
                arm = TfidfLinearArm(facts, tfidf, linear)
                candidates.append(SearchCandidate(f"{features}, {loss}, c={c:g}", arm))
        return [_best(candidates, context)]

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        reason = super().refusal(task, model)
        if reason is None and task.brief.kind != "label":
            needed = "JSON" if task.brief.kind == "json" else "text"
            return f"it can only predict labels; this task needs {needed}"
        return reason

    def _classifiers(self, labels: Sequence[str]) -> tuple[str, ...]:
        many = len(set(labels)) > self.config.max_logistic_labels
        return ("svm",) if many and "svm" in self.config.classifier else self.config.classifier


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


def _fit_linear(loss: str, c: float, matrix: Any, labels: Sequence[str], seed: int) -> Linear:
    model: Any
    if loss == "logistic":
        model = LogisticRegression(C=c, max_iter=1000)
    else:
        model = LinearSVC(C=c, random_state=seed, max_iter=5000)
    # The matrices are too small for threads, which wait for each other on busy cores.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # An unfinished fit is a weaker candidate, and dev says how weak.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, labels)
    weights, bias = np.asarray(model.coef_.T), np.asarray(model.intercept_)
    if weights.shape[1] == 1:  # two labels share one score: the second's, against the first's
        weights = np.hstack([np.zeros_like(weights), weights])
        bias = np.concatenate([np.zeros(1), bias])
    names = tuple(str(name) for name in model.classes_)
    kind: Literal["logistic", "svm"] = "logistic" if loss == "logistic" else "svm"
    return Linear(kind, names, weights, bias)
