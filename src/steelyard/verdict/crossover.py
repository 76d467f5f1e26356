"""From what volume an arm that costs something upfront pays for itself."""

from __future__ import annotations

from itertools import combinations

from steelyard.economics import SAME_COST, BreakEvens, break_even, break_evens, to_number
from steelyard.result.figures import LabelsNeeded
from steelyard.result.verdict import (
    BreakEvenWith,
    CostCrossing,
    Crossover,
    CrossoverArm,
    PairBreakEven,
)
from steelyard.strategy import traits_of
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.pairs import against, differs


def crossover(case: Case, train_examples: int, arm: str | None = None) -> Crossover:
    """When each arm breaks even with a prompt-only arm: the cheapest to own that is not shown to be worse.

    The block's own fields repeat the entry of ``arm``, or else of the best fitted arm.
    ``train_examples`` are what the arms were fitted on.
    """
    labels = LabelsNeeded.fitted_on(train_examples)
    none = LabelsNeeded(reason="nothing is fitted on train")
    entries = {
        c.name: _entry(case, c).updated(labels=labels if traits_of(c.strategy).learns else none)
        for c in case.candidates
        if not c.is_floor
    }
    fitted = [c for c in case.candidates if c.name in entries and not c.prompt_only]
    best = max(fitted, key=lambda candidate: candidate.quality.value or 0.0, default=None)
    head = entries.get(arm or "") or (
        entries[best.name]
        if best
        else CrossoverArm(labels=labels, reason="no fitted arm was measured")
    )
    pairs = (_pair(case, *two) for two in combinations(case.candidates, 2))
    return Crossover(**dict(head), arms=tuple(entries.values()), pairs=tuple(pairs))


def _pair(case: Case, one: Candidate, other: Candidate) -> PairBreakEven:
    """Of the one that pays for itself, if one does, within the horizon or later."""
    even = _even(case, one, other)
    if even.requests is None:
        turned = _even(case, other, one)
        if turned.requests is not None:
            return PairBreakEven(arm=other.name, **dict(turned))
    return PairBreakEven(arm=one.name, **dict(even))


def _entry(case: Case, candidate: Candidate) -> CrossoverArm:
    name = candidate.name
    rivals = [
        c
        for c in case.candidates
        if c.prompt_only and c is not candidate and c.quality.value is not None
    ]
    if candidate.quality.value is None:
        return CrossoverArm(arm=name, reason="its quality is unknown")
    if not rivals:
        return CrossoverArm(arm=name, reason="there is no other prompt-only arm to break even with")
    tests = against(case, candidate, rivals)
    level = [
        c for c in rivals if not (tests[c.name].difference > 0 and differs(case, tests[c.name]))
    ]
    if not level:
        nearest = max(rivals, key=lambda c: c.quality.value or 0.0)
        why = f"no prompt-only arm matches its quality; the closest is {words.quality(nearest)}"
        return CrossoverArm(arm=name, reason=why, nearest=_even(case, candidate, nearest))
    costs = ((c.total_cost(case.requests), c.name, c) for c in level)
    priced = [(cost, arm, c) for cost, arm, c in costs if cost is not None]
    if not priced:
        return CrossoverArm(arm=name, reason="no prompt-only arm of its quality has a known cost")
    cheapest = min(priced, key=lambda entry: entry[:2])[2]
    return CrossoverArm(arm=name, **dict(_even(case, candidate, cheapest)))


def _even(case: Case, candidate: Candidate, rival: Candidate) -> BreakEvenWith:
    one, other = candidate.costs, rival.costs
    if one is None or other is None:
        return BreakEvenWith(against=rival.name, reason="a cost is unknown")
    evens = break_evens(one, other, case.traffic)
    all_of_it = BreakEvenWith(
        against=rival.name,
        first=evens.start,
        crossings=tuple(
            CostCrossing(
                day=to_number(turn.day) or 0.0, requests=turn.requests, cheaper=turn.cheaper
            )
            for turn in evens.crossings
        ),
    )
    if one.is_line and other.is_line and not case.growth_per_month:
        even = break_even(*candidate.money, *rival.money, case.requests_per_day)
        days = to_number(even.days)
        return all_of_it.updated(requests=even.requests, days=days, reason=even.reason)
    return _over_time(all_of_it, evens, candidate.name, case.horizon_days)


def _over_time(against: BreakEvenWith, evens: BreakEvens, name: str, days: int) -> BreakEvenWith:
    """Since when an arm has cost less for good in the horizon, with what comes by the hour or the day."""
    if evens.reason is not None:
        return against.updated(reason=evens.reason)
    if not evens.crossings:
        if evens.start == against.against:
            return against.updated(reason=f"never within {days} days")
        at_once = "at once: it costs no more on any day of the horizon"
        return against.updated(
            requests=0, days=0.0, reason=SAME_COST if evens.start is None else at_once
        )
    last = evens.crossings[-1]
    if last.cheaper != name:
        until = f"cheaper only until day {round(last.day):,} of {days:,}"
        return against.updated(reason=until)
    turns = len(evens.crossings)
    again = (
        None if turns == 1 else f"from then on: the cheaper of the two changes {turns} times in all"
    )
    return against.updated(requests=last.requests, days=to_number(last.day), reason=again)
