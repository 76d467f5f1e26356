"""Label probabilities of rows by models that did not see them.

Multinomial logistic regression on dense features (Böhning, "Multinomial logistic regression
algorithm", 1992, for the scaling by the features' own power), fitted by a few steps of L-BFGS: the
fit is good for ranking long before it has converged.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.data.suspicion.arrays import Floats32, Places

_BLOCK = 4_096
_CURVATURE = 0.05  # of the loss along a feature, over its power; scales the steps only
_SMOOTHING = 0.5
_LEAST = 1e-30
Memberships = NDArray[np.bool_]
"""(n, k): whether a row has a label."""


@dataclass(frozen=True)
class FoldSettings:
    """``penalty`` is on half the squared weights, against the sum of the rows' log losses."""

    folds: int = 5
    penalty: float = 0.1
    steps: int = 20


def deal_folds(labels: Places, groups: Places, folds: int, rng: np.random.Generator) -> Places:
    """Return a fold for each row: rows of a group share it, and labels are spread evenly.

    ``labels`` and ``groups`` are (n,) codes from 0. A group goes by the label of its first row.
    """
    firsts = np.unique(groups, return_index=True)[1]
    shuffled = rng.permutation(firsts)
    dealt = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of_group = np.empty(int(groups.max()) + 1, dtype=np.intp)
    fold_of_group[groups[dealt]] = np.arange(len(dealt)) % folds
    return fold_of_group[groups]


def out_of_fold(
    features: Floats32, labels: Places, fold_of: Places, settings: FoldSettings
) -> Floats32:
    """Return (n, k) probabilities of the labels 0 to k - 1; each row sums to one.

    ``features`` is (n, d), rows of about unit length; ``fold_of`` (n,) from 0 (`deal_folds`). Rows
    that share a fold are predicted by one model, fitted on all others. Folds are fitted side by
    side, one thread each, so that the figures do not depend on the number of cores.
    """
    return _predicted(features, _OneLabel(labels, int(labels.max()) + 1), fold_of, settings)


def members_out_of_fold(
    features: Floats32, members: Memberships, fold_of: Places, settings: FoldSettings
) -> Floats32:
    """Return (n, k) the probability that each row has each of k labels, as `out_of_fold` does.

    ``members`` is (n, k): a row may have several labels, each of which has a model of its own.
    """
    return _predicted(features, _Members(members), fold_of, settings)


def _predicted(
    features: Floats32, targets: _Targets, fold_of: Places, settings: FoldSettings
) -> Floats32:
    order = np.argsort(fold_of, kind="stable")
    rows, targets = np.ascontiguousarray(features[order]), targets.at(order)
    bounds = np.searchsorted(fold_of[order], np.arange(settings.folds + 1))
    predicted = np.empty((len(rows), targets.width), dtype=np.float32)

    def predict(fold: int) -> None:
        start, stop = int(bounds[fold]), int(bounds[fold + 1])
        model = _fit(rows, targets, (start, stop), settings)
        for part in _blocks(start, stop):
            predicted[part] = targets.shares(rows[part] @ model.weights + model.bias)

    workers = min(settings.folds, os.cpu_count() or 1)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        list(pool.map(predict, range(settings.folds)))
    result = np.empty_like(predicted)
    result[order] = predicted
    return result


class _Targets(Protocol):
    """What rows should be predicted as."""

    width: int

    def at(self, order: Places) -> Self: ...

    def bias(self, left_out: slice) -> Floats32:
        """Scores that give each label its share of the rows but those ``left_out``."""
        ...

    def shares(self, scores: Floats32) -> Floats32:
        """Probabilities of scores, in place."""
        ...

    def loss(self, shares: Floats32, part: slice) -> float:
        """The log loss of a part's probabilities, which become its gradient, in place."""
        ...


class _OneLabel:
    def __init__(self, codes: Places, width: int) -> None:
        self.codes, self.width = codes, width

    def at(self, order: Places) -> _OneLabel:
        return _OneLabel(self.codes[order], self.width)

    def bias(self, left_out: slice) -> Floats32:
        rest = np.delete(self.codes, left_out)
        frequency = np.bincount(rest, minlength=self.width) + _SMOOTHING
        bias: Floats32 = np.log(frequency / frequency.sum()).astype(np.float32)
        return bias

    def shares(self, scores: Floats32) -> Floats32:
        return _softmax(scores)

    def loss(self, shares: Floats32, part: slice) -> float:
        labels = self.codes[part]
        places = (np.arange(len(labels)), labels)
        total = -float(np.log(np.maximum(shares[places], _LEAST)).sum(dtype=np.float64))
        shares[places] -= 1
        return total


class _Members:
    def __init__(self, members: Memberships) -> None:
        self.members, self.width = members, members.shape[1]

    def at(self, order: Places) -> _Members:
        return _Members(self.members[order])

    def bias(self, left_out: slice) -> Floats32:
        rest = np.delete(self.members, left_out, axis=0)
        share = (rest.sum(axis=0) + _SMOOTHING) / (len(rest) + 2 * _SMOOTHING)
        return np.asarray(logit(share), dtype=np.float32)

    def shares(self, scores: Floats32) -> Floats32:
        expit(scores, out=scores)
        return scores

    def loss(self, shares: Floats32, part: slice) -> float:
        members = self.members[part]
        stated = np.where(members, shares, 1 - shares)
        shares -= members
        return -float(np.log(np.maximum(stated, _LEAST)).sum(dtype=np.float64))


@dataclass(frozen=True)
class _Model:
    weights: Floats32
    bias: Floats32


def log_loss(probabilities: Floats32, labels: Places) -> float:
    """Mean negative log probability of the rows' labels, in nats."""
    stated = probabilities[np.arange(len(labels)), labels]
    return -float(np.log(np.maximum(stated, _LEAST)).mean(dtype=np.float64))


def _fit(
    rows: Floats32, targets: _Targets, left_out: tuple[int, int], settings: FoldSettings
) -> _Model:
    parts = [*_blocks(0, left_out[0]), *_blocks(left_out[1], len(rows))]
    count, bias = targets.width, targets.bias(slice(*left_out))
    power = sum((np.square(rows[part]).sum(axis=0) for part in parts), np.zeros(rows.shape[1]))
    scale = (1 / np.sqrt(_CURVATURE * power + settings.penalty)).astype(np.float32)[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = scale * flat.reshape(rows.shape[1], count).astype(np.float32)
        gradient = settings.penalty * weights
        total = 0.5 * settings.penalty * float(np.vdot(weights, weights))
        for part in parts:
            shares = targets.shares(rows[part] @ weights + bias)
            total += targets.loss(shares, part)
            gradient += rows[part].T @ shares
        return total, (scale * gradient).ravel().astype(np.float64)

    start = np.zeros(rows.shape[1] * count)
    solution = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": settings.steps}
    )
    return _Model(scale * solution.x.reshape(rows.shape[1], count).astype(np.float32), bias)


def _softmax(scores: Floats32) -> Floats32:
    """Softmax of each row, in place."""
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _blocks(start: int, stop: int) -> Iterator[slice]:
    for first in range(start, stop, _BLOCK):
        yield slice(first, min(first + _BLOCK, stop))
