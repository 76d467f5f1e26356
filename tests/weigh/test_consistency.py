"""How steady an arm is, measured over the fake model in a finished run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Answer, Completion, Example, Question, Record
from steelyard.model.base import WrappedModel
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.progress import Display
from steelyard.result.steadiness import Consistency
from steelyard.score import build_metric
from steelyard.strategy import Arm, load_arm
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.majority import MajorityArm
from steelyard.strategy.prompting import PromptArm
from steelyard.task.sections import ConsistencyConfig
from steelyard.weigh import run
from steelyard.weigh.consistency import (
    ALIKE,
    NO_TEST,
    NOT_ASKED,
    consistency_requests,
    consistency_warnings,
    measure_consistency,
)
from steelyard.weigh.opening import open_run
from steelyard.weigh.repeats import RepeatSample, ask_again, measure_repeats
from steelyard.weigh.sensitivity import changed_inputs
from steelyard.weigh.steps import RunSteps
from tests.tickets import write_task

CONFIG = ConsistencyConfig(repeats=3, items=12, variants=2)
ESTIMATE = {"value", "low", "high", "level", "n", "method"}
STRATEGIES = ["zero_shot", {"name": "few_shot", "options": {"k": [2], "sets": 1}}]
Measure = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("steady")
    # The task asks for no consistency, so that these tests are the first to ask.
    extra = "consistency: false\n"
    task = write_task(folder / "task", strategies=STRATEGIES, extra=extra)
    run(task, folder / "out")
    return task, folder / "out"


@pytest.fixture
def steps(finished: tuple[Path, Path]) -> Iterator[RunSteps]:
    task, folder = finished
    plan = make_plan(task, RunOptions())
    with open_run(plan, folder, Display()) as steps:
        yield steps


def arm_of(steps: RunSteps, name: str) -> Arm:
    return load_arm(steps.folder / "arms" / name, steps.build_model)


def measured(steps: RunSteps, name: str, config: ConsistencyConfig = CONFIG) -> dict[str, Any]:
    block, reason = measure_consistency(
        steps, arm_of(steps, name), steps.store.records(name), config
    )
    assert block is not None and reason is None
    return block.to_dict()


def test_the_note_names_a_precision_that_rounds(
    steps: RunSteps, monkeypatch: pytest.MonkeyPatch
) -> None:
    for precision, ending in (
        ("bfloat16", "which bfloat16 makes likelier than float32"),
        ("float32", "batches"),
    ):
        facts = {"precision": precision}
        monkeypatch.setattr(WrappedModel, "facts", property(lambda _, facts=facts: facts))
        config = CONFIG.model_copy(update={"items": 3 + len(precision)})
        note = measured(steps, "few_shot", config)["repeats"]["note"]
        assert note.endswith(ending)


def kind_of(block: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(each for each in block["sensitivity"] if each["kind"] == kind)


def test_the_block_holds_what_the_docs_promise(steps: RunSteps) -> None:
    block = measured(steps, "few_shot")
    assert json.loads(json.dumps(block, allow_nan=False)) == block
    assert block["temperature"] == 0
    repeats = block["repeats"]
    assert (repeats["items"], repeats["times"], len(repeats["scores"])) == (12, 3, 3)
    assert set(repeats["agreement"]) == set(repeats["unchanged"]) == ESTIMATE
    assert "rounding" in repeats["note"]
    kinds = [each["kind"] for each in block["sensitivity"]]
    assert kinds == ["format", "instruction", "order", "typos", "case"]
    for each in block["sensitivity"]:
        assert each["items"] == 12 and 1 <= len(each["variants"]) <= 2
        scores = [each["baseline"], *(variant["score"] for variant in each["variants"])]
        assert each["spread"] == pytest.approx(max(scores) - min(scores))
        assert 0 <= each["spread_by_chance"] <= 1 and 0 < each["p_value"] <= 1
        worst = min(each["variants"], key=lambda variant: variant["difference"])
        assert each["worst"] == {key: worst[key] for key in ("name", "score", "difference")}
        shares = [variant["agreement"] for variant in each["variants"]]
        assert each["agreement"] == pytest.approx(sum(shares) / len(shares))
        for variant in each["variants"]:
            assert variant["difference"] == pytest.approx(variant["score"] - each["baseline"])
            assert 0 <= variant["agreement"] <= 1


def test_the_baseline_is_the_test_s_own_score_of_these_items(steps: RunSteps) -> None:
    block = measured(steps, "few_shot")
    first = block["repeats"]["scores"][0]
    assert [each["baseline"] for each in block["sensitivity"]] == [first] * 5


def test_a_fake_at_temperature_0_repeats_itself_and_still_meets_other_words(
    steps: RunSteps,
) -> None:
    block = measured(steps, "zero_shot")
    assert block["repeats"]["agreement"]["value"] == 1
    assert block["repeats"]["agreement"]["low"] < 0.8  # twelve items prove no more
    assert block["repeats"]["spread"] == 0
    assert any(v["agreement"] < 1 for v in kind_of(block, "typos")["variants"])
    assert kind_of(block, "order") == {
        "kind": "order",
        "reason": "its prompt shows fewer than two examples",
    }


def test_a_classical_arm_is_not_asked_again_but_meets_typos(steps: RunSteps) -> None:
    block = measured(steps, "tfidf_linear")
    assert (block["temperature"], block["repeats"]) == (None, None)
    assert block["repeats_reason"] == ALIKE
    for kind in ("format", "instruction", "order"):
        assert kind_of(block, kind) == {"kind": kind, "reason": "it has no prompt"}
    assert len(kind_of(block, "typos")["variants"]) == 2
    assert kind_of(block, "case")["spread"] == 0  # TF-IDF folds case


def test_every_arm_meets_the_same_typos(steps: RunSteps) -> None:
    test = steps.plan.split.test[:5]
    both = []
    for name in ("zero_shot", "tfidf_linear"):
        records = steps.store.records(name)[:5]
        sample = RepeatSample(arm_of(steps, name), test, records, steps.metrics[0], steps.plan.seed)
        both.append(changed_inputs(sample, "typos", 2))
    assert both[0] == both[1]
    assert list(both[0]) == ["one per 30 characters", "one per 60 characters"]


def test_what_was_measured_is_not_asked_again_unless_other_is_asked_for(steps: RunSteps) -> None:
    phase = "consistency:zero_shot_free"
    first = measured(steps, "zero_shot_free")
    asked = steps.store.usage(phase).requests
    assert asked == 12 * 2 + sum(
        v["changed"] for each in first["sensitivity"] for v in each.get("variants", ())
    )
    assert asked <= consistency_requests(CONFIG, 12, prompted=True)
    assert measured(steps, "zero_shot_free") == first
    assert steps.store.usage(phase).requests == asked
    more = measured(steps, "zero_shot_free", CONFIG.model_copy(update={"repeats": 4}))
    assert more["repeats"]["times"] == 4
    assert steps.store.usage(phase).requests == asked + 12
    assert first["sensitivity"] == more["sensitivity"]


def test_its_requests_are_on_an_account_of_their_own(steps: RunSteps) -> None:
    before = steps.store.usage("test:few_shot_free")
    measured(steps, "few_shot_free")
    assert steps.store.usage("test:few_shot_free") == before
    assert steps.store.usage("consistency:few_shot_free").requests > 0


def test_an_unasked_or_empty_one_says_why(steps: RunSteps) -> None:
    arm = arm_of(steps, "zero_shot")
    assert measure_consistency(steps, arm, steps.store.records(arm.name), False) == (
        None,
        NOT_ASKED,
    )
    data = steps.plan.data
    members = {**data.members, "test": ()}
    steps.plan = replace(steps.plan, data=data.divided(members, data.split_report, data.task))
    assert measure_consistency(steps, arm, [], CONFIG) == (None, NO_TEST)


def test_at_a_temperature_repeats_differ(steps: RunSteps) -> None:
    plain = arm_of(steps, "zero_shot")
    assert isinstance(plain, PromptArm)
    recipe = replace(plain.prompt.recipe, temperature=1.0)
    warm = plain.under(replace(plain.prompt, recipe=recipe))
    warm.name = "warm"
    test = steps.plan.split.test
    answers = warm.answer_all(test)
    records = [
        replace(record, answer=answer, score=float(answer.output == record.reference))
        for record, answer in zip(steps.store.records("zero_shot"), answers, strict=True)
    ]
    block, _ = measure_consistency(steps, warm, records, CONFIG)
    assert block is not None
    assert block.temperature == 1
    assert block.repeats is not None and block.repeats.note is None
    assert block.repeats.agreement.value is not None and block.repeats.agreement.value < 1
    assert block.repeats.unchanged.value is not None and block.repeats.unchanged.value < 1


def test_a_metric_that_is_no_mean_has_no_spread_by_chance(steps: RunSteps) -> None:
    steps.metrics = (build_metric("macro_f1"),)
    steps.store.finish_step("consistency:few_shot", {"asked": {}, "block": {}}, 0.0)
    found = kind_of(measured(steps, "few_shot"), "typos")
    assert (found["spread_by_chance"], found["p_value"]) == (None, None)
    assert "macro_f1" in found["spread_reason"]


class Scripted(MajorityArm):
    """Answers each input from a script, one line for each time it is asked."""

    def __init__(self, script: dict[str, Sequence[Answer]], kind: Any = "text") -> None:
        super().__init__(ArmFacts("scripted", "majority", Brief("", kind)), "")
        self.script = {key: list(answers) for key, answers in script.items()}
        self.calls: list[list[str]] = []

    def answer_all(self, questions: Sequence[Question], *_: Any, **__: Any) -> list[Answer]:
        self.calls.append([question.input for question in questions])
        return [self.script[question.input].pop(0) for question in questions]


def repeats_block(sample: RepeatSample, times: int) -> dict[str, Any]:
    return measure_repeats(sample, times).to_dict()


def said(text: str | None) -> Answer:
    completion = Completion(text or "", "stop")
    return Answer(text, completion, None if text is not None else "not a label")


LOST = Answer(None, Completion("", "error", failure="the endpoint is away"), "the endpoint is away")


def scripted(script: dict[str, Sequence[Answer]], kind: Any = "text") -> RepeatSample:
    """The first line of each script is the ordinary answer."""
    examples = [Example(key, key, "yes") for key in script]
    records = [
        Record("scripted", key, "scored", float(a[0].output == "yes"), "yes", a[0])
        for key, a in script.items()
    ]
    arm = Scripted({key: answers[1:] for key, answers in script.items()}, kind)
    return RepeatSample(arm, examples, records, build_metric("exact_match"), 0)


def test_a_repeat_asks_in_two_calls_and_another_order() -> None:
    script = {str(number): [said("yes")] * 3 for number in range(20)}
    sample = scripted(script)
    answers = [ask_again(sample, turn) for turn in (2, 3)]
    assert [len(each) for each in answers] == [20, 20]
    calls = sample.arm.calls  # type: ignore[attr-defined]
    assert [len(call) for call in calls] == [10] * 4
    assert sorted(calls[0] + calls[1]) == sorted(script)
    assert set(calls[0]) != set(calls[2])


def test_examples_that_are_not_always_answered_alike_are_listed_the_least_alike_first() -> None:
    script = {
        "same": [said("yes"), said("Yes"), said("yes")],
        "two of three": [said("yes"), said("no"), said("yes")],
        "never": [said("a"), said("b"), said(None)],
        "lost": [said("yes"), LOST, LOST],
    }
    block = repeats_block(scripted(script), 3)
    found = {each["example_id"]: each for each in block["by_example"]}
    assert list(found) == ["never", "two of three"]
    assert [each["agreement"] for each in found.values()] == [0, pytest.approx(1 / 3)]
    shown = {str(each["output"]): each["times"] for each in found["never"]["outputs"]}
    assert shown == {"None": 1, "a": 1, "b": 1}
    assert found["two of three"]["outputs"][0] == {"output": "yes", "times": 2}


def test_long_answers_are_told_apart_by_all_of_them_and_shown_in_part() -> None:
    long = ["x" * 300 + ending for ending in "ab"]
    (each,) = repeats_block(scripted({"long": [said(text) for text in long]}), 2)["by_example"]
    assert [shown["times"] for shown in each["outputs"]] == [1, 1]
    assert max(len(shown["output"]) for shown in each["outputs"]) == 200


def test_the_whole_agreement_is_the_mean_of_the_examples() -> None:
    script = {"same": [said("yes")] * 3, "not": [said("yes"), said("no"), said("yes")]}
    block = repeats_block(scripted(script), 3)
    found = {each["example_id"]: each for each in block["by_example"]}
    whole = [1.0, *(each["agreement"] for each in found.values())]
    assert block["agreement"]["value"] == pytest.approx(sum(whole) / 2)


def test_equal_answers_are_told_by_what_they_mean() -> None:
    text = scripted({"a": [said("Yes "), said("yes")], "b": [said("yes"), said("no")]})
    assert repeats_block(text, 2)["agreement"]["value"] == 0.5
    same = [said('{"a": 1, "b": 2}'), said('{"b": 2, "a": 1}')]
    assert repeats_block(scripted({"a": same}, "json"), 2)["agreement"]["value"] == 1
    broken = [said("{broken"), said("{broken")]
    assert repeats_block(scripted({"a": broken}, "json"), 2)["agreement"]["value"] == 1


def test_no_usable_answer_twice_is_alike_and_an_outage_is_left_out() -> None:
    found = repeats_block(scripted({"a": [said(None), said(None)], "b": [said("yes"), LOST]}), 2)
    assert (found["agreement"]["value"], found["agreement"]["n"]) == (1, 1)
    assert found["unanswered"] == 1
    gone = repeats_block(scripted({"a": [said("yes"), LOST]}), 2)
    assert gone["agreement"]["value"] is None
    assert gone["agreement"]["reason"] == "no item was answered twice"


def test_words_of_the_reference_keep_their_form() -> None:
    sample = scripted({"a": [said("yes")]})
    example = Example("a", "Deliver to Bistro Nine tomorrow please", "Bistro Nine")
    sample = replace(sample, examples=[example])
    for kind in ("typos", "case"):
        for [changed] in changed_inputs(sample, kind, 3).values():
            assert "Bistro Nine" in changed.input


def steadiness(agreed: float, difference: float, p_value: float | None) -> Consistency:
    repeats = {"items": 24, "agreement": {"value": agreed}}
    worst = {"name": "one per 15 characters", "score": 0.5, "difference": difference}
    typos = {"kind": "typos", "items": 24, "worst": worst, "p_value": p_value}
    order = {"kind": "order", "reason": "its prompt shows fewer than two examples"}
    block = {"temperature": 0.7, "repeats": repeats, "sensitivity": [order, typos]}
    return Consistency.model_validate(block)


def test_what_stands_out_is_warned_of() -> None:
    said = consistency_warnings("few_shot", steadiness(0.8, -0.25, 0.001))
    assert said == [
        "consistency: asked again at temperature 0.7, few_shot gives the same answer 80 % of the time "
        "(24 examples)",
        "consistency: typos in the input (one per 15 characters) costs few_shot 25 points on 24 "
        "examples (p = 0.001)",
    ]


@pytest.mark.parametrize(
    "block",
    [
        None,
        steadiness(0.95, -0.25, 0.02),
        steadiness(0.95, -0.25, None),
        steadiness(0.95, 0.1, 0.001),
        Consistency(),
    ],
)
def test_what_chance_explains_is_not_warned_of(block: Any) -> None:
    assert consistency_warnings("few_shot", block) == []


@pytest.mark.parametrize(
    ("config", "test", "prompted", "expected"),
    [
        (False, 100, True, 0),
        (ConsistencyConfig(repeats=3, items=24, variants=2), 100, True, 24 * (2 + 6 + 4)),
        (ConsistencyConfig(repeats=3, items=24, variants=2), 100, False, 24 * 4),
        (ConsistencyConfig(repeats=2, items=24, variants=9), 10, True, 10 * (1 + 27 + 6)),
    ],
)
def test_the_forecast(config: Any, test: int, prompted: bool, expected: int) -> None:
    assert consistency_requests(config, test, prompted=prompted) == expected


def warm(arm: Arm, temperature: float) -> PromptArm:
    """The same arm at a temperature, five votes where that is above 0."""
    assert isinstance(arm, PromptArm)
    samples = 5 if temperature else 1
    recipe = replace(arm.prompt.recipe, temperature=temperature, samples=samples)
    prompt = replace(arm.prompt, recipe=recipe)
    return arm.under(prompt)


def test_a_cascade_over_votes_answers_at_their_temperature(steps: RunSteps) -> None:
    plain, classical = arm_of(steps, "zero_shot"), arm_of(steps, "tfidf_linear")

    def temperature(*parts: Arm) -> float:
        return CascadeArm(ArmFacts("cascade", "cascade", plain.brief), parts, 0.5).temperature  # type: ignore[arg-type]

    assert temperature(warm(plain, 0.7), plain) == 0.7
    assert temperature(classical, warm(plain, 0.3)) == 0.3
    assert temperature(classical, plain) == 0
    cascade = CascadeArm(ArmFacts("votes", "cascade", plain.brief), (warm(plain, 0.7), plain), 0.5)
    records = [replace(record, arm="votes") for record in steps.store.records("zero_shot")]
    block, _ = measure_consistency(steps, cascade, records, CONFIG)
    assert block is not None and block.temperature == 0.7
    assert block.repeats is not None and block.repeats.note is None
