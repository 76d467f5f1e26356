"""What can be left to an arm: the share shown to be right, and the money where people answer the rest."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from steelyard.core import Example, Record
from steelyard.economics import DAYS_PER_MONTH, Money, to_number
from steelyard.planning.plan import Plan
from steelyard.result.steadiness import Handover, PeopleCost
from steelyard.score import Metric
from steelyard.seeds import generator
from steelyard.stats.calibration import (
    CoveragePoint,
    coverage_curve,
    handover,
    items_to_show,
)
from steelyard.strategy import Arm
from steelyard.task import Task
from steelyard.weigh.arms import Costs
from steelyard.weigh.calibration import FEWEST, confident_places, judged, why_not_judged

TARGET = 0.95
"""The accuracy wanted where the task's constraints name none."""
LEVEL = 0.95
"""Of two-sided intervals: their lower limits hold, one-sided, at `Handover.level`."""
_NO_PRICE = (
    "a person's answer has no price: give prices.label in task.yaml, what one answer costs you"
)


def arm_handover(
    arm: Arm, records: Sequence[Record], plan: Plan
) -> tuple[Handover | None, str | None]:
    """Measure what can be left to an arm, for the accuracy that the task wants.

    That is ``constraints.min_accuracy_at_coverage``, else ``min_quality``, else `TARGET`.
    """
    limits = plan.task.constraints
    targets = (limits.min_accuracy_at_coverage, limits.min_quality, TARGET)
    target = next(accuracy for accuracy in targets if accuracy is not None)
    return measure_handover(arm, records, plan.split.test, plan.metrics[0], plan.seed, target)


def measure_handover(
    arm: Arm,
    records: Sequence[Record],
    examples: Sequence[Example],
    metric: Metric,
    seed: int,
    target: float,
) -> tuple[Handover | None, str | None]:
    """Return the least share to hand over so that the rest is ``target`` right, or ``None`` and why.

    The least sure answers go first where at least `FEWEST` have a probability. Otherwise nothing
    tells them apart: all usable answers together are shown to be ``target`` right, or none. Answers
    without output, or without the probability that others have, go to people.
    """
    if (why := why_not_judged(arm, metric)) is not None:
        return None, why
    confident = confident_places(records)
    usable = [place for place, record in enumerate(records) if record.outcome == "scored"]
    is_told_apart = len(confident) >= FEWEST
    if not (places := confident if is_told_apart else usable):
        return _nothing(target, "none of its answers is usable"), None
    confidence, correct, groups = judged(arm, records, examples, places)
    if not is_told_apart:
        confidence = np.ones(len(places))
    rng = generator(seed, f"handover:{arm.name}")
    curve = coverage_curve(confidence, correct, len(records), rng, LEVEL, groups)
    best = handover(curve, target, LEVEL)
    if best is None:
        return _nothing(target, _why_nothing(curve, target)), None
    return Handover(target=target, share=1 - best.coverage, **best._asdict()), None


def cost_with_people(share: float, costs: Costs, task: Task) -> PeopleCost:
    """Price an arm that answers every request and hands ``share`` of them on to people.

    A person's answer costs what a labelled example does (``prices.label``); that people are always
    right is not assumed, and no wrong answer is priced here.
    """
    traffic, currency = task.traffic.volume, costs.per_request.currency
    if task.label_price is None:
        return PeopleCost(currency=currency, reason=_NO_PRICE)
    person = Money(task.label_price, currency)
    request = costs.per_request + person * Decimal(str(share))
    people = person * (traffic.requests_per_day * DAYS_PER_MONTH)
    month = costs.monthly + people * Decimal(str(share))
    total = costs.upfront + request * traffic.requests
    return PeopleCost(
        per_request=to_number(request.amount),
        monthly=to_number(month.amount),
        total=to_number(total.amount),
        people_monthly=to_number(people.amount),
        people_total=to_number((person * traffic.requests).amount),
        currency=currency,
        reason=total.reason,
    )


def _nothing(target: float, why: str) -> Handover:
    return Handover(target=target, share=1.0, coverage=0.0, reason=why)


def _why_nothing(curve: Sequence[CoveragePoint], target: float) -> str:
    needed, most, right = items_to_show(target, LEVEL), curve[0], f"{100 * target:.6g} %"
    if needed is None:
        return f"no number of answers can show {right} accuracy"
    if needed > most.units:
        groups = f" in {most.units} groups" if most.units < most.n else ""
        takes = f"it takes {needed}{' groups' if groups else ''}, all of them right"
        return f"{most.n} answers{groups} cannot show {right} accuracy: {takes}"
    if len(curve) > 1:
        return f"no subset of its answers is shown to be {right} right"
    return f"its answers are not shown to be {right} right, and no probability tells the sure ones apart"
