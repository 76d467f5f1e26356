"""Which choice a number means where the choices' columns are numbered from 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.cli.app import main


def _init(tmp_path: Path, rows: list[dict[str, object]]) -> int:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return main(["init", str(tmp_path / "task"), "--from", str(path)])


def _rows(answers: list[object]) -> list[dict[str, object]]:
    return [
        {
            "question": f"Which part of pump {place} is worn?",
            "choice1": f"seal {place}",
            "choice2": f"shaft {place}",
            "label": answer,
        }
        for place, answer in enumerate(answers)
    ]


def test_a_number_counts_from_zero(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(tmp_path, _rows([0, 1, 1] * 10)) == 0
    assert "2 labels: B 20 and A 10" in capsys.readouterr().out


def test_a_text_names_the_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _init(tmp_path, _rows(["1", "2", "2"] * 10)) == 0
    assert "2 labels: B 20 and A 10" in capsys.readouterr().out


def test_a_text_that_counts_from_zero_makes_bad_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _init(tmp_path, _rows(["0", "1", "1"] * 10))
    assert "10 bad rows in rows.jsonl: the answer 0 counts from 0 and the choices from 1" in (
        capsys.readouterr().err
    )
