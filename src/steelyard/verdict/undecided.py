"""Where the data cannot tell: why, and how many more test items would settle it."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Comparison
from steelyard.result.verdict import VerdictResult
from steelyard.stats import items_for_interval
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.decision import Decision
from steelyard.verdict.limits import lacks_only_quality
from steelyard.verdict.pairs import items_to_bound, items_to_show, pair

MOST_LOSS = 0.20
_NAMED = 3
_NONE_KEEPS = "no usable arm meets every constraint"
_MOST_COMMON = "always giving the most common answer"


def best_of(case: Case, candidates: Sequence[Candidate]) -> Candidate:
    """The highest quality; among equals the cheaper, then the first by name."""
    return ranked(case, candidates)[0]


def ranked(case: Case, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates, the best first; see `best_of`."""

    def key(candidate: Candidate) -> tuple[float, float, str]:
        cost = candidate.total_cost(case.requests)
        worst = float("inf") if cost is None else float(cost)
        return -(candidate.quality.value or 0.0), worst, candidate.name

    return sorted(candidates, key=key)


def none_left(decision: Decision) -> VerdictResult:
    """No arm keeps every constraint, but for always giving the most common answer."""
    case = decision.case
    usable = ranked(case, [c for c in case.candidates if not c.is_floor])
    if not usable:
        return _nothing_usable(decision)
    close = [c for c in usable if lacks_only_quality(case, c)]
    if not close:
        return decision.undecided(_what_stops(decision, usable), usable[0], None)
    text, more = _items_for_minimum(case, close[0])
    may = (
        f"{words.quality(close[0])} may still reach min_quality {case.limits.min_quality:g}: {text}"
    )
    ahead = _NONE_KEEPS if close[0] is usable[0] else _what_stops(decision, usable)
    return decision.undecided(f"{ahead}; {may}", close[0], more)


def _nothing_usable(decision: Decision) -> VerdictResult:
    if not decision.case.candidates:
        return decision.undecided("no arm was measured", None, None)
    only = decision.case.candidates[0]
    reason = f"{words.quality(only)} is the only arm measured, and {_MOST_COMMON} is not a solution"
    return decision.undecided(f"{reason}: try other strategies", only, None)


def _what_stops(decision: Decision, usable: Sequence[Candidate]) -> str:
    """Which constraints the best arms break, and what to do about it."""
    least, best = decision.case.limits.min_quality, usable[0].quality.value
    stopped = [_stopped(decision, candidate) for candidate in usable[:_NAMED]]
    if len(usable) > _NAMED:
        stopped.append(f"{len(usable) - _NAMED} more")
    only = (
        f"; only {_MOST_COMMON} meets them, which is not a solution"
        if decision.limits.within
        else ""
    )
    is_low = best is not None and least is not None and best < least
    stronger = ", or try a stronger model" if is_low else ""
    return f"{_NONE_KEEPS}: {', '.join(stopped)}{only}; relax a constraint{stronger}"


def _stopped(decision: Decision, candidate: Candidate) -> str:
    """``lora 0.95 [0.91, 0.97] (p95 latency 800 ms is above 500 ms)``; no figure appears twice."""
    why = decision.limits.dropped[candidate.name]
    figure = words.estimate(candidate.quality)
    if candidate.quality.value is None or figure in why:
        return f"{candidate.name} ({why})"
    return f"{candidate.name} {figure} ({why})"


def unsure_of_minimum(decision: Decision, leading: Candidate) -> VerdictResult:
    """No arm is shown to reach the least quality asked for."""
    text, more = _items_for_minimum(decision.case, leading)
    least = decision.case.limits.min_quality
    who = words.quality(leading)
    reason = f"the test cannot tell whether {who} reaches min_quality {least:g}: {text}"
    return decision.undecided(reason, leading, more)


def _items_for_minimum(case: Case, leading: Candidate) -> tuple[str, int | None]:
    """Items after which the leading arm's interval leaves the minimum on one side."""
    n, value = len(leading.scores), leading.quality.value or 0.0
    least = case.limits.min_quality or 0.0
    gap = abs(value - least)
    if gap == 0 and least < 1:
        return (
            "it is exactly at the minimum, so the number of test items needed cannot be estimated",
            None,
        )
    variance = max(float(leading.scores.var()), 0.25 / max(n, 1))
    items = items_for_interval(variance, gap, 1 - case.alpha)
    return words.more_items(items, n), words.further_items(items, n)


def not_above_majority(
    decision: Decision, real: Sequence[Candidate], majority: Candidate, tests: int, test: Comparison
) -> VerdictResult:
    """The best of the real arms is not shown to beat the majority class; ``test`` is of those two."""
    case, best = decision.case, best_of(decision.case, real)
    if test.difference <= 0:
        arm = "no arm that meets every constraint" if decision.limits.dropped else "no arm"
        reason = (
            f"{arm} does better than {_MOST_COMMON}: {words.quality(best)} against "
            f"{words.quality(majority)}; "
            f"{_what_may_help(decision, real, majority, test)}"
        )
        return decision.undecided(reason, best, None)
    n, needed = len(best.scores), items_to_show(case, best, majority, tests)
    reason = (
        f"{words.quality(best)} has not been shown to beat {_MOST_COMMON}, "
        f"{words.quality(majority)} ({words.p_value(test)}): {words.more_items(needed.items, n)}"
    )
    return decision.undecided(reason, best, words.further_items(needed.items, n))


def _what_may_help(
    decision: Decision, real: Sequence[Candidate], majority: Candidate, test: Comparison
) -> str:
    """What better examples may do, and more test items where the paired intervals allow it."""
    better = "better examples, labels or a stronger model may"
    if decision.limits.dropped:
        better = "better examples, labels, a stronger model or a looser constraint may"
    pairs = [pair(decision.case, candidate, majority) for candidate in real]
    most = max(pairs, key=lambda rival: rival.high)
    if most.high <= 0:
        return f"more test items will not change that; {better}"
    unknown = "no difference was seen, so the number of test items needed cannot be estimated, and "
    return (
        f"{unknown if test.difference == 0 else ''}by its interval {most.a} may still be up to "
        f"{most.high:.2f} better; {better} help"
    )


def too_few(
    decision: Decision, choice: Candidate, rival: Candidate, loss: float, tests: int
) -> VerdictResult:
    """A tied arm may be much better than the choice."""
    case, n = decision.case, len(choice.scores)
    ahead = max(0.0, pair(case, rival, choice).difference)
    needs = [items_to_bound(case, rival, choice, MOST_LOSS - ahead)]
    if ahead > 0:
        needs.append(items_to_show(case, rival, choice, tests).items)
    items = min((count for count in needs if count is not None), default=None)
    reason = (
        f"{n} test items cannot distinguish {words.quality(choice)} from {words.quality(rival)}, which "
        f"may be up to {loss:.2f} better: {words.more_items(items, n)}"
    )
    return decision.undecided(reason, choice, words.further_items(items, n))
