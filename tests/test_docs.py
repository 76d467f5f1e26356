"""The reference pages name what the program knows, and their examples load."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

import steelyard
from steelyard.cli.data import VERBS
from steelyard.data.checks import CHECKS
from steelyard.data.conversion import ENDINGS
from steelyard.data.mistakes import thresholds
from steelyard.families import METRICS, PROVIDERS
from steelyard.model.config import endpoints
from steelyard.output_kinds import KINDS
from steelyard.strategy import STRATEGIES
from steelyard.task.config import Task, load_task
from steelyard.task.sections import ColumnsConfig, ConstraintsConfig, TrafficConfig

DOCS = Path(__file__).resolve().parents[1] / "docs"
TASK_PAGE = (DOCS / "task-yaml.md").read_text(encoding="utf-8")
RESULT_PAGE = (DOCS / "result-json.md").read_text(encoding="utf-8")


def keys(model: Any) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize("model", [TrafficConfig, ConstraintsConfig, ColumnsConfig])
def test_every_key_of_a_section_is_explained(model: Any) -> None:
    assert {key for key in keys(model) if f"`{key}`" not in TASK_PAGE} == set()


def test_the_table_of_keys_is_the_tasks() -> None:
    table = TASK_PAGE.partition("## Keys")[2].partition("##")[0]
    rows = re.findall(r"^\| `(\w+)", table, re.MULTILINE)
    assert set(rows) == keys(Task)


def test_every_metric_model_and_strategy_is_named() -> None:
    assert [name for name in METRICS if f"`{name}`" not in TASK_PAGE] == []
    assert [name for name in STRATEGIES if f"`{name}`" not in TASK_PAGE] == []
    forms = {"embedded": "smollm2-135m"}
    assert [name for name in PROVIDERS if f"`{forms.get(name, name + ':')}" not in TASK_PAGE] == []
    assert [name for name in endpoints() if f"`{name}:" not in TASK_PAGE] == []
    for kind, facts in KINDS.items():
        assert f"| `{kind}` | `{facts.default_metric}` |" in TASK_PAGE


def test_the_example_loads(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", TASK_PAGE, re.DOTALL)
    whole, strategies = blocks
    (tmp_path / "examples.jsonl").write_text('{"input": "a", "output": "OTHER"}\n')
    (tmp_path / "task.yaml").write_text(whole, encoding="utf-8")
    task = load_task(tmp_path)
    assert task.name == "support-tickets"
    assert task.updated(**yaml.safe_load(strategies)).strategies != "auto"


def test_every_key_of_a_result_is_explained(tmp_path: Path) -> None:
    words = {"BILLING": "invoice refund", "TECHNICAL": "crash error"}
    rows = [
        {"input": f"{word} number {n} please", "output": label}
        for n in range(30)
        for label, text in words.items()
        for word in text.split()
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "examples.jsonl").write_text(lines, encoding="utf-8")
    config = {
        "instruction": "Classify.",
        "output": {"kind": "label", "labels": list(words)},
        "examples": "examples.jsonl",
        "model": "fake:smart",
        "strategies": ["zero_shot"],
    }
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    result = steelyard.run(tmp_path, tmp_path / "out").result
    arm, comparison = result["arms"][0], result["comparisons"][0]
    named = {*result, *result["verdict"], *arm, *arm["quality"], *arm["tokens"], *comparison}
    named |= {*result["task"], *arm["fit"], *arm["cost"], *arm["outcomes"]}
    reasons = {key for key in named if key == "reason" or key.endswith("_reason")}
    assert {key for key in named - reasons if f"`{key}`" not in RESULT_PAGE} == set()


def test_every_data_verb_check_format_and_mistake_is_explained() -> None:
    page = (DOCS / "data.md").read_text(encoding="utf-8")
    assert [name for name in CHECKS if f"`{name}`" not in page] == []
    assert [verb for verb in VERBS if f"`data {verb} " not in page] == []
    assert [name for name in ENDINGS if f"`{name}`" not in page] == []
    assert [name for name in thresholds() if f"`{name}`" not in page] == []
