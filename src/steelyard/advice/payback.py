"""Whether an arm pays against the best prompt by the end of the horizon, at the task's volume."""

from __future__ import annotations

from math import ceil

from steelyard.advice.rivals import ClaimCheck, Rivals, lacking
from steelyard.result import ArmResult
from steelyard.result.economics import PaidBack
from steelyard.rules_of_thumb import ThumbRule
from steelyard.verdict.words import money

SURE = 0.95
"""The chance over scenarios from which an arm is taken to pay; below one minus it, not to."""


def tuned_pays(run: Rivals, _: ThumbRule) -> ClaimCheck:
    """Whether tuning pays against a prompt."""
    return _pays(run, "tuned arm", run.tuned)


def classifier_pays(run: Rivals, _: ThumbRule) -> ClaimCheck:
    """Whether a plain classifier pays against a prompt."""
    return _pays(run, "plain classifier", run.classifier)


def _pays(run: Rivals, name: str, arm: ArmResult | None) -> ClaimCheck:
    """Whether ``arm`` has cost no more than a prompt by the end of the horizon.

    By scenarios where the run has them, else by the costs as measured. The prompt is the one that the run's
    break-even is with. Where cost and quality point to different arms, only a price of wrong answers decides.
    """
    if arm is None or run.prompt is None:
        return lacking({name: arm, "prompt": run.prompt})
    rival = _rival(run, arm) or run.prompt
    traffic = run.result.task.traffic
    if traffic.requests_per_day is None or traffic.horizon_days is None:
        return ClaimCheck(None, None, "the task names no traffic")
    requests = traffic.requests_per_day * traffic.horizon_days
    mine, theirs = arm.cost.after(requests), rival.cost.after(requests)
    if mine is None or theirs is None:
        why = arm.cost.reason if mine is None else rival.cost.reason
        return ClaimCheck(None, None, why or "a cost is not known")
    if arm.cost.currency != rival.cost.currency:
        return ClaimCheck(None, None, "the two are priced in two currencies")
    days, currency = traffic.horizon_days, arm.cost.currency
    assumed = ", a volume that is assumed" if traffic.assumed else ""
    figure = (
        f"{arm.name} {money(mine, currency)}, {rival.name} {money(theirs, currency)} over {days:,} days at "
        f"{traffic.requests_per_day:,} requests a day{assumed}; {_from_when(arm, rival, days)}"
    )
    if run.result.verdict.recommendation == "undecided":
        return ClaimCheck(
            None, figure, "the verdict is undecided, so the money is between arms of unknown worth"
        )
    paid = _by_scenarios(run, arm, rival)
    if paid is not None:
        figure += f"; {_scenarios(paid)}"
    cheaper = mine <= theirs if paid is None or paid.chance is None else _told(paid.chance)
    if run.result.task.traffic.error_cost is None:
        return _beside_quality(run, arm, rival, cheaper, figure)
    return _with_errors(run, arm, rival, paid, figure)


def _beside_quality(
    run: Rivals, arm: ArmResult, rival: ArmResult, cheaper: bool | None, figure: str
) -> ClaimCheck:
    shown = run.shown(arm, rival)
    if cheaper is None:
        return ClaimCheck(None, figure, "scenarios of the costs go both ways")
    if shown is None:
        return ClaimCheck(None, figure, f"no test compares {arm.name} with {rival.name}")
    if cheaper and shown < 0:
        return ClaimCheck(
            None, figure, "cheaper but shown to be worse, and a wrong answer has no price"
        )
    if not cheaper and shown > 0:
        return ClaimCheck(None, figure, "better but not cheaper, and a wrong answer has no price")
    return ClaimCheck(cheaper, figure)


def _rival(run: Rivals, arm: ArmResult) -> ArmResult | None:
    """The prompt that the run's break-even of ``arm`` is with: the cheapest that is no worse, else the nearest."""
    entries = run.result.crossover.arms
    entry = next((entry for entry in entries if entry.arm == arm.name), None)
    rival = None if entry is None else run.arm(entry.even.against)
    return rival if rival is not None and rival.is_prompt_only else None


def _from_when(arm: ArmResult, rival: ArmResult, days: int) -> str:
    """From how many requests it has cost no more, and from what volume that is within the horizon."""
    upfront = (arm.cost.upfront or 0.0) - (rival.cost.upfront or 0.0)
    saving = (rival.cost.per_request or 0.0) - (arm.cost.per_request or 0.0)
    if upfront <= 0 and saving >= 0:
        return "cheaper from the first request"
    if saving <= 0:
        return "never cheaper" if upfront >= 0 else "cheaper at first, not per request"
    requests = ceil(upfront / saving)
    per_day = requests / days
    volume = "fewer than 1" if per_day < 1 else f"{per_day:,.0f}"
    return f"cheaper from {requests:,.0f} requests, that is from {volume} a day"


def _with_errors(
    run: Rivals, arm: ArmResult, rival: ArmResult, paid: PaidBack | None, figure: str
) -> ClaimCheck:
    """Which costs less in all, wrong answers included: by scenarios, else by the verdict's expectation.

    An expectation alone settles nothing where it rests on a difference that no test shows.
    """
    if paid is not None and paid.chance is not None and run.result.economics.with_errors:
        told = _told(paid.chance)
        why = "" if told is not None else "scenarios of costs and errors go both ways"
        return ClaimCheck(told, figure, why)
    expected = run.result.verdict.details.expected_cost
    mine, theirs = expected.get(arm.name), expected.get(rival.name)
    if mine is None or theirs is None:
        return ClaimCheck(None, figure, "the verdict has no cost of both with wrong answers")
    currency = arm.cost.currency
    figure += f"; with wrong answers {money(mine, currency)} against {money(theirs, currency)}"
    if not run.shown(arm, rival):
        return ClaimCheck(None, figure, "it turns on errors, and no test tells the two apart")
    return ClaimCheck(mine <= theirs, figure)


def _by_scenarios(run: Rivals, arm: ArmResult, rival: ArmResult) -> PaidBack | None:
    economics = run.result.economics
    return next(
        (
            paid
            for paid in economics.paid_back
            if (paid.arm, paid.against) == (arm.name, rival.name)
        ),
        None,
    )


def _told(chance: float) -> bool | None:
    return True if chance >= SURE else False if chance <= 1 - SURE else None


def _scenarios(paid: PaidBack) -> str:
    text = f"paid back in {100 * (paid.chance or 0.0):.0f} % of scenarios"
    if paid.days_low is None or paid.days_high is None:
        return text
    return f"{text}, by day {paid.days_low:,.2g} to {paid.days_high:,.2g} (90 %)"
