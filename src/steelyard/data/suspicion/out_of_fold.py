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

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from steelyard.data.suspicion.arrays import Floats32, Places

_BLOCK = 4_096
_CURVATURE = 0.05  # of the loss along a feature, over its power; scales the steps only
_SMOOTHING = 0.5
_LEAST = 1e-30


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
    count = int(labels.max()) + 1
    order = np.argsort(fold_of, kind="stable")
    rows, codes = np.ascontiguousarray(features[order]), labels[order]
    bounds = np.searchsorted(fold_of[order], np.arange(settings.folds + 1))
    predicted = np.empty((len(rows), count), dtype=np.float32)

    def predict(fold: int) -> None:
        start, stop = int(bounds[fold]), int(bounds[fold + 1])
        model = _fit(rows, codes, count, (start, stop), settings)
        for part in _blocks(start, stop):
            predicted[part] = _softmax(rows[part] @ model.weights + model.bias)

    workers = min(settings.folds, os.cpu_count() or 1)
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        list(pool.map(predict, range(settings.folds)))
    result = np.empty_like(predicted)
    result[order] = predicted
    return result


@dataclass(frozen=True)
class _Model:
    weights: Floats32
    bias: Floats32


def log_loss(probabilities: Floats32, labels: Places) -> float:
    """Mean negative log probability of the rows' labels, in nats."""
    stated = probabilities[np.arange(len(labels)), labels]
    return -float(np.log(np.maximum(stated, _LEAST)).mean(dtype=np.float64))


def _fit(
    rows: Floats32, codes: Places, count: int, left_out: tuple[int, int], settings: FoldSettings
) -> _Model:
    parts = [*_blocks(0, left_out[0]), *_blocks(left_out[1], len(rows))]
    frequency = np.bincount(np.delete(codes, np.s_[slice(*left_out)]), minlength=count) + _SMOOTHING
    bias = np.log(frequency / frequency.sum()).astype(np.float32)
    power = sum((np.square(rows[part]).sum(axis=0) for part in parts), np.zeros(rows.shape[1]))
    scale = (1 / np.sqrt(_CURVATURE * power + settings.penalty)).astype(np.float32)[:, None]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = scale * flat.reshape(rows.shape[1], count).astype(np.float32)
        gradient = settings.penalty * weights
        total = 0.5 * settings.penalty * float(np.vdot(weights, weights))
        for part in parts:
            labels = codes[part]
            shares = _softmax(rows[part] @ weights + bias)
            places = (np.arange(len(labels)), labels)
            total -= float(np.log(np.maximum(shares[places], _LEAST)).sum(dtype=np.float64))
            shares[places] -= 1
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
