"""Which arm to use, why, how sure, and what would change it.

Arms that break a constraint are ruled out, then those that are not likely to reach ``min_quality``, then
those not shown to be above always giving the most common answer. Of the rest the best in expectation is
the choice (`steelyard.verdict.rule`). The verdict is ``undecided`` only where none is left; whether more
labels are worth buying is said apart (`steelyard.verdict.more_labels`).
"""

from __future__ import annotations

from math import isfinite

from steelyard.economics import to_number
from steelyard.result.verdict import DroppedArm, MoreLabels, VerdictDetails, VerdictResult
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs, above_floor, beliefs_of, chance_of_minimum
from steelyard.verdict.decision import Decision
from steelyard.verdict.flips import challenger, find_flips, level_rivals
from steelyard.verdict.limits import WithinLimits, apply_limits
from steelyard.verdict.more_labels import labels_for_choice
from steelyard.verdict.pairs import against
from steelyard.verdict.reasons import why, why_none_pays
from steelyard.verdict.rule import (
    FAIRLY_SURE,
    LEVEL_LOSS,
    LIKELY_KEPT,
    SURE,
    BestArm,
    choose,
    none_pays,
    totals_by_name,
)
from steelyard.verdict.turning import turning_prices
from steelyard.verdict.undecided import none_left, not_above_majority, unsure_of_minimum
from steelyard.words import chance as chance_in_words


def decide(case: Case) -> VerdictResult:
    """Weigh the candidates of a case."""
    limits = apply_limits(case)
    details = _details(case, limits)
    decision = Decision(case, limits, details, [arm.sentence for arm in details.dropped])
    real = [candidate for candidate in limits.within if not candidate.is_floor]
    if not real:
        return none_left(decision)
    likely = [arm for arm in real if chance_of_minimum(case, arm) >= LIKELY_KEPT]
    if not likely:
        return unsure_of_minimum(decision, real)
    floor = next((c for c in case.candidates if c.is_floor), None)
    beliefs = beliefs_of(case, likely)
    cheaper = None if floor is None else none_pays(case, beliefs, floor)
    if cheaper is not None:
        return _none_pays(decision, beliefs, cheaper)
    is_above = above_floor(case, likely, floor)
    useful = [arm for arm in likely if is_above[arm.name]]
    if floor is not None and not useful:
        return not_above_majority(decision, likely, floor)
    _tell_left_out(decision, real, useful, likely)
    # with a price of errors the expected cost decides, of all that keep the constraints
    weighed = beliefs if case.error_cost is not None else beliefs_of(case, useful)
    return _weigh(decision, beliefs, weighed, floor)


def _none_pays(decision: Decision, beliefs: Beliefs, floor: BestArm) -> VerdictResult:
    """Always giving the most common answer is the choice: it costs least in all."""
    case = decision.case
    _describe(decision, beliefs, beliefs, floor)
    decision.reasons[:0] = why_none_pays(case, beliefs, floor)
    return decision.verdict(
        floor.arm,
        floor.confidence,
        (),
        turning_prices=turning_prices(case, beliefs, floor.arm),
        more_labels=MoreLabels(reason="not weighed where no arm pays"),
    )


def _weigh(
    decision: Decision, everyone: Beliefs, beliefs: Beliefs, floor: Candidate | None
) -> VerdictResult:
    """Choose among the arms of ``beliefs``; at some price of an error any of ``everyone`` is the choice."""
    case, choice = decision.case, choose(decision.case, beliefs, floor)
    _describe(decision, everyone, beliefs, choice)
    decision.reasons[:0] = why(case, beliefs, choice)
    alone = len(case.candidates) == 1
    if alone:
        decision.reasons.append("no other arm was measured, so there is nothing to compare it with")
    steps = turning_prices(case, everyone, floor)
    flips = find_flips(case, beliefs, choice, decision.limits)
    level = level_rivals(case, beliefs, choice)
    between_arms = [step for step in steps if floor is None or step.cheaper != floor.name]
    return decision.verdict(
        choice.arm,
        "low" if alone else choice.confidence,
        (flips or ([] if between_arms else challenger(case, beliefs, choice))) + level,
        turning_prices=steps,
        more_labels=labels_for_choice(case, beliefs, choice, floor),
    )


def _tell_left_out(
    decision: Decision,
    real: list[Candidate],
    useful: list[Candidate],
    likely: list[Candidate],
) -> None:
    """Name the arms that keep every constraint and are still out of the choice."""
    least = decision.case.limits.min_quality
    for arm in real:
        if arm not in likely:
            decision.reasons.append(
                f"{words.quality(arm)} may be below min_quality {least:g}: the chance that it reaches it is "
                f"{chance_in_words(chance_of_minimum(decision.case, arm))}"
            )
    weak = [arm.name for arm in likely if arm not in useful]
    if weak:
        decision.reasons.append(
            "not shown to be above always giving the most common answer (one-sided tests against it, "
            f"corrected over the arms): {', '.join(weak)}"
        )


def _describe(decision: Decision, everyone: Beliefs, beliefs: Beliefs, choice: BestArm) -> None:
    """Keep what the choice was made from."""
    case, best = decision.case, beliefs.arms[int(beliefs.mean.argmax())]
    tests = against(case, best, [arm for arm in case.candidates if arm is not best])
    decision.details = decision.details.updated(
        **_rules(case, by_price=choice.totals is not None),
        tests=tuple(tests.values()),
        best=best.name,
        chance=round(choice.chance, 4),
        chances=beliefs.by_name(choice.chances),
        expected_quality=everyone.by_name(everyone.mean),
        expected_cost={
            name: to_number(amount) if isfinite(amount) else None
            for name, amount in totals_by_name(case, beliefs, choice).items()
        },
    )


def _minimum(case: Case) -> dict[str, float]:
    """The chance of each arm to reach ``min_quality``."""
    if case.limits.min_quality is None:
        return {}
    real = [arm for arm in case.candidates if not arm.is_floor]
    return {arm.name: round(chance_of_minimum(case, arm), 4) for arm in real}


def _details(case: Case, limits: WithinLimits) -> VerdictDetails:
    details = VerdictDetails(
        alpha=case.alpha,
        floor=next((arm.name for arm in case.candidates if arm.is_floor), None),
        minimum=_minimum(case),
        dropped=tuple(DroppedArm(arm=arm, reason=why) for arm, why in limits.dropped.items()),
        cost_to_own={c.name: to_number(c.total_cost(case.requests)) for c in case.candidates},
    )
    return details.updated(**_rules(case, by_price=case.error_cost is not None))


def _rules(case: Case, *, by_price: bool) -> dict[str, str]:
    """What the choice is made by, what its confidence means, and which costs count as equal."""
    if by_price:
        price = words.error_price(case.error_cost, case.currency)
        rule = f"the least cost over the horizon, wrong answers included at {price} each"
        right = f"costs at most {LEVEL_LOSS:.0%} more in all than any other"
        cost_rule = ""
    else:
        margin, level = f"{case.limits.margin:g}", words.level(case.currency)
        rule = (
            f"the cheapest arm that is more likely than not within {margin} of the best, by the posterior "
            "of all arms' qualities"
        )
        right = f"lies within {margin} of the best"
        cost_rule = (
            f"costs over the horizon within {level} of the cheapest count as equal; the "
            "higher quality then decides"
        )
    kept = "" if case.limits.min_quality is None else " or, if that is less, reaches min_quality"
    confidence = (
        f"the chance that the choice {right}{kept}: high from {SURE:g}, moderate from {FAIRLY_SURE:g}, "
        "low below"
    )
    return {"rule": rule, "confidence_rule": confidence, "cost_rule": cost_rule}
