"""Arms that dev shows cannot win are not asked the test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steelyard.store.database import Store
from steelyard.weigh import RunResult, run
from tests.tickets import write_task

MODELS: Any = ["fake:smart", "fake:echo"]
"""The second one never gives a label, and its answers are longer."""


def _task(folder: Path, rows: int = 240, extra: str = "") -> Path:
    return write_task(
        folder / "task", rows=rows, model=MODELS, strategies=["few_shot"], extra=extra
    )


@pytest.fixture(scope="module")
def raced(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("raced")
    return run(_task(folder), folder / "out")


def _names(outcome: RunResult) -> set[str]:
    return {arm.name for arm in outcome.record.arms}


def test_a_stopped_arm_is_listed_with_what_it_had_shown(raced: RunResult) -> None:
    assert "few_shot@smart" in _names(raced)
    assert "few_shot@echo" not in _names(raced)
    stopped, free = raced.record.stopped
    assert (stopped.arm, free.arm) == ("few_shot@echo", "few_shot_free@echo")
    assert (free.quality, free.model) == (0.0, "echo")
    assert stopped.rival in _names(raced)
    assert stopped.rival_quality is not None and stopped.rival_quality > 0.5
    assert stopped.n == raced.record.split.dev
    assert stopped.chance is not None and stopped.chance >= 0.95


def test_the_report_lists_it(raced: RunResult) -> None:
    text = raced.report.read_text(encoding="utf-8")
    assert "Stopped before the test: 2" in text
    assert "few_shot@echo" in text


def test_it_was_never_asked_the_test(raced: RunResult) -> None:
    store = Store.in_folder(raced.folder)
    assert store.records("few_shot@echo") == []
    assert store.records("few_shot@smart") != []


def test_without_the_race_it_goes_on_and_the_choice_is_the_same(
    raced: RunResult, tmp_path: Path
) -> None:
    whole = run(_task(tmp_path), tmp_path / "out", race=False)
    assert "few_shot@echo" in _names(whole)
    assert whole.record.stopped == ()
    assert whole.record.verdict.arm == raced.record.verdict.arm


def test_an_arm_that_was_tested_before_stays(tmp_path: Path) -> None:
    task = _task(tmp_path)
    run(task, tmp_path / "out", race=False)
    assert "few_shot@echo" in _names(run(task, tmp_path / "out"))


def test_a_narrower_run_keeps_what_was_measured_and_what_was_stopped(tmp_path: Path) -> None:
    task = _task(tmp_path)
    first = run(task, tmp_path / "out")
    second = run(task, tmp_path / "out", strategies=["zero_shot"])
    assert "few_shot@smart" in _names(second)
    assert {one.arm for one in first.record.stopped} <= {one.arm for one in second.record.stopped}
    assert "few_shot@echo" not in _names(second)


@pytest.mark.parametrize(
    ("rows", "extra"),
    [
        (90, ""),
        (240, "constraints: {max_latency_p95_ms: 5000}\n"),
        (240, "constraints: {min_accuracy_at_coverage: 0.5}\n"),
        (240, "metric: macro_f1\n"),
    ],
    ids=[
        "few dev examples",
        "a limit on latency",
        "a limit on what can be left",
        "no mean of scores",
    ],
)
def test_where_dev_cannot_tell_nobody_stops(tmp_path: Path, rows: int, extra: str) -> None:
    assert run(_task(tmp_path, rows, extra), tmp_path / "out").record.stopped == ()
