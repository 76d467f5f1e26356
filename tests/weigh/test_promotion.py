"""A hosted winner is held to how good its answers are, not to their letters."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steelyard.planning.plan import RunOptions, make_plan
from steelyard.progress import Display
from steelyard.weigh.opening import open_run
from steelyard.weigh.promotion import promote
from steelyard.weigh.steps import RunSteps
from tests.model.endpoint import Reply, serving, stream

TASK = """
name: replies
instruction: Answer politely.
output: {kind: text}
rules: [{name: closing, type: ends_with, text: "Is there anything else?"}]
examples: examples.jsonl
consistency: false
"""
QUICK = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 4}}
Words = Callable[[], str]


@contextmanager
def fitted(folder: Path, words: Words) -> Iterator[tuple[RunSteps, str]]:
    """The steps of a run whose one prompted arm, on an endpoint that says ``words``, was tested."""

    def script(request: dict[str, Any], _: int) -> Reply:
        return stream(words())

    folder.mkdir()
    rows = [{"id": f"e{i}", "input": f"Where is order {i}?", "output": "Here."} for i in range(60)]
    lines = [json.dumps(row) for row in rows]
    (folder / "examples.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with serving(script) as endpoint:
        model = {"provider": "openai", "name": "small", "base_url": endpoint.base_url}
        task = f"{TASK}model: {json.dumps(model)}\nstrategies: {json.dumps([QUICK])}\n"
        (folder / "task.yaml").write_text(task, encoding="utf-8")
        plan = make_plan(folder, RunOptions(no_cache=True))
        with open_run(plan, folder / "out", Display()) as steps:
            job = next(job for job in plan.jobs if job.model is not None)
            arm = steps.fit(job)[0]
            steps.test(arm)
            yield steps, arm.name


def test_other_words_that_are_as_good_are_promoted(tmp_path: Path) -> None:
    said = "It is on its way. Is there anything else?"
    with fitted(tmp_path / "t", lambda: said) as (steps, name):
        said = "It will come tomorrow. Is there anything else?"
        found = promote(steps, name, steps.store.records(name))
    assert found.promoted is True
    assert found.different == found.n > 0
    assert (found.difference, found.p_value) == (0, 1)
    assert (tmp_path / "t" / "out" / "winner" / "arm.json").is_file()


def test_the_same_answer_in_other_white_space_is_not_another_one(tmp_path: Path) -> None:
    said = "On its way. Is there anything else?"
    with fitted(tmp_path / "t", lambda: said) as (steps, name):
        said = "On its  way. Is there anything else?"
        found = promote(steps, name, steps.store.records(name))
    assert (found.promoted, found.different) == (True, 0)


def test_worse_answers_are_refused(tmp_path: Path) -> None:
    said = "It is on its way. Is there anything else?"
    with fitted(tmp_path / "t", lambda: said) as (steps, name):
        said = "No."
        found = promote(steps, name, steps.store.records(name))
    assert found.promoted is False
    assert found.difference == -1
    assert "reloaded, it scores -1.00" in found.reason
    assert not (tmp_path / "t" / "out" / "winner").exists()


@pytest.mark.parametrize("name", ["majority", "tfidf_linear"])
def test_an_arm_of_this_machine_answers_to_the_letter(tmp_path: Path, name: str) -> None:
    from steelyard.weigh import run
    from tests.tickets import write_task

    task = write_task(tmp_path / "task", rows=60, strategies=[name], extra="consistency: false\n")
    plan = make_plan(task, RunOptions())
    folder = run(task, tmp_path / "out").folder
    with open_run(plan, folder, Display()) as steps:
        records = steps.store.records(name)
        steps.store.finish_step(f"promote:{name}", {"promoted": False}, 0.0)
        assert promote(steps, name, records).different == 0
        [first, *rest] = records
        other = [record for record in rest if record.answer.output != first.answer.output]
        if other:
            steps.store.finish_step(f"promote:{name}", {"promoted": False}, 0.0)
            swapped = [other[0], *rest]
            assert promote(steps, name, swapped).promoted is False
