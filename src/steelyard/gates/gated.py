"""A run with its gates: plan, run, check, and the summaries that CI shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from steelyard.errors import SteelyardError
from steelyard.gates.baseline import read_baseline
from steelyard.gates.files import SummaryFiles
from steelyard.gates.rules import GateRules, Gating, check_gates
from steelyard.gates.summary import RunSummary
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import default_folder, make_plan
from steelyard.progress import Display
from steelyard.weigh import RunResult, run_plan


@dataclass(frozen=True)
class GatedRun:
    """A finished run and what its gates came to."""

    run: RunResult
    gating: Gating


def run_gated(
    task: Path,
    out: Path | None,
    options: RunOptions,
    rules: GateRules,
    files: SummaryFiles,
    display: Display,
) -> GatedRun:
    """Run a task and check its gates; the run's outputs are complete before a gate is.

    The summaries are written first as those of a run that did not finish, so that CI never shows an older
    one, and a place that cannot be written is known before anything is spent. Raises what
    `steelyard.run` does, and what `read_baseline` does; the summaries then hold the reason.
    """
    summary = RunSummary(str(task), error="the run did not finish")
    files.write(summary)
    try:
        plan = make_plan(task, options)
        summary = replace(summary, task=plan.task.name)
        baseline = None
        if rules.fail_if_worse_than is not None:
            baseline = read_baseline(rules.fail_if_worse_than, plan, out or default_folder(plan))
        run = run_plan(plan, out, display)
        gating = check_gates(rules, run, baseline)
    except SteelyardError as error:
        files.write(replace(summary, error=str(error)))
        raise
    files.write(RunSummary(summary.task, run.record, gating))
    return GatedRun(run, gating)
