"""``steelyard train``: what is learnt, and a tuning that a run goes on from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.stats import proportion
from steelyard.train.course import read_course
from tests.conftest import HidePackages
from tests.tickets import write_task

pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.model.tiny import save_tiny

TUNED = {"name": "lora", "options": {"learning_rates": [0.01], "max_epochs": 2, "rank": 4}}


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    model = f"hf:{save_tiny(tmp_path / 'tiny')}"
    return write_task(
        tmp_path / "task", rows=60, model=model, strategies=[TUNED], extra="consistency: false\n"
    )


def test_what_is_learnt_is_marked_and_nothing_is_trained(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["train", str(task), "--show", "2", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert "lora on" in shown and "tokens are learnt: each answer and the end of its turn" in shown
    assert shown.count("</s>»") == 2
    assert not out.exists()
    assert main(["train", str(task), "--show", "1", "--json"]) == 0
    [one] = json.loads(capsys.readouterr().out)
    [row] = one["rows"]
    assert row["learnt"].endswith("</s>") and row["learnt_tokens"] == len(row["learnt"]) - 3
    assert one["examples"] > one["too_long"] == 0


def test_what_one_strategy_cannot_show_does_not_hide_the_others(
    tmp_path: Path, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = f"hf:{tmp_path / 'tiny'}"
    both = write_task(tmp_path / "both", rows=60, model=model, strategies=["lora_shots", TUNED])
    assert main(["train", str(both), "--show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "lora_shots: its prompt is known only after" in shown and shown.count("</s>»") == 1
    assert main(["train", str(both), "--show", "1", "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert "known only after" in first["reason"] and len(second["rows"]) == 1
    alone = write_task(tmp_path / "alone", rows=60, model=model, strategies=["lora_shots"])
    assert main(["train", str(alone), "--show", "1"]) != 0
    assert "known only after" in capsys.readouterr().err


def test_examples_that_are_too_long_are_counted(
    tmp_path: Path, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = {**TUNED, "options": {**TUNED["options"], "max_tokens": 110}}
    path = write_task(
        tmp_path / "short", rows=60, model=f"hf:{tmp_path / 'tiny'}", strategies=[short]
    )
    assert main(["train", str(path), "--show", "1"]) == 0
    shown = capsys.readouterr().out
    assert "have more than 110 tokens and are left out" in shown
    assert "too long, left out" in shown


def test_a_run_goes_on_from_the_training(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    short = {**TUNED, "options": {**TUNED["options"], "max_tokens": 114}}
    model = f"hf:{tmp_path / 'tiny'}"
    extra = "consistency: false\n"
    task = write_task(tmp_path / "short", rows=60, model=model, strategies=[short], extra=extra)
    assert main(["train", str(task), "--out", str(out), "--json"]) == 0
    [trained] = json.loads(capsys.readouterr().out)
    assert [entry["number"] for entry in trained["trace"]] == [0, 1]
    assert any("left out of training" in note for note in trained["notes"])
    adapter = out / "arms" / "lora" / "adapter" / "adapter_model.safetensors"
    before = adapter.stat().st_mtime_ns
    course = read_course(out / "work" / "lora")
    assert course is not None
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    arm = next(arm for arm in result["arms"] if arm["name"] == "lora")
    assert arm["options"]["training"]["trace"] == trained["trace"]
    allowed = arm["options"]["search"]["budget"]["allowed"]
    assert allowed == round(course.config.allowed_tokens), "without what was left out"
    told = [one for one in result["verdict"]["warnings"] if one.startswith("training of lora: ")]
    assert told == [f"training of lora: {note}" for note in trained["notes"]]
    assert "left out of training" in (out / "report.html").read_text(encoding="utf-8")
    assert adapter.stat().st_mtime_ns == before


def test_the_curve_is_a_table_and_the_arms_can_be_asked(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(task), "--out", str(tmp_path / "out")]) == 0
    shown, live = capsys.readouterr()
    assert "dev loss" in shown and "on dev" in shown and ". loss on train" in shown
    assert "LoRA, rank 4" in live and live.index("Learning rate") < live.index("epoch 1: loss")
    page = tmp_path / "out" / "train.html"
    assert str(page) in shown and "was taken" in page.read_text(encoding="utf-8")
    assert f"steelyard ask {tmp_path}/out/arms/lora" in page.read_text(encoding="utf-8")
    assert main(["ask", str(tmp_path / "out" / "arms" / "lora"), "hello"]) == 0


def test_what_it_does_not_tune_is_named(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = ["zero_shot", TUNED, {"name": "few_shot", "options": {"k": 1}}]
    model = f"hf:{tmp_path / 'tiny'}"
    mixed = write_task(tmp_path / "mixed", rows=60, model=model, strategies=several)
    assert main(["train", str(mixed), "--out", str(tmp_path / "out")]) == 0
    live = capsys.readouterr().err
    told = "left out: zero_shot and few_shot (train only tunes; steelyard run weighs all)"
    assert told in live and live.count("left out") == 1


def test_the_course_holds_the_runs_own_data_and_an_interval(task: Path, tmp_path: Path) -> None:
    from steelyard.store.database import Store

    out = tmp_path / "out"
    assert main(["train", str(task), "--out", str(out), "--json"]) == 0
    course = read_course(out / "work" / "lora")
    assert course is not None and course.choice is not None
    store = Store.of_former_run(out, to_read=True)
    assert store is not None
    run = store.run()
    store.close()
    assert run is not None and course.config.data_fingerprint == run.identity["examples"]
    for one in course.epochs:
        assert one["dev_low"] <= one["dev_score"] <= one["dev_high"]
        right, n = round(one["dev_score"] * one["dev_items"]), one["dev_items"]
        expected = proportion(right, n)
        assert (one["dev_low"], one["dev_high"]) == (expected.low, expected.high)


@pytest.mark.parametrize(
    ("where", "reason"),
    [("foo", "names no log"), ("tensorboard:", "says no place"), ("mlflow:", "says no place")],
)
def test_a_log_that_is_none_is_refused_before_anything(
    where: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(tmp_path / "absent"), "--log", where]) == 2
    error = capsys.readouterr().err
    assert reason in error and error.count("\n") == 1


def test_a_missing_logger_stops_before_training(
    task: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    without_packages: HidePackages,
) -> None:
    without_packages("tensorboard", "mlflow")
    out = tmp_path / "out"
    for kind in ("tensorboard", "mlflow"):
        assert main(["train", str(task), "--out", str(out), "--log", f"{kind}:x"]) == 2
        assert f'pip install "steelyard[{kind}]"' in capsys.readouterr().err
    assert not out.exists()


def test_what_cannot_be_tuned_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_task(tmp_path / "fake", rows=60, model="fake:smart", strategies=["zero_shot"])
    assert main(["train", str(path), "--show", "1"]) == 2
    assert "cannot be tuned" in capsys.readouterr().err
    assert main(["train", str(path), "--strategies", "zero_shot"]) == 2
    assert "it tunes nothing" in capsys.readouterr().err


def test_what_cannot_be_fitted_ends_alone(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = {**TUNED, "options": {**TUNED["options"], "max_tokens": 20}}
    path = write_task(
        tmp_path / "both",
        rows=60,
        model=f"hf:{tmp_path / 'tiny'}",
        strategies=[short, TUNED],
        extra="consistency: false\n",
    )
    out = tmp_path / "out"
    assert main(["train", str(path), "--out", str(out)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "has more than 20 tokens" in error and error.endswith("; tuned: lora-2")
    assert (out / "arms" / "lora-2").is_dir()
    assert main(["run", str(path), "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [one["strategy"] for one in result["ended"]] == ["lora"]
    assert "lora-2" in {arm["name"] for arm in result["arms"]}
