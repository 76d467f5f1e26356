"""What rules of thumb claim of money: whether an arm pays within the horizon, and what tuning costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from steelyard.advice.rivals import ClaimCheck, RivalArms, lacking
from steelyard.result import ArmResult
from steelyard.result.economics import PaidBack
from steelyard.rules_of_thumb import ThumbRule
from steelyard.verdict.words import money
from steelyard.words import listed

SURE = 0.95
"""The chance over scenarios from which an arm is taken to pay; below one minus it, not to."""
SHRUNK_TO = 0.1
"""A rule's example: a prompt of 500 tokens shrinks to 50."""


def tuned_pays(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether tuning pays against a prompt."""
    return _pays(run, "tuned arm", run.tuned)


def classifier_pays(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether a plain classifier pays against a prompt."""
    return _pays(run, "plain classifier", run.classifier)


def _pays(run: RivalArms, name: str, arm: ArmResult | None) -> ClaimCheck:
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
    mine, theirs = _over_horizon(run, arm), _over_horizon(run, rival)
    if mine is None or theirs is None:
        why = arm.cost.reason if mine is None else rival.cost.reason
        return ClaimCheck(None, None, why or "a cost is not known")
    if arm.cost.currency != rival.cost.currency:
        return ClaimCheck(None, None, "the two are priced in two currencies")
    days, currency = traffic.horizon_days, arm.cost.currency
    assumed = ", a volume that is assumed" if traffic.assumed else ""
    growth = f", {traffic.growth_per_month:+.0%} a month" if traffic.growth_per_month else ""
    figure = (
        f"{arm.name} {money(mine, currency)}, {rival.name} {money(theirs, currency)} over {days:,} days at "
        f"{traffic.requests_per_day:,} requests a day{growth}{assumed}; {_from_when(run, arm, rival)}"
    )
    choice = run.result.verdict.arm
    if choice not in (None, arm.name, rival.name):
        figure += f"; the verdict is neither, but {choice}"
    if run.result.verdict.recommendation == "undecided":
        return ClaimCheck(
            None, figure, "the verdict is undecided, so the money is between arms of unknown worth"
        )
    paid = _by_scenarios(run, arm, rival)
    if paid is not None:
        figure += f"; {_scenarios(paid, with_errors=run.result.economics.with_errors)}"
    cheaper = mine <= theirs if paid is None or paid.chance is None else _told(paid.chance)
    if run.result.task.traffic.error_cost is None:
        return _beside_quality(run, arm, rival, cheaper, figure)
    return _with_errors(run, arm, rival, paid, figure)


def _beside_quality(
    run: RivalArms, arm: ArmResult, rival: ArmResult, cheaper: bool | None, figure: str
) -> ClaimCheck:
    """The money, unless a test or the verdict prefers the one that costs more."""
    shown, choice = run.shown(arm, rival), run.result.verdict.arm
    if cheaper is None:
        return ClaimCheck(None, figure, "scenarios of the costs go both ways")
    if shown is None:
        return ClaimCheck(None, figure, f"no test compares {arm.name} with {rival.name}")
    dearer = rival if cheaper else arm
    if shown == (-1 if cheaper else 1):
        why = f"{dearer.name} costs more and is shown to be better, and a wrong answer has no price"
        return ClaimCheck(None, figure, why)
    if choice == dearer.name:
        return ClaimCheck(None, figure, f"{choice} costs more and is the verdict for its quality")
    return ClaimCheck(cheaper, figure)


def _rival(run: RivalArms, arm: ArmResult) -> ArmResult | None:
    """The prompt that the run's break-even of ``arm`` is with: the cheapest as good, else the nearest."""
    entries = run.result.crossover.arms
    entry = next((entry for entry in entries if entry.arm == arm.name), None)
    rival = None if entry is None else run.arm(entry.even.against)
    return rival if rival is not None and rival.is_prompt_only else None


def _over_horizon(run: RivalArms, arm: ArmResult) -> float | None:
    """What an arm costs over the horizon, as the verdict has it, else by its mean cost of a request."""
    if (cost := run.result.verdict.details.cost_to_own.get(arm.name)) is not None:
        return cost
    traffic = run.result.task.traffic
    if traffic.growth_per_month or traffic.requests_per_day is None or traffic.horizon_days is None:
        return None
    return arm.cost.after(traffic.requests_per_day * traffic.horizon_days)


def _from_when(run: RivalArms, arm: ArmResult, rival: ArmResult) -> str:
    """When the run has the arm break even with the other."""
    evens = [entry.even for entry in run.result.crossover.arms if entry.arm == arm.name]
    even = next((even for even in evens if even.against == rival.name), None)
    if even is None:
        return "the run has no break-even of the two"
    if even.is_tie:
        return "both cost the same"
    if even.requests is None:
        return f"break-even {even.reason or 'never'}"
    when = "" if even.days is None else f", {_number(even.days)} days"
    return (
        f"break-even after {even.requests:,} requests{when}" if even.requests else "cheaper at once"
    )


def _number(days: float) -> str:
    """``0.16``, ``7.3``, ``1,200``."""
    return f"{days:,.0f}" if days >= 10 else f"{days:.2g}"


def _with_errors(
    run: RivalArms, arm: ArmResult, rival: ArmResult, paid: PaidBack | None, figure: str
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


def _by_scenarios(run: RivalArms, arm: ArmResult, rival: ArmResult) -> PaidBack | None:
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


def _scenarios(paid: PaidBack, *, with_errors: bool) -> str:
    errors = ", wrong answers included," if with_errors else ""
    text = f"paid back{errors} in {100 * (paid.chance or 0.0):.0f} % of scenarios"
    if paid.days_low is None or paid.days_high is None:
        return text
    return f"{text}, by day {_number(paid.days_low)} to {_number(paid.days_high)} (90 %)"


def tuned_request_cheaper(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether a request to the tuned arm has fewer input tokens, and costs less, than to the best prompt."""
    tuned, prompt = run.tuned, run.prompt
    if tuned is None or prompt is None:
        return lacking({"tuned arm": tuned, "prompt": prompt})
    costs = tuned.cost.per_request, prompt.cost.per_request
    tokens = tuned.tokens.input_mean, prompt.tokens.input_mean
    if costs[0] is None or costs[1] is None or tokens[0] is None or tokens[1] is None:
        gaps = (tuned.cost.reason, prompt.cost.reason, tuned.tokens.reason, prompt.tokens.reason)
        return ClaimCheck(None, None, next(filter(None, gaps), "tokens or prices are not known"))
    if tuned.cost.currency != prompt.cost.currency:
        return ClaimCheck(None, None, "the two are priced in two currencies")
    figure = f"{_request(tuned)}, {_request(prompt)}; costs have no interval"
    shorter, cheaper = tokens[0] < tokens[1], costs[0] < costs[1]
    reason = (
        ""
        if shorter == cheaper
        else "shorter, yet no cheaper"
        if shorter
        else "cheaper, yet no shorter"
    )
    return ClaimCheck(shorter and cheaper, figure, reason)


def _request(arm: ArmResult) -> str:
    thousand = money(1000 * (arm.cost.per_request or 0.0), arm.cost.currency)
    return f"{arm.name} {arm.tokens.input_mean:,.0f} input tokens, {thousand} per 1,000 requests"


def prompt_shrinks(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the tuned arm reads a tenth of the best prompt's tokens, or fewer."""
    tuned, prompt = run.tuned, run.prompt
    if tuned is None or prompt is None:
        return lacking({"tuned arm": tuned, "prompt": prompt})
    short, long = tuned.tokens.input_mean, prompt.tokens.input_mean
    if short is None or long is None:
        why = tuned.tokens.reason or prompt.tokens.reason or "tokens were not counted"
        return ClaimCheck(None, None, why)
    figure = f"{tuned.name} {short:,.0f} input tokens, {prompt.name} {long:,.0f}"
    return ClaimCheck(short <= SHRUNK_TO * long, figure)


def tuning_price(run: RivalArms, rule: ThumbRule) -> ClaimCheck:
    """Whether search and training cost the rule's least or more.

    Tuning also takes labels and hours, so less shows nothing.
    """
    paid = _paid(run, ("search", "training"))
    if paid.dollars is None:
        return paid.unsettled
    if paid.dollars >= (rule.at_least or 0.0):
        return ClaimCheck(True, paid.figure)
    return ClaimCheck(None, paid.figure, "labels and hours are not in it")


def training_price(run: RivalArms, rule: ThumbRule) -> ClaimCheck:
    """Whether training, without the search before it, costs what the rule says."""
    paid = _paid(run, ("training",))
    if paid.dollars is None:
        return paid.unsettled
    most = paid.dollars if rule.up_to is None else rule.up_to
    return ClaimCheck((rule.at_least or 0.0) <= paid.dollars <= most, paid.figure)


class _Paid(NamedTuple):
    """What the tuned arm's parts cost; without ``dollars`` the ``reason`` says why."""

    dollars: float | None
    figure: str | None = None
    reason: str = ""

    @property
    def unsettled(self) -> ClaimCheck:
        return ClaimCheck(None, self.figure, self.reason)


def _paid(run: RivalArms, names: Sequence[str]) -> _Paid:
    """The sum of those of the parts that the tuned arm has; labels, hours and the test are others."""
    tuned, economics = run.tuned, run.result.economics
    if tuned is None:
        return _Paid(None, None, lacking({"tuned arm": None}).reason)
    sums = next((one for one in economics.sums if one.arm == tuned.name), None)
    if sums is None:
        return _undivided(tuned)
    amounts = {part.part: part.amount for part in sums.upfront if part.part in names}
    unknown = [part for part in sums.upfront if part.part in names and part.amount is None]
    if unknown or not amounts:
        why = unknown[0].reason if unknown else None
        return _Paid(None, None, why or f"what its {listed(names)} cost is not known")
    paid = sum(amount for amount in amounts.values() if amount is not None)
    figure = f"{tuned.name} {money(paid, economics.currency)} for {listed(list(amounts))}"
    if economics.currency != "USD":
        return _Paid(None, figure, "the rule is in US dollars")
    return _Paid(paid, figure)


def _undivided(tuned: ArmResult) -> _Paid:
    """Of an older result, which has one sum for all that was paid upfront."""
    cost = tuned.cost
    if cost.upfront is None:
        return _Paid(None, None, cost.reason or "its upfront cost is not known")
    figure = f"{tuned.name} {money(cost.upfront, cost.currency)} upfront in all"
    return _Paid(None, figure, "an older result does not say how much of it is search and training")
