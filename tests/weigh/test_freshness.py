"""Who follows when a fact changes: in whole runs, and arm by arm over scripted models."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.core import Answer, Completion, Example, Request
from steelyard.economics import Money
from steelyard.errors import ConfigError, DataError
from steelyard.model.fake_script import ScriptedModel
from steelyard.planning.facts import ChangedFact
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import make_plan
from steelyard.progress import Display
from steelyard.report.terminal import verdict_text
from steelyard.result import Result, read_result
from steelyard.result.freshness import FactCounts, Freshness
from steelyard.retrieve.fact_changes import FactChange
from steelyard.retrieve.fixed import GoldPassages
from steelyard.score import build_metric
from steelyard.score.facts import FactTexts
from steelyard.strategy import encoding, load_arm, long_context
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh import opening
from steelyard.weigh.arms import ArmBlocks, Costs
from steelyard.weigh.freshness import (
    CEILING,
    FIT_AGAIN,
    NOT_ASKED,
    UNKNOWN,
    measure_freshness,
    priced_freshness,
    side,
)
from steelyard.weigh.measured import measure_arm
from steelyard.weigh.steps import RunSteps
from tests.strategy.documents_task import PUMPS, pressure, write_documents_task

RAG = {"name": "rag", "options": {"passage_tokens": [40], "overlap": 0, "k": [1], "cites": [False]}}
STRATEGIES = ["zero_shot", RAG, "rag_oracle"]
WITH_WHOLE = [*STRATEGIES, "long_context"]
CHANGED = PUMPS[:4]
NO_IDEA = "I cannot know"


def now(pump: str) -> str:
    return f"{7 + int(pump[1:]) / 10:.1f} bar"


def changes() -> list[dict[str, Any]]:
    return [
        {
            "document": f"docs/{pump}.md",
            "old": f"holds {pressure(pump)}",
            "new": f"holds {now(pump)}",
            "question": f"What pressure does pump {pump} hold?",
            "answer": now(pump),
        }
        for pump in CHANGED
    ]


def write_task(folder: Path, rows: list[dict[str, Any]] | None = None, **keys: Any) -> Path:
    """The pumps, four of which hold more from now on."""
    keys = {"strategies": STRATEGIES, "document_changes": "changes.jsonl", **keys}
    task = write_documents_task(folder, **keys)
    lines = [json.dumps(row) + "\n" for row in (changes() if rows is None else rows)]
    (folder / "changes.jsonl").write_text("".join(lines), encoding="utf-8")
    return task


def reading(request: Request) -> str:
    """The pressure of the pump in question, by the passages; without them nothing."""
    text = request.messages[-1].content
    pump = re.findall(r"P\d+", text)[-1]
    stated = re.findall(rf"Pump {pump} holds (\d\.\d bar)", text)
    return stated[0] if stated else NO_IDEA


def remembering(request: Request) -> str:
    """The pressure as it was when the model learned it, whatever it reads."""
    return pressure(re.findall(r"P\d+", request.messages[-1].content)[-1])


WHOLE: dict[str, Any] = {"strategies": WITH_WHOLE, "prices": {"machine": {"per_hour": 36}}}


def know_the_window(patch: pytest.MonkeyPatch) -> None:
    """Let documents fit into the context of a model that has none."""
    patch.setattr(long_context, "_tokens", lambda grounds, model: (300, 8192, ""))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pumps")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "open_encoder", lambda: None)
        patch.setattr(opening, "load_model", lambda spec: ScriptedModel(reading))
        know_the_window(patch)
        steelyard.run(write_task(folder / "task", **WHOLE), folder / "out")
    return folder / "out"


@pytest.fixture
def result(finished: Path) -> Result:
    return read_result(finished)


def block_of(result: Result, name: str) -> Freshness:
    block = next(arm for arm in result.arms if arm.name == name).freshness
    assert block is not None
    return block


def test_what_reads_the_documents_follows(result: Result) -> None:
    for name, how in (("rag", "index"), ("long_context", "documents")):
        block = block_of(result, name)
        assert (block.n, block.before) == (4, FactCounts(old=4)), name
        assert (block.followed, block.stale, block.neither, block.how) == (4, 0, 0, how)
        assert block.asked_again and block.share.value == 1.0 and block.share.low is not None
    assert block_of(result, "rag").share.low == pytest.approx(0.025 ** (1 / 4)), (
        "four of four is not all"
    )


def test_only_what_changed_is_indexed_again_and_that_is_priced(result: Result) -> None:
    block = block_of(result, "rag")
    assert (block.passages, block.reindexed, block.reencoded) == (len(PUMPS), len(CHANGED), 0)
    assert block.seconds is not None and block.cost is not None and block.reason is None
    assert block.seconds > 0 and block.cost == pytest.approx(block.seconds / 100, rel=1e-4)
    whole = block_of(result, "long_context")
    assert (whole.seconds, whole.cost, whole.reindexed) == (0.0, 0.0, None)


def test_a_prompt_without_documents_knows_neither_and_is_asked_once(result: Result) -> None:
    block = block_of(result, "zero_shot")
    assert (block.before, block.neither) == (FactCounts(neither=4), 4)
    assert not block.asked_again and block.how == "prompt" and block.cost is None
    assert block.reason is not None and "holds nothing of what changed" in block.reason
    assert [one.after for one in block.answers] == [NO_IDEA] * 4


def test_classical_arms_are_fitted_again(result: Result) -> None:
    block, fit = (
        block_of(result, "nearest_neighbour"),
        next(a for a in result.arms if a.name == "nearest_neighbour").fit,
    )
    assert block.how == "fit" and not block.asked_again and block.followed == 0
    assert (block.seconds, block.cost) == (fit.seconds, fit.cost)


def test_the_ceiling_is_left_out_with_its_reason(result: Result) -> None:
    arm = next(arm for arm in result.arms if arm.name == "rag_oracle")
    assert arm.freshness is None and arm.freshness_reason == CEILING


def test_the_facts_stand_in_the_result_and_counts_add_up(result: Result) -> None:
    assert [(one.old, one.new) for one in result.changed_facts] == [
        (pressure(p), now(p)) for p in CHANGED
    ]
    assert all(
        fact.document == f"docs/{p}.md"
        for fact, p in zip(result.changed_facts, CHANGED, strict=True)
    )
    for arm in result.arms:
        if (block := arm.freshness) is not None:
            assert block.followed + block.stale + block.neither == block.before.n == block.n
            assert [one.fact for one in block.answers] == list(range(block.n))


def test_the_users_files_stay_as_they_are(finished: Path) -> None:
    page = (finished.parent / "task" / "docs" / "P1.md").read_text(encoding="utf-8")
    assert pressure("P1") in page and now("P1") not in page


def test_the_saved_arm_is_that_of_before(finished: Path) -> None:
    arm: Any = load_arm(finished / "arms" / "rag")
    assert all(
        now(pump) not in one.text
        for one in arm.prompt.grounding.finder.passages
        for pump in CHANGED
    )


def test_the_report_and_the_terminal_show_it(finished: Path, result: Result) -> None:
    page = (finished / "report.html").read_text(encoding="utf-8")
    section = page.partition('id="freshness"')[2].partition("</section>")[0]
    assert "4 passages of 12 indexed again, 0 encoded" in section
    assert f"rag_oracle ({CEILING})" in section
    text = " ".join(verdict_text(result).split())
    assert "rag follows 4 of 4 (" in text and "long_context follows 4 of 4;" in text
    assert "zero_shot" in text.partition("When a fact changes")[2]


def test_without_changes_nothing_is_asked_or_shown(finished: Path, tmp_path: Path) -> None:
    task = write_documents_task(tmp_path / "task", strategies=["zero_shot"])
    run = steelyard.run(task, tmp_path / "out")
    assert run.result["changed_facts"] == []
    assert all(
        "freshness" not in arm and "freshness_reason" not in arm for arm in run.result["arms"]
    )
    assert 'id="freshness"' not in run.report.read_text(encoding="utf-8")
    assert "When a fact changes" not in verdict_text(run.record)


def opened(task: Path, folder: Path) -> Iterator[RunSteps]:
    with opening.open_run(make_plan(task, RunOptions()), folder, Display()) as steps:
        yield steps


@pytest.fixture
def steps(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunSteps]:
    know_the_window(monkeypatch)
    yield from opened(finished.parent / "task", finished)


def scripted(
    steps: RunSteps, name: str, script: Callable[[Request], str]
) -> tuple[PromptArm, ScriptedModel]:
    """An arm of the run on a model that answers by a script, under a name that was not asked yet."""
    arm, model = load_arm(steps.folder / "arms" / name), ScriptedModel(script)
    assert isinstance(arm, PromptArm)
    arm.model = model
    arm.name = f"{name}_{script.__name__}"
    return arm, model


def test_a_model_that_answers_from_memory_stays_stale(steps: RunSteps) -> None:
    arm, model = scripted(steps, "rag", remembering)
    block, reason = measure_freshness(steps, arm)
    assert block is not None and reason is None
    assert (block.before, block.followed, block.stale) == (FactCounts(old=4), 0, 4)
    assert block.asked_again and block.share.value == 0.0
    assert any(now("P1") in request.messages[-1].content for request in model.requests), (
        "it was shown"
    )


def guessing(request: Request) -> str:
    """The new pressure of P1 and P2, which nobody told the model; of the others what stands there."""
    pump = re.findall(r"P\d+", request.messages[-1].content)[-1]
    return now(pump) if pump in ("P1", "P2") else reading(request)


def test_what_was_stated_by_chance_before_is_no_gain(steps: RunSteps) -> None:
    block, _ = measure_freshness(steps, scripted(steps, "rag", guessing)[0])
    assert block is not None
    assert (block.before, block.followed) == (FactCounts(old=2, new=2), 4)
    assert block.gained.value == 0.5 and block.gained.n == 4
    assert block.gained.low is not None and block.gained.low < 0.5 < (block.gained.high or 0)
    closed, _ = measure_freshness(steps, scripted(steps, "zero_shot", guessing)[0])
    assert closed is not None and not closed.asked_again
    assert (closed.before.new, closed.followed, closed.gained.value) == (2, 2, 0.0)


def test_what_was_asked_is_not_asked_again_until_the_facts_are_others(steps: RunSteps) -> None:
    arm, model = scripted(steps, "rag", lambda request: reading(request))
    first, _ = measure_freshness(steps, arm)
    count = len(model.requests)
    assert measure_freshness(steps, arm)[0] == first and len(model.requests) == count == 8
    facts = steps.plan.facts
    assert facts is not None
    steps.plan = replace(steps.plan, facts=replace(facts, facts=facts.facts[:2]))
    fewer, _ = measure_freshness(steps, arm)
    assert fewer is not None and fewer.n == 2


def test_an_arm_that_is_only_kept_is_not_asked(steps: RunSteps) -> None:
    arm, model = scripted(steps, "zero_shot", reading)
    assert measure_freshness(steps, arm, may_ask=False) == (None, NOT_ASKED)
    assert model.requests == []


def test_an_index_that_cannot_be_changed_in_memory_says_so(steps: RunSteps) -> None:
    arm, model = scripted(steps, "rag", reading)
    grounding = arm.prompt.grounding
    assert grounding is not None
    elsewhere = replace(grounding, finder=GoldPassages({}))
    other = arm.under(replace(arm.prompt, grounding=elsewhere))
    other.name = "rag_elsewhere"
    assert measure_freshness(steps, other) == (None, UNKNOWN)
    assert model.requests == []


def test_the_requests_are_on_an_account_of_their_own(steps: RunSteps) -> None:
    # Four before, which the test and the search may have asked already, and four after.
    assert steps.store.usage("freshness:rag").requests >= len(CHANGED)
    assert steps.store.step("freshness:rag") is not None
    assert steps.store.step("freshness:rag_oracle") is None


def test_an_index_in_lancedb_follows_as_one_in_files_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Result
) -> None:
    pytest.importorskip("lancedb")
    monkeypatch.setattr(encoding, "open_encoder", lambda: None)
    monkeypatch.setattr(opening, "load_model", lambda spec: ScriptedModel(reading))
    stored = {**RAG, "options": {**RAG["options"], "store": "lance"}}  # type: ignore[dict-item]
    run = steelyard.run(write_task(tmp_path / "task", strategies=[stored]), tmp_path / "out")
    block, files = block_of(run.record, "rag"), block_of(result, "rag")
    for field in ("before", "followed", "share", "gained", "passages", "reindexed", "reencoded"):
        assert getattr(block, field) == getattr(files, field), field
    assert block.how == "index" and block.seconds and block.seconds > 0
    arm: Any = load_arm(tmp_path / "out" / "arms" / "rag")
    assert arm.prompt.grounding.finder.name == "lance"
    texts = [one.text for one in arm.prompt.grounding.finder.passages]
    assert not any(now(pump) in text for text in texts for pump in CHANGED)


class Killed(BaseException):
    """What stops a run dead, as a signal would."""


def test_a_run_that_is_killed_goes_on_and_ends_as_an_undisturbed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Result
) -> None:
    monkeypatch.setattr(encoding, "open_encoder", lambda: None)
    models: list[ScriptedModel] = []
    left = len(CHANGED) - 2

    def dying(request: Request) -> str:
        nonlocal left
        if now("P1")[:1] + "." in reading(request):  # only changed documents say it
            left -= 1
            if left < 0:
                raise Killed
        return reading(request)

    def load(script: Callable[[Request], str]) -> Callable[[object], ScriptedModel]:
        def build(spec: object) -> ScriptedModel:
            models.append(ScriptedModel(script))
            return models[-1]

        return build

    task = write_task(tmp_path / "task", **WHOLE)
    know_the_window(monkeypatch)
    monkeypatch.setattr(opening, "load_model", load(dying))
    with pytest.raises(Killed):
        steelyard.run(task, tmp_path / "out")
    asked = {request for model in models for request in model.requests}
    models.clear()
    monkeypatch.setattr(opening, "load_model", load(reading))
    again = steelyard.run(task, tmp_path / "out").record
    for name in ("rag", "long_context", "zero_shot"):
        mine, theirs = block_of(again, name), block_of(result, name)
        assert mine.updated(seconds=0, cost=0) == theirs.updated(seconds=0, cost=0)
    repeated = {
        request for model in models for request in model.requests if not request.nonce
    } & asked
    assert len(repeated) <= 1, "only what was in flight is asked again"


def test_changes_that_come_later_are_asked_in_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "open_encoder", lambda: None)
    task = write_task(tmp_path / "task", strategies=["zero_shot"], consistency=False)
    first = steelyard.run(task, tmp_path / "out").record
    rows = changes()[:1]
    (task / "changes.jsonl").write_text(json.dumps(rows[0]) + "\n", encoding="utf-8")
    second = steelyard.run(task, tmp_path / "out").record
    assert (block_of(first, "zero_shot").n, block_of(second, "zero_shot").n) == (4, 1)


def test_documents_that_differ_are_another_run(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", strategies=["zero_shot"])
    steelyard.run(task, tmp_path / "out")
    (task / "docs" / "P9.md").write_text("Pump P9 is no more.", encoding="utf-8")
    with pytest.raises(steelyard.SteelyardError, match="its documents differ"):
        steelyard.run(task, tmp_path / "out")


def test_the_plan_counts_the_requests(tmp_path: Path) -> None:
    outlook = steelyard.plan(write_task(tmp_path / "task"))
    phases = {line.strategy: dict(line.requests or {}) for line in outlook.lines}
    assert phases["rag"]["freshness"] == phases["zero_shot"]["freshness"] == 2 * len(CHANGED)
    assert "freshness" not in phases["rag_oracle"]
    assert outlook.total().requests_by_phase["freshness"] == 4 * len(CHANGED)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"documents": None}, "document_changes need documents"),
        (
            {"document_changes": "change.jsonl"},
            r"task\.yaml line \d+: document_changes: no file .*changes",
        ),
        ({"document_changes": "docs"}, "document_changes: .*is a folder"),
    ],
)
def test_a_file_that_is_not_there_is_named(
    tmp_path: Path, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        steelyard.load_task(write_task(tmp_path / "task", **keys))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"old": "holds 9.9 bar"},
            r"changes\.jsonl line 1: its old text 'holds 9.9 bar' does not stand",
        ),
        ({"document": "docs/P99.md"}, r"changes\.jsonl line 1: no document 'docs/P99\.md'"),
        (
            {"answer": pressure("P1")},
            "line 1: its answer '3.1 bar' is right before the change, too",
        ),
        (
            {"question": "Is it strong?", "new": "is a strong pump", "answer": "Yes"},
            "line 1: what the answer was is not known.*add old_answer",
        ),
        ({"answer": ""}, "line 1: answer must be a text"),
    ],
)
def test_a_row_that_does_not_fit_stops_before_anything_is_asked(
    tmp_path: Path, row: dict[str, Any], message: str
) -> None:
    task = write_task(tmp_path / "task", [changes()[0] | row])
    with pytest.raises(DataError, match=message):
        make_plan(task, RunOptions())


def test_the_former_answer_comes_from_the_row_the_examples_or_the_text(tmp_path: Path) -> None:
    first, second, third = changes()[:3]
    rows = [first | {"old_answer": "three"}, second, third | {"question": "Of P3, the bar?"}]
    facts = make_plan(write_task(tmp_path / "task", rows), RunOptions()).facts
    assert facts is not None
    assert [fact.old_answer for fact in facts.facts] == ["three", "3.2 bar", "3.3 bar"]
    assert not facts.facts[2].is_trained


def test_a_few_characters_in_an_instruction_are_no_fact(tmp_path: Path) -> None:
    first, second = changes()[:2]
    rows = [first | {"old": "3.1 bar", "new": "7.1 bar"}, second]
    facts = make_plan(write_task(tmp_path / "task", rows), RunOptions()).facts
    assert facts is not None
    text = "Say 3.1 bar. Pump P2 holds 3.2 bar."
    assert facts.rewrite(text) == "Say 3.1 bar. Pump P2 holds 7.2 bar."


FACT = ChangedFact(
    FactChange("a", "3 bar", "4 bar", "?", "4 bar"),
    Example("change:1", "?", "4 bar"),
    FactTexts(("3 bar",), ("4 bar",)),
)


@pytest.mark.parametrize(
    ("output", "metric", "expected"),
    [
        ("4 bar", "exact_match", "new"),
        ("It holds 4 bar.", "exact_match", "new"),  # wrong by the metric, and still the new fact
        ("3", "numeric", "old"),
        ("It holds 3 bar", "token_f1", "old"),
        ("3 or 4 bar", "token_f1", "new"),
        ("3 bar, now 4 bar", "exact_match", "neither"),
        (None, "exact_match", "neither"),
    ],
)
def test_the_metric_tells_first_then_the_words(
    output: str | None, metric: str, expected: str
) -> None:
    answer = Answer(output, Completion(output or "", "stop", 1, 0, 1, 0.0, 0.0))
    assert side(FACT, answer, build_metric(metric)) == expected


def test_a_failed_answer_states_neither() -> None:
    answer = Answer("4 bar", Completion("4 bar", "stop", 1, 0, 1, 0.0, 0.0), failure="cut")
    assert side(FACT, answer, build_metric("exact_match")) == "neither"


def test_money_of_tuning_again_is_that_of_the_fit(steps: RunSteps) -> None:
    job = next(job for job in steps.plan.jobs if job.key == "zero_shot")
    measured = measure_arm(
        steps, job, load_arm(steps.folder / "arms" / "zero_shot", steps.build_model)
    )
    tuned = replace(
        measured, blocks=ArmBlocks(freshness=Freshness(n=4, how="tuning")), fit_seconds=90.0
    )
    money = Money(Decimal("1.5"))
    costs = Costs({"search": money, "training": money, "labels": money}, money, money)
    block = priced_freshness(tuned, costs, steps.plan)
    assert block is not None
    assert (block.seconds, block.cost, block.reason) == (90.0, 3.0, FIT_AGAIN)
