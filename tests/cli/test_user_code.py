"""The user's own code: run only by verbs that need it, and announced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.cli import main
from tests.tickets import write_task

SCORER = """
from pathlib import Path

Path({marker!r}).write_text("ran")
def score(output: str, reference: str) -> bool:
    return output == reference
"""


@pytest.fixture
def task(tmp_path: Path) -> Path:
    task = write_task(tmp_path / "task", rows=60, strategies=["majority"])
    (task / "scorers.py").write_text(SCORER.format(marker=str(tmp_path / "ran")))
    with (task / "task.yaml").open("a") as file:
        file.write("metric: scorers.py:score\nconsistency: false\n")
    return task


def ran(tmp_path: Path) -> bool:
    return (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["data", "check", "TASK/examples.jsonl"],
        ["data", "check", "TASK", "--only", "size,exact_duplicates"],
        ["data", "fix", "TASK", "OUT"],
        ["data", "split", "TASK", "--out", "OUT"],
        ["data", "convert", "TASK/examples.jsonl", "OUT.jsonl", "--to", "openai", "--yes"],
        ["init", "OUT", "--from", "TASK/examples.jsonl"],
    ],
    ids=" ".join,
)
def test_verbs_that_score_nothing_run_no_code(argv: list[str], task: Path, tmp_path: Path) -> None:
    words = [word.replace("TASK", str(task)).replace("OUT", str(tmp_path / "out")) for word in argv]
    assert main(words) == 0
    assert not ran(tmp_path)


def test_a_run_says_whose_code_it_runs_and_its_report_runs_none(
    task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["run", str(task), "--out", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert said.err.count("runs your code: scorers.py:score") == 1
    json.loads(said.out)
    (tmp_path / "ran").unlink()
    assert main(["report", str(out)]) == 0
    assert main(["ask", str(next((out / "arms").iterdir())), "my invoice"]) == 0
    assert not ran(tmp_path)


def test_a_plan_says_so_too(task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(task), "--out", str(tmp_path / "out")]) == 0
    assert "runs your code: scorers.py:score" in capsys.readouterr().err
