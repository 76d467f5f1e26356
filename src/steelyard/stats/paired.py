"""The paired difference of two arms on the same items: interval and test, which agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import exp, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Comparison
from steelyard.errors import DataError
from steelyard.stats.binary import mcnemar, no_spread, no_spread_p, tango
from steelyard.stats.resample import (
    CELLS,
    RESAMPLES,
    Bca,
    Clusters,
    Floats,
    Units,
    bootstrap_means,
    bootstrap_weights,
    cluster_codes,
    jackknife_means,
    sign_flips,
    units,
)

STATISTIC_RESAMPLES = 1000
STATISTIC_PERMUTATIONS = 1999
_PERMUTATIONS_FOR_EACH = 50  # for each pair of a family, so that a corrected p-value can be small
_CLEARLY_EQUAL = 0.2  # a p-value above this is no claim: more permutations need not sharpen it
_SAME = 1e-12
FEW_DIFFERENCES = 60
"""Below so many differing units skewed differences may break the sign-flip test."""
TAIL_ERROR = 0.02
"""How far a tail of 2.5 % may be off before the comparison says that symmetry is assumed."""
Weighted = Callable[[NDArray[Any], Floats], Floats]
"""A figure over answers, shape (items,), under weights of the items, shape (rows, items): (rows,)."""


@dataclass(frozen=True)
class PairTest:
    """A paired difference ``a - b`` with its p-value, and its interval at any level.

    Where the p-value is above ``1 - level`` the interval holds 0: a test that shows no difference is the
    stricter of the two. ``only_level`` is the one that ``limits`` are known at; ``None`` for any.
    """

    names: tuple[str, str]
    metric: str
    difference: float
    p_value: float
    method: str
    limits: Callable[[float], tuple[float, float]]
    only_level: float | None = None

    @classmethod
    def of(cls, comparison: Comparison) -> PairTest:
        """The test that a comparison came from, as far as it tells."""
        limits = (comparison.low, comparison.high)
        return cls(
            (comparison.a, comparison.b),
            comparison.metric,
            comparison.difference,
            comparison.p_value,
            comparison.method,
            lambda _: limits,
            comparison.level,
        )

    def at(self, level: float) -> Comparison:
        """The comparison with its interval at ``level``; its p-value is not corrected."""
        low, high = self.limits(level)
        if self.p_value > 1 - level:
            low, high = min(low, 0.0), max(high, 0.0)
        level = self.only_level or level
        value, p, method = self.difference, self.p_value, self.method
        return Comparison(*self.names, self.metric, value, low, high, p, None, method, level)


def pair_tests(
    names: Sequence[str],
    scores: Sequence[Sequence[float] | Floats],
    metric: str,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
) -> list[PairTest]:
    """Test every pair of arms by their ``scores`` on the same items, pairs in the order of ``names``.

    0/1 scores of independent items: McNemar's test in its mid-p form and Tango's score interval.
    Otherwise a sign-flip test and a BCa bootstrap, both over whole clusters: they assume that under no
    difference each unit's difference is as likely positive as negative. The p-value is the larger of the
    test's and the one that the interval implies, so that the two agree. What a pair gets does not depend
    on the other arms.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in scores]
    _check(names, arrays)
    pairs = list(combinations(range(len(arrays)), 2))
    codes = cluster_codes(clusters, len(arrays[0]))
    independent = int(codes.max()) + 1 == len(codes)
    binary = [independent and bool(np.isin(values, (0.0, 1.0)).all()) for values in arrays]
    drawn = [(a, b) for a, b in pairs if not (binary[a] and binary[b])]
    tests: dict[tuple[int, int], PairTest] = {}
    if drawn:
        differences = np.array([arrays[a] - arrays[b] for a, b in drawn])
        named = [(names[a], names[b]) for a, b in drawn]
        resampled = _by_resampling(named, metric, units(differences, clusters), independent, rng)
        tests = dict(zip(drawn, resampled, strict=True))
    return [
        tests.get((a, b)) or _by_counts((names[a], names[b]), metric, arrays[a], arrays[b])
        for a, b in pairs
    ]


def statistic_tests(
    names: Sequence[str],
    answers: Sequence[NDArray[Any]],
    figure: Weighted,
    metric: str,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
) -> list[PairTest]:
    """Test every pair of arms by a figure that is not a mean of item scores, such as macro-F1.

    ``answers`` hold each arm's answers in item order; ``figure(answers, weights)`` is asked of one arm's
    answers, and of two arms' one behind the other. The test swaps the two answers of random items, or of
    whole clusters (approximate randomisation, Noreen 1989); the interval is a paired BCa bootstrap. The
    p-value is the larger of the test's and the one that the interval implies.
    """
    _check(names, answers)
    codes = cluster_codes(clusters, len(answers[0]))
    m, pairs = int(codes.max()) + 1, list(combinations(range(len(answers)), 2))
    everything = np.ones((1, len(codes)))
    values = [float(figure(arm, everything)[0]) for arm in answers]
    without = 1.0 - (codes == np.arange(m)[:, None])
    left_out = [figure(arm, without) if m > 1 else np.array(values) for arm in answers]
    drawn = list(bootstrap_weights(m, rng, STATISTIC_RESAMPLES))
    estimates = [np.concatenate([figure(arm, part[:, codes]) for part in drawn]) for arm in answers]
    count = max(STATISTIC_PERMUTATIONS, _PERMUTATIONS_FOR_EACH * len(pairs))
    swaps = rng.integers(0, 2, size=(count, m), dtype=np.int8)[:, codes]
    tests = []
    for a, b in pairs:
        value, resampled = values[a] - values[b], estimates[a] - estimates[b]
        p_value = _randomisation(figure, np.concatenate([answers[a], answers[b]]), value, swaps)
        interval = _interval(resampled, value, left_out[a] - left_out[b], m)
        method = "approximate randomisation; BCa bootstrap"
        tests.append(
            PairTest(
                (names[a], names[b]),
                metric,
                value,
                max(p_value, interval.p_value),
                method,
                interval.limits,
            )
        )
    return tests


def compare(
    a: Sequence[float] | Floats,
    b: Sequence[float] | Floats,
    names: tuple[str, str],
    metric: str,
    rng: np.random.Generator,
    *,
    clusters: Clusters | None = None,
    level: float = 0.95,
) -> Comparison:
    """Compare two arms by their scores on the same items (`pair_tests`); ``difference`` is ``a - b``."""
    [test] = pair_tests(names, (a, b), metric, rng, clusters=clusters)
    return test.at(level)


def _check(names: Sequence[str], arrays: Sequence[NDArray[Any]]) -> None:
    shapes = {values.shape for values in arrays}
    if len(shapes) > 1:
        raise ValueError(f"paired scores differ in shape: {' and '.join(map(str, shapes))}")
    if len(arrays[0]) == 0:
        raise DataError(f"nothing to compare {' and '.join(names)} on: the test split is empty")


def _by_counts(names: tuple[str, str], metric: str, a: Floats, b: Floats) -> PairTest:
    n, only_a, only_b = len(a), int(np.sum(a > b)), int(np.sum(a < b))
    return PairTest(
        names,
        metric,
        (only_a - only_b) / n,
        mcnemar(only_a, only_b),
        "mid-p McNemar; Tango score interval",
        lambda level: tango(only_a, only_b, n, level),
    )


def _by_resampling(
    names: Sequence[tuple[str, str]],
    metric: str,
    drawn: Units,
    independent: bool,
    rng: np.random.Generator,
) -> list[PairTest]:
    p_values = sign_flips(drawn.sums, rng)
    estimates = bootstrap_means(drawn, rng, RESAMPLES)
    left_out = jackknife_means(drawn) if len(drawn.sizes) > 1 else drawn.sums
    tests = []
    for row, pair in enumerate(names):
        unit_means = drawn.sums[row] / drawn.sizes
        value = float(drawn.sums[row].sum() / drawn.sizes.sum())
        interval = _interval(estimates[:, row], value, left_out[row], len(unit_means))
        method = "sign-flip test; BCa bootstrap" + ("" if independent else ", over clusters")
        if _assumes_symmetry(drawn.sums[row]):
            method += "; assumes symmetry, and the few differences are skewed"
        p_value = max(float(p_values[row]), interval.p_value)
        tests.append(PairTest(pair, metric, value, p_value, method, interval.limits))
    return tests


class _Interval(NamedTuple):
    limits: Callable[[float], tuple[float, float]]
    p_value: float


def _interval(estimates: Floats, value: float, left_out: Floats, drawn: int) -> _Interval:
    """BCa, or where every unit differs alike the limits for as many units that do not differ."""
    if np.ptp(estimates) <= _SAME:
        return _Interval(lambda level: no_spread(value, drawn, level), no_spread_p(value, drawn))
    bootstrap = Bca.of(estimates, value, left_out)
    return _Interval(bootstrap.limits, min(1.0, bootstrap.p_value() * (1 + 1e-9)))


def _assumes_symmetry(sums: Floats) -> bool:
    """Whether the sign-flip test's assumption matters: few differences, and these are skewed.

    Under no mean difference skewness g moves each tail of 2.5 % of the test of n units by about
    ``|g| (2 z² + 1) φ(z) / (6 √n)``, z = 1.96: the first Edgeworth term of Student's t (Johnson 1978,
    JASA 73, 536-544; Hall 1992, The Bootstrap and Edgeworth Expansion, 2.6). Said from `TAIL_ERROR` on,
    below `FEW_DIFFERENCES` units that differ; a skewness that the sample does not show is not seen.
    """
    if np.count_nonzero(sums) >= FEW_DIFFERENCES or np.ptp(sums) <= _SAME:
        return False
    centred = sums - sums.mean()
    skewness = float(np.mean(centred**3) / np.mean(centred**2) ** 1.5)
    z = 1.959964
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return abs(skewness) * (2 * z * z + 1) * density / (6 * sqrt(len(sums))) >= TAIL_ERROR


def _randomisation(
    figure: Weighted, both: NDArray[Any], value: float, swaps: NDArray[np.int8]
) -> float:
    hits, p_value = 0, 1.0
    rows = max(1, min(STATISTIC_PERMUTATIONS + 1, CELLS // len(both)))
    for start in range(0, len(swaps), rows):
        swapped = swaps[start : start + rows].astype(np.float64)
        first = figure(both, np.concatenate([1 - swapped, swapped], axis=1))
        second = figure(both, np.concatenate([swapped, 1 - swapped], axis=1))
        hits += int(np.sum(np.abs(first - second) >= abs(value) - _SAME))
        p_value = (hits + 1) / (start + len(swapped) + 1)
        if p_value > _CLEARLY_EQUAL and start + len(swapped) >= STATISTIC_PERMUTATIONS:
            break
    return p_value
