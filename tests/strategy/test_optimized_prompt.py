from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import questions_of
from steelyard.errors import ConfigError, DataError
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.score.text import ExactMatch
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.outlook import Forecast, RunFacts, Sizes
from steelyard.strategy.prompt import full_instruction
from steelyard.strategy.prompting import PromptArm
from tests.strategy.optimise.players import Remembering, keen
from tests.strategy.samples import TOPICS, tickets

MakeContext = Callable[..., FitContext]
TEST = tickets(45, offset=500)
SMALL: dict[str, Any] = {"budget": 20_000, "candidates": 10}
AMPLE = 150_000
"""For a scripted model, which shares no prefixes."""


def fit(context: FitContext, **options: object) -> list[PromptArm]:
    arms = build_strategy(StrategySpec("optimized_prompt", {**SMALL, **options})).fit(context)
    assert all(isinstance(arm, PromptArm) for arm in arms)
    return [arm for arm in arms if isinstance(arm, PromptArm)]


def right(arm: PromptArm) -> float:
    answers = arm.answer_all(questions_of(TEST))
    return sum(a.output == e.output for a, e in zip(answers, TEST, strict=True)) / len(TEST)


def test_it_finds_the_words_that_help(fit_context: MakeContext) -> None:
    formats = ["system_user", "user_turn"]
    arm, free = fit(fit_context(model=ScriptedModel(keen)), formats=formats, budget=AMPLE)
    zero = build_strategy(StrategySpec("zero_shot")).fit(fit_context(model=ScriptedModel(keen)))[0]
    assert isinstance(zero, PromptArm)
    assert "typical of its texts" in arm.options["instruction"]
    assert arm.options["wording_about"]
    assert right(arm) > right(zero) + 0.2
    assert (arm.name, free.name) == ("optimized_prompt", "optimized_prompt_free")
    assert free.prompt.recipe.request(TEST[0]).choices == ()
    gain = arm.fit.search["gain"]
    assert [step["stage"] for step in gain] == ["plain", "screen", "shots", "moves"]
    assert gain[0]["score"] < gain[1]["score"] <= gain[-1]["score"]
    late = arm.fit.search["late_gain"]
    assert late["trend"] in ("gaining", "flat") and late["items"] >= 42
    assert {late["before"], late.get("after", late["before"])} <= {
        trial["name"] for trial in arm.fit.search["trace"]
    }
    assert "late_gain" not in free.fit.search, "it searches nothing of its own"


def test_the_stated_search_is_the_search_that_was_made(fit_context: MakeContext) -> None:
    model = FakeModel("smart")
    arms = fit(fit_context(model=model))
    assert model.calls == sum(arm.fit.search["dev_calls"] for arm in arms)
    for arm in arms:
        search = arm.fit.search
        assert search["dev_calls"] == sum(trial["asked"] for trial in search["trace"])
        assert 0 < search["budget"]["used"] <= search["budget"]["allowed"] == 20_000
    stages = {trial["stage"] for trial in arms[0].fit.search["trace"]}
    assert {"plain", "screen", "probe", "shots", "held_back"} <= stages
    assert {trial["stage"] for trial in arms[1].fit.search["trace"]} == {"free"}
    held = arms[0].fit.search["held_back"]
    assert held["items"] == 18 and 0 <= held["score"] <= 1
    assert set(arms[0].fit.spread) > {"system_user"}


@pytest.mark.parametrize("budget", [1, 400, 3_000])
def test_a_small_budget_is_kept_and_still_gives_arms(fit_context: MakeContext, budget: int) -> None:
    arms = fit(fit_context(), budget=budget)
    spent = arms[-1].fit.search["budget"]
    assert (spent["allowed"], spent["used"] <= budget) == (budget, True)
    assert arms[0].answer(TEST[0].input) in TOPICS
    if budget == 1:
        assert arms[0].fit.search["dev_score"] is None
        assert arms[0].fit.search["held_back"]["reason"] == "the budget ran out first"
        assert arms[0].prompt.recipe.instruction == full_instruction(arms[0].brief)


def test_a_hosted_model_is_asked_no_more_than_it_may_be(fit_context: MakeContext) -> None:
    model = ScriptedModel(keen, local=False)
    arms = fit(fit_context(model=model), budget=10**9, max_calls=200)
    assert 100 < len(model.requests) <= 200
    assert arms[0].fit.search["budget"]["max_calls"] == 200


def test_the_default_budget_is_what_lora_takes(fit_context: MakeContext) -> None:
    few = fit(fit_context(train=tickets(30), model=FakeModel("smart")), budget=0, candidates=2)
    many = fit(fit_context(train=tickets(60), model=FakeModel("smart")), budget=0, candidates=2)
    allowed = [arms[0].fit.search["budget"]["allowed"] for arms in (few, many)]
    passes = 3 * (2 * 0.25 + 3)
    assert allowed[1] - allowed[0] == passes * 30 * 35


@pytest.mark.parametrize("patience", [1, 90, 333])
def test_a_killed_search_asks_only_what_is_missing(fit_context: MakeContext, patience: int) -> None:
    whole = Remembering(FakeModel("smart"))
    expected = fit(fit_context(model=whole))
    killed = Remembering(FakeModel("smart"), patience)
    with pytest.raises(KeyboardInterrupt):
        fit(fit_context(model=killed))
    killed.patience = None
    resumed = fit(fit_context(model=killed))
    assert [arm.options for arm in resumed] == [arm.options for arm in expected]
    assert [arm.prompt.recipe for arm in resumed] == [arm.prompt.recipe for arm in expected]
    assert killed.asked == whole.asked


def test_the_seed_decides(fit_context: MakeContext) -> None:
    first, again, other = (
        [trial["name"] for trial in fit(fit_context(seed=seed))[0].fit.search["trace"]]
        for seed in (7, 7, 8)
    )
    assert first == again != other


def test_a_loaded_arm_answers_as_the_saved_one(fit_context: MakeContext, tmp_path: Path) -> None:
    for number, arm in enumerate(fit(fit_context())):
        save_arm(arm, tmp_path / str(number))
        loaded = load_arm(tmp_path / str(number), lambda spec: FakeModel("smart"))
        assert loaded.answer_all(questions_of(TEST)) == arm.answer_all(questions_of(TEST))
        assert loaded.options == json.loads(json.dumps(arm.options))


def test_free_answers_are_told_which_labels_there_are(fit_context: MakeContext) -> None:
    _, free = fit(fit_context(), candidates=4)
    assert all(label in free.prompt.recipe.instruction for label in TOPICS)
    assert free.fit.search["held_back"]["reason"].startswith("chosen on all of dev")


SCHEMA = '{"type": "object", "properties": {"topic": {"type": "string"}}, "required": ["topic"]}'


def test_json_with_a_schema_and_text_are_searched_too(fit_context: MakeContext) -> None:
    train = tuple(
        replace(example, output=json.dumps({"topic": example.output})) for example in tickets(30)
    )
    brief = Brief("Extract.", "json", (), "json_match", None, SCHEMA)
    arms = fit(fit_context(train=train, dev=train[:24], brief=brief))
    assert [arm.name for arm in arms][:2] == ["optimized_prompt", "optimized_prompt_free"]
    assert arms[0].prompt.recipe.schema == SCHEMA
    [text] = fit(
        fit_context(train=train, dev=train[:24], brief=Brief("Say.", "text", (), "token_f1"))
    )
    assert text.options["decoding"] == "free"
    assert text.fit.search["dev_score"] > 0


class OddLength(ExactMatch):
    """Reads no reference."""

    def score_answer(self, output: str, reference: str) -> float:
        return float(len(output) % 2)


def test_without_references_only_words_and_formats_are_searched(fit_context: MakeContext) -> None:
    bare = tuple(replace(example, output="") for example in tickets(40))
    context = fit_context(
        train=bare,
        dev=bare[:30],
        brief=Brief("Say it.", "text", (), "exact_match"),
        metric=OddLength(),
    )
    [arm] = fit(context, budget=AMPLE)
    assert arm.prompt.recipe.shots == () and arm.prompt.recipe.retrieved == 0
    stages = Counter(trial["stage"] for trial in arm.fit.search["trace"])
    assert stages["screen"] > 4 and not stages["probe"]


def test_a_small_dev_holds_nothing_back_and_no_dev_gives_the_plain_prompt(
    fit_context: MakeContext,
) -> None:
    small, _ = fit(fit_context(dev=tickets(12, 100)))
    held = small.fit.search["held_back"]
    assert held == {"items": 0, "score": None, "reason": "dev is too small to hold part of it back"}
    assert small.fit.search["dev_score"] is not None
    none, _ = fit(fit_context(dev=()))
    assert none.fit.search["dev_score"] is None
    assert none.prompt.recipe.instruction == full_instruction(none.brief)
    assert none.answer("the invoice") in TOPICS


def test_a_train_split_is_needed(fit_context: MakeContext) -> None:
    with pytest.raises(DataError, match="train split is empty"):
        fit(fit_context(train=()))


def test_prompts_stay_within_their_length(fit_context: MakeContext) -> None:
    arm, _ = fit(fit_context(), max_prompt_tokens=90)
    text = " ".join(message.content for message in arm.prompt.recipe.messages(TEST[0].question))
    assert len(text.split()) < 90


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 0}, "candidates must be at least 1, not 0"),
        ({"screen": 0}, "screen must be at least 1, not 0"),
        ({"held_back": 1.0}, "held_back must be below 1, not 1.0"),
        ({"bugdet": 5}, "unknown option 'bugdet' (did you mean 'budget'?)"),
        ({"budget": -1}, "budget must be at least 0, not -1"),
        ({"formats": ["arow_list"]}, "did you mean 'arrow_list'"),
        ({"reflect": 3}, "option reflect must be a model, auto or none, got 3"),
        ({"reflect": "opnai:x"}, "option reflect: unknown provider 'opnai'"),
        ({"reflect": {"provider": "openai"}}, "option reflect: provider openai needs a name"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_strategy(StrategySpec("optimized_prompt", options))
    assert message in str(error.value)


@pytest.mark.parametrize("options", [{}, {"budget": 3_000}, {"max_calls": 200}])
def test_no_more_is_asked_than_was_forecast(
    fit_context: MakeContext, options: dict[str, int]
) -> None:
    model = ScriptedModel(keen)
    strategy = build_strategy(StrategySpec("optimized_prompt", options))
    context = fit_context(model=model)
    arms = strategy.fit(context)
    sizes = Sizes(60, 60, 40, 3, 20, 7, 1, 1)
    told = strategy.forecast(context.brief, sizes)
    assert isinstance(told, Forecast)
    assert len(model.requests) <= told.usage.requests
    assert sum(model.count_tokens(m.content) or 0 for r in model.requests for m in r.messages) <= (
        told.usage.input_tokens
    )
    assert set(told.per_answer) == {arm.name for arm in arms}
    assert f"{options.get('budget', 0):,}" in told.note


TUNINGS = (
    StrategySpec("lora", {"max_epochs": 1, "learning_rates": [1e-4]}),
    StrategySpec("lora", {"max_epochs": 6, "instruction": "full"}),
)


def stated_budget(context: FitContext, **options: object) -> dict[str, Any]:
    arm = build_strategy(StrategySpec("optimized_prompt", {"candidates": 2, **options})).fit(
        context
    )[0]
    found: dict[str, Any] = arm.fit.search["budget"]
    return found


def test_the_budget_is_that_of_the_runs_own_fine_tuning(fit_context: MakeContext) -> None:
    model = ScriptedModel(keen)

    def allowed(tunings: tuple[StrategySpec, ...], **options: object) -> tuple[int, str]:
        found = stated_budget(fit_context(model=model, tunings=tunings), max_calls=40, **options)
        return found["allowed"], found["source"]

    plain, small = allowed(()), allowed(TUNINGS[:1])
    assert plain[1] == "the defaults of lora" and small[1] == "this run's lora"
    assert small[0] < plain[0] == allowed((StrategySpec("lora"),))[0]
    assert allowed(TUNINGS)[0] == allowed(TUNINGS[1:])[0] > plain[0]
    assert allowed(TUNINGS, budget=7_000) == (7_000, "the option budget")


def test_the_forecast_knows_the_runs_own_fine_tuning() -> None:
    brief = Brief("Say.", "label", ("A", "B", "C"))

    def requests(*tunings: StrategySpec) -> int:
        sizes = Sizes(60, 60, 40, 3, 20, 7, 1, 1, RunFacts(tunings=tunings))
        told = build_strategy(StrategySpec("optimized_prompt")).forecast(brief, sizes)
        assert told is not None
        return told.usage.requests

    assert requests(TUNINGS[0]) < requests(StrategySpec("lora")) == requests()


def test_on_this_machine_the_budget_bounds_what_is_computed_not_what_is_sent() -> None:
    brief = Brief("Say.", "label", ("A", "B", "C"))
    strategy = build_strategy(StrategySpec("optimized_prompt", {"budget": 20_000}))
    here, away = (
        strategy.forecast(brief, Sizes(60, 60, 40, 3, 20, 7, 1, 1, RunFacts(local=local)))
        for local in (True, False)
    )
    assert here is not None and away is not None
    assert away.usage.input_tokens == 20_000 and away.usage.cached_tokens == 0
    assert here.usage.input_tokens >= 100 * here.usage.requests
    assert here.usage.input_tokens - here.usage.cached_tokens == 20_000
