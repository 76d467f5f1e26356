from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.core import Example, Request, questions_of
from steelyard.errors import ConfigError
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy import Arm, StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompting import PromptArm
from tests.strategy.samples import TOPICS, tickets

MakeContext = Callable[..., FitContext]
SUM = Brief("Add the numbers.", "text", metric="numeric")


def sums(count: int, offset: int = 0, worked: bool = False) -> tuple[Example, ...]:
    made = []
    for number in range(offset, offset + count):
        first, second = number % 7 + 1, number % 5 + 2
        answer = f"{first + second}"
        output = f"{first} and {second} make {answer}.\n#### {answer}" if worked else answer
        made.append(Example(str(number), f"{number}) {first} plus {second}?", output))
    return tuple(made)


def adding(request: Request) -> str:
    """Adds when it reasons, and only guesses 0 otherwise; every fifth sum is wrong without shots."""
    number, first, second = map(int, re.findall(r"\d+", request.messages[-1].content))
    shots = [m.content for m in request.messages if m.role == "assistant"]
    if shots and "make" not in shots[0]:
        return "Answer: 0"
    wrong = not shots and number % 5 == 0
    return f"{first} and {second} make it.\nAnswer: {first + second + wrong}"


def fit(context: FitContext, **options: object) -> list[Arm]:
    return build_strategy(StrategySpec("chain_of_thought", options)).fit(context)


def test_rationales_of_the_model_itself_become_shots(fit_context: MakeContext) -> None:
    model = ScriptedModel(adding)
    context = fit_context(model=model, brief=SUM, train=sums(30), dev=sums(20, 100))
    [arm] = fit(context, bootstrap=10, k=[2])
    assert isinstance(arm, PromptArm)
    shots = arm.prompt.recipe.shots
    assert len(shots) == 2
    assert all(re.fullmatch(r"\d and \d make it\.\nAnswer: \d+", shot.output) for shot in shots)
    assert not any(shot.input.startswith(("0)", "5)")) for shot in shots)  # it got those wrong
    stages = [trial["stage"] for trial in arm.fit.search["trace"]]
    assert stages.count("bootstrap") == 1
    assert arm.fit.search["dev_calls"] == len(model.requests)
    assert arm.fit.search["dev_score"] == 1.0
    assert [answer.output for answer in arm.answer_all(questions_of(sums(3, 40)))] == [
        "8",
        "10",
        "5",
    ]


def test_the_references_own_reasoning_is_shown_where_they_have_some(
    fit_context: MakeContext,
) -> None:
    model = ScriptedModel(adding)
    dev = sums(20, 100, worked=True)
    [arm] = fit(fit_context(model=model, brief=SUM, train=sums(30, worked=True), dev=dev))
    assert isinstance(arm, PromptArm)
    assert {shot.output.count("\n#### ") for shot in arm.prompt.recipe.shots} == {0}
    assert re.fullmatch(r"\d and \d make \d+\.\nAnswer: \d+", arm.prompt.recipe.shots[0].output)
    assert "bootstrap" not in {trial["stage"] for trial in arm.fit.search["trace"]}
    assert arm.prompt.recipe.max_output_tokens == 512


@pytest.mark.parametrize("decides_well", [True, False])
def test_the_constrained_decision_is_taken_where_dev_prefers_it(
    fit_context: MakeContext, decides_well: bool
) -> None:
    def label_of(request: Request) -> str:
        text = next(m.content for m in reversed(request.messages) if m.content[-1].isdigit())
        return next(label for label, words in TOPICS.items() if any(w in text for w in words))

    def script(request: Request) -> str:
        label = label_of(request)
        if request.choices:
            return label if decides_well else "BILLING"
        if request.messages[-1].content.endswith(("1", "2", "3")) and decides_well:
            return "Hard to say."
        return f"It speaks of that.\nAnswer: {label}"

    [arm] = fit(fit_context(model=ScriptedModel(script)), k=[1])
    assert isinstance(arm, PromptArm)
    assert arm.prompt.recipe.decoding == ("constrained" if decides_well else "free")
    assert arm.options["requests_per_answer"] == (2 if decides_well else 1)
    assert arm.fit.search["dev_score"] == 1.0
    assert {answer.output for answer in arm.answer_all(questions_of(tickets(9)))} == set(TOPICS)


def test_the_fake_model_reasons_too_and_the_arm_travels(
    fit_context: MakeContext, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    model = FakeModel("smart")
    context = fit_context(model=model, progress=lambda done, total: told.append((done, total)))
    [arm] = fit(context)
    assert model.calls == arm.fit.search["dev_calls"]
    assert told[-1][0] == told[-1][1]
    answers = arm.answer_all(questions_of(tickets(12, 700)))
    assert "\nAnswer: " in answers[0].completion.text
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm", lambda spec: model)
    assert loaded.answer_all(questions_of(tickets(12, 700))) == answers


def test_json_has_a_repairing_arm_and_a_longer_limit(fit_context: MakeContext) -> None:
    def script(request: Request) -> str:
        if "cannot be used" in request.messages[-1].content:
            return '{"n": 1}'
        asked = request.messages[-1].content
        return "Answer: soon" if asked[0] in "135" else 'So.\nAnswer: {"n": 1}'

    train = tuple(replace(each, output='{"n": 1}') for each in sums(20))
    brief = Brief("Give it.", "json", metric="json_match")
    context = fit_context(model=ScriptedModel(script), brief=brief, train=train, dev=train)
    plain, repairing = fit(context)
    assert [plain.name, repairing.name] == ["chain_of_thought", "chain_of_thought_repair"]
    scores = [arm.fit.search["dev_score"] for arm in (plain, repairing)]
    assert scores[0] < scores[1] == 1.0
    assert plain.options["max_output_tokens"] == 512


@pytest.mark.parametrize(
    ("brief", "train", "message"),
    [
        (
            Brief("Say.", "text", metric="rouge_l"),
            sums(9),
            "the metric rouge_l scores the whole text",
        ),
        (
            Brief("Say.", "text", metric="exact_match"),
            sums(9, worked=True),
            "include their reasoning",
        ),
    ],
)
def test_other_tasks_are_refused_with_the_reason(
    fit_context: MakeContext, brief: Brief, train: tuple[Example, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        fit(fit_context(brief=brief, train=train))


def test_without_dev_or_train_the_plain_prompt_is_taken(fit_context: MakeContext) -> None:
    [arm] = fit(fit_context(train=tickets(4), dev=()))
    assert arm.options["shots"] == 0 and arm.fit.search["dev_score"] is None
    [arm] = fit(fit_context(train=(), dev=tickets(6)))
    assert arm.options["shots"] == 0


def test_the_forecast_bounds_the_search(fit_context: MakeContext) -> None:
    model = ScriptedModel(adding)
    context = fit_context(model=model, brief=SUM, train=sums(30), dev=sums(60, 100))
    strategy = build_strategy(StrategySpec("chain_of_thought"))
    strategy.fit(context)
    forecast = strategy.forecast(SUM, Sizes(30, 60, 10, 0, 5, 5, 1))
    assert forecast is not None
    assert len(model.requests) <= forecast.usage.requests <= 1.5 * len(model.requests)
    assert forecast.per_answer["chain_of_thought"].requests == 1.0
