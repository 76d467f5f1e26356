"""Where the data cannot tell: why, and how many more test items would settle it."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Comparison, Verdict
from steelyard.stats import items_for_interval
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.finding import Finding
from steelyard.verdict.pairs import items_to_bound, items_to_show, pair

MOST_LOSS = 0.20


def best_of(case: Case, candidates: Sequence[Candidate]) -> Candidate:
    """The highest quality; among equals the cheaper, then the first by name."""

    def key(candidate: Candidate) -> tuple[float, float, str]:
        cost = candidate.own(case.requests)
        worst = float("inf") if cost is None else float(cost)
        return -(candidate.quality.value or 0.0), worst, candidate.name

    return min(candidates, key=key)


def none_left(found: Finding) -> Verdict:
    """No arm keeps every constraint."""
    case = found.case
    least = case.limits.min_quality
    close = [
        c
        for c in case.candidates
        if least is not None and c.quality.high is not None and c.quality.high >= least
    ]
    if not case.candidates:
        return found.undecided("no arm was measured", None, None)
    reason = "no arm keeps every constraint"
    if not close:
        best = best_of(case, case.candidates)
        return found.undecided(f"{reason}: relax one, or try a stronger model", best, None)
    leading = best_of(case, close)
    items = _items_for_minimum(case, leading)
    reason += f"; {words.quality(leading)} may yet reach min_quality {least:g}: "
    return found.undecided(reason + items[0], leading, items[1])


def only_majority(found: Finding, majority: Candidate) -> Verdict:
    """Only the majority class keeps every constraint."""
    found.reasons.insert(
        0, f"{words.quality(majority)} is the only arm that keeps every constraint"
    )
    warning = "always giving the commonest answer solves no task: relax a constraint"
    return found.verdict(majority, "low", (), (warning,))


def unsure_of_minimum(found: Finding, leading: Candidate) -> Verdict:
    """No arm is shown to reach the least quality asked for."""
    text, more = _items_for_minimum(found.case, leading)
    least = found.case.limits.min_quality
    who = words.quality(leading)
    reason = f"the test cannot say whether {who} reaches min_quality {least:g}: {text}"
    return found.undecided(reason, leading, more)


def _items_for_minimum(case: Case, leading: Candidate) -> tuple[str, int | None]:
    """Items after which the leading arm's interval leaves the minimum on one side."""
    n, value = len(leading.scores), leading.quality.value or 0.0
    gap = abs(value - (case.limits.min_quality or 0.0))
    variance = max(float(leading.scores.var()), 0.25 / max(n, 1))
    items = items_for_interval(variance, gap, 1 - case.alpha)
    return words.more_items(items, n), None if items is None else max(1, items - n)


def not_above_majority(
    found: Finding, best: Candidate, majority: Candidate, test: Comparison, tests: int
) -> Verdict:
    """The best arm is not shown to beat the majority class."""
    n = len(best.scores)
    if test.difference <= 0:
        reason = (
            f"no arm is above always giving the commonest answer: {words.quality(best)} against "
            f"{words.quality(majority)}; more test items will not change that, better examples, "
            "labels or a stronger model may"
        )
        return found.undecided(reason, best, None)
    needed = items_to_show(found.case, best, majority, tests)
    reason = (
        f"{words.quality(best)} is not shown to be above always giving the commonest answer, "
        f"{words.quality(majority)} ({words.p_value(test)}): {words.more_items(needed.items, n)}"
    )
    more = None if needed.items is None else max(1, needed.items - n)
    return found.undecided(reason, best, more)


def too_few(
    found: Finding, choice: Candidate, rival: Candidate, loss: float, tests: int
) -> Verdict:
    """A tied arm may be much better than the choice."""
    case, n = found.case, len(choice.scores)
    ahead = max(0.0, pair(case, rival, choice).difference)
    wanted = [items_to_bound(case, rival, choice, MOST_LOSS - ahead)]
    if ahead > 0:
        wanted.append(items_to_show(case, rival, choice, tests).items)
    items = min((count for count in wanted if count is not None), default=None)
    reason = (
        f"{n} test items cannot tell {words.quality(choice)} from {words.quality(rival)}, which "
        f"may be up to {loss:.2f} better: {words.more_items(items, n)}"
    )
    more = None if items is None else max(1, items - n)
    return found.undecided(reason, choice, more)
