"""What a test of a given size can tell, and how many items a question needs.

Two arms differ on a share ``discordant`` of the items (one right, the other wrong). Before anything
is measured that share is a guess: 0.3, which suits arms of different kinds at 70 to 90 % accuracy.
Arms that resemble each other differ on fewer items, and smaller differences show.

Items of one cluster say less than as many independent ones: n of them count as ``n / design effect`` (Kish
1965, Survey Sampling, 5.4 and 8.2). The effect is not known before anything is measured; it lies between 1
and what makes each cluster one item.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np

from steelyard.words import points

ASSUMED_DISCORDANT = 0.3
MOST_ITEMS = 1_000_000


@dataclass(frozen=True)
class Detectable:
    """The smallest difference that a test of ``n`` items finds with probability ``power``.

    ``comparisons`` share the ``level``: with more of them, a difference must be larger to be found. Where
    the items fall into fewer ``clusters``, ``difference`` is that of items that are independent within them,
    and ``if_dependent`` that of clusters that count as one item each, ``None`` where that shows none.
    """

    difference: float | None
    n: int
    discordant: float
    level: float
    power: float
    reason: str | None = None
    comparisons: int = 1
    clusters: int | None = None
    if_dependent: float | None = None

    @property
    def dependence(self) -> str:
        """What the clusters may change, as a clause; empty where every item stands alone."""
        if self.clusters is None:
            return ""
        size = "none" if self.if_dependent is None else points(self.if_dependent)
        return (
            f"; {size} if each of the {self.clusters} clusters that they fall into counts as one: how alike "
            "its items are is not known before a run"
        )

    @property
    def correction(self) -> str:
        """``, after correction for 3 comparisons``; empty for one."""
        if self.comparisons == 1:
            return ""
        return f", after correction for {self.comparisons} comparisons"


@dataclass(frozen=True)
class NeededItems:
    """The items it takes to find ``difference`` with probability ``power``."""

    items: int | None
    difference: float
    level: float
    power: float
    reason: str | None = None


def mcnemar_power(n: int, difference: float, discordant: float, alpha: float) -> float:
    """Probability that `mcnemar` at ``alpha`` finds ``difference`` with ``n`` items.

    The number of differing items is binomial, and among them the better arm wins with probability
    ``(discordant + difference) / (2 discordant)``; the power is summed over both, without a normal
    approximation. Duffy (1984), Biometrics 40, 1005-1015.
    """
    from scipy.special import ndtri
    from scipy.stats import binom

    middle, spread = n * discordant, sqrt(n * discordant * (1 - discordant))
    first, last = max(1, int(middle - 8 * spread)), min(n, ceil(middle + 8 * spread))
    counts = np.arange(first, last + 1)
    wins = min(1.0, (discordant + difference) / (2 * discordant))
    # The least number of wins that rejects, by the mid-p and by the score test: see `mcnemar`.
    rejects = binom.isf(alpha / 2, counts, 0.5) + 1
    mid_tail = binom.sf(rejects - 1, counts, 0.5) + binom.pmf(rejects - 1, counts, 0.5) / 2
    rejects -= mid_tail <= alpha / 2
    by_score = np.ceil((counts + float(ndtri(1 - alpha / 2)) * np.sqrt(counts)) / 2)
    rejects = np.maximum(rejects, by_score)
    upper = binom.sf(rejects - 1, counts, wins)
    lower = binom.cdf(counts - rejects, counts, wins)
    return float(np.sum(binom.pmf(counts, n, discordant) * (upper + lower)))


def detectable_difference(
    n: int,
    discordant: float = ASSUMED_DISCORDANT,
    level: float = 0.95,
    power: float = 0.8,
    comparisons: int = 1,
    *,
    clusters: int | None = None,
    design_effect: float = 1.0,
) -> Detectable:
    """Smallest paired difference in accuracy that ``n`` items show.

    ``comparisons`` is the number of tests that the correction shares the level among; the first
    and strictest step is taken. Assumes the given ``discordant`` share, and items that are independent but
    for a known ``design_effect``; with ``clusters`` the figure of dependent items stands beside it.
    """
    if clusters is not None and clusters < n:
        if_dependent = detectable_difference(clusters, discordant, level, power, comparisons)
        alone = detectable_difference(n, discordant, level, power, comparisons)
        return replace(alone, clusters=clusters, if_dependent=if_dependent.difference)
    if design_effect > 1:
        fewer = max(1, int(n / design_effect))
        return replace(detectable_difference(fewer, discordant, level, power, comparisons), n=n)
    comparisons = max(1, comparisons)
    alpha = (1 - level) / comparisons
    none = Detectable(None, max(0, n), discordant, level, power, "no test items", comparisons)
    if n <= 0:
        return none
    if mcnemar_power(n, discordant, discordant, alpha) < power:
        reason = (
            f"{n} items cannot show any difference when two arms differ on {discordant:.0%} of them"
            f"{none.correction}"
        )
        return replace(none, reason=reason)
    low, high = 0.0, discordant
    while high - low > 1e-4:
        middle = (low + high) / 2
        is_shown = mcnemar_power(n, middle, discordant, alpha) >= power
        low, high = (low, middle) if is_shown else (middle, high)
    return Detectable(high, n, discordant, level, power, None, comparisons)


def items_needed(
    difference: float,
    discordant: float = ASSUMED_DISCORDANT,
    level: float = 0.95,
    power: float = 0.8,
    comparisons: int = 1,
    design_effect: float = 1.0,
) -> NeededItems:
    """Items it takes to show a paired ``difference`` in accuracy by McNemar's test."""
    alpha, difference = (1 - level) / max(1, comparisons), abs(difference)
    if difference == 0:
        return NeededItems(None, 0.0, level, power, "a difference of zero is never shown")
    discordant = min(1.0, max(discordant, difference))
    high = max(4, _connor(difference, discordant, alpha, power))
    while high <= MOST_ITEMS and mcnemar_power(high, difference, discordant, alpha) < power:
        high = ceil(high * 1.1)
    if high > MOST_ITEMS:
        reason = f"more than {MOST_ITEMS:,} items for a difference of {difference:.2g}"
        return NeededItems(None, difference, level, power, reason)
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        is_shown = mcnemar_power(middle, difference, discordant, alpha) >= power
        low, high = (low, middle) if is_shown else (middle, high)
    return NeededItems(ceil(high * design_effect), difference, level, power)


def items_for_mean(
    difference: float,
    variance: float,
    level: float = 0.95,
    power: float = 0.8,
    comparisons: int = 1,
    design_effect: float = 1.0,
) -> NeededItems:
    """Items it takes to show a mean paired ``difference`` of the given ``variance`` (normal)."""
    from scipy.special import ndtri

    difference = abs(difference)
    if difference == 0:
        return NeededItems(None, 0.0, level, power, "a difference of zero is never shown")
    quantiles = float(ndtri(1 - (1 - level) / max(1, comparisons) / 2) + ndtri(power))
    items = max(6, ceil((quantiles / difference) ** 2 * variance * design_effect))
    if items > MOST_ITEMS:
        reason = f"more than {MOST_ITEMS:,} items for a difference of {difference:.2g}"
        return NeededItems(None, difference, level, power, reason)
    return NeededItems(items, difference, level, power)


def items_for_interval(
    variance: float, half_width: float, level: float = 0.95, design_effect: float = 1.0
) -> int | None:
    """Items after which an interval reaches ``half_width``; ``None`` for zero or too many."""
    from scipy.special import ndtri

    if half_width <= 0:
        return None
    items = ceil(float(ndtri((1 + level) / 2)) ** 2 * variance * design_effect / half_width**2)
    return items if items <= MOST_ITEMS else None


def _connor(difference: float, discordant: float, alpha: float, power: float) -> int:
    """First guess by the normal approximation. Connor (1987), Biometrics 43, 207-211."""
    from scipy.special import ndtri

    chance = float(ndtri(1 - alpha / 2)) * sqrt(discordant)
    effect = float(ndtri(power)) * sqrt(max(0.0, discordant - difference**2))
    return ceil(((chance + effect) / difference) ** 2)
