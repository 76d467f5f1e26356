"""Answers that data gives by itself, with the rows they rest on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from steelyard import DataError, init_from_file
from steelyard.advice import advise, from_task
from steelyard.advice.data_answers import DataAnswer, TaskAnswers
from steelyard.task.config import load_task
from tests.conftest import MakeTask

LONG = "The printer in room 12 of the north wing stops after three pages every morning and " * 10


def by_key(answers: TaskAnswers) -> dict[str, DataAnswer]:
    return {answer.key: answer for answer in answers.answers}


def tickets(count: int = 30) -> list[dict[str, str]]:
    return [
        {"input": f"ticket {n}: the {word} is wrong", "output": word.upper()}
        for n, word in zip(range(count), ("invoice", "screen") * count, strict=False)
    ]


def test_labels_answer_four_questions(make_task: MakeTask) -> None:
    rows = [*tickets(), tickets()[0]]
    task = make_task({"e.jsonl": rows}, labels=["INVOICE", "SCREEN"])
    source = from_task(task)
    answers = by_key(source)
    assert source.by_key["can_judge"] is True and source.by_key["kind"] == "label"
    assert (answers["examples"].value, "1 repeat" in answers["examples"].text) == (30, True)
    assert answers["examples"].rows == (1, 2, 3, 4, 5)
    assert answers["prompt_tokens"].value > 5 and len(answers["prompt_tokens"].rows) == 1
    assert answers["private_data"].value is False
    assert answers["need"].value is None
    assert "requests_per_day" not in answers  # a default is nobody's answer
    assert source.subject.task == task.folder


def test_what_task_yaml_states_is_an_answer(make_task: MakeTask) -> None:
    task = make_task(
        {"e.jsonl": tickets()},
        traffic={"requests_per_day": 77},
        constraints={"max_latency_p95_ms": 0.4},
    )
    source = from_task(task).by_key
    assert (source["requests_per_day"], source["max_latency_ms"]) == (77, 1)


FACTS: Mapping[str, tuple[Sequence[str], Any]] = {
    "a price that the question does not hold": (
        [f"Plan {n} costs $ {n}9.50 a month." for n in range(20)],
        "facts",
    ),
    "numbers from outside": ([f"You have {n + 3} seats left." for n in range(20)], "facts"),
    "sources": ([f"See section {'abc'[n % 3]} of the manual." for n in range(20)], "facts"),
    "cited addresses": ([f"https://example.com/{'x' * n}" for n in range(20)], "facts"),
    "plain words": (["Please restart the printer." for _ in range(20)], None),
    "sums": ([f"{n} + 41 = {n + 41}" for n in range(20)], None),
    "code": ([f"SELECT a FROM t WHERE n > {n} LIMIT 10;" for n in range(20)], None),
    "too few": (["It costs $ 5." for _ in range(4)], None),
}


@pytest.mark.parametrize(("outputs", "need"), FACTS.values(), ids=FACTS.keys())
def test_facts_are_seen_in_outputs(make_task: MakeTask, outputs: list[str], need: Any) -> None:
    rows = [{"input": f"question {'q' * n}", "output": text} for n, text in enumerate(outputs)]
    answer = by_key(from_task(make_task({"e.jsonl": rows}, kind="text")))["need"]
    assert answer.value == need
    if need:
        assert answer.rows and set(answer.rows) <= set(range(1, len(rows) + 1))


def test_what_a_long_input_says_is_no_fact_from_outside(make_task: MakeTask) -> None:
    rows = [
        {
            "input": f"{LONG} {n}",
            "output": "Every morning the printer in room 12 stops after three pages",
        }
        for n in range(20)
    ]
    answer = by_key(from_task(make_task({"e.jsonl": rows}, kind="text")))["need"]
    assert answer.value is None and "repeat what their long inputs say" in answer.text


@pytest.mark.parametrize(("private", "value"), [(1, None), (5, True)])
def test_private_rows_are_named_and_a_few_answer_nothing(
    make_task: MakeTask, private: int, value: bool | None
) -> None:
    rows = tickets(150)
    for row in rows[7 : 7 + private]:
        row["input"] += " write to jane.roe@example.org"
    answer = by_key(from_task(make_task({"e.jsonl": rows})))["private_data"]
    assert answer.value is value
    assert answer.rows == tuple(range(8, 8 + private))
    assert "e-mail" in answer.text


def test_rows_without_answers_judge_nothing(make_task: MakeTask) -> None:
    rows = [{"input": f"write {n}", "output": ""} for n in range(12)]
    task = make_task({"e.jsonl": rows}, kind="text", rules=[{"type": "ends_with", "text": "Bye."}])
    answers = by_key(from_task(task))
    assert answers["can_judge"].value is True and "1 rule" in answers["can_judge"].text
    assert answers["examples"].value == 0


def test_a_bare_file_has_no_prompt_and_is_made_a_task_of(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in tickets()), encoding="utf-8")
    source = from_task(file)
    assert "prompt_tokens" not in source.by_key
    advice = advise(source.by_key, subject=source.subject)
    assert "--from" in advice.next[0].command and "rows.jsonl" in advice.next[0].command


def test_a_file_without_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(DataError):
        from_task(tmp_path / "rows.jsonl")


def test_the_next_steps_are_about_the_task_there_is(make_task: MakeTask) -> None:
    task = make_task({"e.jsonl": tickets()})
    advice = advise(from_task(task).by_key, subject=from_task(task).subject)
    assert advice.task_yaml is None
    assert all(str(task.folder.name) in step.command for step in advice.next)


@pytest.mark.parametrize(
    ("output", "metric"),
    [("She has {n} left over in the end.\n#### {n}", "numeric"), ("It is {n}", None), ("{n}", "numeric")],
)  # fmt: skip
def test_the_metric_is_the_one_that_init_writes(
    tmp_path: Path, output: str, metric: str | None
) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"input": f"how many are {n} and 0?", "output": output.format(n=n)} for n in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    written = load_task(init_from_file(tmp_path / "new", file)).primary_metric
    source = from_task(file)
    advice = advise({**source.by_key, "kind": "text"}, subject=source.subject)
    assert source.subject.metric == metric
    assert (written == "numeric") == (metric == "numeric")
    assert advice.task_yaml is not None
    if metric is not None:
        assert f"its metric will be {metric}" in advice.next[0].text
        assert "rouge" not in advice.next[0].text
        assert f"\nmetric: {metric}\n" in advice.task_yaml
