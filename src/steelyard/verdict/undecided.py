"""Where no arm is shown to be of use: why, and whether more labels would tell."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.result.verdict import MoreLabels, VerdictResult
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import chance_of_minimum
from steelyard.verdict.coverage_labels import labels_for_coverage
from steelyard.verdict.decision import Decision
from steelyard.verdict.limits import lacks_only_quality
from steelyard.verdict.more_labels import labels_for_floor, labels_for_minimum
from steelyard.verdict.pairs import pair
from steelyard.verdict.rule import LIKELY_KEPT
from steelyard.words import chance as chance_in_words

_NAMED = 3
_NONE_KEEPS = "no usable arm meets every constraint"
_NO_LABELS = "more labels would not bring an arm within the constraints"
_MOST_COMMON = "always giving the most common answer"


def ranked(case: Case, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates by quality, the best first; among equals the cheaper, then the first by name."""

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
        more = labels_for_coverage(case, usable) or MoreLabels(reason=_NO_LABELS)
        label = f", or label {more.n:,} more test items" if more.n else ""
        return decision.undecided(_what_stops(decision, usable) + label, usable[0], more)
    labels = labels_for_minimum(case, close)
    may = f"{words.quality(close[0])} may still reach {_minimum(case, close[0])}: {words.labels(labels)}"
    ahead = _NONE_KEEPS if close[0] is usable[0] else _what_stops(decision, usable)
    return decision.undecided(f"{ahead}; {may}", close[0], labels)


def _nothing_usable(decision: Decision) -> VerdictResult:
    if not decision.case.candidates:
        return decision.undecided("no arm was measured", None, MoreLabels())
    only = decision.case.candidates[0]
    reason = f"{words.quality(only)} is the only arm measured, and {_MOST_COMMON} is not a solution"
    return decision.undecided(f"{reason}: try other strategies", only, MoreLabels())


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


def unsure_of_minimum(decision: Decision, arms: Sequence[Candidate]) -> VerdictResult:
    """No arm is likely to reach the least quality asked for."""
    case = decision.case
    leading = max(ranked(case, arms), key=lambda arm: chance_of_minimum(case, arm))
    labels = labels_for_minimum(case, arms)
    reason = (
        f"the test cannot tell whether {words.quality(leading)} reaches {_minimum(case, leading)}: "
        f"{words.labels(labels)}"
    )
    return decision.undecided(reason, leading, labels)


def _minimum(case: Case, arm: Candidate) -> str:
    """``min_quality 0.9 (chance 0.55; 0.7 is needed)``."""
    chance = chance_in_words(chance_of_minimum(case, arm))
    return f"min_quality {case.limits.min_quality:g} (chance {chance}; {LIKELY_KEPT:g} is needed)"


def not_above_majority(
    decision: Decision, arms: Sequence[Candidate], majority: Candidate
) -> VerdictResult:
    """None of ``arms`` is shown to beat the majority class."""
    case = decision.case
    best = ranked(case, arms)[0]
    test = pair(case, best, majority)
    if test.difference <= 0:
        arm = "no arm that meets every constraint" if decision.limits.dropped else "no arm"
        reason = (
            f"{arm} does better than {_MOST_COMMON}: {words.quality(best)} against "
            f"{words.quality(majority)}; {_what_may_help(decision, arms, majority)}"
        )
        return decision.undecided(reason, best, MoreLabels())
    labels = labels_for_floor(case, arms, majority)
    reason = (
        f"{words.quality(best)} has not been shown to beat {_MOST_COMMON}, {words.quality(majority)}: the "
        f"difference is {test.difference:.2f} [{test.low:.2f}, {test.high:.2f}]; {words.labels(labels)}"
    )
    return decision.undecided(reason, best, labels)


def _what_may_help(decision: Decision, arms: Sequence[Candidate], majority: Candidate) -> str:
    """What better examples may do, and how much the paired intervals leave open."""
    better = "better examples, labels or a stronger model may"
    if decision.limits.dropped:
        better = "better examples, labels, a stronger model or a looser constraint may"
    most = max((pair(decision.case, arm, majority) for arm in arms), key=lambda test: test.high)
    if most.high <= 0:
        return f"more test items will not change that; {better} help"
    return f"by its interval {most.a} may still be up to {most.high:.2f} better; {better} help"
