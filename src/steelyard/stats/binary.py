"""Paired right-or-wrong scores of independent items: a test and an interval that agree."""

from __future__ import annotations

from math import sqrt


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value: given the items on which the arms differ, each side is a fair coin.

    The larger of two. The mid-p form of McNemar's exact test keeps its level on average and is less
    cautious than the exact one (Fagerland, Lydersen and Laake 2013, BMC Medical Research Methodology 13,
    91). The score test is the one that `tango` inverts: where this p-value is at most ``alpha``, the
    interval at ``1 - alpha`` excludes 0.
    """
    from scipy.special import bdtr, ndtr

    differing, fewer = only_a + only_b, min(only_a, only_b)
    if only_a == only_b:
        return 1.0
    at_most = float(bdtr(fewer, differing, 0.5))
    below = float(bdtr(fewer - 1, differing, 0.5)) if fewer > 0 else 0.0
    score = 2 * float(ndtr(-abs(only_a - only_b) / sqrt(differing)))
    return min(1.0, max(at_most + below, score * (1 + 1e-9)))


def tango(only_a: int, only_b: int, n: int, level: float) -> tuple[float, float]:
    """Score interval for a paired difference of shares. Tango (1998), Stat. Med. 17, 891-908."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    z = float(ndtri((1 + level) / 2))
    value = (only_a - only_b) / n

    def score(delta: float) -> float:
        root_b = -only_a - only_b + (2 * n - only_a + only_b) * delta
        root_c = -only_b * delta * (1 - delta)
        share = (sqrt(max(0.0, root_b**2 - 8 * n * root_c)) - root_b) / (4 * n)
        variance = n * (2 * share + delta * (1 - delta))
        return (only_a - only_b - n * delta) / sqrt(max(variance, 1e-300))

    edge = 1 - 1e-12
    low = -1.0 if value <= -edge else float(brentq(lambda d: score(d) - z, -edge, value))
    high = 1.0 if value >= edge else float(brentq(lambda d: score(d) + z, value, edge))
    return low, high


def no_spread(value: float, drawn: int, level: float) -> tuple[float, float]:
    """Limits when every unit differs alike: Tango's for as many units that do not differ."""
    low, high = tango(0, 0, drawn, level)
    return max(-1.0, value + low), min(1.0, value + high)


def no_spread_p(value: float, drawn: int) -> float:
    """The p-value that `no_spread` agrees with: its half width is z² / (z² + units)."""
    from scipy.special import ndtr

    distance = min(abs(value), 1.0)
    if distance == 1:
        return 0.0
    p_value = 2 * float(ndtr(-sqrt(drawn * distance / (1 - distance))))
    return min(1.0, p_value * (1 + 1e-9))
