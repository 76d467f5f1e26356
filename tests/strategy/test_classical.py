from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.core import Answer, Example, Question, questions_of
from steelyard.errors import ConfigError, DataError
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Arm, Brief, FitContext
from tests.strategy.samples import TOPICS, tickets

MakeContext = Callable[..., FitContext]
TEST = tickets(30, offset=500)
DEV = tickets(60, offset=100)


def right(arm: Arm) -> float:
    answers = arm.answer_all(questions_of(TEST))
    return sum(a.output == e.output for a, e in zip(answers, TEST, strict=True)) / len(TEST)


def said(answers: list[Answer]) -> list[tuple[str | None, object]]:
    return [(answer.output, answer.completion.probabilities) for answer in answers]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("majority", {}),
        ("tfidf_linear", {}),
        ("tfidf_linear", {"classifier": "svm", "features": "char"}),
        ("nearest_neighbour", {}),
        ("nearest_neighbour", {"k": 5, "features": "char"}),
    ],
)
def test_a_loaded_arm_answers_as_the_saved_one(
    name: str, options: dict[str, object], fit_context: MakeContext, tmp_path: Path
) -> None:
    (arm,) = build_strategy(StrategySpec(name, options)).fit(fit_context())
    save_arm(arm, tmp_path / "arm")
    loaded = load_arm(str(tmp_path / "arm"))
    assert said(loaded.answer_all(questions_of(TEST))) == said(arm.answer_all(questions_of(TEST)))
    assert (loaded.name, loaded.brief) == (arm.name, arm.brief)
    assert loaded.options == arm.options
    assert not list(tmp_path.rglob("*.pkl"))


@pytest.mark.parametrize(
    ("c", "tried"),
    [
        ([1.0, 10.0], ["0.1", "1", "10"]),  # all are equal here, so that the first is taken
        ([10.0, 1.0], ["1", "10", "100"]),
        ([10.0, 1.0, 100.0], ["1", "10", "100"]),
        ([1.0], ["1"]),
    ],
)
def test_a_best_point_at_the_edge_of_the_grid_extends_it_once(
    c: list[float], tried: list[str], fit_context: MakeContext
) -> None:
    options = {"c": c, "classifier": "svm", "features": "word"}
    (arm,) = build_strategy(StrategySpec("tfidf_linear", options)).fit(fit_context(dev=DEV))
    assert set(arm.fit.search["tried"]) == {f"word, svm, c={one}" for one in tried}


def test_majority_gives_the_most_frequent_label_and_its_shares(fit_context: MakeContext) -> None:
    train = (*tickets(6), Example("x", "one more", "ACCOUNT"))
    (arm,) = build_strategy(StrategySpec("majority")).fit(fit_context(train=train))
    assert arm.answer("anything") == "ACCOUNT"
    shares = arm.answer_all(questions_of(TEST))[0].completion.probabilities
    assert shares == {"BILLING": 2 / 7, "TECHNICAL": 2 / 7, "ACCOUNT": 3 / 7}


def test_a_tie_of_the_majority_follows_the_labels_order(fit_context: MakeContext) -> None:
    (arm,) = build_strategy(StrategySpec("majority")).fit(fit_context(train=tickets(6)[::-1]))
    assert arm.answer("anything") == next(iter(TOPICS))


@pytest.mark.parametrize("name", ["tfidf_linear", "nearest_neighbour"])
def test_words_are_learned(name: str, fit_context: MakeContext) -> None:
    (arm,) = build_strategy(StrategySpec(name)).fit(fit_context())
    assert right(arm) > 0.9
    assert arm.fit.search["dev_score"] > 0.9


def test_two_labels_give_two_probabilities(fit_context: MakeContext) -> None:
    two = [example for example in tickets(60) if example.output != "ACCOUNT"]
    brief = Brief("Classify.", "label", ("BILLING", "TECHNICAL"))
    strategy = build_strategy(StrategySpec("tfidf_linear", {"classifier": "logistic"}))
    (arm,) = strategy.fit(fit_context(train=tuple(two), dev=(), brief=brief))
    answer = arm.answer_all([Question("invoice refund payment")])[0]
    assert answer.output == "BILLING"
    assert answer.completion.probabilities is not None
    assert answer.completion.probabilities["BILLING"] > 0.5
    assert sum(answer.completion.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("classifier", ["logistic", "svm"])
def test_probabilities_are_calibrated_on_dev_and_change_no_answer(
    classifier: str, fit_context: MakeContext, tmp_path: Path
) -> None:
    odd = [
        replace(each, output="OTHER" if n % 4 == 0 else each.output) for n, each in enumerate(DEV)
    ]
    brief = Brief("Classify.", "label", (*TOPICS, "OTHER"))
    options = {"classifier": classifier, "c": 100.0, "features": "word"}

    def fitted(dev: tuple[Example, ...]) -> Arm:
        context = fit_context(
            brief=brief, dev=dev, train=(*tickets(60), Example("x", "?!", "OTHER"))
        )
        return build_strategy(StrategySpec("tfidf_linear", options)).fit(context)[0]

    blind, told, wise = fitted(()), fitted(DEV), fitted(tuple(odd))
    assert blind.options["calibration"] == {"items": 0, "scale": 1.0}
    surprises = [surprise(arm, odd) for arm in (blind, told, wise)]
    assert surprises[2] < min(surprises[:2])
    answers = wise.answer_all(questions_of(TEST))
    assert [a.output for a in answers] == [a.output for a in blind.answer_all(questions_of(TEST))]
    assert all(a.confidence == max((a.completion.probabilities or {}).values()) for a in answers)
    save_arm(wise, tmp_path / "arm")
    assert said(load_arm(tmp_path / "arm").answer_all(questions_of(TEST))) == said(answers)
    manifest = tmp_path / "arm" / "arm.json"
    saved = json.loads(manifest.read_text())
    del saved["scale"]  # as arms were saved before
    manifest.write_text(json.dumps(saved))
    assert said(load_arm(tmp_path / "arm").answer_all(questions_of(TEST))) == said(
        blind.answer_all(questions_of(TEST))
    )


def surprise(arm: Arm, examples: list[Example]) -> float:
    """The mean log loss."""
    shares = [
        answer.completion.probabilities or {} for answer in arm.answer_all(questions_of(examples))
    ]
    pairs = zip(shares, examples, strict=True)
    return -sum(math.log(share[example.output]) for share, example in pairs) / len(examples)


def test_with_many_labels_only_the_svm_is_tried(fit_context: MakeContext) -> None:
    strategy = build_strategy(StrategySpec("tfidf_linear", {"max_logistic_labels": 2}))
    (arm,) = strategy.fit(fit_context())
    tried = arm.fit.search["tried"]
    assert tried and all("svm" in name for name in tried)


def test_time_is_the_batchs_and_tokens_are_none(fit_context: MakeContext) -> None:
    (arm,) = build_strategy(StrategySpec("nearest_neighbour")).fit(fit_context())
    completions = [answer.completion for answer in arm.answer_all(questions_of(TEST))]
    assert {completion.batch_size for completion in completions} == {len(TEST)}
    assert len({completion.total_seconds for completion in completions}) == 1
    assert completions[0].total_seconds > 0
    assert all(each.input_tokens == each.output_tokens == 0 for each in completions)
    assert arm.answer_all([]) == []


def test_text_tasks_get_the_nearest_output(fit_context: MakeContext) -> None:
    train = (Example("1", "red apple", "a fruit"), Example("2", "blue whale", "an animal"))
    context = fit_context(train=train, dev=(), brief=Brief("Describe.", "text", (), "token_f1"))
    (arm,) = build_strategy(StrategySpec("nearest_neighbour")).fit(context)
    assert arm.answer("the blue one") == "an animal"
    with pytest.raises(ConfigError, match="it can only predict labels; this task needs text"):
        build_strategy(StrategySpec("tfidf_linear")).fit(context)


@pytest.mark.parametrize("name", ["majority", "tfidf_linear", "nearest_neighbour"])
def test_an_empty_train_split_is_a_data_error(name: str, fit_context: MakeContext) -> None:
    with pytest.raises(DataError, match="train split is empty"):
        build_strategy(StrategySpec(name)).fit(fit_context(train=()))


def test_inputs_without_a_word_are_a_data_error(fit_context: MakeContext) -> None:
    train = (Example("1", "...", "BILLING"), Example("2", "?!", "ACCOUNT"))
    with pytest.raises(DataError, match="contains a word"):
        build_strategy(StrategySpec("nearest_neighbour")).fit(fit_context(train=train))


def test_one_label_cannot_be_told_apart(fit_context: MakeContext) -> None:
    with pytest.raises(DataError, match="at least two labels"):
        build_strategy(StrategySpec("tfidf_linear")).fit(fit_context(train=tickets(60)[::3]))
