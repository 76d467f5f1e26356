"""``steelyard.run``: weigh the ways of adapting a model to one task, once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.cost import Usage
from steelyard.data import Audit, CheckOptions, check
from steelyard.data.dataset import open_dataset
from steelyard.files import write_whole
from steelyard.model import load_model
from steelyard.run import files
from steelyard.run.budget import Budget
from steelyard.run.measure import latency, quality, tokens
from steelyard.run.plan import Plan, RunOptions, check_identity, describe, make_plan, names_of
from steelyard.run.progress import Display, logged
from steelyard.run.recorder import Recorder
from steelyard.run.result import Circumstances, build_result
from steelyard.run.steps import Steps, model_builder, training_seconds
from steelyard.run.store import Store, locked
from steelyard.run.weigh import Measured, weigh
from steelyard.strategy import Arm
from steelyard.task import Task

_NO_GAP = {
    "majority": "it learns nothing from an input",
    "nearest_neighbour": "on train it would find the very example asked about",
    "retrieved_few_shot": "on train it would retrieve the very example asked about",
    "zero_shot": "nothing was fitted on train",
}


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
    model: str | None = None,
    seed: int = 0,
    skip_bad_rows: bool = False,
    no_cache: bool = False,
    max_cost: Decimal | None = None,
    display: Display | None = None,
) -> RunResult:
    """Weigh a task's strategies and leave the run in ``out`` (default: ``runs/NAME`` here).

    A run that was interrupted goes on where it stopped when it is called again with the same task
    and options. ``no_cache`` throws away what ``out`` holds of an earlier run. Raises a
    `SteelyardError` with one line for every mistake or limit; what was measured by then is kept.
    """
    chosen = None if strategies is None else tuple(strategies)
    options = RunOptions(chosen, model, seed, skip_bad_rows, no_cache, max_cost)
    return run_plan(make_plan(task, options), out, display or Display())


def run_plan(plan: Plan, out: Path | str | None, display: Display) -> RunResult:
    """Carry out a plan in its folder; see :func:`run`."""
    folder = Path(out) if out is not None else Path("runs") / plan.task.name.replace("/", "-")
    files.make_folder(folder)
    with _opened(plan, folder) as store, logged(folder), files.storage_guard(folder):
        display.say(describe(plan, folder))
        steps = _steps(plan, folder, store, display)
        audit = _audit(plan, display)
        arms = [
            measured
            for spec, key in zip(plan.specs, names_of(plan.specs), strict=True)
            for measured in _measure(steps, steps.fit(spec, key), key)
        ]
        return _conclude(steps, arms, audit)


@contextmanager
def _opened(plan: Plan, folder: Path) -> Iterator[Store]:
    """Lock the folder and open its database; a folder of another run is refused."""
    files.check_ours(folder)
    with locked(folder), files.storage_guard(folder):
        if plan.options.no_cache:
            files.clear_run(folder)
        store = Store.in_folder(folder)
        try:
            check_identity(store.meta("identity"), plan, folder)
            store.set_meta("identity", plan.identity)
            store.set_meta("attempts", (store.meta("attempts") or 0) + 1)
            if store.meta("created") is None:
                store.set_meta("created", datetime.now(UTC).isoformat(timespec="seconds"))
            yield store
        finally:
            store.close()


def _steps(plan: Plan, folder: Path, store: Store, display: Display) -> Steps:
    cap = plan.options.max_cost
    recorder = Recorder(store, None if cap is None else Budget(cap, plan.model_price))
    build_model = model_builder(recorder, load_model)
    for metric in plan.metrics:
        metric.connect(build_model)
    return Steps(
        plan=plan,
        folder=folder,
        store=store,
        recorder=recorder,
        display=display,
        metrics=plan.metrics,
        build_model=build_model,
        attempt=int(store.meta("attempts")),
    )


def _measure(steps: Steps, arms: Sequence[Arm], key: str) -> Iterator[Measured]:
    for arm in arms:
        records = steps.test(arm)
        primary, *others = [
            quality(metric, records, steps.plan.split.test, steps.plan.seed)
            for metric in steps.metrics
        ]
        spent = steps.store.usage(f"fit:{key}")
        fitted = steps.store.step(f"fit:{key}") or {}
        wall = float(fitted.get("seconds", 0.0))
        gap, why = _gap(steps, arm, primary["value"])
        yield Measured(
            arm=arm,
            records=records,
            quality=primary,
            more_qualities=others,
            tokens=tokens(records) if arm.model_name else _NO_TOKENS,
            latency=latency(steps.latency(arm)),
            search=Usage(
                spent.input_tokens, spent.cached_tokens, spent.output_tokens, spent.machine_seconds
            ),
            fit_seconds=wall,
            trained_seconds=training_seconds(arm.options) if arm.model_name else wall,
            gap=gap,
            gap_reason=why,
        )


_NO_TOKENS: Mapping[str, Any] = {
    "input_mean": None,
    "cached_mean": None,
    "output_mean": None,
    "reason": "no language model is asked",
}


def _gap(steps: Steps, arm: Arm, test_score: float | None) -> tuple[float | None, str | None]:
    if arm.strategy in _NO_GAP:
        return None, _NO_GAP[arm.strategy]
    examples = steps.gap_examples(arm)
    if not examples:
        return None, "there is no test example to compare with"
    return steps.gap(arm, test_score, examples), None


def _audit(plan: Plan, display: Display) -> Audit:
    """Look over the examples before anything is spent, in the parts in which they are used.

    Meanings are not compared here: the sentence encoder would take longer than it tells.
    """
    data = open_dataset(plan.task).with_parts(plan.split)
    with display.job("audit") as job:
        audit = check(
            data,
            CheckOptions(encoder=False, seed=plan.seed),
            on_check=lambda _, done, total: job(done, total),
        )
    for finding in audit.findings:
        if finding.severity == "error":
            display.say(f"audit: {finding.check}: {finding.message}")
    return audit


def _conclude(steps: Steps, arms: Sequence[Measured], audit: Audit) -> RunResult:
    """Weigh, promote the winner, and write the result last: it says that the run is done."""
    started = time.perf_counter()
    plan, folder = steps.plan, steps.folder
    weighed = weigh(arms, plan)
    promoted = _promote(steps, arms, weighed.verdict.arm)
    result = build_result(plan, arms, weighed, promoted, _circumstances(steps, audit))
    write_report(folder, result)
    files.remove_folder(folder / "work")
    files.write_result(folder / "result.json", result)
    steps.store.finish_step("result", {}, time.perf_counter() - started)
    return RunResult(result, folder, folder / "winner" if promoted["promoted"] else None)


def _circumstances(steps: Steps, audit: Audit) -> Circumstances:
    known: dict[str, Any] = {}
    for key in names_of(steps.plan.specs):
        known |= (steps.store.step(f"fit:{key}") or {}).get("model", {})
    return Circumstances(str(steps.store.meta("created")), known, audit)


def _promote(steps: Steps, arms: Sequence[Measured], name: str | None) -> dict[str, Any]:
    if name is None:
        files.remove_folder(steps.folder / "winner")
        return {"arm": None, "promoted": False, "reason": "the verdict recommends no arm"}
    records = next(measured.records for measured in arms if measured.arm.name == name)
    return steps.promote(name, records)


def write_report(folder: Path | str, result: Mapping[str, Any]) -> Path:
    """Draw ``report.html`` from a result, whole or not at all; return its path."""
    from steelyard.report import render

    path = Path(folder) / "report.html"
    write_whole(path, render(result))
    return path
