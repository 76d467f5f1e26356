from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from steelyard.core import Answer, Completion, Example, Request, questions_of
from steelyard.errors import ArmError, ConfigError
from steelyard.model.accounts import MACHINE
from steelyard.model.base import Model, ModelSpec
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.score import build_metric
from steelyard.score.base import Grade
from steelyard.score.label import Accuracy
from steelyard.strategy import Arm, ArmFacts, StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.record import FitRecord, TrainingRecord
from tests.strategy.samples import SPEC, TOPICS, listed, tickets

MakeContext = Callable[..., FitContext]
BIG = ModelSpec("fake", "big")
LABELS = tuple(TOPICS)


def right_label(text: str) -> str:
    return next(label for label, words in TOPICS.items() if any(w in text for w in words))


def cheap(request: Request) -> Completion:
    """Sure and right about even tickets, unsure about odd ones, of which one in three is right."""
    text = request.messages[-1].content
    number = int(re.findall(r"\d+", text)[-1])
    if not request.choices:
        return Completion(right_label(text), "stop", 5, 0, 1)
    said = right_label(text) if number % 2 == 0 else LABELS[0]
    share = 0.9 if number % 2 == 0 else 0.4
    rest = {label: (1 - share) / 2 for label in LABELS if label != said}
    return Completion(said, "choice", 5, 0, 1, probabilities={said: share, **rest})


def strong(request: Request) -> Completion:
    return Completion(right_label(request.messages[-1].content), "choice", 100, 0, 1)


def models(spec: ModelSpec) -> Model:
    return ScriptedModel(strong if spec == BIG else cheap)


def two_models(fit_context: MakeContext, **changes: object) -> FitContext:
    both = {"models": listed(SPEC, BIG, tags=("small", "large")), "build_model": models}
    return fit_context(model=ScriptedModel(cheap), **{**both, **changes})


def fit(context: FitContext, **options: object) -> CascadeArm:
    [arm] = build_strategy(StrategySpec("cascade", options)).fit(context)
    assert isinstance(arm, CascadeArm)
    return arm


ZERO_ZERO = {"first": "zero_shot", "then": "zero_shot"}


def test_the_strong_model_is_asked_where_the_cheap_one_is_unsure(fit_context: MakeContext) -> None:
    arm = fit(two_models(fit_context), **ZERO_ZERO)
    assert 0.4 < arm.threshold < 0.9
    assert arm.options["coverage"] == 0.5
    assert arm.fit.search["dev_score"] == 1.0
    assert (arm.options["first"]["model"], arm.options["then"]["model"]) == ("smart", "big")
    assert arm.specs == (SPEC, BIG) and arm.model_name == "big"
    told: dict[int, Answer] = {}
    order: list[int] = []

    def note(pairs: object) -> None:
        for place, answer in pairs:  # type: ignore[attr-defined]
            assert place not in told
            told[place] = answer
            order.append(place)

    progress: list[tuple[int, int]] = []
    asked = tickets(8, 600)
    answers = arm.answer_all(questions_of(asked), lambda *counts: progress.append(counts), "", note)
    assert [told[place] for place in range(8)] == answers
    assert order == [0, 2, 4, 6, 1, 3, 5, 7]
    assert progress[-1] == (8, 8)
    assert [answer.output for answer in answers] == [example.output for example in asked]
    kept, passed = answers[0].completion, answers[1].completion
    assert list(kept.spent) == ["fake:smart"]
    spent = [(account, usage.input_tokens) for account, usage in passed.spent.items()]
    assert spent == [("fake:smart", 5), ("fake:big", 100)]
    assert (passed.input_tokens, passed.output_tokens) == (105, 2)


def test_the_sweep_is_told(fit_context: MakeContext) -> None:
    arm = fit(two_models(fit_context), **ZERO_ZERO)
    search = arm.fit.search
    assert set(search["tried"]) == {"first alone", "then alone", "cascade"}
    assert search["tried"]["first alone"]["score"] < search["tried"]["cascade"]["score"]
    curve = arm.options["curve"]
    assert [point["coverage"] for point in curve] == [1.0, 0.5, 0.0]
    names = [trial["name"] for trial in search["trace"]]
    assert any(name.startswith("first: ") for name in names) and "cascade" in names
    assert "within one standard error" in arm.options["threshold_rule"]


def test_a_strong_model_that_is_worse_is_not_asked(fit_context: MakeContext) -> None:
    def build(spec: ModelSpec) -> Model:
        return ScriptedModel(lambda request: Completion("ACCOUNT", "choice", 100, 0, 1))

    arm = fit(two_models(fit_context, build_model=build), **ZERO_ZERO)
    assert arm.threshold == 0.0 and arm.options["coverage"] == 1.0
    assert len(arm.answer_all(questions_of(tickets(6)))[1].completion.spent) == 1


def test_the_first_answer_stands_where_the_strong_model_fails(fit_context: MakeContext) -> None:
    is_gone = False

    def answer(request: Request) -> Completion:
        return Completion("", "error", failure="gone") if is_gone else strong(request)

    def build(spec: ModelSpec) -> Model:
        return ScriptedModel(answer if spec == BIG else cheap)

    arm = fit(two_models(fit_context, build_model=build), **ZERO_ZERO)
    is_gone = True
    answers = arm.answer_all(questions_of(tickets(4, 600)))
    assert [answer.failure for answer in answers] == [None] * 4
    assert answers[1].output == answers[1].completion.text == LABELS[0]
    assert answers[1].confidence == 0.4


def test_by_default_the_classifier_is_first_and_retrieved_shots_follow(
    fit_context: MakeContext, tmp_path: Path
) -> None:
    model = FakeModel("smart")
    arm = fit(fit_context(model=model))
    assert (arm.first.strategy, arm.then.strategy) == ("tfidf_linear", "retrieved_few_shot")
    sure = sorted(
        answer.confidence or 0 for answer in arm.first.answer_all(questions_of(tickets(30, 800)))
    )
    arm.threshold = sure[15]
    answers = arm.answer_all(questions_of(tickets(30, 800)))
    asked = [list(answer.completion.spent) for answer in answers]
    passed = [models for models in asked if len(models) > 1]
    assert 0 < len(passed) < 30
    assert all(models[0] == MACHINE for models in asked)
    assert all(models[1:] == ["fake:smart"] for models in passed)
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm", lambda spec: model)
    assert isinstance(loaded, CascadeArm)
    again = loaded.answer_all(questions_of(tickets(30, 800)))
    assert [answer.output for answer in again] == [answer.output for answer in answers]
    assert (loaded.threshold, loaded.specs) == (sure[15], (SPEC,))
    (tmp_path / "arm" / "then" / "arm.json").unlink()
    with pytest.raises(ArmError, match="no saved arm at"):
        load_arm(tmp_path / "arm")


def test_models_are_named_by_tag_or_name(fit_context: MakeContext) -> None:
    named = {"first": {"name": "zero_shot", "model": "large"}}
    named["then"] = {"name": "zero_shot", "model": "fake:smart", "options": {}}  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="first: zero_shot gives no confidence on this task"):
        fit(two_models(fit_context), **named)
    with pytest.raises(ConfigError, match=r"then names the model 'lrage' \(did you mean 'large'\?"):
        fit(
            two_models(fit_context), first="zero_shot", then={"name": "zero_shot", "model": "lrage"}
        )


def test_text_needs_a_first_arm_that_votes(fit_context: MakeContext) -> None:
    brief = Brief("Say.", "text", metric="exact_match")
    with pytest.raises(ConfigError, match="text answers have no probabilities"):
        fit(fit_context(brief=brief))
    votes = {"name": "self_consistency", "options": {"over": "few_shot", "samples": 3}}
    arm = fit(fit_context(brief=brief), first=votes, then="few_shot")
    assert 0 <= arm.options["coverage"] <= 1
    assert arm.is_sampled and arm.first.is_sampled and not arm.then.is_sampled


def test_without_dev_the_threshold_is_a_half(fit_context: MakeContext) -> None:
    arm = fit(fit_context(dev=()))
    assert arm.threshold == 0.5
    assert "no dev example" in arm.options["threshold_rule"]
    assert arm.answer_all([]) == []


def test_the_forecast_adds_both_up() -> None:
    sizes = Sizes(100, 40, 40, 3, 20, 10, 2)
    brief = Brief("Say.", "label", LABELS)

    def forecast(**options: object) -> float:
        found = build_strategy(StrategySpec("cascade", options)).forecast(brief, sizes)
        assert found is not None
        return found.per_answer["cascade"].requests

    assert forecast() == 1
    assert forecast(**ZERO_ZERO) == 2


def test_the_forecast_counts_every_request_of_the_dearest_arm() -> None:
    sizes = Sizes(100, 40, 40, 3, 20, 10, 2)
    brief = Brief("Say.", "label", LABELS)
    then = StrategySpec("chain_of_thought")
    own = build_strategy(then).forecast(brief, sizes)
    found = build_strategy(StrategySpec("cascade", {"then": "chain_of_thought"})).forecast(
        brief, sizes
    )
    assert own is not None and found is not None
    assert found.per_answer["cascade"] == own.per_answer["chain_of_thought"]
    assert (
        found.usage.requests == own.usage.requests + 2 * 40
    )  # each answer is reasoned, then decided
    assert "every answer is passed on" in found.note


def test_a_cascade_is_an_arm_like_any_other(fit_context: MakeContext) -> None:
    arm: Arm = fit(fit_context())
    assert arm.answer(tickets(1)[0].input) in TOPICS


def test_the_sweep_scores_what_the_arm_answers_where_the_strong_model_fails(
    fit_context: MakeContext,
) -> None:
    gone = ScriptedModel(lambda request: Completion("", "error", failure="HTTP 500"))
    build = lambda spec: gone if spec == BIG else ScriptedModel(cheap)  # noqa: E731
    context = two_models(fit_context, build_model=build)
    arm = fit(context, **ZERO_ZERO)
    first = context.score(context.dev, arm.first.answer_all(questions_of(context.dev)))
    assert 0 < first < 1
    for tried in arm.fit.search["tried"].values():
        assert tried["score"] == pytest.approx(first)
    arm.threshold = 1.01
    assert context.score(context.dev, arm.answer_all(questions_of(context.dev))) == pytest.approx(
        first
    )
    assert [point["coverage"] for point in arm.options["curve"]] == [1.0, 0.5, 0.0]


class Counting(Accuracy):
    """Counts the answers that it grades."""

    graded = 0

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        self.graded += len(outputs)
        return super().grade_all(examples, outputs)


def test_the_sweep_grades_each_answer_once(fit_context: MakeContext) -> None:
    metric, alone = Counting(), Counting()
    build_strategy(StrategySpec("zero_shot", {})).fit(two_models(fit_context, metric=alone))
    context = two_models(fit_context, metric=metric)
    arm = fit(context, **ZERO_ZERO)
    assert metric.graded - 2 * alone.graded == 2 * len(context.dev)
    plain = fit(two_models(fit_context), **ZERO_ZERO)
    assert arm.options["curve"] == plain.options["curve"]
    assert arm.threshold == plain.threshold


def test_a_metric_that_is_no_mean_is_added_up_over_the_mixed_answers(
    fit_context: MakeContext,
) -> None:
    brief = Brief("Say.", "label", LABELS, "macro_f1")
    context = two_models(fit_context, brief=brief, metric=build_metric("macro_f1"))
    arm = fit(context, **ZERO_ZERO)
    for tried in ("first alone", "cascade"):
        arm.threshold = 0.0 if tried == "first alone" else 0.65
        score = context.score(context.dev, arm.answer_all(questions_of(context.dev)))
        assert arm.fit.search["tried"][tried]["score"] == pytest.approx(score)


def test_a_threshold_needs_dev_items() -> None:
    with pytest.raises(ConfigError, match="dev_items must be at least 1, not 0"):
        build_strategy(StrategySpec("cascade", {"dev_items": 0}))


HOSTED = ModelSpec("openai", "gpt")
TEXT = Brief("Say.", "text", metric="rouge_l")


@pytest.mark.parametrize(
    ("options", "brief", "specs", "message"),
    [
        ({"first": "nearest_neighbour"}, None, (SPEC,), "first: nearest_neighbour gives no conf"),
        (
            {"first": "zero_shot"},
            None,
            (HOSTED,),
            "first: zero_shot gives no confidence on this task; choose one that does "
            "(tfidf_linear, classifier_head, self_consistency)",
        ),
        ({"then": {"name": "zero_shot", "model": "nope"}}, None, (SPEC,), "then names the model"),
        ({"then": "lora"}, None, (SPEC, HOSTED), "then: lora does not fit: the model behind"),
        ({}, TEXT, (SPEC,), "first strategy that gives a confidence (self_consistency), or leave"),
        ({"first": "self_consistency"}, TEXT, (SPEC,), "first: self_consistency does not fit"),
        (
            {"first": "tfidf_linear"},
            TEXT,
            (SPEC,),
            "first: tfidf_linear does not fit: it can only predict lab",
        ),
        (
            {"then": {"name": "optimized_prompt", "options": {"reflect": "nope"}}},
            None,
            (SPEC,),
            "then: strategy optimized_prompt: option reflect names 'nope'",
        ),
    ],
)
def test_what_cannot_be_fitted_is_refused_before_anything_is_asked(
    options: dict[str, object],
    brief: Brief | None,
    specs: tuple[ModelSpec, ...],
    message: str,
) -> None:
    pytest.importorskip("gepa") if "reflect" in message else None
    strategy = build_strategy(StrategySpec("cascade", options))
    label = Brief("Say.", "label", LABELS)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        strategy.check(TaskFacts(brief or label, tickets(6)), listed(*specs))
    assert "\n" not in str(caught.value)


def test_a_part_without_references_to_learn_from_is_refused() -> None:
    bare = [Example(str(number), "x", "") for number in range(6)]
    strategy = build_strategy(StrategySpec("cascade", {"first": "zero_shot", "then": "few_shot"}))
    with pytest.raises(ConfigError, match="then: few_shot does not fit: it needs reference"):
        strategy.check(TaskFacts(Brief("Say.", "label", LABELS), bare), listed(SPEC))
    strategy = build_strategy(StrategySpec("cascade", ZERO_ZERO))
    strategy.check(TaskFacts(Brief("Say.", "label", LABELS), bare), listed(SPEC))


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({}, ("c",)),
        (ZERO_ZERO, ("a", "c")),
        ({"then": {"name": "zero_shot", "model": "b"}}, ("b",)),
        ({"first": {"name": "cascade", "options": ZERO_ZERO}, "then": "majority"}, ("a", "c")),
        ({"first": "majority", "then": "tfidf_linear"}, ()),
    ],
)
def test_it_names_the_models_that_its_parts_ask(
    options: dict[str, object], tags: tuple[str, ...]
) -> None:
    specs = (SPEC, BIG, ModelSpec("fake", "echo"))
    strategy = build_strategy(StrategySpec("cascade", options))
    brief = Brief("Say.", "label", LABELS)
    models = strategy.models_asked(brief, listed(*specs, tags=("a", "b", "c")))
    assert tuple(model.tag for model in models) == tags


def arm_of(strategy: str, retrieved: int = 0) -> PromptArm:
    prompt = Prompt(PromptRecipe("Say.", "system_user", retrieved=retrieved))
    facts = ArmFacts(strategy, strategy, Brief("Say.", "label", LABELS))
    return PromptArm(facts, prompt, SPEC, lambda spec: pytest.fail("not asked"))


def test_it_answers_for_its_parts() -> None:
    fixed, looks_up = arm_of("few_shot"), arm_of("retrieved_few_shot", retrieved=2)
    fixed.fit = FitRecord(training=TrainingRecord(3.0, 10))
    looks_up.fit = FitRecord(seconds=4.0)
    facts = ArmFacts("cascade", "cascade", fixed.brief)
    whole = CascadeArm(facts, (fixed, looks_up), 0.5)
    assert whole.machine_seconds == 7
    assert (whole.specs, whole.account, whole.is_sampled) == ((SPEC,), None, False)
    outer = CascadeArm(facts, (arm_of("zero_shot"), whole), 0.5)
    assert outer.why_no_gap == whole.why_no_gap == looks_up.why_no_gap is not None
    assert CascadeArm(facts, (arm_of("zero_shot"), fixed), 0.5).why_no_gap is None
