"""Which choice a number means: the rows of a file say it together, and a tie is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli.app import main

COLUMNS = ("choice1", "choice2")
LETTERS = ("answerA", "answerB", "answerC")


def _rows(answers: list[Any], columns: tuple[str, ...] = COLUMNS) -> list[dict[str, Any]]:
    return [
        {
            "question": f"Which part of pump {place} is worn?",
            **{column: f"part {place} {at}" for at, column in enumerate(columns)},
            "label": answer,
        }
        for place, answer in enumerate(answers)
    ]


def _listed(answers: list[Any], choices: list[str]) -> list[dict[str, Any]]:
    return [
        {"question": f"How many seals has pump {place}?", "choices": choices, "answer": answer}
        for place, answer in enumerate(answers)
    ]


def _init(tmp_path: Path, rows: list[dict[str, Any]]) -> int:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return main(["init", str(tmp_path / "task"), "--from", str(path)])


@pytest.mark.parametrize(
    ("rows", "labels", "counted"),
    [
        (_rows([0, 1, 1] * 10), "B 20 and A 10", "from 0"),
        (_rows(["0", "1", "1"] * 10), "B 20 and A 10", "from 0"),
        (_rows([1, 2, 2] * 10), "B 20 and A 10", "from 1"),
        (_rows(["1", "2", "2"] * 10), "B 20 and A 10", "from 1"),
        (_rows(["1", "3", "3", "2"] * 10, LETTERS), "C 20, A 10 and B 10", "from 1"),
        (_rows([0, 2, 2, 1] * 10, LETTERS), "C 20, A 10 and B 10", "from 0"),
        (_listed([1, 3, 3, 2] * 10, ["one", "two", "six"]), "C 20, A 10 and B 10", "from 1"),
        (_listed([1, 2, 2] * 10, ["one", "two", "six"]), "C 20 and B 10", "from 0"),
        (_listed(["6", "2", "2"] * 10, ["1", "2", "6"]), "B 20 and C 10", None),
        (_listed([6, 2, 2] * 10, ["1", "2", "6"]), "B 20 and C 10", None),
        (_rows(["A", "B", "B"] * 10), "B 20 and A 10", None),
        (
            _listed([1 + at * 3 // 2100 for at in range(2100)], ["one", "two", "six"]),
            "A 700, B 700 and C 700",
            "from 1",
        ),
        (
            [
                {"question": f"q {at}?", "answers": ["ab", "cd", "ef"], "label": at % 3}
                for at in range(30)
            ],
            "A 10, B 10 and C 10",
            "from 0",
        ),
    ],
)
def test_the_rows_of_a_file_say_what_numbers_mean(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    rows: list[dict[str, Any]],
    labels: str,
    counted: str | None,
) -> None:
    assert _init(tmp_path, rows) == 0
    out = capsys.readouterr().out
    assert f"labels: {labels}\n" in out
    assert ("by its number" in out) == (counted is not None)
    assert (
        counted is None
        or f"{len(rows):,} rows give a choice by its number, counted {counted}" in out
    )


@pytest.mark.parametrize("answers", [["1"] * 30, [1] * 30, ["0", "2"] * 15])
def test_numbers_that_may_count_from_either_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answers: list[Any]
) -> None:
    assert _init(tmp_path, _rows(answers)) == 2
    assert "may count the choices from 0 or from 1: write the choice's letter" in (
        capsys.readouterr().err
    )


def test_a_mistake_among_many_is_a_bad_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _init(tmp_path, _rows(["1", "2"] * 100 + ["0"])) == 0
    out = capsys.readouterr().out
    assert "labels: A 100 and B 100\n" in out
    assert "1 row: the answer '0' is none of the 2 choices" in out


def test_a_small_part_is_read_as_the_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part, answers in (("train", ["1", "2"] * 20), ("test", ["1"] * 4)):
        with (tmp_path / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            rows = _rows(answers)
            table = csv.DictWriter(file, [*rows[0]])
            table.writeheader()
            table.writerows(rows)
    task = (
        "name: pumps\nexamples: {train: train.csv, test: test.csv}\n"
        "instruction: Which part is it?\noutput: {kind: label, labels: [A, B]}\n"
        "model: {provider: fake, name: smart}\n"
    )
    (tmp_path / "task.yaml").write_text(task, encoding="utf-8")
    assert main(["data", "check", str(tmp_path / "task.yaml")]) in (0, 1)
    assert "labels: A 24 and B 20" in capsys.readouterr().out


def test_an_answer_of_minus_one_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _init(tmp_path, _rows(["1", "2"] * 20 + ["-1"]))
    assert "the last message must be the assistant's" in capsys.readouterr().out
