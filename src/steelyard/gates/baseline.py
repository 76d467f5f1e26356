"""The run that another must not be worse than, checked before anything is spent."""

from __future__ import annotations

from pathlib import Path

from steelyard.changes import FinishedRun, read_run
from steelyard.changes.finished import Measured
from steelyard.changes.matching import check_comparable
from steelyard.errors import ConfigError, DataError
from steelyard.planning.identity import identity_of
from steelyard.planning.plan import Plan
from steelyard.weigh.items import item_facts

LEAST_COMMON = 0.9
"""With fewer test examples in common, a gate would judge by a part of the test."""


def read_baseline(folder: Path, plan: Plan, out: Path) -> FinishedRun:
    """Read the baseline of a run that is planned for ``out``.

    Raises `StorageError` where there is none, `ConfigError` where it is the run's own folder, and
    `DataError` where the two cannot be compared: such a gate must not pass.
    """
    baseline = read_run(folder)
    if baseline.folder.resolve() == out.resolve():
        raise ConfigError(
            f"--fail-if-worse-than {folder} is the folder of this run: give it another --out"
        )
    if baseline.deployed is None:
        raise DataError(
            f"no arm is recommended or leads in {folder}, so nothing can be worse: "
            "choose another run for --fail-if-worse-than"
        )
    now = Measured(
        "this run", plan.brief.kind, identity_of(plan)["metric"][0], item_facts(plan.split.test)
    )
    common, most = (
        len(check_comparable(baseline.measured, now)),
        max(len(baseline.items), len(now.items)),
    )
    if common < LEAST_COMMON * most:
        raise DataError(
            f"only {common:,} of {most:,} test examples are the same in {folder} and this run: run the "
            "task of that run again on today's rows with the same --seed, and compare with that"
        )
    return baseline
