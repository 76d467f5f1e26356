"""The interval of a percentile: two of the sorted values, whatever the values' distribution."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log
from typing import NamedTuple


class QuantileLimits(NamedTuple):
    """The limits of a percentile; ``None`` where so few values cannot bound it on that side."""

    low: float | None
    high: float | None


def quantile_limits(values: Sequence[float], share: float, level: float = 0.95) -> QuantileLimits:
    """Interval of the value that a ``share`` of all values lies below, from independent ``values``.

    How many of them lie below it is binomial, so that each limit is one of the sorted values and is wrong
    with a probability of at most ``(1 - level) / 2`` under any continuous distribution. David and Nagaraja
    (2003), Order Statistics, 7.1. Few values do not bound a high percentile above: see `least_values`.
    """
    from scipy.special import bdtr

    ordered, n, tail = sorted(values), len(values), (1 - level) / 2
    low = high = None
    for place in range(n):
        if bdtr(place, n, share) <= tail:
            low = ordered[place]
        if high is None and 1 - bdtr(place, n, share) <= tail:
            high = ordered[place]
    return QuantileLimits(low, high)


def least_values(share: float, level: float = 0.95) -> int:
    """From how many values on `quantile_limits` gives an upper limit."""
    return ceil(log((1 - level) / 2) / log(share))
