"""What a test says of several arms' qualities together: a posterior over all of them.

The model is the normal one of eight schools: the measured means are normal about the true qualities with
the covariance of means of the same items, and the true qualities are exchangeable, normal about an unknown
middle with an unknown spread. Arms that look better than others because there are many of them are drawn
towards the middle, by as much as the data leave open (the winner's curse); differences that the data show
stay. Gelman, Hill and Yajima (2012), "Why we (usually) don't have to worry about multiple comparisons";
the half-Cauchy prior of the spread after Gelman (2006), Bayesian Analysis 1, 515-534.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from steelyard.stats.resample import Clusters, Floats, cluster_codes

SPREAD_SCALE = 0.3
"""Scale of the half-Cauchy prior: weak: arms of one task differ by points or by tens of points."""
PRIOR_ITEMS = 5
"""Weight, in items, of arms that err independently against the covariance seen."""
LEAST_VARIANCE = 0.05
"""Variance of one item's score that is assumed where less was seen: as of 95 % right answers."""
DRAWS = 4000
_SPREADS = np.logspace(-3, -0.3, 20)
_FLAT = np.array([10.0])  # as good as a flat prior, for scores in [0, 1]


class Posterior:
    """The joint posterior of ``k`` true means, given their estimates and the covariance of these.

    ``means``: (k,); ``covariance``: (k, k), of the estimates. The mixture over the spread between arms is
    evaluated on a grid, each part of it being normal. Arms that are not exchangeable, such as a floor and
    what is to beat it, are ``apart``: none is drawn towards another.
    """

    def __init__(self, means: Floats, covariance: Floats, *, apart: bool = False) -> None:
        self._spreads = _FLAT if apart else _SPREADS
        self._parts = [_normal(means, covariance, spread) for spread in self._spreads]
        logs = np.array([part.log_weight for part in self._parts])
        weights = np.exp(logs - logs.max())
        self._weights: Floats = weights / weights.sum()

    @cached_property
    def mean(self) -> Floats:
        """Posterior means, (k,)."""
        means = np.array([part.mean for part in self._parts])
        return np.asarray(self._weights @ means, dtype=np.float64)

    @cached_property
    def spread(self) -> float:
        """The spread between arms that is likely, as the mean of its posterior."""
        return float(self._weights @ self._spreads)

    def draws(self, rng: np.random.Generator, count: int = DRAWS) -> Floats:
        """Draw ``count`` vectors of true means, (count, k)."""
        counts = rng.multinomial(count, self._weights)
        drawn = [part.draws(rng, n) for part, n in zip(self._parts, counts, strict=True) if n]
        return np.concatenate(drawn)


class _Normal(NamedTuple):
    """The posterior at one spread, and the log of its weight in the mixture."""

    mean: Floats
    covariance: Floats
    log_weight: float

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        k = len(self.mean)
        root = np.linalg.cholesky(self.covariance + 1e-12 * np.eye(k))
        return np.asarray(self.mean + rng.normal(size=(count, k)) @ root.T, dtype=np.float64)


def _normal(means: Floats, covariance: Floats, spread: float) -> _Normal:
    """The normal posterior at a known ``spread``, and how likely the means make that spread."""
    if len(means) == 1:
        return _Normal(means, covariance, 0.0)
    update = update_of(covariance, spread)
    total = covariance + spread**2 * np.eye(len(means))
    inverse = np.linalg.inv(total)
    away = means - inverse.sum(axis=0) @ means / inverse.sum()
    log_weight = -0.5 * (
        np.linalg.slogdet(total)[1] + np.log(inverse.sum()) + float(away @ inverse @ away)
    )
    prior = np.log(spread) - np.log1p((spread / SPREAD_SCALE) ** 2)  # the grid is even in the log
    return _Normal(update.matrix @ means, update.covariance, log_weight + prior)


class Update(NamedTuple):
    """Posterior means are ``matrix @ means``, with ``covariance``."""

    matrix: Floats
    covariance: Floats


def update_of(covariance: Floats, spread: float) -> Update:
    """What estimates with ``covariance`` make of arms with a known ``spread`` about a middle not known.

    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4, for correlated errors.
    """
    k, between = len(covariance), spread**2
    if k == 1:
        return Update(np.eye(1), covariance)
    inverse = np.linalg.inv(covariance + between * np.eye(k))
    precision = inverse.sum()
    shrink = between * inverse
    lever = np.ones(k) - shrink.sum(axis=1)
    matrix = shrink + np.outer(lever, inverse.sum(axis=0) / precision)
    after = between * (np.eye(k) - shrink) + np.outer(lever, lever) / precision
    return Update(np.asarray(matrix, dtype=np.float64), (after + after.T) / 2)


def item_covariance(scores: Floats, clusters: Clusters | None = None) -> Floats:
    """Covariance of the arms' scores of one item, (k, k), from ``scores`` (k, n).

    Divided by ``n`` it is that of the means. Items of a cluster count together (the variance of a ratio,
    as in Korn and Graubard 1998), and arms that err independently have the weight of `PRIOR_ITEMS`
    items, so that few items without a difference prove none.
    """
    n = scores.shape[1]
    codes = cluster_codes(clusters, n)
    count = int(codes.max()) + 1
    sizes = np.bincount(codes)
    means = scores.mean(axis=1)
    sums = np.array([np.bincount(codes, weights=row) for row in scores])
    away = sums - means[:, None] * sizes
    observed = away @ away.T / n * (count / max(1, count - 1))
    return blended(observed, count)


def blended(seen: Floats, count: float) -> Floats:
    """Blend a covariance seen over ``count`` independent units with that of arms that err independently."""
    assumed = np.eye(len(seen)) * max(float(np.diag(seen).mean()), LEAST_VARIANCE)
    return np.asarray((seen * count + assumed * PRIOR_ITEMS) / (count + PRIOR_ITEMS))


def chance_at_least(mean: float, variance: float, units: int, least: float) -> float:
    """Chance that a share or score in [0, 1] reaches ``least``, by its own measurement alone.

    ``variance`` is that of the mean over ``units`` independent units. Jeffreys' prior, at the effective
    number of items; Brown, Cai and DasGupta (2001), Statistical Science 16, 101-133.
    """
    from scipy.special import betainc

    if least <= 0:
        return 1.0
    if least >= 1:
        return 0.0
    binomial = mean * (1 - mean)
    items = binomial / variance if variance > 0 and binomial > 0 else units
    return float(1 - betainc(mean * items + 0.5, (1 - mean) * items + 0.5, least))


class Predicted(NamedTuple):
    """What more items may show: ``truths`` and posterior ``means``, (outcomes, k), and their covariance."""

    truths: Floats
    means: Floats
    covariance: Floats


def predict(
    posterior: Posterior,
    means: Floats,
    covariance: Floats,
    items: tuple[int, int],
    rng: np.random.Generator,
    outcomes: int,
) -> Predicted:
    """Draw what ``items[1]`` more items than the ``items[0]`` so far may show.

    ``covariance`` is that of one item's scores. Preposterior analysis in its linear normal form; Raiffa and
    Schlaifer (1961), Applied Statistical Decision Theory, chapter 5.
    """
    before, more = items
    truths = posterior.draws(rng, outcomes)
    root = np.linalg.cholesky(covariance / more + 1e-12 * np.eye(len(means)))
    observed = truths + rng.normal(size=truths.shape) @ root.T
    pooled = (before * means + more * observed) / (before + more)
    update = update_of(covariance / (before + more), posterior.spread)
    return Predicted(truths, np.asarray(pooled @ update.matrix.T), update.covariance)
