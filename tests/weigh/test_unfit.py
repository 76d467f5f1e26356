"""A strategy that cannot be fitted ends alone: the run goes on without it, also with one model."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.errors import FitError, ModelError
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.progress import Display
from steelyard.strategy.base import Arm, FitContext
from steelyard.strategy.few_shot import FewShot
from steelyard.weigh import run
from steelyard.weigh.failed_arms import FailedArms
from tests.tickets import arms_of, write_task

REASON = "strategy few_shot: nothing to show"


def unfit(strategy: FewShot, context: FitContext) -> list[Arm]:
    raise FitError(REASON)


def test_the_others_are_weighed_and_a_later_run_tries_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, out = write_task(tmp_path / "task"), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(FewShot, "fit", unfit)
        result = run(task, out).result
    assert "zero_shot" in arms_of(result) and "few_shot" not in arms_of(result)
    [ended] = result["ended"]
    assert (ended["strategy"], ended["arm"], ended["phase"]) == ("few_shot", None, "fit")
    [warning] = [one for one in result["verdict"]["warnings"] if REASON in one]
    assert warning == f"Could not measure few_shot on smart: {REASON}"
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "few_shot ended early" in report and REASON in report
    again = run(task, out).result
    assert again["ended"] == [] and "few_shot" in arms_of(again)


def test_where_nothing_else_asks_the_model_the_reason_is_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FewShot, "fit", unfit)
    with pytest.raises(ModelError, match=f"^{REASON}$"):
        run(write_task(tmp_path / "task", strategies=["few_shot"]), tmp_path / "out")
    both = write_task(tmp_path / "both", strategies=["few_shot"], model=["fake:smart", "fake:echo"])
    with pytest.raises(ModelError, match=f"smart: {REASON}; echo: {REASON}"):
        run(both, tmp_path / "both-out")


def test_it_says_nothing_about_its_model_and_each_has_its_reason(tmp_path: Path) -> None:
    models = ["fake:smart", "fake:echo"]
    plan = make_plan(write_task(tmp_path / "task", model=models), RunOptions())
    endings = FailedArms(plan, Display())
    zero_shot, few_shot, *_ = [job for job in plan.jobs if job.model is not None]
    for job, reason in ((zero_shot, "too few answers"), (few_shot, "out of memory")):
        for _ in range(2):
            with endings.catching(job):
                raise FitError(reason)
    assert not endings.skips(few_shot)
    with endings.catching(few_shot):
        raise ModelError("down")
    assert endings.warnings() == (
        "Could not measure zero_shot@smart on smart: too few answers",
        "Could not measure few_shot@smart on smart: out of memory",
        "Could not measure few_shot@smart on smart: down; run again to resume",
    )
