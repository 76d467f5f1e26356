"""What ``min_accuracy_at_coverage`` means for a verdict: whom it rules out, and what it leaves to people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from steelyard.stats.calibration import items_to_show
from steelyard.verdict import words
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
    return [f"none of its answers is shown to be {accuracy_in_words(target)} right{takes}"]


def coverage_unknown(case: Case, candidate: Candidate) -> list[str]:
    """Say where the limit could not be checked."""
    if case.limits.min_accuracy_at_coverage is None or candidate.coverage_shown is not None:
        return []
    return [
        f"{candidate.name}: how many answers are shown to be right is not known, so "
        "min_accuracy_at_coverage was not checked"
    ]


def coverage_warnings(
    case: Case, choice: Candidate | None, within: Sequence[Candidate]
) -> list[str]:
    """Warn that people are needed beside the choice, which its cost does not hold; and what that changes.

    ``within`` are the arms that keep every limit.
    """
    target = case.limits.min_accuracy_at_coverage
    if target is None or choice is None or not choice.coverage_shown or choice.coverage_shown == 1:
        return []
    share, rest = percent(choice.coverage_shown), percent(1 - choice.coverage_shown)
    right = accuracy_in_words(target)
    return [
        f"people needed: {choice.name} is shown to be {right} right on {share} of the requests; "
        f"the other {rest} go to people, and its cost leaves these out{_with_people(case, choice, within)}"
    ]


def _with_people(case: Case, choice: Candidate, within: Sequence[Candidate]) -> str:
    """Which arm costs least where people are paid for what it hands over, if that is another."""
    totals = {
        arm.name: cost for arm in within if (cost := _total_with_people(case, arm)) is not None
    }
    mine = totals.get(choice.name)
    if mine is None or case.label_cost is None:
        return ""
    cheapest = min(totals, key=totals.__getitem__)
    if cheapest == choice.name:
        return ""
    price, least = (words.money(x, case.currency) for x in (case.label_cost, totals[cheapest]))
    return (
        f"; with people at {price} an answer {cheapest} costs less in all, {least} against "
        f"{words.money(mine, case.currency)} for {choice.name}"
    )


def _total_with_people(case: Case, arm: Candidate) -> Decimal | None:
    owned = arm.total_cost(case.requests)
    if owned is None or arm.coverage_shown is None or case.label_cost is None or arm.is_floor:
        return None
    return owned + case.label_cost * Decimal(str(1 - arm.coverage_shown)) * case.requests


def accuracy_in_words(target: float) -> str:
    """``99 %``."""
    return f"{100 * target:.6g} %"
