"""Whether more labels for the test are worth buying: how many, with what chance, at what value.

The posterior says what more items may show (`steelyard.stats.posterior.MeanOutlook`), and the rule says what
would then be chosen. The expected value of sample information is the gain of that over today's choice;
Sadatsafavi, Vickers, Lee, Gustafson and Wynants (2024), arXiv 2401.01849.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.economics import to_number
from steelyard.result.verdict import MoreLabels
from steelyard.seeds import generator
from steelyard.stats.posterior import (
    MeanOutlook,
    ShareOutlook,
    chance_at_least,
    mirrored,
    similarity,
)
from steelyard.stats.resample import Floats, Indices
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs, beliefs_of, weight_of
from steelyard.verdict.rule import (
    FEWEST_ITEMS,
    LEVEL_LOSS,
    SURE,
    BestArm,
    error_worth,
    floor_in_choice,
    owning_costs,
    pick_near,
)
from steelyard.words import counted, likely

SIZES = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
TOLD = 0.8
"""The chance that a number of labels must have of telling, where they have no price."""
OUTCOMES = 16_000
"""Simulated ways in which more labels may turn out; their expected gain is the mean over these."""
MINIMUM_OUTCOMES = 4000
SURE_OUTCOMES, NOISE = 600, 200
"""… and of these, in how many it is asked how sure the choice would be, each with so many draws."""


class LabelsLook(NamedTuple):
    """What ``n`` more labels bring: the chance that they tell, and the expected gain where it has a price."""

    n: int
    chance: float
    gain: float | None = None


def labels_for_choice(
    case: Case, beliefs: Beliefs, choice: BestArm, floor: Candidate | None = None
) -> MoreLabels:
    """Whether labels would improve on a choice; ``floor`` is what it is to beat where errors have a price."""
    if choice.unpriced:
        return MoreLabels(reason=_unpriced(choice))
    if choice.kept < SURE and choice.kept <= choice.chance:
        return labels_for_minimum(case, [choice.arm], is_choice=True)
    if choice.totals is not None and (rival := floor_in_choice(case, floor)) is not None:
        beliefs = beliefs_of(case, (*beliefs.arms, rival))
    if len(beliefs.arms) == 1:
        return MoreLabels(reason="no other arm is in the choice")
    if beliefs.items < FEWEST_ITEMS:
        return MoreLabels(reason=_too_few(beliefs.items))
    is_weighed = choice.totals is not None and case.label_cost is not None
    if choice.chance >= SURE and not is_weighed:
        chance = likely(min(choice.chance, choice.kept))
        return MoreLabels(reason=f"none needed: the choice is {chance} likely to be right")
    outlook = Prospect(case, beliefs, choice)
    return (
        _best_buy(case, outlook)
        if is_weighed
        else _first_that_tells(case, beliefs.items, outlook.look)
    )


def labels_for_minimum(
    case: Case, arms: Sequence[Candidate], *, is_choice: bool = False
) -> MoreLabels:
    """How many labels would show that one of ``arms`` reaches ``min_quality``, or that none does.

    Shown is what the chance of it is at least `SURE` for, as after a run: by the same posterior.
    """
    least, arms = case.limits.min_quality or 0.0, sorted(arms, key=lambda arm: arm.name)
    means = np.array([arm.quality.value or 0.0 for arm in arms])
    weights = np.array([weight_of(case, arm) for arm in arms])
    alike, items = similarity(beliefs_of(case, arms, apart=True).covariance), len(arms[0].scores)
    outlook = ShareOutlook(means, weights, alike, 0, MINIMUM_OUTCOMES)

    def look(n: int) -> LabelsLook:
        more = max(1, round(n * float(weights.mean()) / items))
        after = [
            chance_at_least(share, weight + more, least)
            for share, weight in zip(outlook.after(more).T, weights, strict=True)
        ]
        best = np.max(after, axis=0)
        return LabelsLook(n, float(((best >= SURE) | (best <= 1 - SURE)).mean()))

    return _first_that_tells(case, items, look, is_choice=is_choice)


def labels_for_floor(case: Case, arms: Sequence[Candidate], floor: Candidate) -> MoreLabels:
    """How many labels would tell whether any of ``arms`` is above the commonest answer, or none is."""
    beliefs = beliefs_of(case, (*arms, floor), apart=True)
    place, k, outlook = beliefs.arms.index(floor), len(arms), _outlook(beliefs)

    def look(n: int) -> LabelsLook:
        from scipy.special import ndtr

        outcome = outlook.after(n)
        variances = np.diag(outcome.covariance)
        apart = variances + variances[place] - 2 * outcome.covariance[place]
        gains = np.delete(outcome.means - outcome.means[:, [place]], place, axis=1)
        best = ndtr(gains / np.sqrt(np.delete(apart, place))).max(axis=1)
        return LabelsLook(n, float(((best >= 1 - case.alpha / k) | (best <= case.alpha)).mean()))

    return _first_that_tells(case, beliefs.items, look)


def _outlook(beliefs: Beliefs) -> MeanOutlook:
    rng = generator(beliefs.seed, "more labels")
    means, covariance = beliefs.measured, beliefs.covariance
    return MeanOutlook(beliefs.posterior, means, covariance, beliefs.items, rng, OUTCOMES)


class Prospect:
    """What the rule would choose after more labels, how sure, and what that gains."""

    def __init__(self, case: Case, beliefs: Beliefs, choice: BestArm) -> None:
        self._case, self._arms = case, beliefs.arms
        self._place = beliefs.arms.index(choice.arm)
        self._is_priced = choice.totals is not None
        self._owned, self._worth = owning_costs(case, beliefs.arms), error_worth(case)
        self._outlook = _outlook(beliefs)
        rng = generator(beliefs.seed, "surely")
        self._noise = mirrored(rng, NOISE, len(beliefs.arms))

    def look(self, n: int) -> LabelsLook:
        return LabelsLook(n, self.chance(n), self.gain(n) if self._is_priced else None)

    def gain(self, n: int) -> float:
        """What the choice after ``n`` more labels saves on today's, on average."""
        outcome = self._outlook.after(n)
        picks = self._least(outcome.means)
        costs = self._owned + self._worth * (1 - outcome.expected)
        return max(0.0, float((costs[:, self._place] - costs[np.arange(len(picks)), picks]).mean()))

    def chance(self, n: int) -> float:
        """How likely the choice after ``n`` more labels is `SURE` to be right."""
        outcome = self._outlook.after(n, SURE_OUTCOMES)
        k = len(self._arms)
        root = np.linalg.cholesky(outcome.covariance + 1e-12 * np.eye(k))
        drawn = np.clip(outcome.means[:, None, :] + self._noise @ root.T, 0.0, 1.0)
        rows = np.arange(len(drawn))
        if not self._is_priced:
            best = drawn.max(axis=2, keepdims=True)
            near = (drawn >= best - self._case.limits.margin).mean(axis=1)
            picks = pick_near(self._case, self._arms, near, outcome.means)
            return float((near[rows, picks] >= SURE).mean())
        totals = self._owned + self._worth * (1 - drawn)
        picks = self._least(outcome.means)
        level = totals[rows, :, picks] <= totals.min(axis=2) * (1 + LEVEL_LOSS)
        return float((level.mean(axis=1) >= SURE).mean())

    def _least(self, means: Floats) -> Indices:
        return np.asarray(np.argmin(self._owned + self._worth * (1 - means), axis=1))


def _first_that_tells(
    case: Case, items: int, look: Callable[[int], LabelsLook], *, is_choice: bool = False
) -> MoreLabels:
    """The least number of labels that has a good chance of telling; more of them tell no less."""
    if items < FEWEST_ITEMS:
        return MoreLabels(reason=_too_few(items))
    place = bisect_left(SIZES, TOLD, key=lambda n: look(n).chance)
    if place == len(SIZES):
        return MoreLabels(reason=f"no number up to {SIZES[-1]:,} would tell")
    best, price = look(SIZES[place]), case.label_cost
    cost = None if price is None else to_number(price * best.n)
    reason = _unweighed(case, best, is_choice=is_choice)
    return MoreLabels(n=best.n, chance=round(best.chance, 2), cost=cost, reason=reason)


def _too_few(items: int) -> str:
    return f"{words.test_items(items)} too few to say how many would tell"


def _unpriced(choice: BestArm) -> str:
    best, *others = choice.unpriced
    whose = f"the cost of {best.name}" + (
        f" and {counted(len(others), 'other arm')}" if others else ""
    )
    return (
        f"not weighed: {whose} is not known, and it may be the best; a price tells more than labels"
    )


def _unweighed(case: Case, look: LabelsLook, *, is_choice: bool) -> str | None:
    if look.gain is not None:
        most = words.money(look.gain / look.n, case.currency)
        return f"worth buying at up to {most} each; prices.label is not given"
    if is_choice and case.error_cost is not None:
        least = f"{case.limits.min_quality:g}"
        return f"their value is not known: what it costs to miss min_quality {least} has no price"
    if case.error_cost is not None:
        return "their value is not weighed where no arm is shown to be of use"
    return "their value is not known without traffic.error_cost"


def _best_buy(case: Case, outlook: Prospect) -> MoreLabels:
    """The number of labels whose expected gain exceeds their price by the most."""
    price = float(case.label_cost or 0)
    gains = {n: outlook.gain(n) for n in SIZES}
    best = max(SIZES, key=lambda n: gains[n] - price * n)
    value, cost = gains[best] - price * best, price * best
    if value <= 0:
        gain, paid = (words.money(x, case.currency) for x in (gains[best], cost))
        reason = f"no number is worth its price: {best} would gain {gain} and cost {paid}"
        return MoreLabels(value=0.0, reason=reason)
    return MoreLabels(
        n=best,
        chance=round(outlook.chance(best), 2),
        value=to_number(value),
        cost=to_number(cost),
    )
