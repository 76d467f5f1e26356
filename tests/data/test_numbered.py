"""Labels that stand in a file as numbers and by name: the names are asked for, and both are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.dataset import open_dataset
from steelyard.data.guess import look
from steelyard.data.numbered import other_name
from steelyard.data.starter import start_from_file
from steelyard.task import build_task

NAMES = ("sadness", "joy", "love", "anger")
ROWS = [
    {"text": f"this is the text with number {n}", "label": n % 4, "label_text": NAMES[n % 4]}
    for n in range(40)
]


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "rows.jsonl"


def test_the_names_are_asked_for_and_the_numbers_told(tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    told = "'label' numbers the labels in 'label_text' (0 is 'sadness', 1 is 'joy', 2 is 'love'"
    for notes in (
        start_from_file(tmp_path / "task", path).data.notes,
        open_dataset(path).notes,
        open_dataset(tmp_path / "task").notes,
        look(path).notes,
    ):
        (note,) = notes
        assert note.startswith(told)
    assert set(open_dataset(path).labels) == set(NAMES)


@pytest.mark.parametrize("columns", [{"output": "label"}, {"input": "text", "output": "label"}])
def test_numbers_that_are_asked_for_are_told(columns: dict[str, str], tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    config = {"name": "t", "instruction": "Do.", "output": {"kind": "label"}, "columns": columns}
    task = build_task({**config, "examples": path.name}, tmp_path)
    for notes in (open_dataset(task).notes, open_dataset(path, columns).notes):
        assert any("--columns output=label_text asks for the names" in note for note in notes)


@pytest.mark.parametrize(
    "changed",
    [
        {"label_text": "joy"},  # one name for all numbers
        {"label_text": 7},  # numbers too
        {"label": "a"},  # no numbers
    ],
)
def test_columns_that_are_no_names_of_each_other_are_not(changed: dict[str, Any]) -> None:
    assert other_name([{**row, **changed} for row in ROWS], "label") == (None, None)
