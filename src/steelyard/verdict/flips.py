"""Which volume, price or quality would change the choice."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.cost import price_factor_flip, volume_flip
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case, costs_level
from steelyard.verdict.limits import WithinLimits, affordable_volume
from steelyard.verdict.pairs import items_to_show, pair

_NO_PRICE = "; no change in volume or price would do it"


def find_flips(
    case: Case, choice: Candidate, tied: Sequence[Candidate], limits: WithinLimits
) -> list[str]:
    """Say with figures what would alter the choice; the nearest changes first."""
    rivals = [c for c in tied if c is not choice and not _level(case, c, choice)]
    flips = [*_volume(case, choice, rivals), *_price(case, choice, rivals)]
    flips += _quality(case, choice, tied, limits)
    flips += _limits(case, choice, limits)
    return flips or _challenger(case, choice, tied, limits)


def _level(case: Case, one: Candidate, other: Candidate) -> bool:
    first, second = one.total_cost(case.requests), other.total_cost(case.requests)
    return one is other or (first is not None and second is not None and costs_level(first, second))


def _volume(case: Case, choice: Candidate, rivals: Sequence[Candidate]) -> list[str]:
    """The next volume below and above today's at which a tied arm becomes cheaper."""
    sentences = []
    for rival in rivals:
        flip = volume_flip(choice.money, rival.money, case.horizon_days)
        if flip.at is not None and flip.above is not None:
            sentences.append((flip.at, "below" if flip.above == 0 else "above", rival))
    now = case.requests_per_day
    below = [entry for entry in sentences if entry[1] == "below" and entry[0] < now]
    above = [entry for entry in sentences if entry[1] == "above" and entry[0] > now]
    nearest = [max(below, key=lambda e: e[0])] if below else []
    nearest += [min(above, key=lambda e: e[0])] if above else []
    return [
        f"volume: {side} {words.count(at)} requests a day (now {case.requests_per_day:,}), "
        f"{rival.name} costs less over {case.horizon_days} days"
        for at, side, rival in nearest
    ]


def _price(case: Case, choice: Candidate, rivals: Sequence[Candidate]) -> list[str]:
    """The least rise in the choice's price per request that makes a tied arm cheaper."""
    factors = [
        (price_factor_flip(choice.money, rival.money, case.requests).at, rival) for rival in rivals
    ]
    crossings = [(at, rival) for at, rival in factors if at is not None and at >= 1]
    if not crossings:
        return []
    at, rival = min(crossings, key=lambda entry: entry[0])
    return [
        f"price: {rival.name} becomes cheaper once a request to {choice.name} costs "
        f"{words.factor(at)} times as much as now"
    ]


def _quality(
    case: Case, choice: Candidate, tied: Sequence[Candidate], limits: WithinLimits
) -> list[str]:
    best = max(tied, key=lambda candidate: candidate.quality.value or 0.0)
    lead = (best.quality.value or 0.0) - (choice.quality.value or 0.0)
    if best is not choice and lead > 0:
        items = items_to_show(case, best, choice, len(case.candidates) - 1).items
        how = words.more_items(items, len(choice.scores), "confirm a difference of that size")
        so = ", and it would then win" if how.startswith("about") else ""
        return [f"quality: {best.name} scored {lead:.2f} higher than {choice.name} here; {how}{so}"]
    if any(not _level(case, c, choice) for c in tied):
        return []
    return _runner_up(case, choice, tied, limits)


def _runner_up(
    case: Case, choice: Candidate, tied: Sequence[Candidate], limits: WithinLimits
) -> list[str]:
    """How far the next arm below those tied is from being tied with the choice."""
    below = [c for c in limits.within if not c.is_floor and all(c is not t for t in tied)]
    if not below:
        return []
    nearest = max(below, key=lambda candidate: candidate.quality.value or 0.0)
    low = pair(case, choice, nearest).low
    if low <= 0 or not _is_cheaper(case, nearest, choice) or _level(case, nearest, choice):
        return []
    return [
        f"quality: {nearest.name} costs less; about {max(low, 0.01):.2f} more quality would tie it with "
        f"{choice.name}, and it would then win"
    ]


def _challenger(
    case: Case, choice: Candidate, tied: Sequence[Candidate], limits: WithinLimits
) -> list[str]:
    """Where neither volume nor price decides: what the best arm below would have to gain."""
    below = [c for c in limits.within if not c.is_floor and all(c is not t for t in tied)]
    if not below:
        return []
    nearest = max(below, key=lambda candidate: candidate.quality.value or 0.0)
    gap = (choice.quality.value or 0.0) - (nearest.quality.value or 0.0)
    change = f"quality: {nearest.name} would need +{gap:.2f} to tie with {choice.name}"
    # at another volume or price the choice itself may break a limit on money
    never = "" if case.limits.max_monthly_cost is not None else _NO_PRICE
    if _is_cheaper(case, choice, nearest):
        return [f"{change}, and more to win, because it costs more{never}"]
    return [f"{change}{never}"]


def _is_cheaper(case: Case, one: Candidate, other: Candidate) -> bool:
    first, second = one.total_cost(case.requests), other.total_cost(case.requests)
    return first is not None and second is not None and first < second


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
