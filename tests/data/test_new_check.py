"""A check from outside is one function: every verb that audits runs it, without another change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.families import CHECKS
from tests.tickets import write_task


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    CHECKS.register("shouting", "tests.toy_members:find_shouting")
    yield
    CHECKS.remove("shouting")


@pytest.fixture
def loud(tmp_path: Path) -> Path:
    """A task with three inputs that shout."""
    task = write_task(tmp_path / "task", strategies=["majority"])
    rows = [json.loads(line) for line in (task / "examples.jsonl").read_text().splitlines()]
    for row in rows[4:7]:
        row["input"] += "!"
    (task / "examples.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return task


def test_a_new_check_is_run_by_check_plan_and_run(
    loud: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*arguments: str) -> str:
        assert main(list(arguments)) == 0
        return capsys.readouterr().out

    assert "3 inputs shout" in printed("data", "check", str(loud))
    audit = json.loads(printed("data", "check", str(loud), "--json"))
    [finding] = [each for each in audit["findings"] if each["check"] == "shouting"]
    assert finding["rows"] == [5, 6, 7] and finding["severity"] == "error"
    assert audit["checks"]["shouting"]["facts"] == {"rows": 3}
    planned = json.loads(printed("plan", str(loud), "--json"))
    assert "shouting: 3 inputs shout" in planned["audit_errors"]

    printed("run", str(loud), "--out", str(tmp_path / "run"))
    result = json.loads((tmp_path / "run/result.json").read_text())
    assert result["audit"]["checks"]["shouting"]["facts"] == {"rows": 3}
    assert "3 inputs shout" in [each["message"] for each in result["audit"]["findings"]]
    assert "3 inputs shout" in (tmp_path / "run/report.html").read_text()


def test_where_it_finds_nothing_its_facts_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(write_task(tmp_path / "task")), "--json"]) == 0
    audit = json.loads(capsys.readouterr().out)
    assert audit["checks"]["shouting"]["facts"] == {"rows": 0}
    assert not [each for each in audit["findings"] if each["check"] == "shouting"]
