"""Confident learning: which labels are wrong, and how many, from out-of-fold probabilities.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (Journal
of Artificial Intelligence Research 70, 2021). It assumes that a wrong label depends on the true
label alone, not on the row, and that the model, on average over a label's rows, is as sure of the
right label as it ought to be. Where a label does not follow from the text, every second label looks
wrong. Pure functions over arrays: ``probabilities`` is (n, k), ``labels`` (n,) codes from 0 to k - 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.data.suspicion.arrays import Places
from steelyard.stats.resample import Floats

_LEAST = 1e-30


class SuspectLabels(NamedTuple):
    """Rows whose label is probably wrong.

    ``rows`` are indices, the most suspect first, and ``suggested`` the label code for each of them.
    ``estimated`` is how many labels are wrong among all rows, in expectation; ``joint`` (k, k) is
    that estimate in rows by given and by true label, and sums to n.
    """

    rows: Places
    suggested: Places
    estimated: float
    joint: Floats


def thresholds(probabilities: NDArray[np.floating], labels: Places) -> Floats:
    """Return (k,) the mean probability of each label over the rows that carry it.

    A label without a row has no threshold that could be met: infinity.
    """
    stated = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    sums = np.bincount(labels, weights=stated, minlength=probabilities.shape[1])
    means: Floats = np.divide(sums, counts, out=np.full(len(counts), np.inf), where=counts > 0)
    return means


def estimate_joint(probabilities: NDArray[np.floating], codes: Places) -> Floats:
    """Return (k, k) the rows by given label and by true label; rows sum to the given counts.

    A row counts for the most probable of the labels whose threshold it meets, if any; the counts
    are then scaled to all rows of the given label (equations 1 and 3 of the paper). A label with no
    such row is taken to be right.
    """
    met = np.where(probabilities >= thresholds(probabilities, codes), probabilities, -1.0)
    best = met.argmax(axis=1)
    sure = met[np.arange(len(codes)), best] > 0
    labels = probabilities.shape[1]
    joint = np.bincount(codes[sure] * labels + best[sure], minlength=labels * labels)
    counted = joint.reshape(labels, labels).astype(np.float64)
    empty = counted.sum(axis=1) == 0
    counted[empty, empty] = 1.0
    rows = np.bincount(codes, minlength=labels)
    scaled: Floats = counted / counted.sum(axis=1, keepdims=True) * rows[:, None]
    return scaled


def log_odds(probabilities: NDArray[np.floating], labels: Places) -> tuple[Floats, Places]:
    """Return, for each row, the log odds of its best other label against its own, and that label.

    Among many labels this ranks better than the difference of the two probabilities: a row between
    two related labels has little of either, a wrong label next to nothing.
    """
    rows = np.arange(len(labels))
    stated = probabilities[rows, labels]
    others = np.array(probabilities, dtype=np.float64)
    others[rows, labels] = -1.0
    best = others.argmax(axis=1)
    rival = others[rows, best]
    return np.log(np.maximum(rival, _LEAST)) - np.log(np.maximum(stated, _LEAST)), best


STRONG_ODDS = 20.0
"""From here on a row is listed whatever the estimate, which a few hundred rows make too low: one
wrong label among 120 raises no count past a threshold. On banking77 this adds no row."""


def suspects(
    probabilities: NDArray[np.floating], labels: Places, least_odds: float = 2.0
) -> SuspectLabels:
    """List as many rows as the joint estimate calls wrong, by `log_odds`.

    The paper's pruning by noise rate, over all labels at once. A row is listed only where another
    label is at least ``least_odds`` times as probable as its own, and always where it is
    `STRONG_ODDS` times as probable.
    """
    joint = estimate_joint(probabilities, labels)
    estimated = float(joint.sum() - np.trace(joint))
    odds, other = log_odds(probabilities, labels)
    strong = int(np.count_nonzero(odds >= np.log(STRONG_ODDS)))
    order = np.argsort(-odds, kind="stable")[: max(round(estimated), strong)]
    listed = order[odds[order] >= np.log(least_odds)]
    return SuspectLabels(listed, other[listed], estimated, joint)
