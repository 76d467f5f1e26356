"""Why an arm is the choice, in a sentence or two; the figures of all arms are in the report's table."""

from __future__ import annotations

from math import isfinite

from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs
from steelyard.verdict.pairs import against, differs
from steelyard.verdict.rule import LIKELY_NEAR, SURE, BestArm, totals_by_name
from steelyard.words import chance as chance_in_words
from steelyard.words import counted, percent


def why(case: Case, beliefs: Beliefs, choice: BestArm) -> list[str]:
    """The choice and what it costs; then how it compares with its nearest rival."""
    rival = _rival(beliefs, choice)
    head = _by_price(case, beliefs, choice) if choice.totals is not None else None
    reasons = [head or _by_margin(case, beliefs, choice)]
    if rival is not None:
        reasons.append(_compared(case, choice.arm, rival))
    if choice.unpriced:
        reasons.append(_unpriced(choice))
    if choice.kept < SURE:
        least = f"min_quality {case.limits.min_quality:g}"
        chance = chance_in_words(choice.kept)
        reasons.append(f"the chance that {choice.arm.name} reaches {least} is {chance}")
    return reasons


def _unpriced(choice: BestArm) -> str:
    best, *others = choice.unpriced
    also = f" and {counted(len(others), 'other arm')}" if others else ""
    whose = "whose costs are" if others else "whose cost is"
    return f"{words.quality(best)}{also}, {whose} not known, may cost less in all: add prices to task.yaml"


def why_none_pays(case: Case, beliefs: Beliefs, choice: BestArm) -> list[str]:
    """Always giving the most common answer costs least in all."""
    totals = totals_by_name(case, beliefs, choice)
    mine = totals.pop(choice.arm.name)
    name, total = min(totals.items(), key=lambda entry: entry[1])
    return [
        f"no arm pays: always giving the most common answer ({words.quality(choice.arm)}) costs "
        f"{words.money(mine, case.currency)} in all {_period(case)}, with wrong answers at "
        f"{words.error_price(case.error_cost, case.currency)} each, and the best arm, {name}, "
        f"{words.money(total, case.currency)}"
    ]


def _rival(beliefs: Beliefs, choice: BestArm) -> Candidate | None:
    """The best of the other arms."""
    places = sorted(range(len(beliefs.arms)), key=lambda place: -beliefs.mean[place])
    return next((beliefs.arms[p] for p in places if beliefs.arms[p] is not choice.arm), None)


def _by_price(case: Case, beliefs: Beliefs, choice: BestArm) -> str:
    totals = totals_by_name(case, beliefs, choice)
    price = words.error_price(case.error_cost, case.currency)
    mine = words.money(totals[choice.arm.name], case.currency)
    unknown = "" if all(map(isfinite, totals.values())) else ", of the arms whose cost is known"
    text = (
        f"{words.quality(choice.arm)} costs least in all{unknown}: {mine} {_period(case)}, with wrong "
        f"answers at {price} each"
    )
    others = sorted(
        (total, name)
        for name, total in totals.items()
        if name != choice.arm.name and isfinite(total)
    )
    if not others:
        return text
    total, name = others[0]
    return f"{text}; next is {name} at {words.money(total, case.currency)}"


def _by_margin(case: Case, beliefs: Beliefs, choice: BestArm) -> str:
    arm, best = choice.arm, _best(beliefs)
    cost = f"{words.money(arm.total_cost(case.requests), case.currency)} {_period(case)}"
    if len(case.candidates) == 1:
        return f"{words.quality(arm)} is the only arm measured; it costs {cost}"
    if arm is best:
        why = _no_cheaper(case, beliefs, choice)
        return f"{words.quality(arm)} is {_the_best(case, arm)}, and {why}; it costs {cost}"
    margin, chance = f"{case.limits.margin:g}", f"(chance {chance_in_words(choice.chance)})"
    which = f"{words.quality(arm)} is the cheapest arm that is likely within {margin} of the best"
    if choice.chance < LIKELY_NEAR:
        which = f"no arm is likely within {margin} of the best; {words.quality(arm)} comes nearest"
    other = words.money(best.total_cost(case.requests), case.currency)
    return f"{which} {chance}: {cost}, against {other} for {words.quality(best)}"


def _no_cheaper(case: Case, beliefs: Beliefs, choice: BestArm) -> str:
    """Why the best arm is the choice: none other is near it, or none that is near costs clearly less."""
    near = [
        arm
        for arm, chance in zip(beliefs.arms, choice.chances, strict=True)
        if chance >= LIKELY_NEAR and arm is not choice.arm
    ]
    if not near:
        return f"no other is likely within {case.limits.margin:g} of the best"
    if choice.arm.total_cost(case.requests) is None:
        return "no cost is known"
    return f"none of those likely within {case.limits.margin:g} of it costs clearly less"


def _best(beliefs: Beliefs) -> Candidate:
    return beliefs.arms[int(beliefs.mean.argmax())]


def _compared(case: Case, arm: Candidate, rival: Candidate) -> str:
    test = against(case, arm, [rival])[rival.name]
    if test.difference == 0:
        return f"{arm.name} and {rival.name} scored the same {_interval(test.low, test.high)}"
    is_clear = differs(case, test)
    ahead, behind = (arm, rival) if test.difference > 0 else (rival, arm)
    if test.difference < 0:
        test = test.turned()
    verb = "beats" if is_clear else "leads"
    chance = "" if is_clear else ", which may be chance"
    return (
        f"{ahead.name} {verb} {behind.name} by {test.difference:.2f} {_interval(test.low, test.high)} "
        f"({words.p_value(test)}){chance}"
    )


def _interval(low: float, high: float) -> str:
    return f"[{low:.2f}, {high:.2f}]"


def _the_best(case: Case, choice: Candidate) -> str:
    """``the best``, or of what: an arm that a constraint rules out may score higher."""
    value = choice.quality.value or 0.0
    others = [c.quality.value or 0.0 for c in case.candidates if c is not choice]
    if max(others, default=0.0) > value:
        return "the best of those in the choice"
    return "the best" if value > max(others, default=0.0) else "as good as any"


def _period(case: Case) -> str:
    growth = case.growth_per_month
    word = "growing" if growth > 0 else "shrinking"
    more = f", {word} by {percent(abs(float(growth)))} a month" if growth else ""
    days = counted(case.horizon_days, "day")
    return f"over {days} at {counted(case.requests_per_day, 'request')} a day{more}"
