"""How many labels would show that an arm's answers are as right as ``min_accuracy_at_coverage`` asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from steelyard.result.verdict import MoreLabels
from steelyard.stats.calibration import items_to_show_at, least_right
from steelyard.stats.posterior import ShareOutlook
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import weight_of
from steelyard.verdict.coverage import accuracy_in_words, coverage_broken
from steelyard.verdict.limits import broken_limits
from steelyard.words import percent

_OUTCOMES = 16_000


def labels_for_coverage(case: Case, usable: Sequence[Candidate]) -> MoreLabels | None:
    """How many labels would show the accuracy of an arm that lacks nothing else; ``None`` where none does."""
    target = case.limits.min_accuracy_at_coverage
    if target is None:
        return None
    free = replace(case, limits=replace(case.limits, min_accuracy_at_coverage=None))
    close = [arm for arm in usable if coverage_broken(case, arm) and not broken_limits(free, arm)]
    if not close:
        return None
    best, right = max(close, key=lambda arm: arm.quality.value or 0.0), accuracy_in_words(target)
    value = best.quality.value or 0.0
    if target >= 1:
        return MoreLabels(reason=f"no number of labels shows that answers are {right} right")
    if value <= target or not _counts_right(case, best):
        reason = (
            f"it is not labels that are missing: {words.quality(best)} is not above {right}, and its "
            "confidence picks out no answers that are"
        )
        return MoreLabels(reason=reason)
    items, weight = len(best.scores), weight_of(case, best)
    needed = items_to_show_at(value, target)
    if needed is None:
        return MoreLabels(
            reason=f"no number of labels up to a million shows {right} for {best.name}"
        )
    more = max(1, ceil(needed * items / weight) - items)
    of_them = "all" if value == 1 else percent(value)
    reason = (
        f"it takes {items + more:,} test items for {right}, with {of_them} of the answers right"
    )
    return MoreLabels(n=more, chance=_chance_to_show(best, weight, needed, target), reason=reason)


def _chance_to_show(arm: Candidate, weight: float, needed: int, target: float) -> float:
    """The posterior predictive chance that ``needed`` answers show the target."""
    value, more = arm.quality.value or 0.0, max(1, needed - round(weight))
    outlook = ShareOutlook(np.array([value]), np.array([weight]), np.eye(1), 0, _OUTCOMES)
    right = outlook.after(more)[:, 0] * (weight + more)
    return round(float((right >= least_right(needed, target) - 0.5).mean()), 2)


def _counts_right(case: Case, arm: Candidate) -> bool:
    return case.decomposable and bool(np.isin(arm.scores, (0, 1)).all())
