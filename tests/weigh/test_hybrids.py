"""Hybrids held against their parts: planted gains that add, overlap, or cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest

from steelyard.core import Answer, Completion, Example, Record
from steelyard.model import ModelSpec
from steelyard.model.fake import FakeModel
from steelyard.planning.jobs import Job, names_of
from steelyard.result.figures import Quality
from steelyard.result.hybrids import HybridGains
from steelyard.score import build_metric
from steelyard.strategy import Arm, ArmFacts, Brief, StrategySpec
from steelyard.strategy.formats import Shot
from steelyard.strategy.prompt import Decoding, Prompt, PromptRecipe, free_name
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh.hybrid_states import Weighed
from steelyard.weigh.hybrids import hybrid_gains
from steelyard.weigh.measure import quality

BASE = ModelSpec("fake", "smart")
TUNED = replace(BASE, adapter="weights")
BRIEF = Brief("Classify.", "label", ("YES", "NO"))
SHOTS = (Shot("a", "YES"),)
NAMES = ("zero_shot", "few_shot", "lora", "lora_shots")
SPECS = tuple(map(StrategySpec, NAMES))
TAGS = ("", "small", "large")


class Measured(NamedTuple):
    """What the room reads of a measured arm."""

    arm: Arm
    records: Sequence[Record]
    quality: Quality
    more_qualities: Sequence[Quality] = ()


def examples(items: int, cluster: int | None = None) -> list[Example]:
    return [
        Example(str(at), f"input {at}", "YES", cluster=None if cluster is None else at // cluster)
        for at in range(items)
    ]


def measured(
    strategy: str,
    right: Sequence[bool],
    test: Sequence[Example],
    *,
    decoding: Decoding = "constrained",
    spec: ModelSpec | None = None,
    shots: tuple[Shot, ...] | None = None,
    metrics: Sequence[str] = ("accuracy",),
    **options: Any,
) -> Any:
    """An arm of ``strategy`` that answers so; its prompt is that of its strategy."""
    is_shown = strategy in ("few_shot", "lora_shots")
    shots = shots if shots is not None else SHOTS if is_shown else ()
    spec = spec or (TUNED if strategy.startswith("lora") else BASE)
    name = strategy if decoding == "constrained" else free_name(strategy)
    prompt = Prompt(PromptRecipe("Say.", "system_user", shots=shots, decoding=decoding, **options))
    facts = ArmFacts(name, strategy, BRIEF)
    arm = PromptArm(facts, prompt, spec, lambda spec: FakeModel("smart"))
    records = []
    for example, is_right in zip(test, right, strict=True):
        output = "YES" if is_right else "NO"
        answer = Answer(output, Completion(output, "stop"))
        scores = {name: float(is_right) for name in metrics}
        records.append(Record(name, example.id, "scored", float(is_right), "YES", answer, scores))
    figures = [quality(build_metric(metric), records, test, 0) for metric in metrics]
    return Measured(arm, records, figures[0], figures[1:])


def jobs_of(specs: Sequence[StrategySpec]) -> list[Job]:
    named = list(zip(specs, names_of(specs), strict=True))
    return [Job(spec, name, tag=tag) for tag in TAGS for spec, name in named]


def weighed(
    test: Sequence[Example],
    margin: float = 0.02,
    specs: Sequence[StrategySpec] = SPECS,
    **changes: Any,
) -> Weighed:
    fields = {"metrics": [build_metric("accuracy")], "seed": 0, "jobs": jobs_of(specs)} | changes
    return Weighed(examples=test, margin=margin, **fields)


def planted(rights: Mapping[str, Sequence[bool]], margin: float = 0.02) -> HybridGains:
    test = examples(len(rights["lora"]))
    arms = [measured(name, right, test) for name, right in rights.items()]
    [gains] = hybrid_gains(arms, weighed(test, margin))
    return gains


def answered(items: int, *stretches: tuple[int, int]) -> list[bool]:
    """Right on the items of these stretches of each hundred, ends left out."""
    return [any(low <= at % 100 < high for low, high in stretches) for at in range(items)]


ADDING = {
    "zero_shot": answered(600, (0, 40)),
    "few_shot": answered(600, (0, 55)),
    "lora": answered(600, (0, 40), (55, 75)),
    "lora_shots": answered(600, (0, 75)),
}
"""The prompt helps on 15 of each hundred items, the weights on 20 others, both on all 35."""


def test_gains_on_different_examples_add() -> None:
    gains = planted(ADDING)
    assert gains.outcome == "add" and gains.interaction.value == 0
    assert gains.interaction.low is not None and gains.interaction.low >= -0.02
    assert gains.sentence.startswith(
        "the gains add to within 2 points: both together gain as much as"
    )
    states = {state.state: state for state in gains.states}
    assert [state.strategy for state in gains.states] == list(NAMES)
    assert states["neither"].gain.value is None and states["neither"].gain.reason
    gained = {name: state.gain.value for name, state in states.items()}
    assert gained == {
        "neither": None,
        "prompt": pytest.approx(0.15),
        "weights": pytest.approx(0.20),
        "both": pytest.approx(0.35),
    }
    assert states["both"].quality.value == pytest.approx(0.75)
    assert gains.notes == ()


def test_gains_on_the_same_examples_overlap() -> None:
    gains = planted(
        {**ADDING, "lora": answered(600, (0, 60)), "lora_shots": answered(600, (0, 62))}
    )
    assert gains.outcome == "less" and gains.interaction.value == pytest.approx(-0.13)
    assert gains.interaction.high is not None and gains.interaction.high < 0
    assert gains.sentence.startswith(
        "the gains overlap: both together gain 13 points less than the sum of the two gains (95% interval"
    )


def test_both_together_may_gain_more_than_the_sum() -> None:
    gains = planted({**ADDING, "lora_shots": answered(600, (0, 95))})
    assert gains.outcome == "more"
    assert gains.sentence.startswith("both together gain 20 points more than the sum")


def test_losses_are_not_called_an_overlap() -> None:
    gains = planted(
        {**ADDING, "few_shot": answered(600, (0, 20)), "lora_shots": answered(600, (0, 20))}
    )
    assert gains.outcome == "less" and gains.sentence.startswith(
        "both together gain 20 points less"
    )


def test_few_examples_cannot_tell() -> None:
    gains = planted({name: right[30:70] for name, right in ADDING.items()})
    assert gains.outcome == "unknown"
    assert gains.sentence.startswith(
        "the data cannot tell whether the gains add; as far as they go, both together"
    )
    low, high = gains.interaction.low, gains.interaction.high
    assert low is not None and high is not None and low < -0.02 and high > 0.02
    assert f"{100 * low:+.1f} to {100 * high:+.1f}" in gains.sentence


def test_where_nothing_is_gained_that_is_said() -> None:
    same = answered(600, (0, 50))
    gains = planted(dict.fromkeys(NAMES, same))
    assert gains.outcome == "add" and gains.sentence.startswith("no gain is shown")


def test_the_margin_is_the_tasks() -> None:
    assert planted(ADDING, margin=0.0).outcome == "unknown"
    assert planted({**ADDING, "lora_shots": answered(600, (0, 73))}, 0.1).outcome == "add"


def test_gains_that_would_pass_everything_are_noted() -> None:
    gains = planted(
        {
            "zero_shot": answered(600, (0, 40)),
            "few_shot": answered(600, (0, 80)),
            "lora": answered(600, (0, 85)),
            "lora_shots": answered(600, (0, 95)),
        }
    )
    assert any("would pass 100 %" in note for note in gains.notes)


def test_missing_states_are_named() -> None:
    test = examples(100)
    arms = [measured(name, ADDING[name][:100], test) for name in ("lora", "lora_shots")]
    specs = [StrategySpec(name) for name in ("lora", "lora_shots")]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert gains.sentence == "cannot tell: add zero_shot and few_shot to strategies"
    assert gains.outcome is None and gains.interaction.reason == gains.sentence
    assert [state.arm for state in gains.states] == [None, None, "lora", "lora_shots"]
    [gains] = hybrid_gains(arms, weighed(test))
    assert "zero_shot and few_shot left no tested arm" in gains.sentence


def test_constrained_is_held_against_constrained_on_the_same_model() -> None:
    test = examples(100)
    small, large = ModelSpec("fake", "small"), ModelSpec("fake", "large")
    arms = []
    for decoding in ("constrained", "free"):
        for base in (small, large):
            for name in NAMES:
                spec = replace(base, adapter="weights") if name.startswith("lora") else base
                one = measured(name, ADDING[name][:100], test, decoding=decoding, spec=spec)
                one.arm.name += f"@{base.name}"
                arms.append(one)
    several = hybrid_gains(arms, weighed(test))
    assert len(several) == 4
    for gains in several:
        names = [str(state.arm) for state in gains.states]
        tag = gains.arm.partition("@")[2]
        assert all(name.endswith(f"@{tag}") for name in names)
        assert all(("_free" in name) == (gains.decoding == "free") for name in names)


def test_another_prompt_than_that_of_the_training_is_noted() -> None:
    test = examples(600)
    arms = [measured(name, right, test) for name, right in ADDING.items()]
    other = measured("few_shot", ADDING["few_shot"], test, shots=(Shot("b", "NO"),))
    [gains] = hybrid_gains([*arms[:1], other, *arms[2:]], weighed(test))
    assert gains.outcome == "add"
    assert (
        "few_shot asks another prompt than the one that lora_shots was tuned under"
        in gains.notes[0]
    )
    other.arm.name = "few_shot-2"
    specs = [*SPECS, StrategySpec("few_shot")]
    [gains] = hybrid_gains([other, *arms], weighed(test, specs=specs))
    assert gains.notes == (), "of two arms of one strategy, that of the same prompt is the state"


def test_training_with_other_options_is_noted() -> None:
    test = examples(600)
    arms = [measured(name, right, test) for name, right in ADDING.items()]
    specs = [*SPECS[:2], StrategySpec("lora", {"rank": 4, "max_epochs": 1}), SPECS[3]]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert gains.notes == (
        "lora and lora_shots were trained with different options: max_epochs and rank",
    )


LORAS = (
    StrategySpec("zero_shot"),
    StrategySpec("few_shot"),
    StrategySpec("lora", {"rank": 4, "max_epochs": 1}),
    StrategySpec("lora", {"rank": 8}),
    StrategySpec("lora_shots", {"rank": 8, "max_tokens": 4096}),
)


def second(strategy: str, right: Sequence[bool], test: Sequence[Example], **options: Any) -> Any:
    """An arm of a run's second entry of ``strategy``."""
    one = measured(strategy, right, test, **options)
    one.arm.name = one.arm.name.replace(strategy, f"{strategy}-2")
    return one


@pytest.mark.parametrize("decoding", ["constrained", "free"])
def test_of_two_tunings_the_one_with_the_hybrids_options_is_the_state(decoding: Decoding) -> None:
    test = examples(600)
    arms = [measured(name, right, test, decoding=decoding) for name, right in ADDING.items()]
    arms.insert(3, second("lora", answered(600, (0, 75)), test, decoding=decoding))
    [gains] = hybrid_gains(arms, weighed(test, specs=LORAS))
    end = "" if decoding == "constrained" else "_free"
    assert gains.states[2].arm == f"lora-2{end}"
    assert gains.states[2].gain.value == pytest.approx(0.35) and gains.notes == ()


def test_of_two_tunings_with_other_options_none_is_taken() -> None:
    test = examples(600)
    arms = [measured(name, right, test) for name, right in ADDING.items()]
    arms.append(second("lora", ADDING["lora"], test))
    specs = [*LORAS[:4], StrategySpec("lora_shots", {"rank": 16})]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert gains.outcome is None and gains.states[2].arm is None
    assert gains.sentence == (
        "cannot tell: none of lora and lora-2 was trained with the options of lora_shots; give one of them "
        "the same options"
    )


def test_of_two_prompts_that_it_was_not_tuned_under_none_is_taken() -> None:
    test, other = examples(600), (Shot("b", "NO"),)
    arms = [measured(name, right, test) for name, right in ADDING.items() if name != "few_shot"]
    arms.append(measured("few_shot", ADDING["few_shot"], test, shots=other))
    arms.append(second("few_shot", ADDING["few_shot"], test, shots=(*SHOTS, *other)))
    specs = [*SPECS, StrategySpec("few_shot")]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert gains.outcome is None
    assert "none of few_shot and few_shot-2 asks the prompt that lora_shots was" in gains.sentence


def test_of_several_that_fit_the_first_is_taken_and_that_is_noted() -> None:
    test = examples(600)
    arms = [measured(name, right, test) for name, right in ADDING.items()]
    arms.append(second("lora", ADDING["lora"], test))
    arms.append(second("zero_shot", [False] * 600, test, repairs=0))
    specs = [*SPECS, StrategySpec("lora"), StrategySpec("zero_shot")]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert [state.arm for state in gains.states] == list(NAMES)
    assert gains.notes == (
        "zero_shot and zero_shot-2 could each be held against the hybrid: zero_shot, the first, is",
        "lora and lora-2 could each be held against the hybrid: lora, the first, is",
    )


def test_of_several_that_fit_the_two_that_ask_the_same_words_are_taken() -> None:
    test = examples(600)
    arms = [measured(name, right, test) for name, right in ADDING.items()]
    arms[0].arm.prompt = Prompt(replace(arms[0].arm.prompt.recipe, instruction="Other words."))
    arms.append(second("zero_shot", ADDING["zero_shot"], test))
    specs = [*SPECS, StrategySpec("zero_shot")]
    [gains] = hybrid_gains(arms, weighed(test, specs=specs))
    assert gains.states[0].arm == "zero_shot-2" and gains.notes == ()


def test_an_arm_that_asks_again_is_no_state() -> None:
    test = examples(100)
    arms = [measured(name, ADDING[name][:100], test, decoding="free") for name in NAMES]
    again = measured("few_shot", [False] * 100, test, decoding="free", repairs=2)
    [gains] = hybrid_gains([again, *arms], weighed(test))
    assert gains.states[1].arm == "few_shot_free"
    assert gains.states[1].quality.value == pytest.approx(0.55)


def test_a_metric_that_is_no_mean_is_not_set_off_item_by_item() -> None:
    test, metrics = examples(600), ("macro_f1", "accuracy")
    arms = [measured(name, right, test, metrics=metrics) for name, right in ADDING.items()]
    both = [build_metric(name) for name in metrics]
    [gains] = hybrid_gains(arms, weighed(test, metrics=both))
    assert (gains.metric, gains.outcome) == ("accuracy", "add")
    assert gains.states[3].quality.metric == "accuracy"
    [gains] = hybrid_gains(arms, weighed(test, metrics=both[:1]))
    assert gains.outcome is None and "macro_f1 is no mean over examples" in gains.sentence
    assert gains.interaction.value is None


def test_examples_that_hang_together_are_drawn_together() -> None:
    random = np.random.default_rng(1)
    share = {"zero_shot": 0.4, "few_shot": 0.5, "lora": 0.5, "lora_shots": 0.6}
    rights = {
        name: np.repeat(random.uniform(size=20) < p, 10).tolist() for name, p in share.items()
    }
    alone, together = (
        hybrid_gains(
            [measured(name, right, test) for name, right in rights.items()], weighed(test)
        )[0]
        for test in (examples(200), examples(200, cluster=10))
    )
    widths = [(one.interaction.high or 0) - (one.interaction.low or 0) for one in (alone, together)]
    assert widths[1] > 2 * widths[0]
    assert "clusters" in together.interaction.method


def test_a_run_without_hybrids_has_none() -> None:
    test = examples(20)
    arms = [measured(name, ADDING[name][:20], test) for name in NAMES[:3]]
    assert hybrid_gains(arms, weighed(test)) == ()
