"""What a run hands to its verdict."""

from __future__ import annotations

import json
from math import comb
from pathlib import Path
from typing import Any

import pytest

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


def test_every_arm_says_what_can_be_left_to_it_and_what_people_cost(tmp_path: Path) -> None:
    task = write_task(
        tmp_path / "task",
        rows=240,
        strategies=STRATEGIES,
        extra="constraints: {min_accuracy_at_coverage: 0.6}\nprices: {label: 0.5}\n",
    )
    result = run(task, tmp_path / "out")
    traffic = result["task"]["traffic"]
    requests = traffic["requests_per_day"] * traffic["horizon_days"]
    for arm in result["arms"]:
        handover, cost = arm["handover"], arm["handover"]["cost"]
        assert handover["target"] == 0.6
        assert handover["share"] == pytest.approx(1 - handover["coverage"])
        assert ("reason" in handover) == (handover["coverage"] == 0)
        assert cost["people_total"] == pytest.approx(0.5 * requests)
        expected = arm["cost"]["per_request"] + 0.5 * handover["share"]
        assert cost["per_request"] == pytest.approx(expected, rel=1e-4)
        total = arm["cost"]["upfront"] + expected * requests
        assert cost["total"] == pytest.approx(total, rel=1e-4)
    coverage = {arm["name"]: arm["handover"]["coverage"] for arm in result["arms"]}
    assert 0 in coverage.values() and max(coverage.values()) > 0, coverage


def test_an_arm_of_which_nothing_is_shown_right_is_ruled_out(tmp_path: Path) -> None:
    task = write_task(
        tmp_path / "task",
        rows=240,
        strategies=STRATEGIES,
        extra="constraints: {min_accuracy_at_coverage: 0.6}\n",
    )
    result = run(task, tmp_path / "out")
    nothing = {arm["name"] for arm in result["arms"] if arm["handover"]["coverage"] == 0}
    assert {arm["name"] for arm in result["arms"] if arm["breaks"]} == nothing
    assert {arm["arm"] for arm in result["verdict"]["details"]["dropped"]} == nothing
    assert not any("was not checked" in warning for warning in result["verdict"]["warnings"])
