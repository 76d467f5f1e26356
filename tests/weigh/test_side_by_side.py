"""Arms measured side by side, in threads over one store, give the records of the run in sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from steelyard.core import Record
from steelyard.planning.jobs import Job
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from steelyard.progress import Display
from steelyard.store.database import Usage
from steelyard.store.tables import AskedModel
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.measured import measure_arm
from steelyard.weigh.opening import open_run
from tests.tickets import write_task

STRATEGIES = ["zero_shot", "few_shot", "retrieved_few_shot", "tfidf_linear"]
Records = dict[str, list[Record]]
Usages = dict[str, dict[AskedModel, Usage]]
Map = Callable[[Callable[[Job], list[MeasuredArm]], Iterable[Job]], Iterable[list[MeasuredArm]]]


def untimed(record: Record) -> Record:
    """The record without a clock's figures: a classical arm's seconds are real ones."""
    completion = replace(record.answer.completion, first_token_seconds=0.0, total_seconds=0.0)
    return replace(record, answer=replace(record.answer, completion=completion))


def measure(task: Path, folder: Path, spread: Map) -> tuple[Records, Usages]:
    """Return each arm's records, and what each phase took of models and the whole run paid."""

    def arms_of(job: Job) -> list[MeasuredArm]:
        return [measure_arm(steps, job, arm) for arm in steps.fit(job)]

    with open_run(make_plan(task, RunOptions()), folder, Display()) as steps:
        arms = [arm for arms in spread(arms_of, steps.plan.jobs) for arm in arms]
        fits = [f"fit:{job.key}" for job in steps.plan.jobs]
        tests = [f"test:{arm.arm.name}" for arm in arms]
        usage = {phase: steps.store.usage_by_model(phase) for phase in (*fits, *tests)}
        paid = steps.store.paid_by_model()
        stored = {arm.arm.name: steps.store.records(arm.arm.name) for arm in arms}
    assert stored == {arm.arm.name: list(arm.records) for arm in arms}
    records = {name: [untimed(record) for record in rows] for name, rows in stored.items()}
    return records, {**usage, "paid": paid}


def test_arms_side_by_side_give_the_records_of_the_sequence(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    model = f"fake:smart?sleep=0.001&batch=4&log={log}"
    task = write_task(tmp_path / "task", rows=60, model=model, strategies=STRATEGIES)
    in_turn, taken = measure(task, tmp_path / "in-turn", map)
    calls = len(log.read_text(encoding="utf-8").splitlines())
    with ThreadPoolExecutor(4) as threads:
        side_by_side, taken_too = measure(task, tmp_path / "side-by-side", threads.map)
    assert side_by_side == in_turn
    assert len(in_turn) == 7 + 2
    assert taken_too == taken
    assert len(log.read_text(encoding="utf-8").splitlines()) == 2 * calls, "nothing is asked twice"
