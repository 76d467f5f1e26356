"""Agreement of two raters beyond chance: Cohen's kappa, with its interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Estimate
from steelyard.stats.intervals import proportion

Weights = Literal["none", "quadratic"]
Table = NDArray[np.float64]


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    categories: Sequence[Hashable],
    weights: Weights = "none",
    level: float = 0.95,
) -> Estimate:
    """Kappa of two raters of the same independent items, in [-1, 1]; 0 is what chance gives.

    Cohen (1960), Educational and Psychological Measurement 20, 37-46; with ``quadratic`` weights
    (Cohen 1968, Psychological Bulletin 70, 213-220) ``categories`` are in order, and a
    disagreement counts by its squared distance. The interval takes the large-sample standard error
    of Fleiss, Cohen and Everitt (1969), Psychological Bulletin 72, 323-327, to Fisher's z with a t
    quantile, which covers better than kappa plus and minus its error; with quadratic weights it still
    runs narrow below some forty items. ``None`` with a reason where both raters use one category
    alone.
    """
    table = agreement_table(first, second, categories)
    n = int(table.sum())
    if n == 0:
        return Estimate(None, level=level, reason="no items")
    shares = table / n
    credit = _credit(len(categories), weights)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    chance = float(rows @ credit @ columns)
    if chance > 1 - 1e-12:
        reason = "both raters gave every item the same rating: there is nothing to agree on"
        return Estimate(None, level=level, n=n, reason=reason)
    observed = float((credit * shares).sum())
    value = (observed - chance) / (1 - chance)
    if max(rows.max(), columns.max()) > 1 - 1e-12:
        reason = "one rater gave every item the same rating, so kappa is 0 whatever the other says"
        return Estimate(value, level=level, n=n, reason=reason)
    if abs(value) > 1 - 1e-9:
        return _without_spread(value, (observed, chance), n, level)
    error = _standard_error(shares, credit, n - 1)
    if error < 1e-12:
        reason = f"the disagreements of {n} items show no spread: rate more of them"
        return Estimate(value, level=level, n=n, reason=reason)
    low, high = _around(value, error, n, level)
    method = f"Cohen's kappa{'' if weights == 'none' else ', quadratic weights'}"
    return Estimate(value, low, high, level, n, f"{method} (Fleiss-Cohen-Everitt, Fisher's z)")


def agreement_table(
    first: Sequence[Hashable], second: Sequence[Hashable], categories: Sequence[Hashable]
) -> Table:
    """Count the pairs of ratings: rows are the first rater's, columns the second's."""
    place = {category: index for index, category in enumerate(categories)}
    table: Table = np.zeros((len(place), len(place)))
    for a, b in zip(first, second, strict=True):
        table[place[a], place[b]] += 1
    return table


def _credit(size: int, weights: Weights) -> Table:
    """What a pair of ratings counts as agreement, from 0 to 1."""
    if weights == "none" or size < 2:
        return np.eye(size)
    steps = np.arange(size, dtype=np.float64)
    return np.asarray(1 - ((steps[:, None] - steps[None, :]) / (size - 1)) ** 2)


def _standard_error(shares: Table, credit: Table, n: float) -> float:
    """The standard error of (weighted) kappa where the true one is not 0 (Fleiss et al. 1969)."""
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, chance = float((credit * shares).sum()), float(rows @ credit @ columns)
    expected = (credit @ columns)[:, None] + (rows @ credit)[None, :]
    spread = float((shares * (credit * (1 - chance) - expected * (1 - observed)) ** 2).sum())
    variance = spread - (observed * chance - 2 * chance + observed) ** 2
    return float(np.sqrt(max(variance, 0.0) / n) / (1 - chance) ** 2)


def _around(value: float, error: float, n: int, level: float) -> tuple[float, float]:
    """Limits that are symmetric in Fisher's z."""
    from scipy.special import stdtrit

    half = float(stdtrit(n - 1, (1 + level) / 2)) * error / (1 - value**2)
    middle = np.arctanh(value)
    return float(np.tanh(middle - half)), float(np.tanh(middle + half))


def _without_spread(value: float, agreement: tuple[float, float], n: int, level: float) -> Estimate:
    """Where all pairs agree, or none does, the spread says nothing: bound the share, and kappa by it.

    ``agreement`` is the observed one and that by chance; with weights, pairs that do not agree may
    count in part. Assumes that a pair of the other kind would have counted in full, or not at all.
    """
    observed, chance = agreement
    bound = proportion(n if value > 0 else 0, n, level)
    assert bound.low is not None and bound.high is not None
    least = 0.0 if value > 0 else observed
    bounds = (least + (1 - least) * share for share in (bound.low, bound.high))
    low, high = ((share - chance) / (1 - chance) for share in bounds)
    method = f"Cohen's kappa, {bound.method} bound (no spread in agreement)"
    return Estimate(value, max(-1.0, low), min(1.0, high), level, n, method)
