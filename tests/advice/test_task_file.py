"""The task that comes along: what scores free text, where requests may go, and whether it loads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard import advise
from steelyard.advice import from_task
from steelyard.advice.base import Advice
from steelyard.task import load_task
from tests.conftest import MakeTask

NEEDS = {
    None: "rouge_l",
    "tone": "judge",
    "format": "judge",
    "facts": "token_f1",
    "skill": "rouge_l",
    "cost": "rouge_l",
}
REPLY = "Thank you for writing to us, we will look into it at once."


def written(advice: Advice, folder: Path) -> Any:
    assert advice.task_yaml is not None
    (folder / "task.yaml").write_text(advice.task_yaml, encoding="utf-8")
    (folder / "examples.jsonl").touch()
    return load_task(folder)


@pytest.mark.parametrize("private", [True, False, None])
@pytest.mark.parametrize(("need", "metric"), NEEDS.items())
def test_free_text_is_scored_by_what_suits_it(
    tmp_path: Path, need: str | None, metric: str, private: bool | None
) -> None:
    advice = advise({"kind": "text", "need": need, "private_data": private, "can_judge": True})
    assert written(advice, tmp_path).primary_metric == metric
    text = str(advice.task_yaml)
    assert "exact_match, the default for text, calls" in text
    assert f"set its metric to {metric}" in advice.next[0].text
    assert max(map(len, text.splitlines())) <= 130


def test_who_cannot_judge_gets_no_metric_but_why_the_default_will_not_do(tmp_path: Path) -> None:
    advice = advise({"kind": "text", "can_judge": False})
    task = written(advice, tmp_path)
    assert not task.metric and "which will not do for free text" in str(advice.task_yaml)


@pytest.mark.parametrize("kind", ["label", "labels", "json"])
def test_other_kinds_keep_their_own_metric(tmp_path: Path, kind: str) -> None:
    advice = advise({"kind": kind, "need": "tone"})
    assert not written(advice, tmp_path).metric
    assert "exact_match" not in str(advice.task_yaml) + advice.next[0].text


def test_a_kind_that_was_guessed_says_what_goes_with_it() -> None:
    advice = advise({"need": "tone"})
    assert "These lines go with kind: text" in str(advice.task_yaml)
    assert "metric" not in advice.next[0].text


@pytest.mark.parametrize("kind", ["label", "labels", "json", "text", None])
@pytest.mark.parametrize("need", [None, "tone", "format", "skill", "cost"])
def test_private_data_stays_where_it_may(
    tmp_path: Path, kind: str | None, need: str | None
) -> None:
    answers = {"kind": kind, "need": need, "examples": 700, "can_judge": True}
    private = advise(answers | {"private_data": True})
    assert any(
        "on a machine of your own, or at an endpoint that is agreed" in step.text
        for step in private.next
    )
    text = str(private.task_yaml)
    assert "openai" not in text and "on a machine of your own" in text
    assert written(private, tmp_path).output.kind == (kind or "text")
    plain = advise(answers | {"private_data": False})
    assert "openai:NAME" in str(plain.task_yaml)
    assert not any("machine of your own" in step.text for step in plain.next)


@pytest.mark.parametrize(
    ("output", "metric", "says"),
    [(REPLY, None, True), (REPLY, "rouge_l", False), ("42", None, False), ("New York", "exact_match", False)],
)  # fmt: skip
def test_a_task_there_is_hears_of_its_word_for_word_metric(
    make_task: MakeTask, output: str, metric: str | None, says: bool
) -> None:
    rows = [{"input": f"question {'q' * n}", "output": output} for n in range(12)]
    task = make_task({"e.jsonl": rows}, kind="text", **({"metric": metric} if metric else {}))
    source = from_task(task)
    advice = advise(source.by_key, subject=source.subject)
    assert ("set its metric to" in advice.next[0].text) is says
    assert advice.task_yaml is None


def test_a_file_of_free_text_hears_of_it_before_a_task_is_made(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [json.dumps({"input": f"question {'q' * n}", "output": REPLY}) for n in range(12)]
    file.write_text("\n".join(rows), encoding="utf-8")
    source = from_task(file)
    advice = advise({**source.by_key, "need": "tone"}, subject=source.subject)
    assert "set its metric to judge" in advice.next[0].text
