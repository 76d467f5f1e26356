from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Example, OutputKind
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec
from steelyard.strategy import (
    STRATEGIES,
    Arm,
    Brief,
    Selection,
    StrategySpec,
    TaskFacts,
    auto,
    build_strategy,
)
from steelyard.strategy.rag import NO_DOCUMENTS
from tests.conftest import HidePackages
from tests.strategy.samples import tickets

HF = ModelSpec("hf", "x")
VARIANT = "a variant of LoRA: name it in strategies to weigh it"


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_strategy_is_found_under_its_name_and_states_its_facts(name: str) -> None:
    strategy = build_strategy(StrategySpec(name))
    assert strategy.name == name
    assert issubclass(strategy.arm_type, Arm)
    shows = strategy.shot_limits("label", 3) is not None
    assert shows == (strategy.traits.carries.endswith("_shots") or name.endswith("rag"))
    assert strategy.traits.needs_model == (strategy.traits.carries != "nothing")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("few_shots", {}, "unknown strategy 'few_shots' (did you mean 'few_shot'?)"),
        ("few_shot", {"stes": 1}, "few_shot: unknown option 'stes' (did you mean 'sets'?)"),
        ("few_shot", {"sets": "two"}, "few_shot: sets must be a whole number, not 'two'"),
        ("few_shot", {"k": []}, "few_shot: k must not be empty"),
        ("few_shot", {"choose": ["divers"]}, "did you mean 'diverse'"),
        ("few_shot", {"order": ["short_frist"]}, "did you mean 'short_first'"),
        ("few_shot", {"k": [1, -2]}, "k.1 must be at least 0, not -2"),
        ("zero_shot", {"formats": ["user_trun"]}, "did you mean 'user_turn'"),
        ("zero_shot", {"finalists": 0}, "finalists must be at least 1"),
        ("majority", {"k": 1}, "unknown option 'k'; known: none"),
        ("tfidf_linear", {"classifier": "smv"}, "did you mean 'svm'"),
        ("tfidf_linear", {"c": 0}, "tfidf_linear: c must be more than 0, not 0"),
        ("tfidf_linear", {"c": [True]}, "tfidf_linear: c.0 must be a number, not true"),
        ("tfidf_linear", {"features": "words"}, "did you mean 'word'"),
        ("nearest_neighbour", {"features": "words"}, "did you mean 'word'"),
        ("retrieved_few_shot", {"features": "wrd"}, "did you mean 'word'"),
        (
            "chain_of_thought",
            {"variants": "step"},
            "unknown reasoning variant 'step' (did you mean",
        ),
        ("self_consistency", {"samples": [1, 3]}, "samples.0 must be at least 2, not 1"),
        ("self_consistency", {"temperature": 0}, "temperature must be more than 0, not 0"),
        ("self_consistency", {"over": "few_shots"}, "did you mean 'few_shot'"),
        ("cascade", {"frist": "zero_shot"}, "did you mean 'first'"),
        (
            "lora_shots",
            {"prompt": {"stes": 1}},
            "lora_shots, option prompt: strategy few_shot: unknown",
        ),
        ("lora_prompt", {"prompt": 3}, "strategy lora_prompt: prompt must be"),
        ("lora_prompt", {"format": "user_turn"}, "format is what the search finds"),
        ("lora_prompt", {"instruction": "full"}, "instruction is what the search finds"),
        (
            "lora_rag",
            {"prompt": {"cites": [True, False]}},
            "lora_rag, option prompt: cites: true does",
        ),
        ("lora_rag", {"prompt": {"k": 0}}, "lora_rag, option prompt: strategy rag: k must be"),
        ("cascade", {"first": 3}, "must be a strategy's name or {name, options, model}, got 3"),
        ("cascade", {"then": {"name": "few_shot", "modle": "x"}}, "did you mean 'model'"),
        ("cascade", {"then": "few_shots"}, "unknown strategy 'few_shots'"),
        (
            "cascade",
            {"first": {"name": "zero_shot", "options": {"scren": 1}}},
            "did you mean 'screen'",
        ),
    ],
)
def test_wrong_names_and_values_are_refused(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        build_strategy(StrategySpec(name, options))
    assert message in str(error.value)


def test_reasoning_is_for_metrics_of_one_answer() -> None:
    plain = [Example(str(n), "q", f"{n}") for n in range(9)]
    worked = [Example(str(n), "q", f"first this, then that\n#### {n}") for n in range(9)]
    long = [Example(str(n), "q", f"one\ntwo {n}") for n in range(9)]

    def chosen(metric: str, train: list[Example]) -> set[str]:
        selection = auto(TaskFacts(Brief("Say.", "text", (), metric), train), HF)
        return {spec.name for spec in selection.specs} & {"chain_of_thought", "self_consistency"}

    both = {"chain_of_thought", "self_consistency"}
    assert chosen("numeric", plain) == chosen("numeric", worked) == both
    assert chosen("exact_match", plain) == both
    assert chosen("exact_match", worked) == chosen("exact_match", long) == set()
    assert chosen("rouge_l", plain) == chosen("judge", plain) == set()


def weigh(kind: OutputKind, provider: str | None, rows: int = 50) -> Selection:
    metric = {"label": "accuracy", "json": "json_match", "text": "rouge_l"}[kind]
    task = TaskFacts(Brief("Say.", kind, metric=metric), tickets(rows))
    model = None if provider is None else ModelSpec(provider, "x")
    return auto(task, model)


def test_auto_takes_everything_that_fits() -> None:
    selection = weigh("label", "hf")
    reading = ("rag", "rag_oracle", "long_context", "lora_rag", "lora_documents")
    left_out = dict(selection.left_out)
    named = [name for name, reason in left_out.items() if "name it in strategies" in reason]
    assert {
        "rslora",
        "dora",
        "lora_plus",
        "full_fine_tuning",
        "lora_prompt",
        "lora_shots",
        "distilled",
    } <= {*named}
    assert {name for name in left_out if name not in (*reading, *named)} <= {
        "classifier_head",
        "preference",
        "qlora",
    }
    assert left_out["preference"].endswith("and 0 of 50 have one")
    assert all(left_out[name] == NO_DOCUMENTS for name in reading)
    assert [spec.name for spec in selection.specs] == [n for n in STRATEGIES if n not in left_out]


@pytest.mark.parametrize(
    ("arguments", "left_out", "reason"),
    [
        (("text", "embedded"), "tfidf_linear", "only predict labels"),
        (("label", None), "few_shot", "no language model to ask"),
        (("label", None), "lora", "no language model to tune"),
        (("label", "openai"), "lora", "'openai' cannot be tuned"),
        (("label", "hf", 5), "optimized_prompt", "at least 20 train examples"),
        (("label", None), "optimized_prompt", "no language model"),
        (("label", "hf", 5), "lora", "at least 20 training examples to tune on (found 5)"),
        (("text", "hf"), "chain_of_thought", "scores the whole text"),
        (("text", "hf"), "self_consistency", "nothing to vote on"),
        (("json", "hf"), "cascade", "without a probability"),
        (("label", "openai"), "lora_prompt", "'openai' cannot be tuned"),
        (("label", None), "lora_shots", "no language model to tune"),
        (("label", None), "self_consistency", "no language model"),
        (("label", "embedded"), "self_consistency", "list it explicitly to run it"),
    ],
)
def test_auto_says_what_it_leaves_out_and_why(
    arguments: tuple[Any, ...], left_out: str, reason: str
) -> None:
    selection = weigh(*arguments)
    reasons = dict(selection.left_out)
    assert reason in reasons[left_out]
    assert left_out not in [spec.name for spec in selection.specs]
    assert {"majority", "nearest_neighbour"} <= {spec.name for spec in selection.specs}


def test_tuning_is_left_out_where_its_packages_are_missing(without_packages: HidePackages) -> None:
    without_packages("peft")
    assert "pip install 'steelyard[local]'" in dict(weigh("label", "hf").left_out)["lora"]
