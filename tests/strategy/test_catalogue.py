from __future__ import annotations

import pytest

from steelyard.errors import ConfigError
from steelyard.strategy import ARMS, STRATEGIES, StrategySpec, auto, build_strategy

BUILT = [name for name in STRATEGIES if name != "lora"]


@pytest.mark.parametrize("name", BUILT)
def test_every_strategy_is_found_under_its_name_and_has_an_arm(name: str) -> None:
    assert build_strategy(StrategySpec(name)).name == name
    assert ARMS.get(name).strategy == name


def test_both_registries_hold_the_same_names() -> None:
    assert list(ARMS) == list(STRATEGIES)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("few_shots", {}, "unknown strategy 'few_shots' (did you mean 'few_shot'?)"),
        ("few_shot", {"stes": 1}, "few_shot: unknown option 'stes' (did you mean 'sets'?)"),
        ("few_shot", {"sets": "two"}, "option sets must be of type int, got 'two'"),
        ("few_shot", {"k": []}, "option k must not be empty"),
        ("few_shot", {"k": [1, -2]}, "must not be negative, got -2"),
        ("zero_shot", {"formats": ["user_trun"]}, "did you mean 'user_turn'"),
        ("zero_shot", {"finalists": 0}, "finalists must be at least 1"),
        ("majority", {"k": 1}, "unknown option 'k'; known: none"),
        ("tfidf_linear", {"classifier": "smv"}, "did you mean 'svm'"),
        ("tfidf_linear", {"c": 0}, "option c must be more than 0"),
        ("tfidf_linear", {"c": [True]}, "must be of type float"),
        ("tfidf_linear", {"features": "words"}, "did you mean 'word'"),
        ("nearest_neighbour", {"features": "words"}, "did you mean 'word'"),
        ("retrieved_few_shot", {"features": "wrd"}, "did you mean 'word'"),
    ],
)
def test_wrong_names_and_values_are_refused(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError) as error:
        build_strategy(StrategySpec(name, options))
    assert message in str(error.value)


def test_auto_takes_everything_that_fits() -> None:
    selection = auto("label", 500, False, "embedded", {"local"})
    assert [spec.name for spec in selection.specs] == list(STRATEGIES)
    assert {name for name, _ in selection.left_out} == {"retrieval", "full_fine_tuning"}


@pytest.mark.parametrize(
    ("arguments", "left_out", "reason"),
    [
        (("text", 500, False, "embedded", {"local"}), "tfidf_linear", "gives labels"),
        (("label", 500, False, None, {"local"}), "few_shot", "no language model"),
        (("label", 500, False, None, {"local"}), "lora", "no language model"),
        (("label", 500, False, "openai", {"local"}), "lora", "'openai' cannot be tuned"),
        (("label", 500, False, "hf", set()), "lora", "pip install 'steelyard[local]'"),
        (("label", 5, False, "hf", {"local"}), "lora", "5 train examples are too few"),
        (("label", 500, True, "hf", {"local"}), "retrieval", "not built yet"),
        (("label", 500, False, "hf", {"local"}), "retrieval", "brings no documents"),
    ],
)
def test_auto_says_what_it_leaves_out_and_why(
    arguments: tuple[object, ...], left_out: str, reason: str
) -> None:
    selection = auto(*arguments)  # type: ignore[arg-type]
    reasons = dict(selection.left_out)
    assert reason in reasons[left_out]
    assert left_out not in [spec.name for spec in selection.specs]
    assert {"majority", "nearest_neighbour"} <= {spec.name for spec in selection.specs}
