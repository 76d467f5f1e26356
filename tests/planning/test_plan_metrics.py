"""What of a task's metrics and schema is settled before a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.planning.plan import RunOptions, make_plan


def task_with(folder: Path, **config: object) -> Path:
    folder.mkdir()
    rows = [{"input": f"Count to {n}.", "output": f"[{n}]"} for n in range(30)]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    whole = {"instruction": "Do it.", "examples": "rows.jsonl", "model": "fake:smart", **config}
    (folder / "task.yaml").write_text(json.dumps(whole), encoding="utf-8")
    return folder


def test_metrics_of_one_name_are_told_apart(tmp_path: Path) -> None:
    metrics = [
        {"name": "numeric", "options": {"tolerance": 0}},
        {"name": "numeric", "options": {"tolerance": "5 %"}},
    ]
    text = {"kind": "text"}
    plan = make_plan(task_with(tmp_path / "a", output=text, metric=metrics), RunOptions())
    assert [metric.name for metric in plan.metrics] == ["numeric", "numeric (tolerance 5 %)"]
    twice = task_with(tmp_path / "b", output=text, metric=["numeric", "numeric"])
    with pytest.raises(ConfigError, match="numeric is listed twice"):
        make_plan(twice, RunOptions())


@pytest.mark.parametrize("schema", [{"$ref": "#/$defs/n"}, {"items": {"$ref": "x.json"}}])
def test_a_schema_that_cannot_be_followed_is_refused(tmp_path: Path, schema: object) -> None:
    task = task_with(tmp_path / "a", output={"kind": "json", "schema": schema})
    with pytest.raises(ConfigError, match=r"output\.schema .*: a reference leads nowhere: "):
        make_plan(task, RunOptions())
