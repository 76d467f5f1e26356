"""``steelyard.run``: weigh the ways of adapting a model to one task, once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.cost import Usage
from steelyard.data import Audit
from steelyard.errors import EndpointError
from steelyard.files import write_whole
from steelyard.model import load_model
from steelyard.model.accounts import asked_as
from steelyard.model.answer_cache import open_cache
from steelyard.model.listed import PlannedModel
from steelyard.planning.forecast import look_ahead, look_over
from steelyard.planning.identity import check_identity
from steelyard.planning.jobs import EndedArm, Job
from steelyard.planning.outlook import short_text
from steelyard.planning.plan import Plan, RunOptions, default_folder, describe, make_plan
from steelyard.progress import Display, logged
from steelyard.store import folder as files
from steelyard.store.budget import Budget, former_prices, prices_of
from steelyard.store.database import Store, locked
from steelyard.store.recorder import Recorder
from steelyard.strategy import Arm
from steelyard.task import Task
from steelyard.weigh.blocks import blocks_of
from steelyard.weigh.conclude import MeasuredArm, Weighed, weigh
from steelyard.weigh.consistency import consistency_warnings
from steelyard.weigh.failed_arms import FailedArms
from steelyard.weigh.judging import agreement_of, judge_of, judge_report, judge_warnings, on_account
from steelyard.weigh.measure import latency, quality, tokens
from steelyard.weigh.promotion import promote
from steelyard.weigh.result import Circumstances, build_result
from steelyard.weigh.steps import RunSteps, model_builder
from steelyard.words import counted


@dataclass(frozen=True)
class RunResult:
    """A finished run: ``result`` is what ``result.json`` holds, ``winner`` the promoted arm."""

    result: Mapping[str, Any]
    folder: Path
    winner: Path | None

    @property
    def report(self) -> Path:
        """The report, one HTML file."""
        return self.folder / "report.html"

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The verdict of the result."""
        return dict(self.result["verdict"])


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
    display: Display | None = None,
) -> RunResult:
    """Weigh a task's strategies and leave the run in ``out`` (default: ``runs/NAME`` here).

    A run that was interrupted goes on where it stopped when it is called again with the same task
    and options. With several models, in the task or as ``model``, every strategy runs on each; an arm
    ends with a reason where its model fails, and the others go on. ``no_cache`` throws away what
    ``out`` holds of an earlier run, and uses no answers of others. Raises a `SteelyardError` with one
    line for every mistake or limit; what was measured by then is kept.
    """
    chosen = None if strategies is None else tuple(strategies)
    models = model if model is None or isinstance(model, str) else tuple(model)
    options = RunOptions(chosen, models, seed, skip_bad_rows, no_cache, max_cost)
    return run_plan(make_plan(task, options), out, display or Display())


def run_plan(plan: Plan, out: Path | str | None, display: Display) -> RunResult:
    """Carry out a plan in its folder; see :func:`run`."""
    folder = Path(out) if out is not None else default_folder(plan)
    files.make_folder(folder)
    with _opened(plan, folder) as store, logged(folder), files.storage_guard(folder):
        display.say(describe(plan, folder, short_text(look_ahead(plan, folder))))
        steps = _steps(plan, folder, store, display)
        audit = look_over(plan, display)
        endings = FailedArms(plan, display)
        arms = list(_measure(steps, endings))
        endings.check_measured(sum(measured.model is not None for measured in arms))
        return _conclude(steps, arms, audit, endings)


@contextmanager
def _opened(plan: Plan, folder: Path) -> Iterator[Store]:
    """Lock the folder and open its database; a folder of another run is refused."""
    files.check_ours(folder)
    with locked(folder), files.storage_guard(folder):
        if plan.options.no_cache:
            files.clear_run(folder)
        store = Store.in_folder(folder)
        try:
            identity = check_identity(store.meta("identity"), plan, folder)
            store.set_meta("identity", identity)
            store.set_meta("attempts", (store.meta("attempts") or 0) + 1)
            if store.meta("created") is None:
                store.set_meta("created", datetime.now(UTC).isoformat(timespec="seconds"))
            yield store
        finally:
            store.close()


def _steps(plan: Plan, folder: Path, store: Store, display: Display) -> RunSteps:
    cap = plan.options.max_cost
    prices = prices_of((model.spec, model.price) for model in plan.asked)
    former = former_prices(store, prices, plan.prices)
    cache = None if plan.options.no_cache else open_cache()
    recorder = Recorder(store, None if cap is None else Budget(cap, prices, former), cache)
    build_model = model_builder(recorder, load_model)
    for metric in plan.metrics:
        metric.connect(on_account(recorder, build_model))
    return RunSteps(
        plan=plan,
        folder=folder,
        store=store,
        recorder=recorder,
        display=display,
        metrics=plan.metrics,
        build_model=build_model,
        attempt=int(store.meta("attempts")),
    )


def _measure(steps: RunSteps, endings: FailedArms) -> Iterator[MeasuredArm]:
    """Fit each job and measure its arms; those whose model fails are left to ``endings``."""
    for job in steps.plan.jobs:
        arms: list[Arm] = []
        if not endings.skips(job):
            with endings.bearing(job):
                arms = steps.fit(job)
        for arm in arms:
            if not endings.skips(job, arm.name):
                with endings.bearing(job, arm.name):
                    yield _measure_arm(steps, job, arm)


def _measure_arm(steps: RunSteps, job: Job, arm: Arm) -> MeasuredArm:
    records = steps.test(arm)
    primary, *others = [
        quality(metric, records, steps.plan.split.test, steps.plan.seed) for metric in steps.metrics
    ]
    fitted = steps.store.step(f"fit:{job.key}") or {}
    wall = float(fitted.get("seconds", 0.0))
    gap, why = _gap(steps, arm, primary["value"])
    return MeasuredArm(
        arm=arm,
        model=job.model,
        records=records,
        quality=primary,
        more_qualities=others,
        tokens=tokens(records) if arm.model_name else _NO_TOKENS,
        latency=latency(steps.latency(arm), steps.is_batched(arm)),
        search=_searched(steps, job),
        fit_seconds=wall,
        trained_seconds=arm.machine_seconds if arm.model_name else wall,
        gap=gap,
        gap_reason=why,
        blocks=blocks_of(steps, arm, records),
    )


def _searched(steps: RunSteps, job: Job) -> dict[str, Usage]:
    """What a job's fit asked of models, by the names that accounts know them by."""
    known = {name for model in steps.plan.asked for name in model.names}
    found: dict[str, Usage] = {}
    for model, spent in steps.store.usage_by_model(f"fit:{job.key}").items():
        name = model.fingerprint if model.fingerprint in known else model.name
        before = found.get(name, Usage())
        found[name] = Usage(
            before.input_tokens + spent.input_tokens,
            before.cached_tokens + spent.cached_tokens,
            before.output_tokens + spent.output_tokens,
            before.machine_seconds + spent.machine_seconds,
        )
    return found


_NO_TOKENS: Mapping[str, Any] = {
    "input_mean": None,
    "cached_mean": None,
    "output_mean": None,
    "reason": "no language model is asked",
}


def _gap(steps: RunSteps, arm: Arm, test_score: float | None) -> tuple[float | None, str | None]:
    if (why := arm.why_no_gap) is not None:
        return None, why
    examples = steps.gap_examples(arm)
    if not examples:
        return None, "there is no test example to compare with"
    return steps.gap(arm, test_score, examples), None


def _conclude(
    steps: RunSteps, arms: Sequence[MeasuredArm], audit: Audit, endings: FailedArms
) -> RunResult:
    """Weigh, promote the winner, and write the result last: it says that the run is done."""
    started = time.perf_counter()
    plan, folder = steps.plan, steps.folder
    circumstances = _circumstances(steps, arms, audit, endings.ended)
    weighed = weigh(arms, plan)
    unsteady = _unsteady(arms, weighed.verdict.arm)
    doubts = judge_warnings(circumstances.judge, plan.metrics[0])
    weighed = _warned(weighed, (*endings.warnings(), *unsteady, *doubts))
    promoted = _promote(steps, arms, weighed.verdict.arm)
    result = build_result(plan, arms, weighed, promoted, circumstances)
    write_report(folder, result)
    files.remove_folder(folder / "work")
    files.write_result(folder / "result.json", result)
    steps.store.finish_step("result", {}, time.perf_counter() - started)
    if reused := steps.store.reused():
        told = f"{counted(reused, 'answer')} came from the cache across runs and cost nothing now"
        steps.display.say(f"{told}; --no-cache asks afresh")
    return RunResult(result, folder, folder / "winner" if promoted["promoted"] else None)


def _warned(weighed: Weighed, warnings: Sequence[str]) -> Weighed:
    verdict = weighed.verdict
    more = replace(verdict, warnings=(*warnings, *verdict.warnings))
    return replace(weighed, verdict=more)


def _unsteady(arms: Sequence[MeasuredArm], recommended: str | None) -> list[str]:
    """Warn where the arm that is recommended is not steady."""
    found = [each.blocks.get("consistency") for each in arms if each.arm.name == recommended]
    return [warning for block in found for warning in consistency_warnings(str(recommended), block)]


def _circumstances(
    steps: RunSteps, arms: Sequence[MeasuredArm], audit: Audit, ended: Sequence[EndedArm]
) -> Circumstances:
    known: dict[str, dict[str, Any]] = {}
    for job in steps.plan.jobs:
        if job.model is not None:
            facts = (steps.store.step(f"fit:{job.key}") or {}).get("model", {})
            known.setdefault(job.model.tag, {}).update(facts)
    for model in steps.plan.models:
        facts = known.setdefault(model.tag, {})
        said = [facts["endpoint"]] if "endpoint" in facts else []
        if notes := _said_of(steps.store, model, said):
            facts["endpoint"] = "; ".join(notes)
    judged = _judged(steps, arms)
    return Circumstances(str(steps.store.meta("created")), known, audit, tuple(ended), judged)


def _said_of(store: Store, model: PlannedModel, before: Sequence[str]) -> list[str]:
    """Return what its answers showed of a model in all phases, after what was said ``before``."""
    kept = store.meta(f"notes:{asked_as(model.spec)}") or ()
    return list(dict.fromkeys([*(note for said in before for note in said.split("; ")), *kept]))


def _judged(steps: RunSteps, arms: Sequence[MeasuredArm]) -> dict[str, Any] | None:
    """Return what is told of the judge, where replies were judged."""
    judge = judge_of(steps.plan.metrics)
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
    asked = steps.plan.judge
    said = [] if asked is None else _said_of(steps.store, asked, ())
    return {**report, "notes": [*report["notes"], *said]}


def _promote(steps: RunSteps, arms: Sequence[MeasuredArm], name: str | None) -> dict[str, Any]:
    if name is None:
        files.remove_folder(steps.folder / "winner")
        return {"arm": None, "promoted": False, "reason": "the verdict recommends no arm"}
    records = next(measured.records for measured in arms if measured.arm.name == name)
    try:
        return promote(steps, name, records)
    except EndpointError as error:
        if len(steps.plan.models) == 1:
            raise
        files.remove_folder(steps.folder / "winner")
        reason = f"{name} was not put in winner/: it could not be asked again: {error}"
        return {"arm": name, "promoted": False, "reason": reason}


def write_report(folder: Path | str, result: Mapping[str, Any]) -> Path:
    """Draw ``report.html`` from a result, whole or not at all; return its path."""
    from steelyard.report import render

    path = Path(folder) / "report.html"
    write_whole(path, render(result))
    return path
