"""``steelyard.run``: weigh the ways of adapting a model to one task, once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

from steelyard.config.records import read_kept
from steelyard.files import sources_kept, write_whole
from steelyard.planning.audit import audit_plan
from steelyard.planning.forecast import look_ahead
from steelyard.planning.jobs import Job
from steelyard.planning.options import RunOptions
from steelyard.planning.outlook import short_text
from steelyard.planning.plan import Plan, default_folder, describe, make_plan
from steelyard.progress import Display, logged
from steelyard.result import AuditResult, Result
from steelyard.result.run import StoppedArm
from steelyard.result.verdict import JudgeResult
from steelyard.score.judge import Judge
from steelyard.store import folder as files
from steelyard.strategy import Arm
from steelyard.task import Task
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.conclude import Weighing, weigh
from steelyard.weigh.consistency import consistency_warnings
from steelyard.weigh.failed_arms import FailedArms
from steelyard.weigh.items import keep_documents, keep_items
from steelyard.weigh.judging import agreement_of, judge_report, judge_warnings
from steelyard.weigh.leftovers import leftover_warnings
from steelyard.weigh.measured import measure_arm
from steelyard.weigh.opening import check_trust, open_run
from steelyard.weigh.promotion import promote_recommended
from steelyard.weigh.race import is_out, stop_losers, waits
from steelyard.weigh.redaction import redaction_warnings
from steelyard.weigh.result import Circumstances, Unfinished, build_result
from steelyard.weigh.steps import RunSteps
from steelyard.weigh.timing import time_arms, timing_warnings
from steelyard.weigh.torn import torn_warnings
from steelyard.words import counted, one_line

log = logging.getLogger("steelyard")

_SHOWN = 120


@dataclass(frozen=True)
class RunResult:
    """A finished run: ``record`` and ``result`` are ``result.json``, ``winner`` the promoted arm."""

    folder: Path
    winner: Path | None
    record: Result = field(repr=False)

    @cached_property
    def result(self) -> Mapping[str, Any]:
        """What ``result.json`` holds, as plain data; `record` has it as attributes."""
        return self.record.to_dict()

    @property
    def report(self) -> Path:
        return self.folder / "report.html"

    @property
    def verdict(self) -> Mapping[str, Any]:
        return self.record.verdict.to_dict()


@sources_kept()
def run(
    task: Task | Path | str,
    out: Path | str | None = None,
    *,
    strategies: Sequence[str] | None = None,
    model: str | Sequence[str] | None = None,
    seed: int = 0,
    skip_bad_rows: bool = False,
    no_cache: bool = False,
    max_cost: Decimal | None = None,
    race: bool = True,
    prices_at: date | str | None = None,
    display: Display | None = None,
) -> RunResult:
    """Weigh a task's strategies and leave the run in ``out`` (default: ``runs/NAME`` here).

    An interrupted run resumes where it stopped when it is called again with the same task and options.
    With several models, in the task or as ``model``, every strategy runs on each; an arm ends with a
    reason where its model fails, and the others continue. ``no_cache`` throws away what ``out`` holds of
    an earlier run, and uses no answers of others. Unless ``race`` is false, arms that dev shows cannot win
    are not asked the test. ``prices_at`` is the day whose prices of the book hold (default: today): what was
    measured before is weighed again by them, and nothing is asked. Raises a `SteelyardError` with one line
    for every mistake or limit; what was measured by then is kept.
    """
    options = RunOptions(
        strategies, model, seed, skip_bad_rows, no_cache, max_cost, race, prices_at
    )
    return run_plan(make_plan(task, options), out, display or Display())


def run_plan(plan: Plan, out: Path | str | None, display: Display) -> RunResult:
    """Carry out a plan in its folder; see :func:`run`."""
    folder = Path(out) if out is not None else default_folder(plan)
    check_trust(plan)
    with open_run(plan, folder, display) as steps, logged(folder), files.storage_guard(folder):
        keep_items(steps.store, plan.split.test)
        if plan.grounds is not None:
            keep_documents(steps.store, plan.grounds.corpus)
        audit = audit_plan(steps.plan, display)
        display.say(describe(steps.plan, audit, folder, short_text(look_ahead(plan, folder))))
        for error in audit.errors:
            display.say(f"audit: {error}")
        failures = FailedArms(steps.plan, display)
        measured, stopped = _measure(steps, failures)
        arms, spread = time_arms(steps, measured, failures)
        failures.check_measured(sum(measured.model is not None for measured in arms))
        warnings = (*failures.warnings(), *timing_warnings(spread))
        return _conclude(steps, arms, audit, Unfinished(failures.ended, tuple(stopped)), warnings)


def _measure(
    steps: RunSteps, failures: FailedArms
) -> tuple[list[tuple[Job, MeasuredArm]], list[StoppedArm]]:
    """Fit each job and measure its arms; those whose model fails are left to ``failures``.

    Arms that may lose the race wait for it, and those that lose it are returned apart.
    """
    fitted: list[tuple[Job, Arm]] = []
    measured: list[tuple[Job, MeasuredArm]] = []
    for job in (*steps.plan.jobs, *steps.plan.kept):
        arms: list[Arm] = []
        if not failures.skips(job):
            with failures.catching(job):
                arms = steps.fit(job)
        fitted += ((job, arm) for arm in arms)
        if not waits(steps, job):
            ready = [(job, arm) for arm in arms if not is_out(steps, job, arm)]
            measured += _measured(steps, failures, ready)
    stopped = stop_losers(steps, fitted, failures)
    names = {one.arm for one in stopped}
    waiting = [pair for pair in fitted if waits(steps, pair[0]) and pair[1].name not in names]
    measured += _measured(steps, failures, waiting)
    while orphans := _without_rival(stopped, measured):
        stopped = [one for one in stopped if one.arm not in orphans]
        again = [pair for pair in fitted if pair[1].name in orphans]
        measured += _measured(steps, failures, again)
    places = {arm.name: place for place, (_, arm) in enumerate(fitted)}
    return sorted(measured, key=lambda pair: places[pair[1].arm.name]), stopped


def _without_rival(
    stopped: Sequence[StoppedArm], measured: Sequence[tuple[Job, MeasuredArm]]
) -> set[str]:
    """Stopped arms whose rival could not be measured: they are in the running again."""
    names = {arm.arm.name for _, arm in measured}
    return {one.arm for one in stopped if one.rival not in names | {one.arm for one in stopped}}


def _measured(
    steps: RunSteps, failures: FailedArms, fitted: Sequence[tuple[Job, Arm]]
) -> Iterator[tuple[Job, MeasuredArm]]:
    for job, arm in fitted:
        if not failures.skips(job, arm.name):
            with failures.catching(job, arm.name):
                yield job, measure_arm(steps, job, arm)


def _conclude(
    steps: RunSteps,
    arms: Sequence[MeasuredArm],
    audit: AuditResult,
    unfinished: Unfinished,
    warnings: Sequence[str],
) -> RunResult:
    """Weigh, promote the winner, and write the result, which says that the run is done; then draw it.

    ``warnings`` are what the measuring itself came across.
    """
    started = time.perf_counter()
    plan, folder = steps.plan, steps.folder
    weighing = weigh(arms, plan, audit)  # it may ask the judge, whose requests are counted next
    circumstances = _circumstances(steps, arms, audit, unfinished)
    unsteady = _unsteady(arms, weighing.verdict.arm)
    doubts = judge_warnings(circumstances.judge, plan.metrics[0])
    redacted = redaction_warnings(plan, steps.store)
    notes = (*_notes(steps), *torn_warnings(plan, steps.store), *_leftovers(plan, arms))
    weighing = _warned(
        weighing, (*warnings, *steps.training_notes, *notes, *unsteady, *doubts, *redacted)
    )
    promoted = promote_recommended(steps, arms, weighing.verdict.arm)
    result = build_result(plan, arms, weighing, promoted, circumstances)
    files.remove_folder(folder / "work")
    files.write_result(folder / "result.json", result.to_dict())
    steps.store.finish_step("result", {}, time.perf_counter() - started)
    _draw(folder, result, steps.display)
    if reused := steps.store.reused():
        answers = counted(reused, "answer")
        steps.display.say(
            f"{answers} came from the cache of earlier runs and cost nothing; --no-cache asks again"
        )
    return RunResult(folder, folder / "winner" if promoted.promoted else None, result)


def _draw(folder: Path, result: Result, display: Display) -> None:
    """Draw the report; where that fails, the result stands, and no report of an earlier one beside it."""
    try:
        write_report(folder, result)
    except Exception as error:
        log.debug("report.html could not be drawn", exc_info=True)
        with suppress(OSError):
            (folder / "report.html").unlink(missing_ok=True)
        reason = f"{type(error).__name__}: {one_line(str(error), _SHOWN)}"
        display.say(
            f"report.html could not be drawn ({reason}); result.json and winner/ are complete. To draw "
            f"it again: steelyard report {quote(str(folder))}"
        )


def _warned(weighing: Weighing, warnings: Sequence[str]) -> Weighing:
    verdict = weighing.verdict
    return replace(weighing, verdict=verdict.updated(warnings=(*warnings, *verdict.warnings)))


def _notes(steps: RunSteps) -> list[str]:
    """What models turned out not to do as asked: figures are to be read with it.

    Where a judge decides, what it turned out not to do stands among its own warnings.
    """
    plan = steps.plan
    judge = plan.judge if Judge.among([plan.metrics[0]]) is not None else None
    return [
        f"model {model.spec.name}: {note}"
        for model in plan.all_models
        if judge is None or model.spec.account != judge.spec.account
        for note in steps.store.notes(model.spec.account)
    ]


def _unsteady(arms: Sequence[MeasuredArm], recommended: str | None) -> list[str]:
    return [
        warning
        for measured in arms
        if measured.arm.name == recommended
        for warning in consistency_warnings(measured.arm.name, measured.blocks.consistency)
    ]


def _leftovers(plan: Plan, arms: Sequence[MeasuredArm]) -> list[str]:
    if plan.brief.kind == "label":
        return []  # a label is one, or none
    numbers = plan.brief.metric_type.compares_numbers
    return [
        warning
        for measured in arms
        for warning in leftover_warnings(measured.arm.name, measured.records, only_marks=numbers)
    ]


def _circumstances(
    steps: RunSteps, arms: Sequence[MeasuredArm], audit: AuditResult, unfinished: Unfinished
) -> Circumstances:
    facts_of: dict[str, dict[str, Any]] = {}
    for job in (*steps.plan.jobs, *steps.plan.kept):
        if job.model is not None:
            facts = (steps.store.step(f"fit:{job.key}", {"model": dict[str, Any]}) or {}).get(
                "model", {}
            )
            facts_of.setdefault(job.model.tag, {}).update(facts)
    for model in steps.plan.weighed_models:
        facts = facts_of.setdefault(model.tag, {})
        at_fit = facts["endpoint"].split("; ") if "endpoint" in facts else []
        if notes := dict.fromkeys([*at_fit, *steps.store.notes(model.spec.account)]):
            facts["endpoint"] = "; ".join(notes)
    judged = _judged(steps, arms)
    opened = _times_opened(steps, [measured.arm.name for measured in arms])
    return Circumstances(steps.run.created, facts_of, audit, unfinished, judged, opened)


def _times_opened(steps: RunSteps, arms: Sequence[str]) -> int:
    """How many runs in this folder ended with test answers that had not been looked at before."""
    opened = steps.store.meta("test_opened") or ((), 0)
    names, times = read_kept(tuple[tuple[str, ...], int], opened, "test_opened")
    if not set(arms) <= set(names):
        times += 1
        steps.store.set_meta("test_opened", [sorted({*names, *arms}), times])
    return int(times)


def _judged(steps: RunSteps, arms: Sequence[MeasuredArm]) -> JudgeResult | None:
    """Return what a result states of the judge, where replies were judged."""
    judge = Judge.among(steps.plan.metrics)
    if judge is None:
        return None
    examples = [example for part in steps.plan.split for example in part]
    report = judge_report(
        steps.store,
        judge,
        {measured.arm.name: measured.records for measured in arms},
        steps.plan.prices,
        agreement_of(judge, examples),
    )
    model = steps.plan.judge
    notes = () if model is None else steps.store.notes(model.spec.account)
    return report.updated(notes=(*report.notes, *notes))


def write_report(folder: Path | str, result: Result) -> Path:
    """Draw ``report.html`` from a result, whole or not at all; return its path."""
    from steelyard.report import render

    path = Path(folder) / "report.html"
    write_whole(path, render(result), private=True)
    return path
