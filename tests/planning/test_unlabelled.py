"""A run reads files of inputs once; what they say is part of what it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ConfigError, StorageError
from steelyard.planning.forecast import look_ahead
from steelyard.planning.identity import check_identity, identity_of
from steelyard.planning.plan import Plan, RunOptions, make_plan
from tests.tickets import write_task


def planned(folder: Path, inputs: list[str], **options: Any) -> Plan:
    strategies = [
        "zero_shot",
        {"name": "distilled", "options": {"inputs": "new.jsonl", "keep": "all", **options}},
    ]
    task = write_task(folder, rows=60, model="smollm2-135m", strategies=strategies)
    rows = [json.dumps({"input": f"{text} number {n} of {n * n}"}) for n, text in enumerate(inputs)]
    (task / "new.jsonl").write_text("\n".join(rows))
    return make_plan(task, RunOptions())


INPUTS = ["the tram is late", "a parcel got wet", "who mends bicycles", "call me on monday"] * 4


def test_the_file_is_in_the_plan_and_its_notes(tmp_path: Path) -> None:
    plan = planned(tmp_path / "task", INPUTS)
    assert len(plan.unlabelled["new.jsonl"].examples) == len(INPUTS)
    assert plan.task_facts.unlabelled is plan.unlabelled
    assert any(note.startswith("new.jsonl: 16 inputs") for note in plan.notes)
    with pytest.raises(ConfigError, match=r"16 inputs of new\.jsonl have no reference output"):
        planned(tmp_path / "filtered", INPUTS, keep="right")
    with pytest.raises(ConfigError, match=r"new\.jsonl holds 3 inputs, and it takes at least 10"):
        planned(tmp_path / "few", INPUTS[:3])


def test_the_forecast_reads_the_lengths_of_the_file(tmp_path: Path) -> None:
    def read_tokens(name: str, inputs: list[str]) -> int:
        task = planned(tmp_path / name, inputs, teacher="zero_shot")
        lines = {line.strategy: line for line in look_ahead(task).lines}
        return round(lines["distilled"].usage.input_tokens)

    long = [f"{text} {'and so on ' * 20}" for text in INPUTS]
    extra = read_tokens("long", long) - read_tokens("short", INPUTS)
    assert 16 * 20 * 3 <= extra <= 16 * 20 * 4, "each of the inputs is asked once"


def test_other_inputs_are_another_run_and_a_narrower_run_is_not(tmp_path: Path) -> None:
    plan = planned(tmp_path / "task", INPUTS)
    before = identity_of(plan)
    assert check_identity(before, plan, tmp_path)["inputs"] == before["inputs"]
    other = planned(tmp_path / "task", [*INPUTS, "one more input that is new"])
    with pytest.raises(StorageError, match="its inputs differ"):
        check_identity(before, other, tmp_path)
    narrower = make_plan(tmp_path / "task", RunOptions(strategies=("zero_shot",)))
    assert narrower.unlabelled == {}
    joined = check_identity(before, narrower, tmp_path)
    assert joined["inputs"] == before["inputs"]
    check_identity(identity_of(narrower), plan, tmp_path)


def test_private_inputs_are_warned_of_where_a_hosted_model_is_asked(tmp_path: Path) -> None:
    inputs = [*INPUTS, "write to jane.roe@acme-corp.com about it"]
    warning = "new.jsonl: 1 input of 17 holds private values"
    local = planned(tmp_path / "local", inputs)
    hosted = planned(tmp_path / "hosted", inputs, teacher="openai:gpt-4o-mini")
    assert not any(note.startswith(warning) for note in local.notes)
    assert any(note.startswith(warning) for note in hosted.notes)
    assert [one.spec.name for one in hosted.more_models] == ["gpt-4o-mini"]
