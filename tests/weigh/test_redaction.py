"""A run with ``redact: true`` says what was replaced, and where references are private."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import steelyard
from steelyard.errors import StorageError
from steelyard.report import verdict_text
from tests.model.endpoint import serving, stream
from tests.tickets import write_task

pytest.importorskip("phonenumbers")


def private_task(folder: Path, base_url: str, *, redact: bool = True) -> Path:
    model = {"provider": "openai", "name": "m", "base_url": base_url, "redact": redact}
    task = write_task(
        folder,
        rows=60,
        strategies=["zero_shot"],
        extra="consistency: false\nprices: {m: {input: 1, output: 1}}\n",
    )
    text = (task / "task.yaml").read_text().replace('"fake:smart"', json.dumps(model))
    (task / "task.yaml").write_text(text)
    path = task / "examples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["input"] += f" write to user{number}@mail.example"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return task


def test_a_run_counts_what_it_redacts(tmp_path: Path) -> None:
    with serving(lambda request, _: stream("BILLING")) as endpoint:
        task = private_task(tmp_path / "task", endpoint.base_url)
        run = steelyard.run(task, tmp_path / "out")
        assert "@mail.example" not in str(endpoint.requests)
        assert "[EMAIL]" in str(endpoint.requests)
        [warning] = [line for line in run.verdict["warnings"] if "redacted" in line]
        values = sum(str(request).count("[EMAIL]") for request in endpoint.requests)
        assert warning.startswith(f"{values:,} private values in {len(endpoint.requests):,} ")
        assert warning in verdict_text(run.record)
        assert "redacted before they were sent" in run.report.read_text(encoding="utf-8")
        asked = len(endpoint.requests)

        again = steelyard.run(task, tmp_path / "out")
        assert len(endpoint.requests) == asked
        assert warning in again.verdict["warnings"], "it is kept with the run"

        open_task = private_task(tmp_path / "task", endpoint.base_url, redact=False)
        with pytest.raises(StorageError, match="different inputs"):
            steelyard.run(open_task, tmp_path / "out")


def test_a_saved_arm_redacts_too(tmp_path: Path) -> None:
    with serving(lambda request, _: stream("BILLING")) as endpoint:
        task = private_task(tmp_path / "task", endpoint.base_url)
        steelyard.run(task, tmp_path / "out")
        before = len(endpoint.requests)
        arm = next((tmp_path / "out" / "arms").glob("zero_shot*"))
        steelyard.load(arm).answer("I am bob@corp.example")
        assert "[EMAIL]" in str(endpoint.requests[before:])
        assert "bob@corp" not in str(endpoint.requests)


def test_private_references_are_told_before_the_run(tmp_path: Path) -> None:
    task = private_task(tmp_path / "task", "http://127.0.0.1:9/v1")
    text = (task / "task.yaml").read_text()
    start = text.index("output:")
    text = text[:start] + "output: {kind: text}\n" + text[text.index("\n", start) + 1 :]
    (task / "task.yaml").write_text(text)
    path = task / "examples.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["output"] = "ask bob@corp.example"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    [note] = [note for note in steelyard.plan(task).plan.notes if "private" in note]
    assert note.startswith("1 of 60 references holds private values")
