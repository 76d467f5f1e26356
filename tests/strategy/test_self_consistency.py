from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from steelyard.core import Example, Request, questions_of
from steelyard.errors import ConfigError
from steelyard.families import STRATEGIES
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.zero_shot import ZeroShot
from tests.strategy.samples import TOPICS, tickets

MakeContext = Callable[..., FitContext]
FAST = {"variants": "steps", "k": [1], "bootstrap": 4, "dev_items": 20}


def fit(context: FitContext, **options: object) -> PromptArm:
    [arm] = build_strategy(StrategySpec("self_consistency", {**FAST, **options})).fit(context)
    assert isinstance(arm, PromptArm)
    return arm


def unsteady(request: Request) -> str:
    """Right in votes 2, 3 and 4, wrong in 1 and 5, and right without votes."""
    text = next(m.content for m in reversed(request.messages) if m.content[-1].isdigit())
    right = next(label for label, words in TOPICS.items() if any(w in text for w in words))
    said = "BILLING" if request.nonce in ("vote-1", "vote-5") else right
    return said if request.choices else f"So.\nAnswer: {said}"


def test_the_fewest_votes_that_dev_cannot_tell_from_the_best(fit_context: MakeContext) -> None:
    arm = fit(fit_context(model=ScriptedModel(unsteady)), samples=[2, 3, 5])
    tried = [t for t in arm.fit.search["trace"] if t["stage"] == "votes"]
    assert [trial["name"] for trial in tried] == ["2 votes", "3 votes", "5 votes"]
    assert [trial["asked"] for trial in tried] == [40, 60, 100]
    assert tried[0]["score"] < tried[1]["score"] == tried[2]["score"] == 1.0
    assert arm.options["samples"] == arm.prompt.recipe.samples == 3
    assert arm.options["requests_per_answer"] == 3
    assert arm.options["over"] == "chain_of_thought"
    assert arm.fit.search["dev_score"] == 1.0
    answers = arm.answer_all(questions_of(tickets(9, 700)))
    assert {answer.confidence for answer in answers} <= {2 / 3, 1.0}


def test_the_arm_travels_and_repeats_itself(fit_context: MakeContext, tmp_path: Path) -> None:
    arm = fit(fit_context(), samples=3, temperature=1.5)
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm", lambda spec: FakeModel("smart"))
    answers = arm.answer_all(questions_of(tickets(12, 700)))
    assert loaded.answer_all(questions_of(tickets(12, 700))) == answers
    assert len({answer.confidence for answer in answers}) > 1
    assert arm.prompt.recipe.temperature == 1.5


def test_it_votes_over_another_prompt_where_asked_or_needed(fit_context: MakeContext) -> None:
    assert fit(fit_context(), over="few_shot").options["shots"] > 0
    assert (
        fit(fit_context(), over="zero_shot", formats="user_turn").options["format"] == "user_turn"
    )
    two_lines = tuple(
        type(each)(each.id, each.input, f"It is\n{each.output}") for each in tickets(20)
    )
    brief = Brief("Say.", "text", metric="exact_match")
    context = fit_context(brief=brief, train=two_lines, dev=two_lines[:9])
    assert fit(context).options["over"] == "few_shot"
    with pytest.raises(
        ConfigError, match="cannot vote over chain_of_thought: some references have sev"
    ):
        fit(context, over="chain_of_thought")


def test_what_it_cannot_vote_over_is_refused_before_anything_is_asked() -> None:
    strategy = build_strategy(StrategySpec("self_consistency", {"over": "few_shot"}))
    bare = tuple(Example(str(number), "x", "") for number in range(6))
    brief = Brief("Say.", "text", metric="numeric")
    with pytest.raises(ConfigError, match="the train examples have none; choose over: zero_shot"):
        strategy.check(TaskFacts(brief, bare), ())
    strategy.check(TaskFacts(brief, (Example("a", "x", "4"),)), ())
    with pytest.raises(ConfigError, match="does not fit this task: with the metric rouge_l"):
        strategy.require_fit(TaskFacts(Brief("Say.", "text", metric="rouge_l"), bare))


class Terse(ZeroShot):
    """A strategy of another package, whose prompt may be voted over."""

    name: ClassVar[str] = "terse"


def test_it_votes_over_any_strategy_that_lets_it(fit_context: MakeContext) -> None:
    STRATEGIES.register("terse", Terse)
    try:
        assert fit(fit_context(), over="terse").options["over"] == "terse"
        with pytest.raises(ConfigError, match=r"over .*'optimized_prompt'.*few_shot.*terse"):
            build_strategy(StrategySpec("self_consistency", {"over": "optimized_prompt"}))
    finally:
        STRATEGIES.remove("terse")


def test_prose_cannot_be_voted_on(fit_context: MakeContext) -> None:
    with pytest.raises(ConfigError, match="with the metric judge no two texts count as the same"):
        fit(fit_context(brief=Brief("Say.", "text", metric="judge")))


def test_without_dev_the_most_votes_are_taken(fit_context: MakeContext) -> None:
    arm = fit(fit_context(train=tickets(6), dev=()))
    assert arm.options["samples"] == 5 and arm.fit.search["dev_score"] is None


def test_the_forecast_counts_every_vote() -> None:
    strategy = build_strategy(StrategySpec("self_consistency", FAST))
    brief = Brief("Say.", "text", metric="numeric")
    forecast = strategy.forecast(brief, Sizes(100, 40, 40, 0, 20, 10, 5))
    assert forecast is not None
    assert forecast.per_answer["self_consistency"].requests == 5
    assert forecast.usage.requests >= (3 + 5) * 20
