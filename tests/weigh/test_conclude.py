"""What a run hands to its verdict."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path
from typing import Any

from steelyard.cli import main
from steelyard.planning.detectable import detectable_text
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.words import points
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
    least, text = points(found.difference), detectable_text(found, plan.metrics[0].name)
    assert text.startswith(least)
    assert found.comparisons >= len(STRATEGIES) - 1
    correction = f"after correction for {found.comparisons} comparisons"
    assert text.endswith(f"of them, {correction})")
    result = run(task, tmp_path / "out")
    assert (
        f"small test: {found.n} items; differences below about {least} will hardly show, {correction}"
        in result["verdict"]["warnings"]
    )
    arms = len(result["arms"])
    assert found.comparisons == comb(arms, 2), "the plan knows how many arms there are"
    audit = result["audit"]
    assert audit["detectable"]["difference"] == found.difference
    size = next(each["message"] for each in audit["findings"] if "two arms" in each["message"])
    mistake = next(each["message"] for each in audit["mistakes"] if "two arms" in each["message"])
    for said in (size, mistake):
        assert f"{least} or more between two arms" in said and correction in said
