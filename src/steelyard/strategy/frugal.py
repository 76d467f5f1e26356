"""The cheapest of several settings that dev cannot tell from the best one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Answer, Example
from steelyard.strategy.base import FitContext

_ROUNDING = 1e-12
"""One item lost among any number is one standard error exactly."""


def item_scores(
    context: FitContext, examples: Sequence[Example], answers: Sequence[Answer]
) -> NDArray[Any]:
    """Return each answer's own score by the task's first metric, in [0, 1]."""
    return np.array(context.scores(examples, answers))


def cheapest(totals: Sequence[float], items: Sequence[NDArray[Any]]) -> int:
    """Return the first setting not worse than the best by more than one standard error.

    Settings stand from cheap to dear: ``totals`` are their metrics over dev and ``items`` the scores
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
