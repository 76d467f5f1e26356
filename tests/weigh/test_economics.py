"""Money over time: the verdict's own costs, machines by the hour, growth, and what scenarios show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.errors import ConfigError
from tests.tickets import write_task
from tests.weigh.test_conclude import STRATEGIES, run

ALWAYS_ON = "prices: {machine: {per_hour: 0.10}}\n"
SHARED = "prices: {machine: {shared: true}}\n"


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


def test_of_many_arms_the_choice_and_the_cheapest_are_shown_and_the_rest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = weighed(tmp_path / "every", "traffic: {error_cost: 0.01}\n")
    monkeypatch.setattr("steelyard.weigh.economics._MOST_ARMS", 2)
    few = weighed(tmp_path / "few", "traffic: {error_cost: 0.01}\n")
    names = [arm["arm"] for arm in few["economics"]["arms"]]
    everyone = [arm["arm"] for arm in every["economics"]["arms"]]
    assert len(everyone) > len(names) == 2
    assert few["verdict"]["arm"] in names
    assert few["economics"]["map"]["cheapest"] == every["economics"]["map"]["cheapest"]
    (told,) = [text for text in few["economics"]["assumptions"] if "not shown here" in text]
    assert all(name in told for name in everyone if name not in names)


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


def test_labels_hours_and_the_test_itself_are_paid_before_the_first_request(tmp_path: Path) -> None:
    prices = "prices: {label: 0.30, hour: 90, machine: {per_hour: 0.10}}\n"
    result = weighed(tmp_path, prices + "hours: {prompt: 2, few_shot: 3}\n")
    kinds = {arm["arm"]: arm["upfront"] for arm in result["economics"]["arms"]}
    split = result["split"]
    chosen_on = split["test"] + split["dev"]
    owned = result["verdict"]["details"]["cost_to_own"]
    assert kinds, "arms are weighed"
    for name, costs in kinds.items():
        learns = not name.startswith("zero_shot")
        labels = chosen_on + (split["train"] if learns else 0)
        assert costs["labels"] == pytest.approx(0.30 * labels)
        assert costs["evaluation"] >= 0
        assert costs.get("hours") == {"z": 180, "f": 270}.get(name[0])
    shots = arm_of(result, "few_shot")
    assert shots["cost"]["upfront"] > 270 + 0.30 * chosen_on
    assert shots["fit"]["cost"] < 1, "labels and hours are no part of the fit"
    assert owned["few_shot"] > shots["cost"]["upfront"]


def test_a_deployment_and_the_end_of_a_model_are_in_the_sums(tmp_path: Path) -> None:
    ends = datetime.now(UTC).date() + timedelta(days=100)
    costs = f"input: 1, output: 2, hosting_hour: 1.70, storage_month: 5, ends: {ends}, rebuild: 400"
    task = write_task(
        tmp_path / "task",
        rows=120,
        strategies=STRATEGIES,
        extra=f"traffic: {{requests_per_day: 500}}\nprices: {{smart: {{{costs}}}}}\n",
    )
    result = run(task, tmp_path / "out")
    shots = arm_of(result, "few_shot")
    hosting = 1.70 * 24 * 365 + 5 * 365 / 30 + 400
    owned = result["verdict"]["details"]["cost_to_own"]
    assert owned["few_shot"] > hosting
    assert owned["tfidf_linear"] < 1
    assert shots["cost"]["monthly"] > 1.70 * 24 * 30 + 5


def test_a_model_that_its_vendor_has_ended_is_refused(tmp_path: Path) -> None:
    task = write_task(
        tmp_path / "task",
        rows=120,
        strategies=STRATEGIES,
        extra="prices: {smart: {ends: 2026-01-31}}\n",
    )
    with pytest.raises(ConfigError, match="its vendor ended it on 2026-01-31"):
        steelyard.run(task, tmp_path / "out")


def test_growth_is_in_the_requests_and_in_the_money(tmp_path: Path) -> None:
    volume = "requests_per_day: 500, horizon_days: 90"
    flat = weighed(tmp_path / "a", f"traffic: {{{volume}, error_cost: 0.5}}\n{SHARED}")
    growing = f"traffic: {{{volume}, error_cost: 0.5, growth_per_month: 1}}\n"
    grown = weighed(tmp_path / "b", growing + SHARED)
    times = (1 + 2 + 4) / 3
    costs = [r["verdict"]["details"]["expected_cost"]["few_shot"] for r in (flat, grown)]
    assert costs[1] == pytest.approx(costs[0] * times, rel=0.01)
    assert grown["task"]["traffic"]["growth_per_month"] == 1
    assert "growing by 100 % a month" in grown["verdict"]["reasons"][0]
