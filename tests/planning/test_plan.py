"""What is decided before a run, and what a run folder belongs to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.errors import ConfigError, StorageError
from steelyard.planning.identity import check_identity, identity_of
from steelyard.planning.jobs import LeftOut, left_out_texts
from steelyard.planning.plan import RunOptions, default_folder, make_plan
from steelyard.task import load_task
from tests.tickets import write_task


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task")
    with pytest.raises(ConfigError, match=f"from 0 to 4294967295, not {seed}"):
        make_plan(task, RunOptions(seed=seed))
    assert main(["run", str(task), "--out", str(tmp_path / "out"), f"--seed={seed}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_strategies_that_are_named_keep_the_options_that_the_task_gives_them(
    tmp_path: Path,
) -> None:
    own = [{"name": "few_shot", "options": {"k": [4]}}, "zero_shot"]
    task = write_task(tmp_path / "task", strategies=own)
    plan = make_plan(task, RunOptions(strategies=("retrieved_few_shot", "few_shot")))
    chosen = {spec.name: dict(spec.options) for spec in plan.specs}
    assert (chosen["few_shot"], chosen["retrieved_few_shot"]) == ({"k": [4]}, {})
    assert "zero_shot" not in chosen


def test_another_model_of_the_provider_keeps_the_endpoint(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task")
    own = "{provider: openai, name: a, base_url: 'http://localhost:8000/v1', api_key_env: MY_KEY}"
    path = task / "task.yaml"
    path.write_text(path.read_text().replace('"fake:smart"', own))
    model = make_plan(task, RunOptions(model="openai:b")).model
    assert (model.name, model.base_url, model.api_key_env) == (
        "b",
        "http://localhost:8000/v1",
        "MY_KEY",
    )
    assert make_plan(task, RunOptions(model="fake:smart")).model.base_url is None


def test_replaced_weights_are_other_input(tmp_path: Path) -> None:
    weights = tmp_path / "model" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"one")
    task = write_task(tmp_path / "task", model=f"hf:{weights.parent}")
    plan = make_plan(task, RunOptions())
    before = identity_of(plan)
    check_identity(before, plan, tmp_path)
    stamp = weights.stat().st_mtime_ns
    weights.write_bytes(b"two")
    os.utime(weights, ns=(stamp, stamp + 1))
    with pytest.raises(StorageError, match="the files of the model"):
        check_identity(before, plan, tmp_path)


@pytest.mark.parametrize(
    ("strategy", "options", "message"),
    [
        ("cascade", {"first": "nearest_neighbour"}, "gives no confidence"),
        ("cascade", {"then": {"name": "few_shot", "model": "nope"}}, "then names the model 'nope'"),
        ("optimized_prompt", {"reflect": "nope"}, "reflect names 'nope'"),
    ],
)
def test_what_a_fit_would_refuse_is_refused_by_the_plan(
    tmp_path: Path, strategy: str, options: dict[str, object], message: str
) -> None:
    if "reflect" in options:
        pytest.importorskip("gepa")
    asked = ["zero_shot", {"name": strategy, "options": options}]
    with pytest.raises(ConfigError, match=message):
        make_plan(write_task(tmp_path / "task", strategies=asked), RunOptions())


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("tickets v2", "runs/tickets v2"),
        ("a/b", "runs/a-b"),
        ("..", "runs/task"),
        ("../../x", "runs/-..-x"),
        (r"..\..\x", "runs/-..-x"),
    ],
)
def test_a_name_leads_no_run_out_of_its_folder(name: str, folder: str, tmp_path: Path) -> None:
    task = load_task(write_task(tmp_path / "task", rows=60)).updated(name=name)
    assert default_folder(make_plan(task, RunOptions())) == Path(folder)


def test_strategies_left_out_for_one_reason_share_a_line_and_json_names_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", strategies="auto")
    assert main(["plan", str(task)]) == 0
    text = " ".join("".join(capsys.readouterr()).split())
    assert main(["plan", str(task), "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["left_out"]
    reasons = {entry["reason"] for entry in entries}
    assert len(reasons) < len(entries)
    assert text.count("left out: ") == len(reasons)
    assert "left out: rag, rag_oracle, long_context" in text
    assert all(text.count(reason) == 1 for reason in reasons)


def test_where_strategies_are_named_all_others_are_left_out_for_that(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", strategies=["zero_shot"])
    plan = make_plan(task, RunOptions())
    assert {entry.reason for entry in plan.left_out} == {"not among the task's strategies"}
    names = {entry.strategy for entry in plan.left_out}
    assert {"few_shot", "rag", "distilled"} <= names and "zero_shot" not in names
    assert len(names) == len(plan.left_out)


def test_a_reason_on_some_models_names_them() -> None:
    entries = [LeftOut("lora", "no", "a"), LeftOut("rag", "bare"), LeftOut("lora", "no", "b")]
    assert left_out_texts(entries) == ["lora on a and lora on b (no)", "rag (bare)"]
