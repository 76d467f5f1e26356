"""Which arm to use, why, how sure, and what would change it.

The rule: arms that break a constraint are ruled out; of the rest, those that a paired test (Holm over
all tests against the best, level ``alpha``) cannot distinguish from the best are tied; among the tied
arms that beat the majority class, the cheapest over the horizon wins. Costs that differ by less than
`LEVEL_COST` or `LEVEL_SHARE` count as equal, and the higher quality decides: nobody gives up accuracy
for cents, and measured machine time is never exact. When the test is too small for that, the verdict
is ``undecided`` and says how many more test items would settle it, or that they are too few to
estimate that. Always giving the most common answer is never recommended.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from steelyard.core import Comparison
from steelyard.cost import to_number
from steelyard.result.verdict import DroppedArm, VerdictDetails, VerdictResult
from steelyard.verdict import words
from steelyard.verdict.base import (
    LEVEL_COST,
    LEVEL_SHARE,
    Candidate,
    Case,
    costs_level,
    family_of,
)
from steelyard.verdict.decision import Decision
from steelyard.verdict.flips import find_flips
from steelyard.verdict.limits import WithinLimits, apply_limits
from steelyard.verdict.pairs import against, differs, pair
from steelyard.verdict.undecided import (
    MOST_LOSS,
    best_of,
    none_left,
    not_above_majority,
    too_few,
    unsure_of_minimum,
)

_NEVER = Decimal("Infinity")
CONFIDENCE = (("high", 0.05, 100), ("moderate", 0.10, 50))
CONFIDENCE_RULE = (
    "high: at least 100 test items, and no tied arm may be more than 0.05 better than the choice (by "
    "its interval); moderate: 50 items and 0.10; low: otherwise"
)


def decide(case: Case) -> VerdictResult:
    """Weigh the candidates of a case."""
    limits = apply_limits(case)
    details = _details(case, limits)
    decision = Decision(case, limits, details, [arm.sentence for arm in details.dropped])
    real = [candidate for candidate in limits.within if not candidate.is_floor]
    if not real:
        return none_left(decision)
    least = case.limits.min_quality
    sure = [c for c in real if least is None or (c.quality.low or 0.0) >= least]
    if not sure:
        return unsure_of_minimum(decision, best_of(case, real))
    for c in real:
        if not any(c is other for other in sure):
            decision.reasons.append(
                f"{words.quality(c)} does not reliably reach min_quality {least:g}"
            )
    return _weigh(decision, sure)


def _weigh(decision: Decision, real: Sequence[Candidate]) -> VerdictResult:
    case, best = decision.case, best_of(decision.case, real)
    majority = next((c for c in case.candidates if c.is_floor), None)
    others = [c for c in (*real, *([majority] if majority else [])) if c is not best]
    tests = against(case, best, others)
    decision.details = decision.details.updated(tests=tuple(tests.values()))
    if majority is not None and not _is_above(case, tests[majority.name]):
        return not_above_majority(decision, real, majority, len(tests), tests[majority.name])
    tied = [c for c in real if c is best or not differs(case, tests[c.name])]
    tied = _above_majority(case, tied, best, majority)
    choice = _cheapest(case, tied, best)
    rivals = [c for c in tied if c is not choice]
    loss, rival = _possible_loss(case, choice, rivals)
    names = tuple(candidate.name for candidate in tied)
    decision.details = decision.details.updated(best=best.name, tied=names, possible_loss=loss)
    if rival is not None and loss is not None and loss > MOST_LOSS:
        return too_few(decision, choice, rival, loss, len(tests))
    decision.reasons[:0] = _why(case, choice, best, tied, tests)
    alone = len(case.candidates) == 1
    sure = "low" if alone else _confidence(loss, len(choice.scores))
    if alone:
        decision.reasons.append("no other arm was measured, so there is nothing to compare it with")
    return decision.verdict(choice, sure, find_flips(case, choice, tied, decision.limits))


def _cheapest(case: Case, tied: Sequence[Candidate], best: Candidate) -> Candidate:
    """The best of those that cost about as little as the cheapest; the best of all if no cost is known."""
    priced = [(cost, c) for c in tied if (cost := c.total_cost(case.requests)) is not None]
    if not priced:
        return best
    least = min(cost for cost, _ in priced)
    return best_of(case, [c for cost, c in priced if costs_level(least, cost)])


def _is_above(case: Case, comparison: Comparison) -> bool:
    return differs(case, comparison) and comparison.difference > 0


def _above_majority(
    case: Case, tied: Sequence[Candidate], best: Candidate, majority: Candidate | None
) -> list[Candidate]:
    """Those of the tied that are shown to beat the majority class; the best is known to."""
    if majority is None:
        return list(tied)
    tests = against(case, majority, tied)
    return [
        c
        for c in tied
        if c is best or (differs(case, tests[c.name]) and tests[c.name].difference < 0)
    ]


def _possible_loss(
    case: Case, choice: Candidate, rivals: Sequence[Candidate]
) -> tuple[float | None, Candidate | None]:
    """How much better a tied arm may still be, by the upper end of its paired interval."""
    if not rivals:
        return None, None
    bounds = [(max(0.0, pair(case, rival, choice).high), rival) for rival in rivals]
    return max(bounds, key=lambda bound: bound[0])


def _confidence(loss: float | None, n: int) -> str:
    for word, most, items in CONFIDENCE:
        if (loss is None or loss <= most) and n >= items:
            return word
    return "low"


def _why(
    case: Case,
    choice: Candidate,
    best: Candidate,
    tied: Sequence[Candidate],
    tests: dict[str, Comparison],
) -> list[str]:
    reasons = [_headline(case, choice, best, tied)]
    telling = _telling(best, tied, [c for c in case.candidates if c.name in tests])
    even = [c for c in telling if tests[c.name].difference == 0]
    if even:
        reasons.append(
            f"{words.quality(best)} scored the same as {', '.join(c.name for c in even)}"
        )
    for candidate in (c for c in telling if tests[c.name].difference != 0):
        test = tests[candidate.name]
        is_clear = differs(case, test)
        verb = "trails" if test.difference < 0 else "beats" if is_clear else "leads"
        chance = "" if is_clear else ", which may be chance"
        reasons.append(
            f"{words.quality(best)} {verb} {words.quality(candidate)} by {abs(test.difference):.2f} "
            f"({words.p_value(test)}){chance}"
        )
    return reasons


def _telling(
    best: Candidate, tied: Sequence[Candidate], others: Sequence[Candidate]
) -> list[Candidate]:
    """The tied arms, and of each family the one nearest to the best: the rest is in the table."""
    ranked = sorted(others, key=lambda c: -(c.quality.value or 0.0))
    first: dict[str, Candidate] = {}
    for candidate in ranked:
        group = "floor" if candidate.is_floor else family_of(candidate.strategy)
        first.setdefault(group, candidate)
    rivals = [*first.values(), *(c for c in tied if c is not best)]
    return [c for c in ranked if any(c is other for other in rivals)]


def _headline(case: Case, choice: Candidate, best: Candidate, tied: Sequence[Candidate]) -> str:
    cost = words.money(choice.total_cost(case.requests), case.currency)
    period = f"over {case.horizon_days} days at {case.requests_per_day:,} requests a day"
    if len(case.candidates) == 1:
        return f"{words.quality(choice)} is the only arm measured; it costs {cost} {period}"
    if len(tied) == 1:
        return (
            f"{words.quality(choice)} is {_the_best(case, choice)}, and no other arm is statistically "
            f"tied with it; it costs {cost} {period}"
        )
    if choice.total_cost(case.requests) is None:
        return (
            f"{words.quality(choice)} is the best of {len(tied)} tied arms; none has a known cost"
        )
    least = min(
        tied, key=lambda c: _NEVER if (total := c.total_cost(case.requests)) is None else total
    )
    if least is not choice:
        return (
            f"{len(tied)} arms are statistically tied, and {words.quality(choice)} scored highest of those "
            f"that cost about as little as the cheapest: {cost} {period}, against "
            f"{words.money(least.total_cost(case.requests), case.currency)} for {words.quality(least)}"
        )
    others = [c for c in tied if c is not choice]
    rival = best if best is not choice else _cheapest(case, others, others[0])
    return (
        f"{words.quality(choice)} is the cheapest of {len(tied)} arms statistically tied with the best: "
        f"{cost} {period}, against "
        f"{words.money(rival.total_cost(case.requests), case.currency)} for {words.quality(rival)}"
    )


def _the_best(case: Case, choice: Candidate) -> str:
    """``the best``, or of what: an arm that a constraint rules out may score higher."""
    value = choice.quality.value or 0.0
    is_highest = all((c.quality.value or 0.0) <= value for c in case.candidates)
    return "the best" if is_highest else "the best of those that meet every constraint"


def _details(case: Case, limits: WithinLimits) -> VerdictDetails:
    return VerdictDetails(
        alpha=case.alpha,
        confidence_rule=CONFIDENCE_RULE,
        dropped=tuple(DroppedArm(arm=arm, reason=why) for arm, why in limits.dropped.items()),
        cost_rule=f"costs over the horizon within {LEVEL_COST} {case.currency} or "
        f"{LEVEL_SHARE:.0%} of the cheapest count as equal; the higher quality then decides",
        cost_to_own={c.name: to_number(c.total_cost(case.requests)) for c in case.candidates},
    )
