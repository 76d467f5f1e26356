"""The audit of rows that are held against rules and not against an output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from steelyard.data.base import CheckOptions
from steelyard.data.checks.output_hygiene import find
from steelyard.data.dataset import open_dataset
from steelyard.task import build_task

RULES = [{"type": "words", "max": 5}]


def empties(folder: Path, rows: list[dict[str, Any]], **config: Any) -> Any:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    base = {"name": "t", "instruction": "Do it.", "output": {"kind": "text"}}
    task = build_task({**base, "examples": "rows.jsonl", **config}, folder)
    data = open_dataset(task)
    assert data.bad == ()
    return find(data, CheckOptions(encoder=False)).facts["troubles"].get("empty", 0)


def test_an_output_is_missed_only_where_a_reply_is_held_against_it(tmp_path: Path) -> None:
    rows = [{"input": f"hi {n}", "rules": RULES} for n in range(3)]
    assert empties(tmp_path, rows) == 0
    assert empties(tmp_path, [*rows, {"input": "ho", "output": ""}]) == 1


def test_none_is_missed_in_a_task_scored_by_rules_alone(tmp_path: Path) -> None:
    rows = [{"input": f"hi {n}", "output": ""} for n in range(3)]
    assert empties(tmp_path, rows, rules=RULES) == 0
    assert empties(tmp_path, rows, rules=RULES, metric=["rules", "rouge_l"]) == 3
