"""Which volume, price or quality would change the choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from steelyard.economics import CostSheet, Money, Traffic, volume_turns
from steelyard.economics.money import MOST_IN_PRACTICE
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case, costs_level
from steelyard.verdict.beliefs import Beliefs
from steelyard.verdict.limits import WithinLimits, affordable_volume
from steelyard.verdict.rule import LIKELY_NEAR, BestArm
from steelyard.words import listed

MOST_TIMES = 100
"""A price that would have to rise by more than so many times is no likely change."""


def find_flips(case: Case, beliefs: Beliefs, choice: BestArm, limits: WithinLimits) -> list[str]:
    """Say with figures what would alter the choice, apart from the price of a wrong answer.

    That has its own figures: `steelyard.verdict.turning`.
    """
    level = _level_rivals(case, beliefs, choice)
    rivals = [arm for arm in _rivals(beliefs, choice) if arm not in level]
    return [
        *_volume(case, beliefs, choice.arm, rivals),
        *_price(case, beliefs, choice.arm, rivals),
        *_limits(case, choice.arm, limits),
    ]


def _rivals(beliefs: Beliefs, choice: BestArm) -> list[Candidate]:
    """The arms that money alone would put in the choice's place: with a price of errors, all others."""
    return [
        arm
        for arm, chance in zip(beliefs.arms, choice.chances, strict=True)
        if arm is not choice.arm and (choice.totals is not None or chance >= LIKELY_NEAR)
    ]


def level_rivals(case: Case, beliefs: Beliefs, choice: BestArm) -> list[str]:
    """That no volume and no price is named for rivals whose cost differs too little to decide."""
    level = _level_rivals(case, beliefs, choice)
    if not level:
        return []
    names = listed([arm.name for arm in level])
    cost = "costs" if len(level) == 1 else "cost"
    in_all = "" if case.error_cost is None else " in all"
    return [
        f"volume and price: none is named against {names}, which {cost} about the same as "
        f"{choice.arm.name}{in_all} over {case.horizon_days} days (within {words.level(case.currency)})"
    ]


def _level_rivals(case: Case, beliefs: Beliefs, choice: BestArm) -> list[Candidate]:
    return [arm for arm in _rivals(beliefs, choice) if _level(case, beliefs, arm, choice.arm)]


def _level(case: Case, beliefs: Beliefs, one: Candidate, other: Candidate) -> bool:
    """Whether two arms cost about the same, so that money does not decide between them."""
    first, second = _total(case, beliefs, one), _total(case, beliefs, other)
    return first is not None and second is not None and costs_level(first, second, case.currency)


def _money(case: Case, beliefs: Beliefs, arm: Candidate) -> tuple[Decimal | None, Decimal | None]:
    """What an arm costs upfront and per request, the wrong answer included where it has a price."""
    if case.error_cost is None or arm.per_request is None:
        return arm.money
    wrong = 1 - float(beliefs.mean[beliefs.arms.index(arm)])
    return arm.upfront, arm.per_request + case.error_cost * words.to_decimal(wrong)


class _Stretch(NamedTuple):
    """Requests a day between which a rival costs less than the choice; ``None``: without end."""

    low: float | None
    high: float | None
    rival: str

    @property
    def words(self) -> str:
        low, high = (None if at is None else words.count(round(at)) for at in (self.low, self.high))
        if low is None:
            return f"below {high}"
        return f"above {low}" if high is None else f"between {low} and {high}"


def _volume(case: Case, beliefs: Beliefs, choice: Candidate, rivals: list[Candidate]) -> list[str]:
    """The next volumes below and above today's at which a rival costs less, steps of machines followed."""
    mine, now = _sheet(case, beliefs, choice), case.requests_per_day
    stretches = [
        stretch
        for rival in rivals
        for stretch in _stretches(mine, _sheet(case, beliefs, rival), case.traffic)
    ]
    below = [one for one in stretches if one.high is not None and 1 <= one.high < now]
    most = max(MOST_IN_PRACTICE, MOST_TIMES * now)
    above = [one for one in stretches if one.low is not None and now < one.low <= most]
    nearest = [max(below, key=lambda one: one.high or 0.0)] if below else []
    nearest += [min(above, key=lambda one: one.low or 0.0)] if above else []
    in_all = "" if case.error_cost is None else " in all"
    return [
        f"volume: {one.words} requests a day (now {now:,}), {one.rival} costs less{in_all} over "
        f"{case.horizon_days} days"
        for one in nearest
    ]


def _stretches(
    mine: CostSheet | None, other: CostSheet | None, traffic: Traffic
) -> Iterator[_Stretch]:
    if mine is None or other is None:
        return
    low, turns = None, volume_turns(mine, other, traffic)
    is_cheaper = turns.below == other.name
    for turn in turns.turns:
        if is_cheaper:
            yield _Stretch(low, turn.requests_per_day, other.name)
        low, is_cheaper = turn.requests_per_day, turn.cheaper == other.name
    if is_cheaper:
        yield _Stretch(low, None, other.name)


def _sheet(case: Case, beliefs: Beliefs, arm: Candidate) -> CostSheet | None:
    """What an arm costs as data, the wrong answers included where they have a price."""
    if case.error_cost is None or arm.costs is None:
        return arm.costs
    quality = words.to_decimal(float(beliefs.mean[beliefs.arms.index(arm)]))
    price = Money(case.error_cost, arm.costs.currency)
    return replace(arm.costs, error_cost=price, quality=quality)


def _price(case: Case, beliefs: Beliefs, choice: Candidate, rivals: list[Candidate]) -> list[str]:
    """The least rise in the choice's price per request that makes a rival cheaper."""
    mine = _total(case, beliefs, choice)
    if mine is None or not choice.per_request:
        return []
    running = choice.per_request * case.requests
    crossings = [
        (1 + (total - mine) / running, rival)
        for rival in rivals
        if (total := _total(case, beliefs, rival)) is not None
        and total > mine
        and total - mine <= running * MOST_TIMES
    ]
    if not crossings:
        return []
    at, rival = min(crossings, key=lambda entry: entry[0])
    return [
        f"price: {rival.name} becomes cheaper once a request to {choice.name} costs "
        f"{words.factor(at)} times as much as now"
    ]


def _total(case: Case, beliefs: Beliefs, arm: Candidate) -> Decimal | None:
    upfront, per_request = _money(case, beliefs, arm)
    if upfront is None or per_request is None:
        return None
    return upfront + per_request * case.requests


def challenger(case: Case, beliefs: Beliefs, choice: BestArm) -> list[str]:
    """Where neither volume nor price decides: what the best of the others would have to gain."""
    others = [arm for arm in beliefs.arms if arm is not choice.arm]
    if not others:
        return []
    nearest = max(others, key=lambda arm: arm.quality.value or 0.0)
    gap = (choice.arm.quality.value or 0.0) - (nearest.quality.value or 0.0)
    if gap < 0.005:  # it would be told as +0.00
        return []
    # at another volume or price the choice itself may break a limit on money
    free = case.limits.max_monthly_cost is None
    never = "; no change in volume or price would do it" if free else ""
    return [f"quality: {nearest.name} would need +{gap:.2f} to match {choice.arm.name}{never}"]


def _limits(case: Case, choice: Candidate, limits: WithinLimits) -> list[str]:
    """Arms of higher quality that a constraint keeps out."""
    sentences = []
    for candidate in case.candidates:
        why = limits.dropped.get(candidate.name)
        if why is None or (candidate.quality.value or 0.0) <= (choice.quality.value or 0.0):
            continue
        volume = affordable_volume(case, candidate)
        fits = (
            f" (it would fit the budget below {words.count(volume)} requests a day)"
            if volume is not None and volume < case.requests_per_day
            else ""
        )
        sentences.append(f"constraint: {words.quality(candidate)} is ruled out because {why}{fits}")
    return sentences
