from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.core import Answer, Example, Question, Request, questions_of
from steelyard.errors import DataError
from steelyard.model.base import Model, ModelSpec
from steelyard.model.fake import FakeModel, FakeOptions
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.formats import load_formats
from steelyard.strategy.prompt import full_instruction
from steelyard.strategy.prompting import PromptArm
from tests.strategy.samples import SPEC, TOPICS, tickets

MakeContext = Callable[..., FitContext]
PROMPTING = ["zero_shot", "few_shot", "retrieved_few_shot"]
TEST = tickets(45, offset=500)


def fit(name: str, context: FitContext, **options: object) -> list[PromptArm]:
    arms = build_strategy(StrategySpec(name, options)).fit(context)
    assert all(isinstance(arm, PromptArm) for arm in arms)
    return [arm for arm in arms if isinstance(arm, PromptArm)]


def right(arm: PromptArm) -> float:
    answers = arm.answer_all(questions_of(TEST))
    return sum(a.output == e.output for a, e in zip(answers, TEST, strict=True)) / len(TEST)


def outputs(answers: list[Answer]) -> list[tuple[str | None, str | None]]:
    return [(answer.output, answer.failure) for answer in answers]


@pytest.mark.parametrize("name", PROMPTING)
def test_a_label_task_gives_a_constrained_and_a_free_arm(
    name: str, fit_context: MakeContext
) -> None:
    constrained, free = fit(name, fit_context())
    assert (constrained.name, free.name) == (name, f"{name}_free")
    assert all(answer.output in TOPICS for answer in constrained.answer_all(questions_of(TEST)))
    assert constrained.options["decoding"] == "constrained"
    assert free.options["decoding"] == "free"
    assert free.prompt.recipe.request(TEST[0]).choices == ()
    assert free.answer_all(questions_of(TEST))[0].completion.probabilities is None


@pytest.mark.parametrize("name", PROMPTING)
def test_other_kinds_give_one_free_arm(name: str, fit_context: MakeContext) -> None:
    train = tuple(replace(example, output=f"about {example.output}") for example in tickets(30))
    context = fit_context(train=train, dev=train[:9], brief=Brief("Say.", "text", (), "token_f1"))
    (arm,) = fit(name, context)
    assert arm.options["decoding"] == "free"
    assert arm.answer_all(questions_of(TEST[:3]))[0].completion.probabilities is None


def test_shots_beat_no_shots(fit_context: MakeContext) -> None:
    zero, few, retrieved = (fit(name, fit_context())[0] for name in PROMPTING)
    assert right(zero) + 0.2 < right(few)
    assert right(zero) + 0.2 < right(retrieved)


@pytest.mark.parametrize("name", PROMPTING)
def test_a_loaded_arm_answers_as_the_saved_one(
    name: str, fit_context: MakeContext, tmp_path: Path
) -> None:
    for number, arm in enumerate(fit(name, fit_context())):
        built: list[ModelSpec] = []

        def build(spec: ModelSpec, built: list[ModelSpec] = built) -> Model:
            built.append(spec)
            return FakeModel("smart")

        folder = tmp_path / str(number)
        save_arm(arm, folder)
        loaded = load_arm(folder, build)
        assert built == []
        assert outputs(loaded.answer_all(questions_of(TEST))) == outputs(
            arm.answer_all(questions_of(TEST))
        )
        assert loaded.answer(TEST[0].input) == arm.answer(TEST[0].input)
        assert built == [SPEC]
        assert loaded.options == json.loads(json.dumps(arm.options))
        assert loaded.model_name == "smart"


@pytest.mark.parametrize("name", PROMPTING)
def test_a_fit_repeats_itself(name: str, fit_context: MakeContext) -> None:
    first, second = fit(name, fit_context()), fit(name, fit_context())
    assert [arm.options for arm in first] == [arm.options for arm in second]
    assert [arm.prompt.recipe for arm in first] == [arm.prompt.recipe for arm in second]


@pytest.mark.parametrize("name", PROMPTING)
def test_the_stated_search_is_the_search_that_was_made(name: str, fit_context: MakeContext) -> None:
    told: list[tuple[int, int]] = []
    model = FakeModel("smart")
    context = fit_context(model=model, progress=lambda done, total: told.append((done, total)))
    arms = fit(name, context)
    assert model.calls == sum(arm.fit.search["dev_calls"] for arm in arms)
    assert told[-1] == (model.calls, model.calls)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_every_usual_format_has_its_place_in_the_spread(fit_context: MakeContext) -> None:
    usual = {name for name, shape in load_formats().items() if shape.usual}
    assert set(fit("zero_shot", fit_context())[0].fit.spread) == usual
    few = fit("few_shot", fit_context(), formats=["user_turn", "system_user"])[0]
    assert set(few.fit.spread) == {"user_turn", "system_user"}


def test_few_shots_are_balanced_over_labels_and_fit_the_budget(fit_context: MakeContext) -> None:
    (arm, _) = fit("few_shot", fit_context(), k=2)
    counted = [shot.output for shot in arm.prompt.recipe.shots]
    assert {label: counted.count(label) for label in TOPICS} == dict.fromkeys(TOPICS, 2)
    (tight, _) = fit("few_shot", fit_context(), k=[1, 2, 4, 8], max_prompt_tokens=150)
    text = " ".join(message.content for message in tight.prompt.recipe.messages(TEST[0].question))
    assert 3 <= len(tight.prompt.recipe.shots) <= 8
    assert len(text.split()) < 150


def test_a_giant_example_is_never_a_shot(fit_context: MakeContext) -> None:
    giant = Example("giant", "invoice " * 12_000, "BILLING")
    for name in ("few_shot", "retrieved_few_shot"):
        (arm, _) = fit(name, fit_context(train=(giant, *tickets(20))))
        request = arm.prompt.requests([Question("invoice invoice")])[0]
        assert sum(len(message.content) for message in request.messages) < 5_000


def test_the_most_similar_shot_comes_last(fit_context: MakeContext) -> None:
    (arm, _) = fit("retrieved_few_shot", fit_context(), k=4, formats="system_user")
    known = tickets(60)[17]
    messages = arm.prompt.requests([known.question])[0].messages
    assert messages[-3].content == messages[-1].content == known.input
    assert messages[-2].content == known.output
    assert len(messages) == 1 + 2 * 4 + 1


def test_a_failing_model_makes_failed_answers_not_a_failed_run(fit_context: MakeContext) -> None:
    (arm, _) = fit("zero_shot", fit_context(model=FakeModel("flaky", FakeOptions(fail_every=3))))
    answers = arm.answer_all(questions_of(TEST))
    failed = [answer for answer in answers if answer.output is None]
    assert len(answers) == len(TEST) and failed
    assert {answer.failure for answer in failed} == {"the fake model failed on purpose"}


def test_progress_and_nonce_reach_the_model(fit_context: MakeContext, tmp_path: Path) -> None:
    log = tmp_path / "log"
    model = FakeModel("smart", FakeOptions(log=str(log)))
    (arm, _) = fit("zero_shot", fit_context(model=model))
    log.unlink()
    told: list[tuple[int, int]] = []
    arm.answer_all(
        questions_of(TEST), lambda done, total: told.append((done, total)), nonce="again"
    )
    assert told[-1] == (len(TEST), len(TEST))
    assert {json.loads(line)["nonce"] for line in log.read_text().splitlines()} == {"again"}
    assert arm.answer_all([]) == []


@pytest.mark.parametrize("name", PROMPTING)
def test_three_examples_and_no_dev_still_give_an_arm(name: str, fit_context: MakeContext) -> None:
    (arm, _) = fit(name, fit_context(train=tickets(3), dev=()))
    assert arm.fit.search["dev_score"] is None
    assert arm.answer("the invoice") in TOPICS


def test_shots_need_a_train_split(fit_context: MakeContext) -> None:
    with pytest.raises(DataError, match="train split is empty"):
        fit("few_shot", fit_context(train=()))


def test_labels_are_listed_unless_the_instruction_names_them() -> None:
    named = Brief("Say YES or NO.", "label", ("YES", "NO"))
    assert full_instruction(named) == "Say YES or NO."
    hidden = Brief("It is NOTHING or YES.", "label", ("YES", "NO"))
    assert full_instruction(hidden).endswith("\nAnswer with exactly one of: YES, NO.")


def test_an_adapter_travels_with_the_arm(fit_context: MakeContext, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "adapter.bin").write_bytes(b"\x01")
    (arm, _) = fit("zero_shot", fit_context())
    arm.spec = replace(SPEC, adapter=str(weights))
    save_arm(arm, tmp_path / "arm")
    saved = json.loads((tmp_path / "arm" / "arm.json").read_text())
    assert saved["model"]["adapter"] == "adapter"
    (tmp_path / "arm").rename(tmp_path / "moved")
    loaded = load_arm(tmp_path / "moved")
    assert isinstance(loaded, PromptArm)
    assert loaded.spec.adapter == str(tmp_path / "moved" / "adapter")
    assert (tmp_path / "moved" / "adapter" / "adapter.bin").read_bytes() == b"\x01"


def test_answers_are_handed_out_as_they_arrive(fit_context: MakeContext) -> None:
    arm = fit("zero_shot", fit_context())[0]
    seen: dict[int, Answer] = {}
    batches: list[int] = []

    def note(pairs: object) -> None:
        seen.update(pairs)  # type: ignore[call-overload]
        batches.append(len(seen))

    answers = arm.answer_all(questions_of(TEST), on_answers=note)
    assert [seen[i] for i in range(len(TEST))] == answers
    assert len(batches) > 1


SCHEMA = '{"type": "object", "properties": {"topic": {"type": "string"}}, "required": ["topic"]}'


@pytest.mark.parametrize("name", PROMPTING)
def test_json_with_a_schema_gives_a_constrained_and_a_free_arm(
    name: str, fit_context: MakeContext, tmp_path: Path
) -> None:
    train = tuple(
        replace(example, output=json.dumps({"topic": example.output})) for example in tickets(30)
    )
    brief = Brief("Extract.", "json", (), "json_match", None, SCHEMA)
    constrained, free, *more = fit(name, fit_context(train=train, dev=train[:9], brief=brief))
    assert (constrained.name, free.name) == (name, f"{name}_free")
    assert [arm.name for arm in more] in ([], [f"{name}_repair"])
    assert constrained.prompt.recipe.request(TEST[0]).schema == SCHEMA
    assert free.prompt.recipe.request(TEST[0]).schema is None
    save_arm(constrained, tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm")
    assert isinstance(loaded, PromptArm)
    assert loaded.prompt.recipe == constrained.prompt.recipe
    assert loaded.brief == brief


@pytest.mark.parametrize("schema", [SCHEMA, None])
@pytest.mark.parametrize("wrong", ["no JSON", '{"subject": 1}', None])
def test_json_has_a_repairing_arm_where_dev_shows_a_need(
    schema: str | None, wrong: str | None, fit_context: MakeContext, tmp_path: Path
) -> None:
    def script(request: Request) -> str:
        again = "cannot be used" in request.messages[-1].content
        return wrong if wrong and not again and not request.schema else '{"topic": "BILLING"}'

    model = ScriptedModel(script)
    brief = Brief("Extract.", "json", (), "json_match", None, schema)
    train = tuple(replace(each, output='{"topic": "BILLING"}') for each in tickets(12))
    context = fit_context(model=model, train=train, dev=train, brief=brief)
    _, *others = fit("zero_shot", context, formats=["system_user"])
    needed = wrong == "no JSON" or (wrong is not None and schema is not None)
    names = ["zero_shot_free"] * (schema is not None) + ["zero_shot_repair"] * needed
    assert [arm.name for arm in others] == names
    if needed:
        arm = others[-1]
        assert arm.options["repairs"] == arm.prompt.recipe.repairs == 2
        assert arm.options["decoding"] == "free"
        [trial] = arm.fit.search["trace"]
        assert (trial["items"], trial["asked"], trial["score"]) == (12, 24, 1.0)
        save_arm(arm, tmp_path / "arm")
        loaded = load_arm(tmp_path / "arm", lambda spec: model)
        assert loaded.answer_all(questions_of(TEST[:3])) == arm.answer_all(questions_of(TEST[:3]))
        without = fit("zero_shot", context, formats=["system_user"], repairs=0)
        assert [arm.name for arm in without] == ["zero_shot", *names[:-1]]


def test_the_users_temperature_is_asked_at(brief: Brief, fit_context: MakeContext) -> None:
    model = ScriptedModel(lambda request: "BILLING")
    for temperature in (0.0, 0.8):
        model.requests.clear()
        warm = replace(brief, temperature=temperature)
        for name in PROMPTING:
            for arm in fit(name, fit_context(model=model, brief=warm)):
                arm.answer_all(questions_of(TEST[:2]))
        assert {request.temperature for request in model.requests} == {temperature}


@pytest.mark.parametrize("name", PROMPTING)
def test_the_search_is_told_trial_by_trial(name: str, fit_context: MakeContext) -> None:
    for arm in fit(name, fit_context()):
        search = arm.fit.search
        assert sum(trial["asked"] for trial in search["trace"]) == search["dev_calls"]
        assert {trial["stage"] for trial in search["trace"]} <= {"screen", "final"}
        assert search["trace"][-1]["name"] in search["tried"]


def test_a_schema_is_shown_unless_the_instruction_names_its_fields() -> None:
    named = Brief("Give the topic as JSON.", "json", schema=SCHEMA)
    assert full_instruction(named) == "Give the topic as JSON."
    hidden = Brief("Extract the subtopics.", "json", schema=SCHEMA)
    assert full_instruction(hidden).endswith(f"fits this JSON schema:\n{SCHEMA}")
