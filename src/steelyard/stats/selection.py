"""Choosing one of several settings that answered the same examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-12
"""One item lost among any number is one standard error exactly."""


def cheapest(totals: Sequence[float], items: Sequence[NDArray[Any]]) -> int:
    """Return the first setting not worse than the best by more than one standard error.

    Settings are ordered from the cheapest: ``totals`` are their metrics over dev and ``items`` the scores
    of the same examples. The one-standard-error rule of Breiman et al. (1984), with the error of the
    paired difference, because all answered the same examples. Assumes that examples are independent.
    Between equal totals the cheaper one is the best.
    """
    best = max(range(len(totals)), key=lambda place: (totals[place], -place))
    for place in range(best):
        differences = items[best] - items[place]
        if len(differences) < 2:
            return best
        error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
        if max(totals[best] - totals[place], float(np.mean(differences))) <= error + _ROUNDING:
            return place
    return best
