"""What ``result.json`` holds: the records, their schema, and files of earlier versions."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

import steelyard
from steelyard.core import FAMILIES, Estimate, Price
from steelyard.errors import StorageError
from steelyard.planning.jobs import EndedArm, LeftOut
from steelyard.report import render
from steelyard.result import ArmResult, Result, parse_result, read_result, schema_text
from steelyard.result.arm import KnownOptions
from steelyard.result.audit import DetectableDifference
from steelyard.result.base import ResultPart
from steelyard.result.figures import Figure
from steelyard.result.run import (
    ConstraintsResult,
    LeftOutStrategy,
    PriceResult,
    TrafficResult,
    UnmeasuredArm,
)
from steelyard.result.steadiness import Sensitivity, UnmeasuredChange
from steelyard.score.validity import validity
from steelyard.stats import Detectable
from steelyard.task.sections import ConstraintsConfig, TrafficConfig
from steelyard.weigh import RunResult
from tests.tickets import write_task

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "result.schema.json"
ORDER = {
    "type": "object",
    "required": ["item"],
    "properties": {"item": {"type": "string"}, "count": {"type": "integer"}},
}


def orders(folder: Path) -> Path:
    """A task of another kind: JSON with a schema."""
    folder.mkdir()
    rows = [
        {"input": f"{n} boxes of {item}", "output": json.dumps({"item": item, "count": n})}
        for n in range(1, 21)
        for item in ("pears", "plums")
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "examples.jsonl").write_text(lines, encoding="utf-8")
    config = {
        "instruction": "Extract the order.",
        "output": {"kind": "json", "schema": ORDER},
        "examples": "examples.jsonl",
        "model": "fake:echo",
        "strategies": ["zero_shot"],
    }
    (folder / "task.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["label", "json"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "json":
        return steelyard.run(orders(folder / "task"), folder / "out")
    strategies = ["zero_shot", "few_shot", "cascade"]
    task = write_task(folder / "task", rows=60, model="fake:flaky", strategies=strategies)
    return steelyard.run(task, folder / "out")


@pytest.fixture
def old() -> dict[str, Any]:
    """A file of schema version 1."""
    text = (Path(__file__).parent / "schema_1.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def test_the_schema_in_the_docs_is_the_records() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text(), "run scripts/result_schema.py"


def test_a_run_fits_the_schema_and_loses_nothing_when_it_is_read(done: RunResult) -> None:
    text = (done.folder / "result.json").read_text(encoding="utf-8")
    assert validity([text], schema_text()).value == 1
    assert read_result(done.folder).to_dict() == json.loads(text) == done.result


def test_the_schema_refuses_a_file_without_one_of_its_names(done: RunResult) -> None:
    result = json.loads(json.dumps(done.result))
    del result["arms"][0]["quality"]["n"]
    assert validity([json.dumps(result)], schema_text()).value == 0


def test_an_arm_states_its_family_and_what_it_is(done: RunResult) -> None:
    assert {arm.family for arm in done.record.arms} <= set(FAMILIES)
    zero_shot = next(arm for arm in done.record.arms if arm.strategy == "zero_shot")
    assert (zero_shot.family, zero_shot.about) == ("prompt", "instruction only")


def test_a_result_states_what_people_call_its_metrics_and_what_was_tuned(done: RunResult) -> None:
    task = done.record.task
    titles = {"accuracy": "Accuracy", "json_match": "Whole JSON right"}
    assert task.title_of(task.metric) == titles[task.metric]
    assert set(task.metric_titles) == set(task.metrics)
    assert not any(arm.is_tuned for arm in done.record.arms)


def test_an_option_of_another_shape_is_passed_over() -> None:
    options = {"search": "deep", "spread": [0.5], "decoding": "free", "repairs": "often"}
    arm = ArmResult(options=options)
    assert arm.is_free
    assert arm.known_options == KnownOptions(decoding="free")
    assert arm.to_dict()["options"] == options


def test_gaps_and_labels_say_what_was_not_measured(done: RunResult) -> None:
    for arm in done.record.arms:
        gap = arm.generalisation_gap
        assert (gap.low, gap.high) == (None, None) and gap.reason
        assert (gap.value is None) == (gap.n is None)
    labels = done.record.crossover.labels
    assert labels.value == done.record.split.train
    assert (labels.low, labels.high) == (None, None) and "not measured" in str(labels.reason)


def test_what_is_written_is_plain_json_and_a_nan_is_refused() -> None:
    json.dumps(Result().to_dict(), allow_nan=False)
    with pytest.raises(ValueError, match="finite"):
        Figure(value=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        Result(machine={"cores": float("nan")}).to_dict()


def test_names_of_a_newer_file_are_passed_over() -> None:
    newer = parse_result({"schema_version": 2, "economics": {}, "arms": [{"retrieval": {"n": 1}}]})
    assert newer.arms[0].name == ""


def test_a_file_of_schema_1_opens_as_version_2(old: dict[str, Any]) -> None:
    result = parse_result(old)
    assert result.schema_version == 2
    arms = {arm.name: arm for arm in result.arms}
    assert [arm.family for arm in arms.values()] == [
        "classical",
        "classical",
        "prompt",
        "prompt",
        "few_shot",
    ]
    before = {arm["name"]: arm for arm in old["arms"]}
    gap = arms["tfidf_linear"].generalisation_gap
    assert result.task.title_of("macro_f1") == "Macro F1"
    assert result.task.parts_about["macro_f1"].startswith("The mean of each part")
    scored = {**old["task"], "metric": "rules_loose", "metrics": ["rules_loose", "mine.py:score"]}
    task = parse_result({**old, "task": scored}).task
    assert task.title_of("rules_loose") == "Rules kept (loose)"
    assert task.title_of("mine.py:score") == "mine.py:score"
    assert task.parts_about["rules_loose"].startswith("The share of replies that keep each rule")
    assert gap.value == before["tfidf_linear"]["generalisation_gap"]
    assert gap.low is None and gap.reason
    why = before["zero_shot"]["generalisation_gap_reason"]
    assert arms["zero_shot"].generalisation_gap.reason == why
    assert {arm.labels.value for arm in result.crossover.arms} == {old["split"]["train"]}
    assert result.crossover.labels.value == old["split"]["train"]
    assert validity([json.dumps(result.to_dict())], schema_text()).value == 1


def test_figures_that_the_report_once_computed_are_there_for_schema_1(old: dict[str, Any]) -> None:
    old["judge"] = {"judged": 8, "order_flips": 2, "agreement": {}}
    result = parse_result(old)
    zero_shot = next(arm for arm in result.arms if arm.name == "zero_shot")
    requests = zero_shot.fit.requests
    assert zero_shot.fit.tokens == requests.input_tokens + requests.output_tokens > 0
    assert zero_shot.consistency is not None
    order, typos = zero_shot.consistency.sensitivity
    assert isinstance(order, UnmeasuredChange) and isinstance(typos, Sensitivity)
    shares = [variant.agreement or 0 for variant in typos.variants]
    assert typos.agreement == pytest.approx(sum(shares) / len(shares))
    assert result.judge is not None and result.judge.flipped_share == 0.25


def test_schema_1_loses_nothing_else(old: dict[str, Any]) -> None:
    """Every leaf of the old file is in the new one, but for the names that became records."""

    def leaves(value: Any, path: str = "") -> dict[str, Any]:
        if not isinstance(value, dict | list):
            return {path: value}
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        parts = (leaves(inner, f"{path}/{key}") for key, inner in pairs)
        return {name: leaf for part in parts for name, leaf in part.items()}

    before, after = leaves(old), leaves(parse_result(old).to_dict())
    moved = {path.replace("/calibration/handover/", "/handover/") for path in before}
    gone = {path.rsplit("/", 1)[1] for path in moved - after.keys()}
    assert gone == {"labels", "generalisation_gap", "generalisation_gap_reason"}
    changed = {path for path in before.keys() & after.keys() if before[path] != after[path]}
    assert changed == {"/schema_version"}


def test_an_arm_that_a_constraint_rules_out_is_no_reason_to_choose(old: dict[str, Any]) -> None:
    old["verdict"]["details"]["dropped"] = [{"arm": "zero_shot", "reason": "it is too slow"}]
    old["verdict"]["reasons"] = ["zero_shot drops out: it is too slow", "few_shot is the best"]
    assert parse_result(old).verdict.reasons_to_choose == ["few_shot is the best"]


def test_a_run_of_schema_1_draws_its_report(old: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps(old), encoding="utf-8")
    assert "retrieved_few_shot" in render(read_result(tmp_path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "no schema_version"),
        ('{"schema_version": 3}', "schema version 3"),
        ('{"schema_version": 1, "arms": [{"name": "few_shot"}]}', "not the result of a run"),
        ('{"schema_version": 1, "arms": [7]}', "not the result of a run"),
        ('{"schema_version": 2}', "it has no arms"),
        ('{"schema_version": 2, "arms": []}', "it has no verdict"),
        ('{"schema_version": 2, "arms": [{"quality": {"value": "much"}}]}', "arms.0.quality.value"),
        ('{"schema_version": 2, "arms": [], "verdict": {"recommendation": "x"}}', "'fine_tune'"),
    ],
)
def test_what_is_no_result_is_refused_in_one_line(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "result.json").write_text(text, encoding="utf-8")
    with pytest.raises(StorageError, match=words) as refused:
        read_result(tmp_path)
    assert "\n" not in str(refused.value)
    assert "run the task again" in str(refused.value)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        (TrafficConfig.model_fields, TrafficResult),
        (ConstraintsConfig.model_fields, ConstraintsResult),
        ([field.name for field in fields(Price)], PriceResult),
        ([field.name for field in fields(Estimate)], Figure),
        ([field.name for field in fields(Detectable)], DetectableDifference),
        (EndedArm._fields, UnmeasuredArm),
        (LeftOut._fields, LeftOutStrategy),
    ],
)
def test_a_record_has_every_field_of_what_it_is_made_from(
    source: Collection[str], record: type[ResultPart]
) -> None:
    """A record passes over what it does not know, so a new field there must be added here."""
    assert set(source) <= record.model_fields.keys()
