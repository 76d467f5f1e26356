"""Whether stated probabilities are kept, and what is gained by handing the unsure on."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Estimate
from steelyard.stats.intervals import mean, proportion
from steelyard.stats.resample import Clusters, Floats, Indices, cluster_codes

BINS = 10
POINTS = 20
SPARE = 2
"""Wrong answers at the first threshold of a hand-over, where there are answers enough."""
SIMULATIONS = 2000
_HALVINGS = 20
_WIDEST = 4.0  # true gaps of more than so many times those seen are not considered


class Bin(NamedTuple):
    """Answers of similar confidence: its range, its mean, and how often they were right."""

    low: float
    high: float
    confidence: float
    accuracy: float
    n: int


class Chance(NamedTuple):
    """The calibration error if every stated probability were true, and how often it is so large."""

    expected: float
    p_value: float


class CoveragePoint(NamedTuple):
    """Answering only from ``threshold`` up: the share answered, and the accuracy of what is.

    ``units`` counts the independent ones among the ``n`` answers: a cluster is one.
    """

    coverage: float
    accuracy: float
    low: float
    high: float
    threshold: float
    n: int
    units: int


def equal_mass(confidence: Floats, bins: int = BINS) -> Indices:
    """Number the bins of about as many items each, from the least confident up; ties share a bin.

    Equal mass, not equal width: with few items, equal widths leave bins with one or two (Nguyen and
    O'Connor 2015, EMNLP). There are fewer than ``bins`` where many confidences are the same.
    """
    _, place, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    drawn = np.minimum(middle * bins / len(confidence), bins - 1).astype(np.int64)
    return np.asarray(np.unique(drawn[place], return_inverse=True)[1], dtype=np.int64)


def reliability(confidence: Floats, correct: Floats, bins: int = BINS) -> list[Bin]:
    """The reliability diagram's bins, from the least confident up."""
    codes = equal_mass(confidence, bins)
    groups = [np.flatnonzero(codes == code) for code in range(int(codes.max()) + 1)]
    return [
        Bin(
            float(confidence[group].min()),
            float(confidence[group].max()),
            float(confidence[group].mean()),
            float(correct[group].mean()),
            len(group),
        )
        for group in groups
    ]


def calibration_error(
    confidence: Floats,
    correct: Floats,
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
    bins: int = BINS,
) -> Estimate:
    """Expected calibration error of the chosen answers, with an interval that knows its bias.

    Guo et al. (2017), ICML, over equal-mass bins: the mean over items of the gap between a bin's
    accuracy and its mean confidence. As a sum of absolute values it is biased upwards, and a bootstrap
    around it covers almost nothing near 0. So the test is inverted: the gaps seen are scaled
    by a factor, noise of the bins' binomial errors (with clusters: their robust ones, where larger) is
    added, and the interval holds the factors under which the error seen is unsurprising. The estimand is
    the error over these bins, not the unbinned one.
    """
    n = len(confidence)
    if n == 0:
        return Estimate(None, level=level, reason="no items")
    codes = equal_mass(confidence, bins)
    gaps = np.bincount(codes, weights=confidence - correct) / n  # each times its bin's share
    value = float(np.abs(gaps).sum())
    noise = rng.standard_normal((SIMULATIONS, len(gaps)))
    noise *= _errors(confidence - correct, correct, codes, clusters)
    low, high = (_scale(gaps, noise, tail) * value for tail in ((1 + level) / 2, (1 - level) / 2))
    method = f"inverted test, {len(gaps)} equal-mass bins"
    return Estimate(value, min(low, value), min(1.0, max(high, value)), level, n, method)


def _errors(
    gaps: Floats, correct: Floats, codes: Indices, clusters: Clusters | None
) -> NDArray[np.float64]:
    """Standard errors of the bins' summed gaps over n; a bin of right answers only has one too."""
    n, sizes = len(gaps), np.bincount(codes)
    shares = (np.bincount(codes, weights=correct) + 1) / (sizes + 2)
    errors = np.sqrt(shares * (1 - shares) * sizes) / n
    if clusters is not None:
        groups = cluster_codes(clusters, n)
        sums = np.zeros((int(groups.max()) + 1, len(sizes)))
        centred = gaps - (np.bincount(codes, weights=gaps) / sizes)[codes]
        np.add.at(sums, (groups, codes), centred)
        errors = np.maximum(errors, np.sqrt((sums**2).sum(axis=0)) / n)
    return np.asarray(errors, dtype=np.float64)


def _scale(gaps: Floats, noise: Floats, tail: float) -> float:
    """The factor on the gaps at which the error seen is the quantile ``tail`` of noisy ones."""
    value = float(np.abs(gaps).sum())

    def reached(factor: float) -> bool:
        distances = np.abs(factor * gaps + noise).sum(axis=1)
        return float(np.quantile(distances, tail)) >= value

    low, high = 0.0, _WIDEST
    if reached(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def chance_error(
    confidence: Floats,
    correct: Floats,
    rng: np.random.Generator,
    bins: int = BINS,
    clusters: Clusters | None = None,
) -> Chance:
    """Simulate answers that are right as often as they say (Vaicenavicius et al. 2019, AISTATS).

    The calibration error of these is above 0 too. Items of one cluster depend on each other in an unknown
    way: with clusters the gaps seen stay in their cluster, and whole clusters change sign at random (wild
    cluster bootstrap under the null; Cameron, Gelbach and Miller 2008, Review of Economics and Statistics
    90, 414-427). Never less than the error of independent items.
    """
    codes, n = equal_mass(confidence, bins), len(confidence)
    observed = float(np.abs(np.bincount(codes, weights=confidence - correct)).sum() / n)
    chance = _independent_chance(confidence, codes, observed, rng)
    if clusters is None or len(set(groups := cluster_codes(clusters, n).tolist())) == n:
        return chance
    sums = np.zeros((max(groups) + 1, int(codes.max()) + 1))
    np.add.at(sums, (groups, codes), confidence - correct)
    signs = rng.choice((-1.0, 1.0), size=(SIMULATIONS, len(sums)))
    simulated = np.abs(signs @ sums).sum(axis=1) / n
    hits = int(np.sum(simulated >= observed * (1 - 1e-12)))
    return Chance(
        max(chance.expected, float(simulated.mean())),
        max(chance.p_value, (hits + 1) / (SIMULATIONS + 1)),
    )


def _independent_chance(
    confidence: Floats, codes: Indices, observed: float, rng: np.random.Generator
) -> Chance:
    n = len(confidence)
    simulated = np.empty(SIMULATIONS)
    for turn in range(SIMULATIONS):
        drawn = rng.random(n) < confidence
        simulated[turn] = np.abs(np.bincount(codes, weights=confidence - drawn)).sum() / n
    hits = int(np.sum(simulated >= observed * (1 - 1e-12)))
    return Chance(float(simulated.mean()), (hits + 1) / (SIMULATIONS + 1))


def brier(confidence: Floats, correct: Floats) -> float:
    """Mean squared distance of the chosen answer's probability from 0 or 1. Brier (1950)."""
    return float(np.mean((confidence - correct) ** 2))


def coverage_curve(
    confidence: Floats,
    correct: Floats,
    questions: int,
    rng: np.random.Generator,
    level: float = 0.95,
    clusters: Clusters | None = None,
) -> list[CoveragePoint]:
    """Accuracy of the most confident answers, for `POINTS` shares of them; the most answered first.

    The risk-coverage curve of selective classification (El-Yaniv and Wiener 2010, JMLR 11,
    1605-1641). ``questions`` counts the unanswered too. Items of the same confidence stay together, so
    that there are fewer points where many are alike.
    """
    n = len(confidence)
    falling = np.sort(confidence)[::-1]
    places = (ceil(n * point / POINTS) - 1 for point in range(POINTS, 0, -1))
    thresholds = dict.fromkeys(float(falling[place]) for place in places) if n else {}
    curve = []
    for threshold in thresholds:
        confident = np.flatnonzero(confidence >= threshold)
        groups = None if clusters is None else [clusters[int(i)] for i in confident]
        estimate = mean(correct[confident], rng, level, groups)
        low, high = estimate.low or 0.0, 1.0 if estimate.high is None else estimate.high
        accuracy, n_kept = float(correct[confident].mean()), len(confident)
        units = int(cluster_codes(groups, n_kept).max()) + 1
        curve.append(
            CoveragePoint(n_kept / questions, accuracy, low, high, threshold, n_kept, units)
        )
    return curve


def handover(
    curve: list[CoveragePoint], target: float, level: float = 0.95
) -> CoveragePoint | None:
    """The most that can be answered with an accuracy of at least ``target``; ``None`` if nothing can.

    Thresholds are loosened one by one until the accuracy's lower limit falls below ``target``.
    Fixed-sequence testing keeps the level, although many are looked at (Angelopoulos et al. 2021,
    Learn then Test), and whatever the first: that depends on numbers of clusters alone, not on what was
    right. The lower limit of a two-sided interval at ``level`` holds, one-sided, at ``(1 + level) / 2``.
    """
    best = None
    for point in reversed(curve[: _first(curve, target, level) + 1]):
        if point.low < target:
            break
        best = point
    return best


def _first(curve: list[CoveragePoint], target: float, level: float) -> int:
    """Where to start: the strictest threshold that shows ``target`` with up to `SPARE` wrong answers.

    From the strictest that shows it with none, one wrong answer among the surest few would end all. Of
    so many wrong as that half of the answers can have; with none, all may be needed. -1 where nothing can.
    """
    for wrong in range(SPARE, -1, -1):
        most = curve[0].units / 2 if wrong and curve else inf
        for place in range(len(curve) - 1, -1, -1):
            if curve[place].units <= most and _shows(curve[place].units, target, level, wrong):
                return place
    return -1


def items_to_show(target: float, level: float = 0.95) -> int | None:
    """How many answers, all right, it takes to show an accuracy of ``target``; ``None`` for 1."""
    if target >= 1:
        return None
    short, enough = 0, 1
    while not _shows(enough, target, level):
        short, enough = enough, 2 * enough
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if _shows(middle, target, level) else (middle, enough)
    return enough


def items_to_show_at(
    accuracy: float, target: float, most: int = 1_000_000, level: float = 0.95
) -> int | None:
    """How many answers show ``target`` if ``accuracy`` of them are right; ``None``: more than ``most``."""
    if accuracy <= target:
        return None
    n = items_to_show(target, level) or most + 1
    while n <= most and not _shows(n, target, level, ceil((1 - accuracy) * n - 1e-9)):
        n += max(1, n // 50)
    return n if n <= most else None


def least_right(n: int, target: float, level: float = 0.95) -> int:
    """The least number of ``n`` answers, right, that shows an accuracy of ``target``; above ``n``: none."""
    wrong = bisect_left(range(n), True, key=lambda wrong: not _shows(n, target, level, wrong))
    return n - wrong + 1


def _shows(n: int, target: float, level: float, wrong: int = 0) -> bool:
    """Whether ``n`` answers, all right but ``wrong``, show an accuracy of ``target``."""
    return n > wrong and (proportion(n - wrong, n, level).low or 0.0) >= target
