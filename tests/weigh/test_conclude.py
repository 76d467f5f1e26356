"""What a run hands to its verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from steelyard.cli import main
from steelyard.planning.plan import RunOptions, detectable_text, make_plan
from tests.tickets import write_task

STRATEGIES = ("majority", "tfidf_linear", "nearest_neighbour", "zero_shot", "few_shot")


def run(task: Path, out: Path) -> dict[str, Any]:
    assert main(["run", str(task), "--out", str(out)]) == 0
    found: dict[str, Any] = json.loads((out / "result.json").read_text())
    return found


def test_plan_and_verdict_say_alike_what_can_be_told_apart(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=240, strategies=STRATEGIES)
    plan = make_plan(task, RunOptions())
    found = plan.detectable
    assert found is not None and found.difference is not None and found.n < 100
    least = f"{100 * found.difference:.0f} points"
    assert detectable_text(plan).startswith(least)
    assert found.comparisons >= len(STRATEGIES) - 1
    correction = f"after correction for {found.comparisons} comparisons"
    assert detectable_text(plan).endswith(f"of them, {correction})")
    warnings = run(task, tmp_path / "out")["verdict"]["warnings"]
    assert (
        f"small test: {found.n} items; differences below about {least} cannot be detected"
        in warnings
    )
