"""A judge on top of the look-up: its share, its agreement, its failures, and what it is not asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.core import Example, Request
from steelyard.model.fake_script import ScriptedModel
from steelyard.result.documents import Groundedness, JudgedGroundedness
from steelyard.retrieve.base import Passage
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.score.judge.metric import SELF_PREFERENCE
from steelyard.store.database import Store
from steelyard.strategy import encoding
from steelyard.strategy.grounding import GroundingOptions
from steelyard.weigh import opening
from steelyard.weigh.documents import measure_documents
from steelyard.weigh.documents.judged import ALL_DOCUMENTS, ALL_FAILED, NOTHING
from tests.score.judge.scripts import fences, judge
from tests.strategy.documents_task import write_documents_task
from tests.weigh.documents.scripted import arm_of, corpus, examples, plan_of, rag, reads_well

GROUNDS = Grounds(corpus())
ROWS = examples(unanswerable=4)


def mistaken(example: Example, passages: Sequence[Passage]) -> str:
    """Makes every fourth weight up, under a citation."""
    is_wrong = example.answerable and int(example.id[1:]) % 4 == 0
    return "9999 grams [1]" if is_wrong else reads_well(example, passages)


def looking(request: Request) -> str:
    """A judge that finds a number of the answer in the passages, or does not."""
    text = request.messages[-1].content
    passages, _, answer = text.partition("<<<ANSWER")
    number = "".join(filter(str.isdigit, answer.split("\n")[1]))
    return "YES" if f"weighs {number} grams" in passages else "NO"


def grounded(script: Any, arm: Any = None, model: ScriptedModel | None = None) -> Groundedness:
    plan = plan_of(GROUNDS, ROWS)
    metric = judge(model or ScriptedModel(script))
    metric.options = replace(metric.options, groundedness=True)
    plan.metrics.append(metric)  # type: ignore[attr-defined]
    arm = arm or rag(GROUNDS, ROWS, mistaken)
    figures = measure_documents([arm], plan).of(arm.arm.name).groundedness
    assert figures is not None and figures.judged is not None
    return figures


def judged(script: Any, **fields: Any) -> JudgedGroundedness:
    block = grounded(script, **fields).judged
    assert block is not None
    return block


def test_the_share_is_over_the_answers_that_are_looked_up() -> None:
    model = ScriptedModel(looking)
    figures = grounded(looking, model=model)
    block = figures.judged
    assert block is not None
    assert (block.judged, block.failed) == (figures.answers, 0) == (80, 0)
    assert block.share.value == 60 / 80
    assert block.share.low is not None and block.share.low < 0.75 < (block.share.high or 0)
    assert len(model.requests) == 80, "refusals are not put to it"
    names = {name for request in model.requests for name in fences(request)}
    assert names >= {"INPUT", "ANSWER"}


def test_the_four_counts_say_where_it_agrees_with_the_lookup() -> None:
    block = judged(looking)
    assert (block.both, block.judge_only, block.lookup_only, block.neither) == (60, 0, 0, 20)
    assert (block.alike.value, block.kappa.value) == (1.0, 1.0)
    strict = judged(lambda request: "NO")
    assert (strict.lookup_only, strict.neither, strict.share.value) == (60, 20, 0.0)
    assert strict.alike.value == 0.25 and strict.kappa.value == 0.0
    assert strict.kappa.reason is not None and "one rater" in strict.kappa.reason


def test_a_failure_of_the_judge_is_counted_and_is_no_verdict_on_the_answer() -> None:
    def fails_on_alder(request: Request) -> str:
        return "Who knows" if "Alder" in request.messages[-1].content else looking(request)

    block = judged(fails_on_alder)
    assert block.failed > 0 and block.judged + block.failed == 80
    assert block.both + block.judge_only + block.lookup_only + block.neither == block.judged
    assert block.share.n == block.judged
    assert any(f"failed on {block.failed} of 80 answers" in note for note in block.notes)
    nothing = judged(lambda request: "Who knows")
    assert (nothing.judged, nothing.failed) == (0, 80)
    assert nothing.share.value is None and nothing.share.reason == ALL_FAILED
    assert nothing.kappa.value is None


def test_a_judge_that_is_the_arms_own_model_is_warned_of() -> None:
    assert SELF_PREFERENCE in judged(looking).notes


def test_what_is_not_put_to_the_judge_says_why() -> None:
    def never(request: Request) -> str:
        raise AssertionError("it was asked")

    whole = WholeDocuments(GROUNDS.whole)
    options = GroundingOptions(len(GROUNDS.whole))
    everything = arm_of("long_context", whole, options, ROWS, reads_well)
    assert judged(never, arm=everything).reason == ALL_DOCUMENTS
    uncited = rag(GROUNDS, ROWS, lambda example, passages: "7 grams")
    block = judged(never, arm=uncited)
    assert block.reason == NOTHING and block.share.value is None


@pytest.mark.parametrize("is_named", [True, False])
def test_without_the_option_no_judge_is_asked(is_named: bool) -> None:
    plan = plan_of(GROUNDS, ROWS)
    if is_named:
        plan.metrics.append(judge(lambda request: "YES"))  # type: ignore[attr-defined]
    arm = rag(GROUNDS, ROWS, mistaken)
    figures = measure_documents([arm], plan).of("rag").groundedness
    assert figures is not None and figures.judged is None


def answering(request: Request) -> str:
    """Arm and judge in one: reads the pressure in its passages, ties replies, judges as `looking` does."""
    text = request.messages[-1].content
    if "<<<ANSWER" in text:
        return (
            "YES"
            if text.split("<<<ANSWER")[1].split("\n")[1] in text.split("<<<ANSWER")[0]
            else "NO"
        )
    if "<<<REPLY" in text:
        return "TIE"
    pump = re.findall(r"P\d+", text)[-1]
    stated = re.findall(rf"Pump {pump} holds (\d\.\d bar)", text)
    return stated[0] if stated and pump != "P3" else "9.9 bar"


def test_a_run_asks_the_judge_once_and_books_it_on_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ScriptedModel(answering)
    monkeypatch.setattr(encoding, "open_encoder", lambda: None)
    monkeypatch.setattr(opening, "load_model", lambda spec: model)
    options = {"passage_tokens": [40], "overlap": 0, "k": [1], "cites": [False]}
    ways = ["zero_shot", {"name": "rag", "options": options}]
    metrics, section = ["exact_match", "judge"], {"model": "fake:echo", "groundedness": True}
    task = write_documents_task(tmp_path / "task", strategies=ways, metric=metrics, judge=section)
    bound = next(line for line in steelyard.plan(task).lines if line.strategy == "judge")
    run = steelyard.run(task, tmp_path / "out")
    [block] = [arm.groundedness.judged for arm in run.record.arms if arm.groundedness]
    assert block is not None and block.judged > 0 and block.failed == 0
    assert block.share.value is not None and 0 < block.share.value < 1 and block.notes == ()
    questions = [one for one in model.requests if "<<<ANSWER" in one.messages[-1].content]
    assert len(questions) == block.judged
    judge_result, store = run.record.judge, Store.in_folder(tmp_path / "out")
    assert judge_result is not None and bound.requests is not None
    spent = store.usage("judge")
    store.close()
    assert judge_result.requests == spent.requests >= len(questions)
    assert judge_result.tokens.input == spent.input_tokens <= bound.usage.input_tokens
    assert spent.requests <= bound.requests["judge"]
    page = run.report.read_text(encoding="utf-8")
    assert "Supported<small>by the judge" in page

    count = len(model.requests)
    (tmp_path / "out" / "result.json").unlink()
    again = steelyard.run(task, tmp_path / "out")
    assert len(model.requests) == count, "every judgement is in the store"
    assert [one.groundedness for one in again.record.arms] == [
        one.groundedness for one in run.record.arms
    ]


def test_the_plan_counts_the_judges_questions_only_where_they_are_asked(tmp_path: Path) -> None:
    def requests(name: str, strategies: list[str], **section: Any) -> int:
        keys = {"metric": ["exact_match", "judge"], "judge": {"model": "fake:echo", **section}}
        task = write_documents_task(tmp_path / name, strategies=strategies, **keys)
        outlook = steelyard.plan(task)
        line = next(line for line in outlook.lines if line.strategy == "judge")
        assert line.requests is not None
        return line.requests["judge"]

    both = requests("a", ["rag"], groundedness=True) - requests("b", ["rag"])
    assert both > 0
    assert (
        requests("c", ["rag"], groundedness=True, votes=3) - requests("d", ["rag"], votes=3)
        == 3 * both
    )
    closed = ["zero_shot"]
    assert requests("e", closed, groundedness=True) == requests("f", closed)
