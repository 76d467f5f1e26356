"""Linear classifiers as arrays: one label out of several, or each label by itself."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logsumexp, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.label_sets import label_set, labels_in
from steelyard.stats.resample import Floats
from steelyard.strategy.classical import Prediction

Loss = Literal["logistic", "svm"]
_LEAST_TO_CALIBRATE = 10
_LOG_SCALES = (-4.0, 4.0)
_THRESHOLDS = 41
_ALWAYS = 100.0
"""The score of a label that every example has."""


@dataclass(frozen=True)
class Linear:
    """A fitted linear classifier as arrays.

    ``weights`` is (n features, n labels), ``bias`` (n labels,); scores are log-odds where ``loss`` is
    logistic, margins where it is svm. Probabilities are the softmax of ``scale`` times the scores.
    """

    loss: Loss
    labels: tuple[str, ...]
    weights: Floats
    bias: Floats
    scale: float = 1.0

    def scores(self, matrix: Any) -> Floats:
        """Return (n texts, n labels) scores of (n texts, n features)."""
        return np.asarray(matrix @ self.weights) + self.bias

    def predictions(self, scores: Floats) -> list[Prediction]:
        """The label of the highest score, for each row of scores."""
        probabilities = softmax(self.scale * scores, axis=1)
        return [
            Prediction(self.labels[place], dict(zip(self.labels, row.tolist(), strict=True)))
            for place, row in zip(scores.argmax(axis=1), probabilities, strict=True)
        ]

    def calibrated(self, scores: Floats, outputs: Sequence[str]) -> tuple[Self, int]:
        """Scale the scores so that the outputs are most likely; no answer changes.

        One parameter for all labels: Platt (1999) without the intercept, temperature scaling of Guo et
        al. (2017). Labels missing in train are left out; with fewer than ten items nothing is scaled.
        Returns the number of items too.
        """
        known = [place for place, output in enumerate(outputs) if self._knows(output)]
        if len(known) < _LEAST_TO_CALIBRATE:
            return self, len(known)
        surprise = self._surprise(scores[known], [outputs[place] for place in known])

        def of_log(log_scale: float) -> float:
            return surprise(math.exp(log_scale))

        best = minimize_scalar(of_log, bounds=_LOG_SCALES, method="bounded").x
        return replace(self, scale=math.exp(float(best))), len(known)

    def _knows(self, output: str) -> bool:
        return output in self.labels

    def _surprise(self, scores: Floats, outputs: Sequence[str]) -> Callable[[float], float]:
        """The mean negative log probability of the outputs, by scale."""
        places = [self.labels.index(output) for output in outputs]
        right = scores[np.arange(len(places)), places]
        return lambda scale: float(np.mean(logsumexp(scale * scores, axis=1) - scale * right))


@dataclass(frozen=True)
class LinearSets(Linear):
    """One classifier for each label (binary relevance): a set of labels, those above ``threshold``.

    Probabilities are the logistic function of ``scale`` times the scores, that of a set the product over
    all labels, as if they were independent. A set has at least ``fewest`` labels, the best ones.
    """

    threshold: float = 0.0
    fewest: int = 0

    def predictions(self, scores: Floats) -> list[Prediction]:
        given = scores > self.threshold
        for row in np.flatnonzero(given.sum(axis=1) < self.fewest):
            given[row, np.argsort(-scores[row], kind="stable")[: self.fewest]] = True
        logs = log_expit(np.where(given, 1.0, -1.0) * self.scale * scores).sum(axis=1)
        sets = [
            label_set(label for label, has in zip(self.labels, row, strict=True) if has)
            for row in given
        ]
        return [
            Prediction(labels, {labels: float(probability)})
            for labels, probability in zip(sets, np.exp(logs), strict=True)
        ]

    def with_threshold(
        self, scores: Floats, score_of: Callable[[Sequence[Prediction]], float]
    ) -> LinearSets:
        """Choose the threshold of the best score, between equals the one nearest to even odds."""
        levels = np.unique(np.quantile(scores, np.linspace(0, 1, _THRESHOLDS)))
        tried = [replace(self, threshold=float(level)) for level in (0.0, *levels)]
        return max(tried, key=lambda one: (score_of(one.predictions(scores)), -abs(one.threshold)))

    def _knows(self, output: str) -> bool:
        return all(label in self.labels for label in labels_in(output))

    def _surprise(self, scores: Floats, outputs: Sequence[str]) -> Callable[[float], float]:
        signs = 2.0 * memberships(outputs, self.labels) - 1
        return lambda scale: float(-np.mean(log_expit(scale * signs * scores).sum(axis=1)))


def memberships(outputs: Sequence[str], labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return (n outputs, n labels) whether a set of labels holds a label."""
    sets = [set(labels_in(output)) for output in outputs]
    return np.array([[label in one for label in labels] for one in sets], dtype=bool)


def fit_linear(loss: Loss, c: float, matrix: Any, outputs: Sequence[str], seed: int) -> Linear:
    """Fit one classifier of the labels that ``outputs`` are."""
    names, weights, bias = _fit(loss, c, matrix, outputs, seed)
    if weights.shape[1] == 1:  # two labels share one score: the second's, against the first's
        weights = np.hstack([np.zeros_like(weights), weights])
        bias = np.concatenate([np.zeros(1), bias])
    return Linear(loss, tuple(str(name) for name in names), weights, bias)


def fit_sets(loss: Loss, c: float, matrix: Any, outputs: Sequence[str], seed: int) -> LinearSets:
    """Fit a classifier for each label of the sets that ``outputs`` are."""
    labels = sorted({label for output in outputs for label in labels_in(output)})
    has = memberships(outputs, labels)
    weights, bias = np.zeros((matrix.shape[1], len(labels))), np.full(len(labels), _ALWAYS)
    for place in np.flatnonzero(~has.all(axis=0)):
        _, column, offset = _fit(loss, c, matrix, has[:, place], seed)
        weights[:, place], bias[place] = column[:, 0], offset[0]
    fewest = min(len(labels_in(output)) for output in outputs)
    return LinearSets(loss, tuple(labels), weights, bias, fewest=min(fewest, 1))


def _fit(loss: Loss, c: float, matrix: Any, targets: Any, seed: int) -> tuple[Any, Floats, Floats]:
    """The classes, weights and bias of one scikit-learn classifier."""
    model: Any
    if loss == "logistic":
        model = LogisticRegression(C=c, max_iter=1000)
    else:
        model = LinearSVC(C=c, random_state=seed, max_iter=5000)
    # The matrices are too small for threads, which wait for each other on busy cores.
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # An unfinished fit is a weaker candidate, and dev says how weak.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, targets)
    return model.classes_, np.asarray(model.coef_.T), np.asarray(model.intercept_)
