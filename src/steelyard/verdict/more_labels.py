"""Whether more labels for the test are worth buying: how many, with what chance, at what value.

The posterior says what more items may show (`steelyard.stats.posterior.predict`), and the rule says what
would then be chosen. The expected value of sample information is the gain of that over today's choice;
Sadatsafavi, Vickers, Lee, Gustafson and Wynants (2024), arXiv 2401.01849.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.economics import to_number
from steelyard.result.verdict import MoreLabels
from steelyard.seeds import generator
from steelyard.stats.posterior import Predicted, predict
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.beliefs import Beliefs, beliefs_of
from steelyard.verdict.rule import (
    FEWEST_ITEMS,
    LEVEL_LOSS,
    LIKELY_KEPT,
    SURE,
    BestArm,
    error_worth,
    owning_costs,
    pick_near,
)
from steelyard.words import likely

SIZES = (25, 50, 100, 200, 400, 800, 1600, 3200, 6400)
TOLD = 0.8
"""The chance that a number of labels must have of telling, where they have no price."""
OUTCOMES, NOISE = 200, 200


class Look(NamedTuple):
    """What ``n`` more labels bring: the chance that they tell, and the expected gain where it has a price."""

    n: int
    chance: float
    gain: float | None


def labels_for_choice(case: Case, beliefs: Beliefs, choice: BestArm) -> MoreLabels:
    """Whether labels would improve on a choice."""
    if choice.kept < SURE and choice.kept <= choice.chance:
        return labels_for_minimum(case, beliefs.arms)
    if len(beliefs.arms) == 1:
        return MoreLabels(reason="no other arm is in the choice")
    if beliefs.items < FEWEST_ITEMS:
        return MoreLabels(reason=_too_few(beliefs.items))
    is_weighed = choice.totals is not None and case.label_cost is not None
    if choice.chance >= SURE and not is_weighed:
        return MoreLabels(
            reason=f"none needed: the choice is {likely(choice.chance)} likely to be right"
        )
    rng = generator(case.seed, "more labels")
    looks = (_look(case, beliefs, choice, n, rng) for n in SIZES)
    if is_weighed:
        return _best_buy(case, list(looks))
    return _first_that_tells(case, beliefs.items, looks)


def labels_for_minimum(case: Case, arms: Sequence[Candidate]) -> MoreLabels:
    """How many labels would tell whether any of ``arms`` reaches ``min_quality``, or none does."""
    least = case.limits.min_quality or 0.0

    def told(outcome: Predicted) -> NDArray[np.bool_]:
        from scipy.special import ndtr

        chances = ndtr((outcome.means - least) / np.sqrt(np.diag(outcome.covariance)))
        best = chances.max(axis=1)
        return np.asarray((best >= LIKELY_KEPT) | (best <= 1 - SURE))

    return _for_question(case, arms, told)


def labels_for_floor(case: Case, arms: Sequence[Candidate], floor: Candidate) -> MoreLabels:
    """How many labels would tell whether any of ``arms`` is above the commonest answer, or none is."""
    names = sorted(arm.name for arm in (*arms, floor))
    place, k = names.index(floor.name), len(arms)

    def told(outcome: Predicted) -> NDArray[np.bool_]:
        from scipy.special import ndtr

        variances = np.diag(outcome.covariance)
        apart = variances + variances[place] - 2 * outcome.covariance[place]
        gains = np.delete(outcome.means - outcome.means[:, [place]], place, axis=1)
        best = ndtr(gains / np.sqrt(np.delete(apart, place))).max(axis=1)
        return np.asarray((best >= 1 - case.alpha / k) | (best <= case.alpha))

    return _for_question(case, (*arms, floor), told)


def _for_question(
    case: Case, arms: Sequence[Candidate], is_told: Callable[[Predicted], NDArray[np.bool_]]
) -> MoreLabels:
    beliefs = beliefs_of(case, arms, apart=True)
    rng = generator(case.seed, "more labels")
    looks = (Look(n, float(is_told(_outcomes(beliefs, n, rng)).mean()), None) for n in SIZES)
    return _first_that_tells(case, beliefs.items, looks)


def _outcomes(beliefs: Beliefs, n: int, rng: np.random.Generator) -> Predicted:
    items = (beliefs.items, n)
    return predict(beliefs.posterior, beliefs.measured, beliefs.covariance, items, rng, OUTCOMES)


def _look(case: Case, beliefs: Beliefs, choice: BestArm, n: int, rng: np.random.Generator) -> Look:
    """What the rule would choose after ``n`` more labels, how sure, and what that gains."""
    outcome = _outcomes(beliefs, n, rng)
    k = len(beliefs.arms)
    root = np.linalg.cholesky(outcome.covariance + 1e-12 * np.eye(k))
    noise = rng.normal(size=(NOISE, k)) @ root.T
    drawn = np.clip(outcome.means[:, None, :] + noise, 0.0, 1.0)
    owned, rows = owning_costs(case, beliefs.arms), np.arange(OUTCOMES)
    if choice.totals is None:
        best = drawn.max(axis=2, keepdims=True)
        near = (drawn >= best - case.limits.margin).mean(axis=1)
        picks = pick_near(case, beliefs.arms, near, outcome.means)
        return Look(n, float((near[rows, picks] >= SURE).mean()), None)
    worth = error_worth(case)
    picks = np.argmin(owned + worth * (1 - outcome.means), axis=1)
    costs = owned + worth * (1 - outcome.truths)
    now = costs[:, beliefs.arms.index(choice.arm)]
    totals = owned + worth * (1 - drawn)
    level = totals[rows, :, picks] <= totals.min(axis=2) * (1 + LEVEL_LOSS)
    gain = float((now - costs[rows, picks]).mean())
    return Look(n, float((level.mean(axis=1) >= SURE).mean()), max(0.0, gain))


def _first_that_tells(case: Case, items: int, looks: Iterable[Look]) -> MoreLabels:
    """The least number of labels that has a good chance of telling."""
    if items < FEWEST_ITEMS:
        return MoreLabels(reason=_too_few(items))
    look = next((look for look in looks if look.chance >= TOLD), None)
    if look is None:
        return MoreLabels(reason=f"no number up to {SIZES[-1]:,} would tell")
    price = case.label_cost
    cost = None if price is None else to_number(price * look.n)
    return MoreLabels(
        n=look.n, chance=round(look.chance, 2), cost=cost, reason=_unweighed(case, look)
    )


def _too_few(items: int) -> str:
    return f"{words.test_items(items)} too few to say how many would tell"


def _unweighed(case: Case, look: Look) -> str | None:
    if look.gain is not None:
        most = words.money(look.gain / look.n, case.currency)
        return f"worth buying at up to {most} each; prices.label is not given"
    if case.error_cost is not None:
        return "their value is not weighed where no arm is shown to be of use"
    return "their value is not known without traffic.error_cost"


def _best_buy(case: Case, looks: Sequence[Look]) -> MoreLabels:
    """The number of labels whose expected gain exceeds their price by the most."""
    price = float(case.label_cost or 0)
    best = max(looks, key=lambda look: (look.gain or 0.0) - price * look.n)
    value = (best.gain or 0.0) - price * best.n
    if value <= 0:
        gain = words.money(best.gain or 0.0, case.currency)
        cost = words.money(price * best.n, case.currency)
        reason = f"no number is worth its price: {best.n} would gain {gain} and cost {cost}"
        return MoreLabels(value=0.0, reason=reason)
    return MoreLabels(
        n=best.n,
        chance=round(best.chance, 2),
        value=to_number(value),
        cost=to_number(price * best.n),
    )
