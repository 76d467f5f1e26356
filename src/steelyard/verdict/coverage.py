"""What ``min_accuracy_at_coverage`` means for a verdict: whom it rules out, and what it leaves to people."""

from __future__ import annotations

from steelyard.stats.calibration import items_to_show
from steelyard.verdict.base import Candidate, Case
from steelyard.words import percent


def coverage_broken(case: Case, candidate: Candidate) -> list[str]:
    """Say why an arm cannot be used at all: no answer of it is shown to be as right as asked."""
    target = case.limits.min_accuracy_at_coverage
    if target is None or candidate.coverage_shown != 0:
        return []
    needed, n = items_to_show(target), len(candidate.scores)
    takes = ""
    if needed is None:
        takes = ", which no number of test items shows"
    elif needed > n:
        takes = f", which takes at least {needed:,} test items, all of them right; there are {n:,}"
    return [f"none of its answers is shown to be {_right(target)} right{takes}"]


def coverage_unknown(case: Case, candidate: Candidate) -> list[str]:
    """Say where the limit could not be checked."""
    if case.limits.min_accuracy_at_coverage is None or candidate.coverage_shown is not None:
        return []
    return [
        f"{candidate.name}: how many answers are shown to be right is not known, so "
        "min_accuracy_at_coverage was not checked"
    ]


def coverage_warnings(case: Case, choice: Candidate | None) -> list[str]:
    """Warn that people are needed beside the choice; its cost does not hold them."""
    target = case.limits.min_accuracy_at_coverage
    if target is None or choice is None or not choice.coverage_shown or choice.coverage_shown == 1:
        return []
    share, rest = percent(choice.coverage_shown), percent(1 - choice.coverage_shown)
    return [
        f"people needed: {choice.name} is shown to be {_right(target)} right on {share} of the requests; "
        f"the other {rest} go to people, and its cost leaves these out"
    ]


def _right(target: float) -> str:
    return f"{100 * target:.6g} %"
