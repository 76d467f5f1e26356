"""What a test says of several arms' qualities together: a posterior over all of them.

The model is the normal one of eight schools: the measured means are normal about the true qualities with
the covariance of means of the same items, and the true qualities are normal about an unknown middle with a
spread that the means themselves show. Arms that look better than others because there are many of them are
drawn towards the middle, by as much as the data leave open (the winner's curse); differences that the data
show stay. Gelman, Hill and Yajima (2012), "Why we (usually) don't have to worry about multiple comparisons".

Arms that answer alike are alike in quality: the true qualities are as correlated as the answers. So copies
of one arm (its free form, another format) are no evidence that all arms are equal, and they count as
little more than one.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from steelyard.stats.resample import Clusters, Floats, cluster_codes

LEAST_SPREAD = 0.015
"""Arms are never taken to differ by less than some points, whatever few items show."""
PRIOR_ITEMS = 5
"""Weight, in items, of arms that err independently against the covariance seen."""
LEAST_VARIANCE = 0.05
"""Variance of one item's score that is assumed where less was seen: as of 95 % right answers."""
DRAWS = 4000
_APART = 100.0  # a prior variance that draws nothing in, for scores in [0, 1]
_TIMES = np.array([0.5, 0.71, 1.0, 1.41, 2.0])
_WEIGHTS = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
"""How far the estimated spread may be off, and how likely that is taken to be."""


class Posterior:
    """The joint posterior of ``k`` true means in [0, 1], given their estimates and the covariance of these.

    ``means``: (k,); ``covariance``: (k, k), of the estimates. It is a mixture of normal ones over spreads
    about the estimated one. Where arms are not of one kind, such as a floor and what is to beat it, they are
    ``apart``: none is drawn towards another. ``prior``: covariance of the true means about their middle.
    """

    def __init__(self, means: Floats, covariance: Floats, *, apart: bool = False) -> None:
        k = len(means)
        if apart or k == 1:
            self.prior: Floats = np.eye(k) * _APART
        else:
            self.prior = spread_of(means, covariance) ** 2 * similarity(covariance)
        updates = [update_of(covariance, self.prior * times**2) for times in _TIMES]
        self._parts = [_Normal(update.matrix @ means, update.covariance) for update in updates]

    @cached_property
    def mean(self) -> Floats:
        """Posterior means, (k,)."""
        means = np.array([part.mean for part in self._parts])
        return np.asarray(np.clip(_WEIGHTS @ means, 0.0, 1.0), dtype=np.float64)

    def draws(self, rng: np.random.Generator, count: int = DRAWS) -> Floats:
        """Draw ``count`` vectors of true means, (count, k)."""
        counts = rng.multinomial(count, _WEIGHTS)
        drawn = [part.draws(rng, n) for part, n in zip(self._parts, counts, strict=True) if n]
        return np.clip(np.concatenate(drawn), 0.0, 1.0)


class _Normal(NamedTuple):
    """The posterior at one spread."""

    mean: Floats
    covariance: Floats

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        k = len(self.mean)
        root = np.linalg.cholesky(self.covariance + 1e-12 * np.eye(k))
        return np.asarray(self.mean + rng.normal(size=(count, k)) @ root.T, dtype=np.float64)


def similarity(covariance: Floats) -> Floats:
    """How alike arms answer: the correlation of their scores, (k, k)."""
    scale = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(scale, scale), dtype=np.float64)


def spread_of(means: Floats, covariance: Floats) -> float:
    """The spread between arms that err independently, by moments over all pairs.

    The square of a difference is its error variance plus the part of the spread that the pair does not
    share. DerSimonian and Laird (1986), Controlled Clinical Trials 7, 177-188, without their weights: pairs
    that hardly differ would outweigh all others.
    """
    pairs = np.triu_indices(len(means), 1)
    apart = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    excess = ((means[:, None] - means) ** 2 - apart)[pairs].sum()
    share = 2 * (1 - similarity(covariance))[pairs].sum()
    return float(np.sqrt(max(excess / share, LEAST_SPREAD**2))) if share > 0 else LEAST_SPREAD


class Update(NamedTuple):
    """Posterior means are ``matrix @ means``, with ``covariance``."""

    matrix: Floats
    covariance: Floats


def update_of(covariance: Floats, prior: Floats) -> Update:
    """What estimates with ``covariance`` make of arms with a ``prior`` covariance about an unknown middle.

    Gelman et al. (2013), Bayesian Data Analysis, 3rd ed., section 5.4, for correlated errors and arms.
    """
    k = len(covariance)
    if k == 1:
        return Update(np.eye(1), covariance)
    inverse = np.linalg.inv(covariance + prior)
    precision = inverse.sum()
    shrink = prior @ inverse
    lever = np.ones(k) - shrink.sum(axis=1)
    matrix = shrink + np.outer(lever, inverse.sum(axis=0) / precision)
    after = prior - shrink @ prior + np.outer(lever, lever) / precision
    return Update(np.asarray(matrix, dtype=np.float64), (after + after.T) / 2)


def item_covariance(scores: Floats, clusters: Clusters | None = None) -> Floats:
    """Covariance of the arms' scores of one item, (k, k), from ``scores`` (k, n).

    Divided by ``n`` it is that of the means. Items of a cluster count together (the variance of a ratio,
    as in Korn and Graubard 1998), and arms that err independently have the weight of `PRIOR_ITEMS`
    units, so that few units without a difference prove none.
    """
    n = scores.shape[1]
    codes = cluster_codes(clusters, n)
    count = int(codes.max()) + 1
    sizes = np.bincount(codes)
    means = scores.mean(axis=1)
    sums = np.array([np.bincount(codes, weights=row) for row in scores])
    away = sums - means[:, None] * sizes
    observed = away @ away.T / n * (count / max(1, count - 1))
    return blended(observed, count, n)


def blended(observed: Floats, units: int, items: int) -> Floats:
    """Blend a covariance seen over ``units`` of ``items`` with that of arms that err independently.

    Few units make it uncertain: the tails of Student's t stand in for that, as in Korn and Graubard (1998).
    """
    from scipy.special import stdtrit

    least = LEAST_VARIANCE * items / units  # as if all items of a unit were one
    assumed = np.eye(len(observed)) * max(float(np.diag(observed).mean()), least)
    tail = float(stdtrit(max(1, units - 1), 0.975)) / 1.959964
    return np.asarray((observed * units + assumed * PRIOR_ITEMS) / (units + PRIOR_ITEMS) * tail**2)


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
    update = update_of(covariance / (before + more), posterior.prior)
    return Predicted(truths, np.clip(pooled @ update.matrix.T, 0.0, 1.0), update.covariance)
