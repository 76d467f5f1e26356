"""Which volume, price or quality would change the choice."""

from __future__ import annotations

from decimal import Decimal

from steelyard.economics import volume_flip
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case, costs_level
from steelyard.verdict.beliefs import Beliefs
from steelyard.verdict.limits import WithinLimits, affordable_volume
from steelyard.verdict.rule import LIKELY_NEAR, BestArm

MOST_TIMES = 100
"""A price that would have to rise by more than so many times is no likely change."""


def find_flips(case: Case, beliefs: Beliefs, choice: BestArm, limits: WithinLimits) -> list[str]:
    """Say with figures what would alter the choice, apart from the price of a wrong answer.

    That has its own figures: `steelyard.verdict.turning`.
    """
    rivals = [arm for arm in _rivals(beliefs, choice) if not _level(case, arm, choice.arm)]
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


def _level(case: Case, one: Candidate, other: Candidate) -> bool:
    """Whether two arms cost about the same, so that money does not decide between them."""
    first, second = one.total_cost(case.requests), other.total_cost(case.requests)
    return first is not None and second is not None and costs_level(first, second, case.currency)


def _money(case: Case, beliefs: Beliefs, arm: Candidate) -> tuple[Decimal | None, Decimal | None]:
    """What an arm costs upfront and per request, the wrong answer included where it has a price."""
    if case.error_cost is None or arm.per_request is None:
        return arm.money
    wrong = 1 - float(beliefs.mean[beliefs.arms.index(arm)])
    return arm.upfront, arm.per_request + case.error_cost * words.to_decimal(wrong)


def _at_any_volume(
    case: Case, arm: Candidate, money: tuple[Decimal | None, Decimal | None]
) -> tuple[Decimal | None, Decimal | None]:
    """The money with what is paid whatever the volume counted upfront."""
    upfront, per_request = money
    if upfront is None or per_request is None or not arm.fixed:
        return money
    return upfront + arm.fixed, per_request - arm.fixed / case.requests


def _volume(case: Case, beliefs: Beliefs, choice: Candidate, rivals: list[Candidate]) -> list[str]:
    """The next volume below and above today's at which a rival becomes cheaper."""
    mine, crossings = _at_any_volume(case, choice, _money(case, beliefs, choice)), []
    for rival in rivals:
        if choice.is_always_on or rival.is_always_on:
            continue  # more volume takes more machines: the map of `Economics` has the steps
        other = _at_any_volume(case, rival, _money(case, beliefs, rival))
        flip = volume_flip(mine, other, case.horizon_days)
        if flip.at is not None and flip.above is not None and flip.at >= 1:
            crossings.append((flip.at, "below" if flip.above == 0 else "above", rival))
    now, in_all = case.requests_per_day, "" if case.error_cost is None else " in all"
    below = [entry for entry in crossings if entry[1] == "below" and entry[0] < now]
    above = [entry for entry in crossings if entry[1] == "above" and entry[0] > now]
    nearest = [max(below, key=lambda e: e[0])] if below else []
    nearest += [min(above, key=lambda e: e[0])] if above else []
    return [
        f"volume: {side} {words.count(at)} requests a day (now {case.requests_per_day:,}), "
        f"{rival.name} costs less{in_all} over {case.horizon_days} days"
        for at, side, rival in nearest
    ]


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
    steps = any(arm.is_always_on for arm in beliefs.arms)  # volume is not followed over these
    free = case.limits.max_monthly_cost is None and not steps
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
