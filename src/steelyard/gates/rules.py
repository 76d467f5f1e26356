"""The gates of a run in CI: each passes, fails, or cannot be checked, and says why in one line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from steelyard.changes import FinishedRun, RunComparison, compare_runs, read_run
from steelyard.changes.records import ArmChange, ComparedRun
from steelyard.core import Comparison
from steelyard.report import formats
from steelyard.result import ArmResult, Result
from steelyard.weigh import RunResult
from steelyard.words import percent, points

LEVEL = 0.05
"""At most this share of runs that are no worse fail; one-sided."""
FAIL_ON = ("undecided",)


@dataclass(frozen=True)
class GateRules:
    """What a run must keep. ``fail_below`` is a share, ``fail_if_worse_than`` the folder of another run.

    ``fail_on`` are words for verdicts, of `FAIL_ON`.
    """

    fail_below: float | None = None
    fail_if_worse_than: Path | None = None
    fail_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateResult:
    """One gate's outcome; ``reason`` is one line, ``gate`` the option that asked for it."""

    gate: str
    status: Literal["passed", "failed", "error"]
    reason: str

    @property
    def line(self) -> str:
        status = "was not checked" if self.status == "error" else self.status
        return " ".join(f"{self.gate} {status}: {self.reason}".split())


@dataclass(frozen=True)
class Gating:
    """The outcomes of all gates, and the comparison with the baseline where there is one."""

    gates: tuple[GateResult, ...] = ()
    comparison: RunComparison | None = None

    @property
    def changes(self) -> dict[str, ArmChange]:
        """What became of each arm that the baseline has, too."""
        arms = () if self.comparison is None else self.comparison.arms
        return {arm.now.arm: arm for arm in arms}

    def having(self, status: str) -> list[GateResult]:
        """The gates that ended so."""
        return [gate for gate in self.gates if gate.status == status]


def check_gates(rules: GateRules, run: RunResult, baseline: FinishedRun | None) -> Gating:
    """Check a finished run; ``baseline`` is that of ``rules.fail_if_worse_than``."""
    comparison = None if baseline is None else compare_runs(baseline, read_run(run))
    return Gating(tuple(_gates(rules, run.record, comparison)), comparison)


def _gates(
    rules: GateRules, result: Result, comparison: RunComparison | None
) -> Iterator[GateResult]:
    if rules.fail_below is not None:
        yield not_below(rules.fail_below, result)
    if comparison is not None:
        yield not_worse(comparison)
    if "undecided" in rules.fail_on:
        yield decided(result)


def first_arm(result: Result) -> ArmResult | None:
    """The arm that a gate looks at: the recommended one, or else the one that leads."""
    name = result.verdict.first_arm
    return next((arm for arm in result.arms if arm.name == name), None)


def with_role(arm: str | None, recommended: str | None) -> str:
    """An arm's name, and that it is not recommended where it only leads."""
    return f"{arm}" if arm == recommended else f"{arm} (leading, not recommended)"


def not_below(least: float, result: Result) -> GateResult:
    """Fails where the deployed arm's quality, as measured, is below ``least``.

    The estimate decides and not a limit of its interval: a limit would fail good arms on small tests, or
    pass bad ones. The reason says whether the interval leaves room for the other outcome.
    """
    gate, arm = f"--fail-below {least:g}", first_arm(result)
    if arm is None or arm.quality.value is None:
        why = "no arm is recommended or leads" if arm is None else arm.quality.reason
        return GateResult(
            gate, "error", f"there is no quality to compare: {why or 'it is unknown'}"
        )
    quality, failed = arm.quality, arm.quality.value < least
    text = (
        f"{with_role(arm.name, result.verdict.arm)} has {quality.metric} {_share(arm.quality.value)}, "
        f"{'below' if failed else 'not below'} {_share(least)}"
    )
    if quality.low is not None and quality.high is not None:
        is_inside = quality.low <= least <= quality.high
        text += (
            f"; its {percent(quality.level)} interval, {formats.interval(quality)} %, "
            f"{'does not exclude' if is_inside else 'excludes'} {_share(least)}"
        )
    return GateResult(gate, "failed" if failed else "passed", text)


def not_worse(comparison: RunComparison) -> GateResult:
    """Fails where the deployed arm is shown to be worse than that of the baseline.

    One paired test of one pair, one-sided at `LEVEL` (`one_sided`). The test treats the two runs alike, so
    of runs that differ by chance alone at most that share fails.
    """
    gate, change = f"--fail-if-worse-than {comparison.before.folder}", comparison.deployed
    if change is None:
        return GateResult(gate, "error", "one of the runs has no arm that is recommended or leads")
    tested, remark = change.comparison, _of_documents(comparison)
    if change.same_answers == comparison.common:
        return GateResult(gate, "passed", _no_change(change, comparison) + remark)
    p = one_sided(change)
    text = f"{_difference(change, comparison)} ({_interval(tested)}, one-sided p {_p(p)}){remark}"
    if p <= LEVEL:
        return GateResult(gate, "failed", text)
    loss = f"; a loss of up to {points(-tested.low)} is not excluded" if tested.low < 0 else ""
    return GateResult(gate, "passed", f"not shown to be worse: {text}{loss}")


def _of_documents(comparison: RunComparison) -> str:
    """A remark where the arm that would be deployed reads documents, and these differ."""
    documents, change = comparison.documents, comparison.deployed
    if documents is None or change is None:
        return ""
    reads = {change.before.arm, change.now.arm} & {*documents.arms}
    return "; the documents that it reads differ between the runs" if reads else ""


def one_sided(change: ArmChange) -> float:
    """The p-value against "no worse", which a gate must not exceed its level by.

    Of right or wrong answers the exact one (of examples that changed, each was as likely to get better); half
    of the two-sided one elsewhere, whose two tails are alike.
    """
    from scipy.stats import binom

    tested = change.comparison
    if "McNemar" in tested.method:
        return float(binom.cdf(change.better, change.better + change.worse, 0.5))
    return tested.p_value / 2 if tested.difference < 0 else 1 - tested.p_value / 2


def decided(result: Result) -> GateResult:
    """Fails where the verdict recommends no arm."""
    gate, verdict = "--fail-on undecided", result.verdict
    if verdict.recommendation != "undecided" and verdict.arm is not None:
        return GateResult(gate, "passed", f"{verdict.arm} is recommended")
    return GateResult(gate, "failed", "the verdict is undecided: no arm is recommended")


def _no_change(change: ArmChange, comparison: RunComparison) -> str:
    text = (
        f"{_deployed(comparison.now)} answers all {comparison.common:,} test examples in both as "
        f"{_deployed(comparison.before)} of {comparison.before.folder} did"
    )
    return f"{text}, some out of the cache of earlier runs" if change.replayed else text


def _difference(change: ArmChange, comparison: RunComparison) -> str:
    """``few_shot is 4.2 points below few_shot of runs/main, on 120 test examples in both``."""
    difference = change.comparison.difference
    step = f"{points(abs(difference))} {'below' if difference < 0 else 'above'}"
    step = step if difference else "level with"
    return (
        f"{_deployed(comparison.now)} is {step} {_deployed(comparison.before)} of "
        f"{comparison.before.folder}, "
        f"on {comparison.common:,} test examples in both"
    )


def _deployed(run: ComparedRun) -> str:
    return with_role(run.deployed, run.arm)


def _interval(tested: Comparison) -> str:
    low, high = (formats.points(limit) for limit in (tested.low, tested.high))
    return f"95 % interval {low} to {high}"


def _p(p: float) -> str:
    return formats.plain(formats.p_value(p))


def _share(share: float) -> str:
    return f"{100 * share:.4g} %"
