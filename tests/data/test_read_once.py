"""Every data verb opens a file of examples once, and once more only for its bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from steelyard.cli.app import main
from steelyard.data import check, convert, fix, label, split
from steelyard.data.starter import init_from_file
from tests.reads import opened_in

ROWS = [(f"question {i * 7919} about {'xyz'[i % 3] * 9}", "ABB"[i % 3]) for i in range(60)]
TASK = """
name: t
instruction: Which letter?
output: {kind: label, labels: [A, B]}
examples: rows.csv
columns: {input: frage, output: antwort}
model: fake:smart
"""
Verb = Callable[[Path, Path], Any]
CONVERT = ["data", "convert", "--to", "openai", "--yes"]
VERBS: dict[str, tuple[Verb, int]] = {
    "check": (lambda source, out: check(source), 1),
    "fix": (lambda source, out: fix(source, out / source.with_stem("new").name), 1),
    "label": (lambda source, out: label(source, answers=out / "answers.jsonl", checks=[]), 1),
    "split": (lambda source, out: split(source, out / "parts"), 2),  # its SHA-256, for the manifest
}
OF_A_FILE: dict[str, tuple[Verb, int]] = {
    "convert": (lambda source, out: convert(source, out / "o.jsonl", to="openai"), 1),
    "data convert": (lambda source, out: main([*CONVERT, str(source), str(out / "o.jsonl")]), 1),
    "init": (lambda source, out: init_from_file(out / "task", source), 2),  # the copy in the task
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same rows as a table and as JSON Lines, and a folder for what is written."""
    folder = tmp_path.resolve() / "source"
    folder.mkdir()
    (tmp_path / "out").mkdir()
    table = "".join(f"{question},{letter}\n" for question, letter in ROWS)
    (folder / "rows.csv").write_text(f"frage,antwort\n{table}")
    lines = (json.dumps({"input": question, "output": letter}) for question, letter in ROWS)
    (folder / "rows.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
@pytest.mark.parametrize("verb", [*VERBS, *OF_A_FILE])
def test_a_bare_file_is_opened_once(verb: str, name: str, folder: Path) -> None:
    call, count = {**VERBS, **OF_A_FILE}[verb]
    with opened_in(folder) as opened:
        call(folder / name, folder.parent / "out")
    assert opened == {name: count}


@pytest.mark.parametrize("verb", VERBS)
def test_the_file_of_a_task_is_opened_once(verb: str, folder: Path) -> None:
    (folder / "task.yaml").write_text(TASK)
    call, count = VERBS[verb]
    with opened_in(folder) as opened:
        call(folder, folder.parent / "out")
    assert opened["rows.csv"] == count


def test_a_fix_by_answers_opens_the_source_once(folder: Path) -> None:
    answers = folder.parent / "answers.jsonl"
    answers.write_text("")
    with opened_in(folder) as opened:
        fix(folder / "rows.csv", folder.parent / "out" / "new.csv", answers=answers)
    assert opened == {"rows.csv": 1}


@pytest.mark.parametrize("verb", ["fix", "split"])
def test_a_column_that_is_null_in_the_first_row_is_written_again(verb: str, tmp_path: Path) -> None:
    rows = [{"input": text, "output": letter, "note": "later"} for text, letter in ROWS]
    source, out = tmp_path / "rows.parquet", tmp_path / "out"
    parquet.write_table(pa.Table.from_pylist([{**rows[0], "note": None}, *rows[1:]]), source)
    out.mkdir()
    VERBS[verb][0](source, out)
    written = next(out.glob("new.parquet" if verb == "fix" else "parts/test.parquet"))
    assert parquet.read_table(written).column_names == ["input", "output", "note"]
