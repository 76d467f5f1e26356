from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.dataset import SHOWN, open_dataset
from steelyard.data.prepare import prepare
from steelyard.errors import ConfigError, DataError
from steelyard.task import build_task


def jsonl(path: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows(count: int) -> list[dict[str, str]]:
    return [{"input": f"text number {n}", "output": "a" if n % 2 else "b"} for n in range(count)]


def test_a_bare_file_is_read_with_patience(tmp_path: Path) -> None:
    given = [*rows(6), {"input": "no answer", "output": " "}, "", "not json", {"output": "a"}]
    data = open_dataset(jsonl(tmp_path / "x.jsonl", given))
    assert (data.rows, len(data.examples), len(data.bad)) == (9, 7, 2)
    assert data.numbers == (1, 2, 3, 4, 5, 6, 7)
    assert [each.number for each in data.bad] == [8, 9]
    assert [each.bad.line for each in data.bad] == [9, 10]
    assert data.examples[6].output == ""
    assert data.written[6] == " "


def test_labels_are_stripped_and_kept_as_written(tmp_path: Path) -> None:
    given = [{"input": f"t {n}", "output": "a " if n == 3 else "ab"[n % 2]} for n in range(8)]
    data = open_dataset(jsonl(tmp_path / "x.jsonl", given))
    assert data.kind == "label"
    assert data.examples[3].output == "a"
    assert data.written[3] == "a "
    assert data.labels == ("a", "b")


def test_rows_are_counted_on_from_file_to_file(tmp_path: Path) -> None:
    jsonl(tmp_path / "train.jsonl", [*rows(12), "broken"])
    jsonl(tmp_path / "test.jsonl", rows(10))
    task = build_task(
        {
            "name": "t",
            "instruction": "Say a or b.",
            "output": {"kind": "label"},
            "examples": {"train": "train.jsonl", "test": "test.jsonl"},
        },
        tmp_path,
    )
    data = open_dataset(task)
    assert data.rows == 23
    assert data.bad[0].number == 13
    assert data.numbers[12] == 14
    assert data.parts[11:13] == ("train", "test")
    assert data.task.instruction == "Say a or b."
    prepared = prepare(task, seed=0, skip_bad_rows=True)
    sizes = {part: prepared.parts.count(part) for part in ("train", "dev", "test")}
    assert sizes == {name: len(part) for name, part in prepared.split._asdict().items()}
    assert prepared.numbers == data.numbers


def test_parts_of_one_file_are_the_splits(tmp_path: Path) -> None:
    jsonl(tmp_path / "x.jsonl", rows(20))
    task = build_task(
        {"name": "t", "instruction": "x", "output": {"kind": "label"}, "examples": "x.jsonl"},
        tmp_path,
    )
    data = open_dataset(task)
    assert set(data.parts) == {"all"}
    moved = prepare(task, seed=1)
    tested = {example.source for example in moved.split.test}
    found = [e.source for e, p in zip(moved.examples, moved.parts, strict=True) if p == "test"]
    assert set(found) == tested
    assert len(found) == len(tested)


def test_evidence_is_cut_in_number_and_length(tmp_path: Path) -> None:
    given = [{"input": f"{n} " + "word " * 100, "output": "yes\nno"} for n in range(30)]
    data = open_dataset(jsonl(tmp_path / "x.jsonl", given))
    evidence = data.evidence(range(30), why=list(range(30)))
    assert len(evidence) == SHOWN
    assert evidence[4]["row"] == 5
    assert evidence[4]["why"] == 4
    assert evidence[4]["source"] == "x.jsonl:5"
    assert "\n" not in evidence[4]["output"]
    assert len(evidence[4]["input"]) == 160


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*absent\.csv"):
        open_dataset(tmp_path / "absent.csv")
    with pytest.raises(ConfigError, match=r"has no task\.yaml"):
        open_dataset(tmp_path)
