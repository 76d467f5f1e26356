"""Tuning on pairs: what it learns from, what it refuses, and that nobody else reads a rejected answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Example, Split, questions_of
from steelyard.errors import ConfigError
from steelyard.families import STRATEGIES
from steelyard.model import ModelSpec, load_model
from steelyard.model.fake import FakeModel
from steelyard.planning.lengths import lengths_of
from steelyard.strategy import StrategySpec, auto, build_strategy, load_arm, save_arm, traits_of
from steelyard.strategy.base import FitContext, TaskFacts
from steelyard.strategy.optimise.one_pass import CountedPass, ExpectedPass
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.tuned import TunedStrategy
from steelyard.train.base import BACKWARD
from steelyard.train.course import read_course
from steelyard.train.preference import references_in
from tests.model.tiny import save_tiny
from tests.strategy.samples import TOPICS, tickets

FAST = {"learning_rates": [0.02], "max_epochs": 2, "batch_size": 6, "rank": 4}
SECRET = "ZEBRA9"


def paired(count: int, offset: int = 0, every: int = 1) -> tuple[Example, ...]:
    """Tickets whose rejected answer is another label; of every so many the rest have none."""
    labels = list(TOPICS)
    return tuple(
        replace(one, rejected=labels[(labels.index(one.output) + 1) % 3]) if n % every == 0 else one
        for n, one in enumerate(tickets(count, offset))
    )


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelSpec:
    monkeypatch.setenv("STEELYARD_CACHE", str(tmp_path / "cache"))
    return ModelSpec("hf", str(save_tiny(tmp_path / "tiny")))


def test_it_is_fitted_saved_and_loaded_with_rewards_beside_the_metric(
    tiny: ModelSpec, fit_context: Callable[..., FitContext], tmp_path: Path
) -> None:
    context = fit_context(
        spec=tiny,
        model=load_model(tiny),
        build_model=load_model,
        train=paired(30, every=2),
        dev=paired(12, offset=100),
    )
    arms = build_strategy(StrategySpec("preference", FAST)).fit(context)
    assert [arm.name for arm in arms] == ["preference", "preference_free"]
    arm = arms[0]
    assert (arm.options["beta"], arm.options["sft_weight"], arm.options["rank"]) == (0.1, 1.0, 4)
    training = arm.fit.training
    assert training is not None
    assert training.notes[0].startswith(
        "15 of 30 train examples are pairs; of the others the output"
    )
    for entry in training.trace:
        assert 0 <= entry["reward_accuracy"] <= 1 and entry["dev_score"] is not None
        assert isinstance(entry["reward_margin"], float)
    references = references_in(context.folder)
    assert len(references.losses) == 15 + 12
    assert training.seconds > references.seconds > 0
    used = arm.fit.search["budget"]["used"]
    assert used - references.tokens > BACKWARD * training.tokens, "they are spent, too"
    strategy = build_strategy(StrategySpec("preference", FAST))
    search = strategy.tuning_tokens(context.brief, CountedPass(context))
    allowed = arm.fit.search["budget"]["allowed"]
    assert search == allowed, "a prompt search gets what this tuning may"
    course = read_course(context.folder)
    assert course is not None
    assert round(course.config.allowed_tokens) == allowed, "its page says the same"
    questions = questions_of(tickets(9, offset=300))
    answers = [answer.output for answer in arm.answer_all(questions)]
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm")
    assert [answer.output for answer in loaded.answer_all(questions)] == answers
    assert loaded.specs[0].base == tiny


@pytest.mark.parametrize(
    ("train", "count"),
    [
        (tickets(60), "0 of 60"),
        (paired(60, every=7), "9 of 60"),
        (tuple(replace(one, rejected=one.output) for one in tickets(60)), "0 of 60"),
        (tuple(replace(one, rejected=" ") for one in tickets(60)), "0 of 60"),
    ],
)
def test_too_few_pairs_are_refused_with_the_count(
    train: tuple[Example, ...], count: str, fit_context: Callable[..., FitContext]
) -> None:
    task = TaskFacts(fit_context().brief, train)
    reason = build_strategy(StrategySpec("preference")).refusal(task, ModelSpec("hf", "x"))
    assert reason == (
        "it needs at least 10 train examples with a rejected answer that is not the output, "
        f"and {count} have one"
    )
    with pytest.raises(ConfigError, match="does not fit this task: it needs at least 10"):
        build_strategy(StrategySpec("preference")).fit(fit_context(train=train))


def test_auto_leaves_it_out_though_it_fits(fit_context: Callable[..., FitContext]) -> None:
    task = TaskFacts(fit_context().brief, paired(60))
    assert "name it in strategies" in dict(auto(task, ModelSpec("hf", "x")).left_out)["preference"]


def test_dev_without_pairs_has_no_rewards_and_a_note(
    tiny: ModelSpec, fit_context: Callable[..., FitContext]
) -> None:
    context = fit_context(
        spec=tiny,
        model=load_model(tiny),
        build_model=load_model,
        train=paired(24),
        dev=tickets(9, 100),
    )
    arm = build_strategy(StrategySpec("preference", {**FAST, "max_epochs": 1})).fit(context)[0]
    assert arm.fit.training is not None
    assert "no dev example is a pair, so that there are no rewards on dev" in arm.fit.training.notes
    assert not any("reward_margin" in entry for entry in arm.fit.training.trace)


def test_what_is_shown_holds_both_answers(
    tiny: ModelSpec, fit_context: Callable[..., FitContext]
) -> None:
    strategy = build_strategy(StrategySpec("preference"))
    assert isinstance(strategy, TunedStrategy)
    learnt = strategy.learnt(TaskFacts(fit_context().brief, paired(24, every=2)), tiny, 2)
    assert (learnt.examples, learnt.pairs) == (24, 12)
    first, second = learnt.rows
    assert (first.learnt, first.rejected) == ("BILLING</s>", "TECHNICAL</s>")
    assert (second.rejected, second.rejected_tokens) == ("", 0)


def test_a_pair_with_one_long_side_is_left_out_whole(
    tiny: ModelSpec, fit_context: Callable[..., FitContext]
) -> None:
    train = (replace(paired(1)[0], rejected="x" * 300), *paired(20, offset=1))
    strategy = build_strategy(StrategySpec("preference", {"max_tokens": 250}))
    assert isinstance(strategy, TunedStrategy)
    learnt = strategy.learnt(TaskFacts(fit_context().brief, train), tiny, 1)
    assert learnt.too_long == 1 and learnt.rows[0].is_too_long


class _Watching(FakeModel):
    """Notes every text that it is asked."""

    def __init__(self) -> None:
        super().__init__("smart")
        self.texts: list[str] = []

    def generate(self, requests: Any, *args: Any, **more: Any) -> Any:
        self.texts += [message.content for one in requests for message in one.messages]
        return super().generate(requests, *args, **more)


@pytest.mark.parametrize(
    "name", [name for name in STRATEGIES if not traits_of(name).tunes and name != "classifier_head"]
)
def test_no_other_strategy_asks_with_a_rejected_answer(
    name: str, fit_context: Callable[..., FitContext]
) -> None:
    marked, plain = _parts(SECRET), _parts(None)
    strategy = build_strategy(StrategySpec(name))
    if strategy.refusal(TaskFacts(fit_context().brief, plain["train"]), ModelSpec("fake", "smart")):
        pytest.skip("it does not fit the task")
    outputs = []
    for parts in (plain, marked):
        model = _Watching()
        arms = strategy.fit(fit_context(model=model, build_model=lambda spec, m=model: m, **parts))
        outputs.append(
            [[a.output for a in arm.answer_all(questions_of(parts["dev"]))] for arm in arms]
        )
        assert not any(SECRET in text for text in model.texts)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("name", ["lora", "rslora", "dora", "lora_plus", "full_fine_tuning"])
def test_no_other_tuning_learns_from_a_rejected_answer(
    name: str, fit_context: Callable[..., FitContext]
) -> None:
    strategy = build_strategy(StrategySpec(name))
    assert isinstance(strategy, TunedStrategy)
    task, recipe = TaskFacts(fit_context().brief, paired(9)), strategy._messages_recipe
    samples = strategy.samples(task, Prompt(recipe(task.brief)))
    assert all(sample.rejected is None for sample in samples)


def _parts(rejected: str | None) -> Mapping[str, tuple[Example, ...]]:
    def part(count: int, offset: int) -> tuple[Example, ...]:
        return tuple(replace(one, rejected=rejected) for one in tickets(count, offset))

    return {"train": part(60, 0), "dev": part(24, 100)}


def test_the_forecast_counts_the_pairs_that_there_are(
    tiny: ModelSpec, fit_context: Callable[..., FitContext]
) -> None:
    brief, strategy = fit_context().brief, build_strategy(StrategySpec("preference", FAST))
    few, many = (
        lengths_of(
            Split(paired(60, every=every), paired(12, 100, every), ()), brief, tiny, {}
        ).sizes
        for every in (4, 1)
    )
    assert (few.pairs.train, few.pairs.dev, many.pairs.train) == (15, 3, 60)
    trained = [
        forecast.usage.trained_tokens
        for sizes in (few, many)
        if (forecast := strategy.forecast(brief, sizes)) is not None
    ]
    epochs = 2  # each pair, and each answer of a pair once more forward
    expected = [epochs * (60 + pairs) + 2 * (pairs + dev) / 3 for pairs, dev in ((15, 3), (60, 12))]
    assert trained[0] / trained[1] == pytest.approx(expected[0] / expected[1], rel=0.02)
    budgets = [strategy.tuning_tokens(brief, ExpectedPass(brief, sizes)) for sizes in (few, many)]
    assert 0.5 < budgets[0] / budgets[1] < 0.65
