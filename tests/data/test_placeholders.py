"""An instruction in which something was to be filled in is noticed before a run is paid for."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.data.placeholders import placeholders
from steelyard.task import build_task
from tests.tickets import write_task


def found(tmp_path: Path, instruction: str, **columns: str) -> tuple[str, ...]:
    (tmp_path / "rows.jsonl").write_text("")
    task = {"instruction": instruction, "output": {"kind": "label"}, "examples": "rows.jsonl"}
    return placeholders(build_task({"name": "t", **task, "columns": columns}, tmp_path))


@pytest.mark.parametrize(
    ("instruction", "left"),
    [
        ("Classify {{text}} now.", ("{{text}}",)),
        ("Classify {{ ticket.body }}: {{text}}, {{text}}", ("{{ ticket.body }}", "{{text}}")),
        ("{% for x in y %} Sort.", ("{% for x in y %}",)),
        ("Sort this: {input}", ("{input}",)),
        ("Sort this: {user_input}", ("{user_input}",)),
        ("Sort this: ${ticket}", ("${ticket}",)),
        ("Sort this: {betreff}", ("{betreff}",)),
        ("Sort.\n<your text here>", ("<your text here>",)),
        ("Sort <insert the ticket> now", ("<insert the ticket>",)),
        ("You work for [INSERT COMPANY NAME].", ("[INSERT COMPANY NAME]",)),
        ("You work for [your company].", ("[your company]",)),
        ("Sort.\n[paste the ticket here]", ("[paste the ticket here]",)),
        ("TODO", ("TODO",)),
        ("Sort.\nTODO: say which labels", ("TODO",)),
        ("Lorem ipsum dolor", ("Lorem ipsum",)),
    ],
)
def test_what_is_left_to_fill_in_is_found(
    instruction: str, left: tuple[str, ...], tmp_path: Path
) -> None:
    assert found(tmp_path, instruction, input="betreff") == left


@pytest.mark.parametrize(
    "instruction",
    [
        'Answer with {"name": …, "total": 3}.',
        "Answer with a JSON object such as {city}.",
        "Put the number between <answer> and </answer>, or write [none].",
        "Reply with <your answer>.",
        "Say what the customer wants to add [in euros].",
        "List the items of the TODO list.",
        "Use the set {1, 2, 3}.",
    ],
)
def test_what_says_how_to_answer_is_none(instruction: str, tmp_path: Path) -> None:
    assert found(tmp_path, instruction) == ()


def test_check_plan_and_run_say_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = write_task(tmp_path / "task", strategies=["zero_shot"])
    text = (task / "task.yaml").read_text().replace("the ticket.", "{{ticket}}.")
    (task / "task.yaml").write_text(text)
    out = ["--out", str(tmp_path / "run")]
    for verb in (
        ["data", "check", str(task), "--only", "format"],
        ["plan", str(task), *out],
        ["run", str(task), *out],
    ):
        assert main(verb) == 0
        said = " ".join("".join(capsys.readouterr()).lower().split())
        assert "the instruction holds 1 placeholder ({{ticket}})" in said, verb
