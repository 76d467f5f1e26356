"""What in a task does not go together is refused, or said, before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ConfigError
from steelyard.planning.audit import audit_plan
from steelyard.planning.forecast import look_ahead
from steelyard.planning.plan import Plan, RunOptions, describe, headlines, make_plan
from steelyard.progress import Display
from steelyard.result import AuditResult
from steelyard.task import build_task

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUTS = {"label": "AB", "json": ('{"n": 1}', '{"n": 2}'), "text": ("It is one.", "It is two.")}
OPEN = {"type": "object", "properties": {"n": {"type": "integer"}}}


def planned(
    folder: Path,
    kind: str,
    rows: Sequence[Mapping[str, Any]] | None = None,
    options: RunOptions | None = None,
    **keys: Any,
) -> Plan:
    outputs = OUTPUTS[kind]
    given = rows or [{"input": f"question {n}", "output": outputs[n % 2]} for n in range(40)]
    (folder / "e.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in given))
    output = {"kind": kind} | ({"schema": keys.pop("schema")} if "schema" in keys else {})
    base = {"instruction": "Do it.", "output": output, "examples": "e.jsonl", "name": "t"}
    task = build_task({**base, "model": "fake:smart", **keys}, folder)
    return make_plan(task, options or RunOptions())


@pytest.mark.parametrize(
    ("kind", "metric", "message"),
    [
        ("label", "json_match", "json_match is for output.kind: json, and the task's is label; "),
        ("label", ["numeric", "rouge_l"], "those for label: accuracy, macro_f1, exact_match"),
        ("label", "rules", "metric rules is for output.kind: text"),
        ("text", ["exact_match", "accuracy"], "accuracy is for output.kind: label"),
        ("text", "macro_f1", "those for text: exact_match, token_f1"),
        ("json", "token_f1", "those for json: exact_match, json_match, field_f1, judge, or FILE"),
    ],
)
def test_a_metric_of_another_kind_is_refused(
    tmp_path: Path, kind: str, metric: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        planned(tmp_path, kind, metric=metric)


def test_notes_are_in_a_plans_data_too(tmp_path: Path) -> None:
    plan = planned(tmp_path, "text", metric="token_f1", rules=["no_markdown"])
    told = look_ahead(plan).to_dict()["notes"]
    assert any(note.startswith("1 rule in rules: not checked") for note in told)


@pytest.mark.parametrize("kind", list(OUTPUTS))
def test_exact_match_is_for_every_kind(tmp_path: Path, kind: str) -> None:
    assert planned(tmp_path, kind, metric="exact_match").metrics[0].name == "exact_match"


def test_a_file_without_its_function_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'scorers\.py' names a file: .*y:FUNCTION"):
        planned(tmp_path, "text", metric="scorers.py")


@pytest.mark.parametrize("metric", ["json_match", "field_f1"])
def test_a_broken_schema_is_refused(tmp_path: Path, metric: str) -> None:
    with pytest.raises(ConfigError, match=r"output\.schema .*\"objct\""):
        planned(tmp_path, "json", schema={"type": "objct"}, metric=metric)


def test_what_a_model_makes_of_the_schema_is_noted_once(tmp_path: Path) -> None:
    models = ["openai:gpt-4o-mini", "openai:gpt-4o", "fake:smart"]
    lines = headlines(planned(tmp_path, "json", schema=OPEN, model=models), AuditResult())
    assert sum("note: output.schema is sent without strict mode" in x for x in lines) == 1
    assert not planned(tmp_path, "json", schema=OPEN).notes


@pytest.mark.parametrize(
    ("keys", "note"),
    [
        (
            {"judge": {"model": "fake:echo"}},
            "judge: not used, because judge is not one of the metrics",
        ),
        (
            {"rules": ["no_markdown"], "metric": "rouge_l"},
            "1 rule in rules: not checked, because rules is not one",
        ),
    ],
)
def test_what_goes_unused_is_noted(tmp_path: Path, keys: dict[str, Any], note: str) -> None:
    plan = planned(tmp_path, "text", **keys)
    assert f"note: {note}" in describe(plan, AuditResult(), tmp_path)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("openai:gpt-4o-min", " (did you mean 'openai:gpt-4o-mini'?)"),
        ("gtp-4o-mini", " (did you mean 'gpt-4o-mini'?)"),
        ("gpt-4o-mini", None),
        ("openai:gpt-4o-mini", None),
        ("machine", None),
        ("mistral-large", ""),
    ],
)
def test_a_price_under_a_misspelt_name_is_noted(
    tmp_path: Path, name: str, note: str | None
) -> None:
    price = {"per_hour": 1} if name == "machine" else {"input": 1, "output": 2}
    plan = planned(tmp_path, "text", model="openai:gpt-4o-mini", prices={name: price})
    said = f"prices: {name} is the name of none of the models, so it is not used{note}"
    assert list(plan.notes) == ([said] if note is not None else [])


def test_what_is_used_is_not_noted(tmp_path: Path) -> None:
    twice = [{"name": "rules", "options": {"all": True}}, "rules", "judge"]
    judge = {"model": "fake:echo"}
    assert not planned(tmp_path, "text", metric=twice, rules=["no_markdown"], judge=judge).notes


def test_what_the_audit_counts_is_told(tmp_path: Path) -> None:
    rows = [{"input": f"{n} {'xyz'[n % 3] * n}", "output": "AB"[n % 2]} for n in range(40)]
    plan = planned(tmp_path, "label", [*rows, {**rows[0], "output": "B"}])
    lines = headlines(plan, audit_plan(plan, Display()))
    assert lines[1] == (
        "audit: 1 row repeats an earlier one exactly, 0 nearly repeat another, "
        "1 input with conflicting outputs, 0 rows left out"
    )
    assert "note: 1 input with different outputs: no arm can get them all right" in lines
    assert "note: only 12 test rows: hardly any difference between arms will show" in lines
    [least] = [line for line in lines if line.startswith("smallest detectable difference: ")]
    assert "difference: none (12 items cannot show any difference when two arms differ on" in least


def test_a_model_that_no_strategy_asks_is_said_to_be_none(tmp_path: Path) -> None:
    rows = [{"input": f"{n} {'xyz'[n % 3] * n}", "output": "AB"[n % 2]} for n in range(40)]
    asked = headlines(planned(tmp_path, "label", rows), AuditResult())[-1]
    assert asked.startswith("model: ") and "not asked" not in asked
    idle = planned(tmp_path, "label", rows, strategies=["majority"])
    assert headlines(idle, AuditResult())[-1].endswith(
        "; not asked, because no strategy of this run uses a language model"
    )


def test_an_empty_list_of_metrics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="metric: the list is empty: name a metric, or leave"):
        planned(tmp_path, "text", metric=[])


@pytest.mark.parametrize("example", ["support-tickets", "order-extraction"])
def test_an_example_can_be_tried_with_a_model_that_cannot_be_tuned(example: str) -> None:
    plan = make_plan(EXAMPLES / example, RunOptions(model="fake:smart"))
    assert "lora" not in [spec.name for spec in plan.specs]
    assert "few_shot" in [spec.name for spec in plan.specs]
    assert [each.reason for each in plan.left_out if each.strategy == "lora"] == [
        "the model behind 'fake' cannot be tuned on this machine"
    ]


def test_what_is_asked_for_beside_the_model_is_refused_by_the_models_name() -> None:
    asked = RunOptions(model="fake:smart", strategies=("zero_shot", "lora"))
    with pytest.raises(ConfigError, match="strategy lora cannot run on fake:smart: "):
        make_plan(EXAMPLES / "support-tickets", asked)


def test_rows_with_rules_and_no_outputs_are_scored_by_them(tmp_path: Path) -> None:
    given = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
    rows = [{"key": n, "prompt": f"Write poem {n}.", **given} for n in range(40)]
    plan = planned(tmp_path, "text", rows)
    assert [metric.name for metric in plan.metrics] == ["rules"]
    assert (plan.task.primary_metric, plan.brief.metric) == ("rules", "rules")
    assert "metric rules" in headlines(plan, AuditResult())[0]
    with pytest.raises(ConfigError, match="metric exact_match needs reference outputs"):
        planned(tmp_path, "text", rows, metric="exact_match")


def test_a_judge_without_weights_is_one_there_is(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown fake model 'smrt' \(did you mean 'smart'"):
        planned(tmp_path, "text", metric="judge", judge={"model": "fake:smrt"})
