"""What rules of thumb claim, asked of a finished run: each claim is a function over its arms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

from steelyard.advice.costs import (
    classifier_pays,
    prompt_shrinks,
    training_price,
    tuned_pays,
    tuned_request_cheaper,
    tuning_price,
)
from steelyard.advice.rivals import ClaimCheck, RivalArms, is_tuned, lacking
from steelyard.core import Estimate
from steelyard.packaged import packaged
from steelyard.result import ArmResult
from steelyard.rules_of_thumb import ThumbRule
from steelyard.stats import proportion
from steelyard.strategy import traits_of
from steelyard.verdict.words import milliseconds
from steelyard.words import counted, percent

FEW_SHOTS = 20
LEAST_TIMED = 20


class RunClaim(NamedTuple):
    """A claim: the ``way`` it speaks for, ``how`` to measure it, what it ``tests``, and what answers it."""

    way: str
    how: str
    tests: str
    check: Callable[[RivalArms, ThumbRule], ClaimCheck]


def run_claims() -> Mapping[str, RunClaim]:
    """The claims by name."""
    entries = packaged("advice/data/claims.yaml")["claims"]
    return {name: RunClaim(**facts, check=_CHECKS[name]) for name, facts in entries.items()}


def why_not_judged(rule: ThumbRule) -> str:
    """What would judge a rule that no run does."""
    return str(packaged("advice/data/claims.yaml")["rules"][rule.id])


def format_needs_tuning(run: RivalArms, rule: ThumbRule) -> ClaimCheck:
    """Whether a tuned arm's answers have the form more often than those of every prompt, constrained or not.

    Needed: the intervals of the two shares lie apart. Not needed: a prompt has it as often, or always. A rule
    for tuning speaks only of a form that free prompts miss.
    """
    arms = [(arm, share) for arm in run.result.arms if (share := _form(run, arm)) is not None]
    prompts = [(arm, share) for arm, share in arms if arm.is_prompt_only]
    tuned = [(arm, share) for arm, share in arms if is_tuned(arm)]
    free = [share.value for arm, share in prompts if arm.is_free]
    if not prompts:
        return ClaimCheck(None, None, "no prompt's form was measured")
    if rule.way == "fine_tune" and not free:
        return ClaimCheck(None, None, "no prompt was free to miss the form")
    if rule.way == "fine_tune" and 1.0 in free:
        return ClaimCheck(None, None, "a free prompt keeps the form already", applies=False)
    prompt, kept = max(prompts, key=_by_form)
    figure = f"form kept: {prompt.name} {_interval(kept)}"
    if not tuned:
        if kept.value == 1.0:
            return ClaimCheck(False, figure, "there is nothing left for tuning to add")
        return ClaimCheck(None, None, "no tuned arm's form was measured")
    best, other = max(tuned, key=_by_form)
    figure += f", {best.name} {_interval(other)}"
    if (kept.value or 0.0) >= (other.value or 0.0):
        return ClaimCheck(False, figure)
    if kept.high is None or other.low is None:
        return ClaimCheck(None, figure, "there is no interval")
    if kept.high < other.low:
        return ClaimCheck(True, figure)
    return ClaimCheck(None, figure, "the intervals overlap")


def _by_form(pair: tuple[ArmResult, Estimate]) -> tuple[float, float]:
    arm, share = pair
    return share.value or 0.0, arm.quality.value or 0.0


def _form(run: RivalArms, arm: ArmResult) -> Estimate | None:
    """The share of an arm's test answers that have the task's form: as measured, or by its outcomes.

    By outcomes it has an interval only where test examples are independent.
    """
    valid = arm.validity
    if valid.value is not None:
        return Estimate(valid.value, valid.low, valid.high, n=valid.n or 0)
    scored, failed = arm.outcomes.scored, arm.outcomes.failed
    if run.result.task.kind not in ("label", "labels") or scored is None or failed is None:
        return None
    if not scored + failed:
        return None
    share = proportion(scored, scored + failed)
    alike = run.result.split.test_clusters is not None
    return replace(share, low=None, high=None) if alike else share


def tuned_steadier(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the tuned arm repeats its answers more often than the best prompt: intervals that lie apart."""
    tuned, prompt = run.tuned, run.prompt
    if tuned is None or prompt is None:
        return lacking({"tuned arm": tuned, "prompt": prompt})
    shares = _agreement(tuned), _agreement(prompt)
    for arm, share in zip((tuned, prompt), shares, strict=True):
        if share is None or share.value is None:
            why = (
                arm.consistency_reason or (share.reason if share else None) or "was not asked again"
            )
            return ClaimCheck(None, None, f"{arm.name}: {why}")
    mine, theirs = shares
    assert mine is not None and theirs is not None
    figure = (
        f"same answer when asked again: {tuned.name} {_interval(mine)}, {prompt.name} "
        f"{_interval(theirs)}, {counted(theirs.n, 'item')}{_drops(tuned, prompt)}"
    )
    if None in (mine.low, mine.high, theirs.low, theirs.high):
        return ClaimCheck(None, figure, "there is no interval")
    if (mine.low or 0.0) > (theirs.high or 0.0):
        return ClaimCheck(True, figure)
    if (mine.high or 0.0) < (theirs.low or 0.0):
        return ClaimCheck(False, figure)
    return ClaimCheck(None, figure, "the intervals overlap")


def _agreement(arm: ArmResult) -> Estimate | None:
    repeats = None if arm.consistency is None else arm.consistency.repeats
    return None if repeats is None else repeats.agreement.estimate


def _drops(*arms: ArmResult) -> str:
    """What the worst harmless change cost each arm: ``; worst change: few_shot -16.7 points (typos)``."""
    texts = []
    for arm in arms:
        changes = [] if arm.consistency is None else arm.consistency.measured
        losses = [
            (drop, change.kind) for change in changes if (drop := change.largest_drop) is not None
        ]
        if losses:
            drop, kind = max(losses)
            texts.append(
                f"{arm.name} -{100 * drop:.1f} points ({kind})" if drop else f"{arm.name} none"
            )
    return f"; largest loss by a harmless change: {', '.join(texts)}" if texts else ""


def tuned_faster(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the tuned arm answers faster than the best prompt."""
    return _faster("tuned arm", run.tuned, run.prompt)


def classifier_faster(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the plain classifier answers faster than the best prompt."""
    return _faster("plain classifier", run.classifier, run.prompt)


def _faster(name: str, one: ArmResult | None, other: ArmResult | None) -> ClaimCheck:
    """Whether the first arm answers faster than the best prompt, one request at a time.

    It does where their intervals of p95 lie apart, or its p95 lies below the other's median: with 20 requests
    to each, independent, two arms alike come to that by chance in fewer than 2 of 1,000 runs (ranks of both
    samples, hypergeometric).
    """
    if one is None or other is None:
        return lacking({name: one, "prompt": other})
    for arm in (one, other):
        if arm.latency_seconds.p95 is None or arm.latency_seconds.p50 is None:
            why = arm.latency_seconds.reason or "not timed"
            return ClaimCheck(None, None, f"{arm.name}: {why}")
    figure = f"p95: {_latency(one)}, {_latency(other)}"
    if _is_below(one, other):
        return ClaimCheck(True, figure)
    if _is_below(other, one):
        return ClaimCheck(False, figure)
    n = min(one.latency_seconds.n, other.latency_seconds.n)
    few = f"of {n} requests" if n else "and the run does not say of how many requests"
    return ClaimCheck(None, figure, f"they overlap, {few}")


def _is_below(one: ArmResult, other: ArmResult) -> bool:
    mine, theirs = one.latency_seconds, other.latency_seconds
    if mine.p95_high is not None and theirs.p95_low is not None and mine.p95_high < theirs.p95_low:
        return True
    return min(mine.n, theirs.n) >= LEAST_TIMED and (mine.p95 or 0.0) < (theirs.p50 or 0.0)


def _latency(arm: ArmResult) -> str:
    """``few_shot 115 ms [81.2 ms, ?], median 68.5 ms``."""
    times = arm.latency_seconds
    ends = [
        "?" if end is None else milliseconds(1000 * end) for end in (times.p95_low, times.p95_high)
    ]
    between = "" if ends == ["?", "?"] else f" [{ends[0]}, {ends[1]}]"
    p95, median = (milliseconds(1000 * (time or 0.0)) for time in (times.p95, times.p50))
    return f"{arm.name} {p95}{between}, median {median}"


def few_shots_do(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the best prompt does with at most 20 examples; those that it looks up come from all train rows.

    It does not where a prompt with 1 to 20 is shown to be worse than one with more. Rows that prompts were
    chosen on are not counted.
    """
    prompt = run.prompt
    if prompt is None:
        return ClaimCheck(None, None, "no prompt was measured")
    fixed, shown = prompt.known_options.shots, prompt.known_options.retrieved
    if fixed is None and shown is None:
        return ClaimCheck(None, None, f"{prompt.name} does not say how many examples it shows")
    figure = (
        f"{prompt.name}, the best prompt, shows {counted((fixed or 0) + (shown or 0), 'example')}"
    )
    if shown:
        figure += f", looked up for each input among {run.result.split.train or 0:,}"
    elif not run.is_useful(prompt):
        return ClaimCheck(None, figure, "it is not shown to be better than the most common answer")
    elif (fixed or 0) <= FEW_SHOTS:
        return ClaimCheck(True, figure)
    for arm in run.result.arms:
        options = arm.known_options
        count = 0 if options.retrieved else options.shots or 0
        if arm.is_prompt_only and 1 <= count <= FEW_SHOTS and run.shown(prompt, arm) == 1:
            return ClaimCheck(False, figure, f"{arm.name} shows {count}, and is shown to be worse")
    return ClaimCheck(None, figure, f"whether {FEW_SHOTS} would do was not measured")


def private_travels(run: RivalArms, _: ThumbRule) -> ClaimCheck:
    """Whether the best prompt sends private examples along with requests and the tuned arm does not.

    By the audit's count for each strategy at the task's traffic.
    """
    tuned, prompt, rows = run.tuned, run.prompt, run.private_rows
    if tuned is None or prompt is None:
        return lacking({"tuned arm": tuned, "prompt": prompt})
    sent, kept = (_carrying_examples(run, arm) for arm in (prompt, tuned))
    if rows is None or sent is None or kept is None:
        return ClaimCheck(
            None, None, "the audit did not count the requests that carry private examples"
        )
    figure = (
        f"private data in {counted(rows, 'row')}; requests a month that carry some from examples: "
        f"{prompt.name} {sent:,}, {tuned.name} {kept:,}"
    )
    return ClaimCheck(sent > 0 and kept == 0, figure)


def _carrying_examples(run: RivalArms, arm: ArmResult) -> int | None:
    """Requests a month in which an arm's examples carry private data, beside those whose own input does.

    ``None`` where the audit did not count them.
    """
    lines = (run.private_facts.get("traffic") or {}).get("strategies") or {}
    line = lines.get(arm.strategy)
    if line is None:
        return None
    shows = sum(filter(None, (arm.known_options.shots, arm.known_options.retrieved)))
    if not shows or not line.get("shots"):
        return 0
    by_input = [other["requests"] for name, other in lines.items() if traits_of(name).needs_model]
    return int(line["requests"] - min(by_input))


def _interval(share: Estimate) -> str:
    """``95.8 % [78.9 %, 99.9 %]``."""
    text = percent(share.value or 0.0)
    if share.low is None or share.high is None:
        return f"{text} (no interval)"
    return f"{text} [{percent(share.low)}, {percent(share.high)}]"


_CHECKS: Mapping[str, Callable[[RivalArms, ThumbRule], ClaimCheck]] = {
    check.__name__: check
    for check in (
        tuned_pays,
        classifier_pays,
        tuned_request_cheaper,
        prompt_shrinks,
        tuning_price,
        training_price,
        format_needs_tuning,
        tuned_steadier,
        tuned_faster,
        classifier_faster,
        few_shots_do,
        private_travels,
    )
}
