"""A narrower run in a folder keeps what was measured there before, and asks nothing of it."""

from __future__ import annotations

import shutil
from math import comb
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli import main
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import describe, make_plan
from steelyard.progress import Display
from steelyard.report import render, table
from steelyard.result import AuditResult
from steelyard.weigh import run
from steelyard.weigh.opening import open_run
from tests.tickets import arms_of, write_task

FULL, NARROW = ("zero_shot", "few_shot"), ("zero_shot",)


def names(result: Any) -> list[str]:
    return list(arms_of(result))


def kept(result: Any) -> list[str]:
    return [name for name, arm in arms_of(result).items() if arm["measured_before"]]


def calls(log: Path) -> int:
    return len(log.read_text(encoding="utf-8").splitlines())


def test_the_verdict_is_over_all_arms_and_the_report_says_which_are_older(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60)
    full = run(task, tmp_path / "out", strategies=FULL)
    narrow = run(task, tmp_path / "out", strategies=NARROW)
    assert names(narrow.result) == names(full.result)
    assert kept(narrow.result) == ["few_shot", "few_shot_free"]
    assert narrow.verdict == full.verdict
    assert full.result["split"]["test_opened"] == narrow.result["split"]["test_opened"] == 1
    wide = run(task, tmp_path / "out", strategies=(*FULL, "retrieved_few_shot"))
    assert wide.result["split"]["test_opened"] == 2, "new answers to the same test were looked at"
    assert narrow.winner is not None and (narrow.winner / "arm.json").is_file()
    assert "few_shot" not in {left["strategy"] for left in narrow.result["left_out"]}
    assert render(narrow.record).count("measured by an earlier run in this folder") == 2
    assert "measured before: few_shot, few_shot_free" in str(table(narrow.record).caption)
    assert "measured before" not in str(table(full.record).caption)


def test_what_starts_says_what_it_weighs_and_counts_all_comparisons(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60)
    run(task, tmp_path / "out", strategies=FULL)
    plan = make_plan(task, RunOptions(strategies=NARROW))
    with open_run(plan, tmp_path / "out", Display()) as steps:
        text = describe(steps.plan, AuditResult(), tmp_path / "out")
        assert "measured before in this folder, and weighed too: few_shot" in text
        assert "left out: few_shot" not in text
        assert steps.plan.detectable is not None and plan.detectable is not None
        few, all_ = plan.detectable.comparisons, steps.plan.detectable.comparisons
        assert [arms for arms in range(20) if comb(arms + 2, 2) == all_ and comb(arms, 2) == few]


def test_a_plan_says_what_its_run_would_weigh_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", rows=60, extra="consistency: false\n")
    run(task, tmp_path / "out", strategies=FULL)
    narrow = ["plan", str(task), "--strategies", *NARROW, "--out", str(tmp_path / "out")]
    capsys.readouterr()
    said = {}
    for name, more in {"kept": [], "anew": ["--no-cache"], "other": ["--seed", "5"]}.items():
        code = main([*narrow, *more])
        said[name] = (code, " ".join("".join(capsys.readouterr()).split()))
    assert said["kept"][0] == 0
    assert "measured before in this folder, and weighed too: few_shot" in said["kept"][1]
    assert "left out: few_shot" not in said["kept"][1]
    assert "measured before" not in said["anew"][1] and "left out: few_shot" in said["anew"][1]
    assert said["other"][0] == 2 and "seed 0, now 5" in said["other"][1]


def test_a_model_that_leaves_the_list_leaves_its_arms(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    echo = f"fake:echo?log={log}"
    prices = "prices: {machine: {per_hour: 0.36}}\n"
    task = write_task(
        tmp_path / "task", rows=60, model=["fake:smart", "fake:flaky", echo], extra=prices
    )
    full = run(task, tmp_path / "out").result
    asked = calls(log)
    names_of_two = [model["tag"] for model in full["task"]["models"][:2]]
    write_task(tmp_path / "task", rows=60, model=["fake:smart", "fake:flaky"], extra=prices)
    narrow = run(task, tmp_path / "out").result
    assert calls(log) == asked
    assert set(names(narrow)) == set(names(full))
    before, after = arms_of(full), arms_of(narrow)
    for name in kept(narrow):
        assert after[name]["model_tag"] == before[name]["model_tag"] not in names_of_two
        assert after[name]["cost"] == before[name]["cost"]
        assert after[name]["quality"] == before[name]["quality"]


def test_what_was_measured_with_other_settings_or_is_gone_is_not_kept(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    model = f"fake:smart?log={log}"
    task = write_task(tmp_path / "task", rows=60, model=model)
    run(task, tmp_path / "out", strategies=FULL)
    write_task(tmp_path / "task", rows=60, model=model, extra="consistency: false\n")
    asked = calls(log)
    other = run(task, tmp_path / "out", strategies=NARROW).result
    assert kept(other) == [] and "few_shot" not in names(other)
    assert "few_shot" in {left["strategy"] for left in other["left_out"]}
    write_task(tmp_path / "task", rows=60, model=model)
    shutil.rmtree(tmp_path / "out" / "arms" / "few_shot_free")
    assert kept(run(task, tmp_path / "out", strategies=NARROW).result) == []
    assert calls(log) == asked


def test_a_strategy_that_was_not_measured_to_its_end_is_not_kept(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60)
    with open_run(
        make_plan(task, RunOptions(strategies=FULL)), tmp_path / "out", Display()
    ) as run_:
        few_shot = next(job for job in run_.plan.jobs if job.key == "few_shot")
        for arm in run_.fit(few_shot):
            run_.test(arm)
    assert kept(run(task, tmp_path / "out", strategies=NARROW).result) == []
