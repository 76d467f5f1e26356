"""Money over time: the verdict's own costs, machines by the hour, growth, and what scenarios show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tickets import write_task
from tests.weigh.test_conclude import STRATEGIES, run

ALWAYS_ON = "prices: {machine: {per_hour: 0.10, shared: false}}\n"


def weighed(tmp_path: Path, extra: str) -> dict[str, Any]:
    task = write_task(tmp_path / "task", rows=120, strategies=STRATEGIES, extra=extra)
    return run(task, tmp_path / "out")


def arm_of(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(arm for arm in result["arms"] if arm["name"] == name)


def test_the_sums_are_the_verdicts(tmp_path: Path) -> None:
    result = weighed(tmp_path, "traffic: {requests_per_day: 500, horizon_days: 90}\n")
    economics, owned = result["economics"], result["verdict"]["details"]["cost_to_own"]
    assert economics["arms"]
    for arm in economics["arms"]:
        assert arm["total"] == pytest.approx(owned[arm["arm"]], rel=1e-4)
        band = arm["band"]
        assert len(band["median"]) == 3
        assert band["low"][-1] <= arm["total"] * 1.001 <= band["high"][-1] * 1.01
    assert sum(arm["cheapest"] for arm in economics["arms"]) == pytest.approx(1, abs=0.001)
    assert result["verdict"]["arm"] in {arm["arm"] for arm in economics["arms"]}
    assert len(economics["map"]["cheapest"]) == len(economics["map"]["volumes"])


def test_with_priced_errors_all_arms_of_the_choice_and_the_floor_are_weighed(
    tmp_path: Path,
) -> None:
    result = weighed(tmp_path, "traffic: {error_cost: 0.02}\n")
    names = {arm["arm"] for arm in result["economics"]["arms"]}
    assert result["economics"]["with_errors"]
    assert names >= {"majority", *result["verdict"]["details"]["chances"]}
    floor = next(arm for arm in result["economics"]["arms"] if arm["arm"] == "majority")
    assert floor["cheapest"] == 0 and floor["band"]["median"][-1] > floor["total"]


def test_a_machine_that_is_always_on_is_paid_by_the_hour(tmp_path: Path) -> None:
    volume = "traffic: {requests_per_day: 500, horizon_days: 90, error_cost: 0.02}\n"
    result = weighed(tmp_path, volume + ALWAYS_ON)
    month = 0.10 * 24 * 30
    prompt, classical = arm_of(result, "few_shot"), arm_of(result, "tfidf_linear")
    assert prompt["cost"]["monthly"] == pytest.approx(month)
    assert prompt["cost"]["per_request"] == pytest.approx(month / 30 / 500, rel=1e-4)
    assert classical["cost"]["monthly"] < 1, "it needs no machine of its own"
    owned = result["verdict"]["details"]["cost_to_own"]["few_shot"]
    assert owned == pytest.approx(3 * month + prompt["cost"]["upfront"], rel=1e-4)
    machine = next(a["machine"] for a in result["economics"]["arms"] if a["machine"] is not None)
    assert machine["on_month"] == pytest.approx(month * machine["replicas"])
    assert 0 < machine["busy_month"] < machine["on_month"]


def test_growth_is_in_the_requests_and_in_the_money(tmp_path: Path) -> None:
    volume = "requests_per_day: 500, horizon_days: 90"
    flat = weighed(tmp_path / "a", f"traffic: {{{volume}, error_cost: 0.5}}\n")
    grown = weighed(
        tmp_path / "b", f"traffic: {{{volume}, error_cost: 0.5, growth_per_month: 1}}\n"
    )
    times = (1 + 2 + 4) / 3
    costs = [r["verdict"]["details"]["expected_cost"]["few_shot"] for r in (flat, grown)]
    assert costs[1] == pytest.approx(costs[0] * times, rel=0.01)
    assert grown["task"]["traffic"]["growth_per_month"] == 1
    assert "growing by 100 % a month" in grown["verdict"]["reasons"][0]
