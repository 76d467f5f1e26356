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

from steelyard.stats.resample import Clusters, Floats, Indices, cluster_codes

LEAST_SPREAD = 0.015
"""Arms are never taken to differ by less than some points, whatever few items show."""
PRIOR_ITEMS = 5
"""Weight, in items, of arms that err independently against the covariance seen."""
LEAST_VARIANCE = 0.05
"""Variance of one item's score that is assumed where less was seen: as of 95 % right answers."""
DRAWS = 16_000
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
        self.priors: list[Floats] = [self.prior * times**2 for times in _TIMES]
        updates = [update_of(covariance, prior) for prior in self.priors]
        self._parts = [_Normal(update.matrix @ means, update.covariance) for update in updates]

    @cached_property
    def mean(self) -> Floats:
        """Posterior means, (k,)."""
        means = np.array([part.mean for part in self._parts])
        return np.asarray(np.clip(_WEIGHTS @ means, 0.0, 1.0), dtype=np.float64)

    def draws(self, rng: np.random.Generator, count: int = DRAWS) -> Floats:
        """Draw ``count`` vectors of true means, (count, k): of each spread its share, in mirrored pairs.

        In random order, so that the first of them are as good as any.
        """
        return self.draws_by_spread(rng, count)[0]

    def draws_by_spread(self, rng: np.random.Generator, count: int) -> tuple[Floats, Indices]:
        """The draws, and of which of the ``priors`` each is one, (count,)."""
        ends = np.rint(np.cumsum(_WEIGHTS) * count).astype(int)
        sizes = np.diff(ends, prepend=0)
        drawn = [part.draws(rng, int(n)) for part, n in zip(self._parts, sizes, strict=True)]
        order = rng.permutation(count)
        mixed = np.clip(np.concatenate(drawn)[order], 0.0, 1.0)
        return np.asarray(mixed, dtype=np.float64), np.repeat(np.arange(len(sizes)), sizes)[order]


class _Normal(NamedTuple):
    """The posterior at one spread."""

    mean: Floats
    covariance: Floats

    def draws(self, rng: np.random.Generator, count: int) -> Floats:
        k = len(self.mean)
        root = np.linalg.cholesky(self.covariance + 1e-12 * np.eye(k))
        return np.asarray(self.mean + mirrored(rng, count, k) @ root.T, dtype=np.float64)


def mirrored(rng: np.random.Generator, count: int, k: int) -> Floats:
    """Standard normal numbers, (count, k), row by row with their opposites: averages vary less."""
    half = rng.normal(size=((count + 1) // 2, k))
    return np.stack([half, -half], axis=1).reshape(-1, k)[:count]


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


def effective_items(mean: float, variance: float, units: int) -> float:
    """How many right-or-wrong answers a mean in [0, 1] is worth, by its ``variance`` over ``units``."""
    binomial = mean * (1 - mean)
    return binomial / variance if variance > 0 and binomial > 0 else float(units)


def chance_at_least(mean: float | Floats, items: float, least: float) -> Floats:
    """Chance that a share or score in [0, 1] reaches ``least``, by its own measurement alone.

    ``items``: how many answers the mean is worth (`effective_items`). Jeffreys' prior; Brown, Cai and
    DasGupta (2001), Statistical Science 16, 101-133.
    """
    from scipy.special import betainc

    mean = np.asarray(mean, dtype=np.float64)
    if least <= 0 or least >= 1:
        return np.full(mean.shape, float(least <= 0))
    return np.asarray(1 - betainc(mean * items + 0.5, (1 - mean) * items + 0.5, least))


class ShareOutlook:
    """What the shares of ``k`` arms may be over more items than those so far, in ``outcomes`` simulated ways.

    ``means`` and ``items``: (k,), with the posterior of `chance_at_least`; the true shares go together as the
    answers do (``correlation``, a normal copula). The posterior predictive is beta-binomial.
    """

    def __init__(
        self, means: Floats, items: Floats, correlation: Floats, seed: int, outcomes: int
    ) -> None:
        from scipy.special import betaincinv, ndtr

        self._means, self._items, self._seed = means, items, seed
        k = len(means)
        root = np.linalg.cholesky(correlation + 1e-9 * np.eye(k))
        normal = mirrored(np.random.default_rng(seed), outcomes, k) @ root.T
        ranks = np.clip(ndtr(normal), 1e-12, 1 - 1e-12)
        self._truths = betaincinv(means * items + 0.5, (1 - means) * items + 0.5, ranks)

    def after(self, more: int) -> Floats:
        """The shares over all items after ``more`` of them, (outcomes, k)."""
        right = np.random.default_rng(self._seed + 1).binomial(more, self._truths)
        return np.asarray((self._means * self._items + right) / (self._items + more))


class Predicted(NamedTuple):
    """What more items may show: ``truths`` and posterior ``means``, (outcomes, k), and their covariance.

    ``expected`` are the truths on average of all ways that look like this one.
    """

    truths: Floats
    means: Floats
    covariance: Floats
    expected: Floats


class MeanOutlook:
    """What more items than the ``items`` so far may show of ``k`` arms, in ``outcomes`` simulated ways.

    ``covariance`` is that of one item's scores. The same luck meets every number of items (common random
    numbers), so that two numbers differ by what they bring. Preposterior analysis in its linear normal form;
    Raiffa and Schlaifer (1961), Applied Statistical Decision Theory, chapter 5.
    """

    def __init__(
        self,
        posterior: Posterior,
        means: Floats,
        covariance: Floats,
        items: int,
        rng: np.random.Generator,
        outcomes: int,
    ) -> None:
        self._posterior, self._means = posterior, means
        self._covariance, self._items = covariance, items
        self._truths, self._spreads = posterior.draws_by_spread(rng, outcomes)
        self._noise = rng.normal(size=self._truths.shape)

    def after(self, more: int, outcomes: int | None = None) -> Predicted:
        """After ``more`` items; the first ``outcomes`` ways where that is given."""
        truths, noise = self._truths[:outcomes], self._noise[:outcomes]
        before, covariance = self._items, self._covariance
        root = np.linalg.cholesky(covariance / more + 1e-12 * np.eye(len(covariance)))
        observed = truths + noise @ root.T
        pooled = (before * self._means + more * observed) / (before + more)
        update = update_of(covariance / (before + more), self._posterior.prior)
        means, expected = pooled @ update.matrix.T, np.empty_like(pooled)
        for spread, prior in enumerate(self._posterior.priors):
            part = self._spreads[:outcomes] == spread
            expected[part] = pooled[part] @ update_of(covariance / (before + more), prior).matrix.T
        means, expected = np.clip(means, 0.0, 1.0), np.clip(expected, 0.0, 1.0)
        return Predicted(truths, means, update.covariance, expected)
