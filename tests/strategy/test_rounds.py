from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, Question, Request
from steelyard.model.base import Model, ModelSpec
from steelyard.model.fake_script import Script, ScriptedModel
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm

LABELS = ("RED", "BLUE")
SCHEMA = '{"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}'
LABEL, TEXT = Brief("Say.", "label", LABELS), Brief("Say.", "text", metric="numeric")
JSON = Brief("Say.", "json", schema=SCHEMA, metric="json_match")
QUESTIONS = [Question(f"question {number}") for number in range(6)]


def arm_of(brief: Brief, model: Model, **recipe: object) -> PromptArm:
    made = PromptRecipe("Say.", "system_user", brief.kind, brief.labels, schema=brief.schema)
    prompt = Prompt(replace(made, **recipe))  # type: ignore[arg-type]
    facts = ArmFacts("arm", "zero_shot", brief)
    return PromptArm(facts, prompt, ModelSpec("fake", "small"), lambda spec: model)


def turns(request: Request) -> list[str]:
    return [message.content for message in request.messages]


def number_of(request: Request) -> int:
    asked = next(text for text in turns(request) if text.startswith("question"))
    return int(asked.split()[-1])


def answer_and_watch(arm: PromptArm) -> tuple[list[Answer], list[int], list[tuple[int, int]]]:
    """Answer all; also the order in which answers were told, and the progress."""
    told: dict[int, Answer] = {}
    order: list[int] = []
    progress: list[tuple[int, int]] = []

    def note(pairs: object) -> None:
        for place, answer in pairs:  # type: ignore[attr-defined]
            assert place not in told
            told[place] = answer
            order.append(place)

    answers = arm.answer_all(QUESTIONS, lambda *counts: progress.append(counts), "", note)
    assert [told[place] for place in range(len(QUESTIONS))] == answers
    assert progress[-1] == (len(QUESTIONS), len(QUESTIONS))
    return answers, order, progress


def test_a_plain_recipe_asks_once_and_changes_nothing() -> None:
    model = ScriptedModel(lambda request: "RED")
    answers, _, _ = answer_and_watch(arm_of(LABEL, model))
    assert model.calls == 1
    assert {(r.nonce, r.temperature, r.choices) for r in model.requests} == {("", 0.0, ())}
    assert all((answer.output, answer.completion.spent) == ("RED", {}) for answer in answers)


def test_votes_are_asked_in_one_call_and_the_most_frequent_answer_wins() -> None:
    said = {"vote-1": "BLUE", "vote-2": "Red.", "vote-3": "red", "vote-4": "none", "vote-5": "BLUE"}
    model = ScriptedModel(lambda request: said[request.nonce], "small-scripted")
    arm = arm_of(LABEL, model, samples=5, temperature=0.7)
    answers, _, _ = answer_and_watch(arm)
    assert model.calls == 1 and arm.request_count == len(model.requests) == 30
    assert {request.temperature for request in model.requests} == {0.7}
    for answer in answers:
        assert answer.output == "BLUE"  # as often as RED, and said first
        assert answer.completion.probabilities == {"BLUE": 0.4, "RED": 0.4}
        assert answer.confidence == pytest.approx(0.4)
        [(account, spent)] = answer.completion.spent.items()
        assert account == "fake:small"
        assert spent.input_tokens == answer.completion.input_tokens > 0
        assert spent.output_tokens == answer.completion.output_tokens == 6


def test_a_nonce_tells_whole_answers_apart() -> None:
    model = ScriptedModel(lambda request: "RED")
    arm_of(LABEL, model, samples=2, temperature=1.0).answer_all(QUESTIONS[:1], nonce="repeat-3")
    assert [r.nonce for r in model.requests] == ["repeat-3/vote-1", "repeat-3/vote-2"]


@pytest.mark.parametrize(
    ("brief", "said", "output", "share"),
    [
        (TEXT, ["it is 1,000", "1000.0", "1001"], "it is 1,000", 2 / 3),
        (JSON, ['{"a": 1, "b": 2}', '{"b":2,"a":1}', "{}"], '{"a": 1, "b": 2}', 2 / 3),
        (
            Brief("Say.", "text", metric="exact_match"),
            ["No", "Yes  sir", "yes sir"],
            "Yes  sir",
            2 / 3,
        ),
    ],
)
def test_votes_are_counted_by_what_they_mean(
    brief: Brief, said: list[str], output: str, share: float
) -> None:
    model = ScriptedModel(lambda request: said[int(request.nonce[-1]) - 1])
    [answer] = arm_of(brief, model, samples=3, temperature=1.0).answer_all(QUESTIONS[:1])
    assert answer.output == output
    assert answer.confidence == pytest.approx(share)


def test_votes_that_all_fail_make_one_failed_answer() -> None:
    model = ScriptedModel(lambda request: Completion("", "error", failure="gone"))
    answers, _, _ = answer_and_watch(arm_of(LABEL, model, samples=3, temperature=1.0))
    assert {(a.output, a.failure, a.completion.failure) for a in answers} == {
        (None, "gone", "gone")
    }


def mended(request: Request) -> str:
    """Questions 1 and 4 are answered rightly at the second try, 2 and 5 never."""
    tries = len(request.messages) // 2
    if number_of(request) % 3 == 0 or (number_of(request) % 3 == 1 and tries == 2):
        return '{"size": 3}'
    return '{"size": "three"}' if number_of(request) % 3 == 1 else "three"


def test_what_does_not_fit_is_asked_again_with_its_error_in_rounds() -> None:
    model = ScriptedModel(mended)
    arm = arm_of(JSON, model, repairs=2)
    answers, order, _ = answer_and_watch(arm)
    assert model.calls == 3
    assert arm.request_count == len(model.requests) == 6 + 4 + 2
    assert order == [0, 3, 1, 4, 2, 5]
    assert [answer.output for answer in answers] == ['{"size": 3}', '{"size": 3}', None] * 2
    assert answers[2].failure == "not a JSON object or array: 'three'"
    assert answers[2].completion.failure is None
    assert [len(answer.completion.spent) for answer in answers] == [0, 1, 1] * 2
    again = next(request for request in model.requests if len(request.messages) == 4)
    assert again.messages[-2].content == '{"size": "three"}'
    assert '$.size: "three" is not of type "integer"' in again.messages[-1].content


def test_json_that_never_fits_is_still_an_answer() -> None:
    model = ScriptedModel(lambda request: '{"size": "big"}')
    [answer] = arm_of(JSON, model, repairs=1).answer_all(QUESTIONS[:1])
    assert (answer.output, answer.failure) == ('{"size": "big"}', None)
    broken = ["[1", '{"size": []}', "no"]
    worse = ScriptedModel(lambda request: broken[len(request.messages) // 2 - 1])
    [answer] = arm_of(JSON, worse, repairs=2).answer_all(QUESTIONS[:1])
    assert answer.output == '{"size": []}'


def test_a_label_that_is_none_is_asked_again_with_the_labels() -> None:
    model = ScriptedModel(lambda request: "BLUE" if len(request.messages) > 2 else "GREEN")
    [answer] = arm_of(LABEL, model, repairs=1).answer_all(QUESTIONS[:1])
    assert answer.output == "BLUE"
    assert model.requests[-1].messages[-1].content.endswith("nothing else: RED, BLUE.")


def test_a_model_that_fails_is_not_asked_to_repair() -> None:
    model = ScriptedModel(lambda request: Completion("", "error", failure="gone"))
    [answer] = arm_of(JSON, model, repairs=2).answer_all(QUESTIONS[:1])
    assert model.calls == 1 and answer.failure == "gone"


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("Paris has 3, Rome 4.\nAnswer: 7", "7"),
        ("Answer: 1? No.\n**Answer:** 12\nHope this helps, 2!", "12"),
        ("3 + 4 = <<3+4=7>>7\n#### 7", "7"),
        ("So the answer is 9.", "9."),
        ("first\nlast line 5", "last line 5"),
    ],
)
def test_an_answer_is_read_after_its_reasoning(text: str, output: str) -> None:
    model = ScriptedModel(lambda request: text)
    [answer] = arm_of(TEXT, model, reasoning=True).answer_all(QUESTIONS[:1])
    assert answer.output == output
    assert answer.completion.text == text


def test_reasoning_that_is_cut_has_no_answer() -> None:
    cut = Completion("one and two and", "length", output_tokens=4)
    [answer] = arm_of(TEXT, ScriptedModel(lambda request: cut), reasoning=True).answer_all(
        QUESTIONS[:1]
    )
    assert answer.failure == (
        "cut after 4 tokens, before the answer was complete: raise max_output_tokens"
    )
    said = ScriptedModel(lambda request: 'It is three.\nAnswer:\n```json\n{"size": 3}\n```')
    [answer] = arm_of(JSON, said, reasoning=True).answer_all(QUESTIONS[:1])
    assert answer.output == '{"size": 3}'


def test_the_decision_after_reasoning_is_held_to_the_labels() -> None:
    def script(request: Request) -> str:
        return "BLUE" if request.choices else "It is as the sky.\nAnswer: bluish"

    model = ScriptedModel(script)
    arm = arm_of(LABEL, model, reasoning=True, decoding="constrained", temperature=0.5)
    answers, _, _ = answer_and_watch(arm)
    assert model.calls == 2 and arm.request_count == 12
    assert {answer.output for answer in answers} == {"BLUE"}
    assert answers[0].completion.text == "It is as the sky.\nAnswer: BLUE"
    assert turns(model.requests[-1])[-2:] == [
        "It is as the sky.",
        "Now give the label that follows from this, and nothing else.",
    ]
    assert [(r.choices, r.temperature) for r in model.requests[::6]] == [((), 0.5), (LABELS, 0.0)]


def test_a_decision_before_the_reasoning_was_complete_counts_as_cut() -> None:
    half = Completion("It is as red as", "length", output_tokens=4)
    model = ScriptedModel(lambda request: "RED" if request.choices else half)
    arm = arm_of(LABEL, model, reasoning=True, decoding="constrained")
    answers, _, _ = answer_and_watch(arm)
    assert {(one.output, one.completion.is_cut) for one in answers} == {("RED", True)}


def test_votes_over_decisions_ask_two_rounds_in_all() -> None:
    def script(request: Request) -> str:
        return ("RED" if request.nonce == "vote-2" else "BLUE") if request.choices else "Hm."

    model = ScriptedModel(script)
    recipe = {"reasoning": True, "decoding": "constrained", "samples": 3, "temperature": 1.0}
    answers, _, _ = answer_and_watch(arm_of(LABEL, model, **recipe))
    assert model.calls == 2
    assert answers[0].completion.probabilities == {"BLUE": 2 / 3, "RED": 1 / 3}


def in_seconds(texts: list[str]) -> Script:
    said = iter(texts)
    return lambda request: Completion(
        next(said), "stop", 10, 4, 2, first_token_seconds=1.0, total_seconds=2.0
    )


@pytest.mark.parametrize(("local", "seconds"), [(True, 6.0), (False, 2.0)])
def test_votes_take_machine_time_here_and_one_wait_elsewhere(local: bool, seconds: float) -> None:
    model = ScriptedModel(in_seconds(["RED", "RED", "BLUE"]), local=local)
    [answer] = arm_of(LABEL, model, samples=3, temperature=1.0).answer_all(QUESTIONS[:1])
    done = answer.completion
    assert (done.input_tokens, done.cached_tokens, done.output_tokens) == (30, 12, 6)
    assert done.total_seconds == done.machine_seconds == seconds
    assert sum(usage.machine_seconds for usage in done.spent.values()) == 6.0


def test_repairs_take_their_time_in_turn() -> None:
    model = ScriptedModel(in_seconds(["oh", '{"size": 3}']))
    [answer] = arm_of(JSON, model, repairs=1).answer_all(QUESTIONS[:1])
    assert answer.completion.total_seconds == 4.0
    assert answer.completion.first_token_seconds == 3.0
    assert answer.completion.text == '{"size": 3}'


@given(
    said=st.lists(st.sampled_from(["RED", "BLUE", "?", "!"]), min_size=60, max_size=60),
    samples=st.integers(1, 4),
    repairs=st.integers(0, 2),
)
def test_every_example_ends_in_one_answer(said: list[str], samples: int, repairs: int) -> None:
    made = iter(said * 2)

    def script(request: Request) -> str | Completion:
        text = next(made)
        return Completion("", "error", failure="gone") if text == "!" else text

    model = ScriptedModel(script)
    arm = arm_of(LABEL, model, samples=samples, repairs=repairs, temperature=0.5)
    answers, _, _ = answer_and_watch(arm)
    assert all((a.output is None) == (a.failure is not None) for a in answers)
    assert arm.request_count == len(model.requests) >= samples * len(QUESTIONS)
    asked = sum(a.completion.input_tokens for a in answers)
    assert asked <= sum(len(json.dumps(turns(request))) for request in model.requests)
    shares = [a.completion.probabilities for a in answers if samples > 1 and a.output]
    assert all(0 < sum(share.values()) <= 1 + 1e-9 for share in shares if share)


def test_recipes_saved_before_have_the_new_fields() -> None:
    saved = {
        "instruction": "Say.",
        "format": "system_user",
        "choices": ["RED"],
        "shots": [["a", "b"]],
    }
    recipe = PromptRecipe.from_dict(saved)
    assert (recipe.temperature, recipe.samples, recipe.reasoning, recipe.repairs) == (
        0.0,
        1,
        False,
        0,
    )


def test_an_empty_turn_is_never_sent_back() -> None:
    def silent_once(request: Request) -> Completion:
        text = "" if len(request.messages) < 4 else "RED"
        return Completion(text, "choice" if request.choices else "stop", 5, 0, 1)

    deciding = {"reasoning": True, "decoding": "constrained", "choices": LABELS}
    for recipe in (deciding, {"repairs": 1}):
        model = ScriptedModel(silent_once)
        [answer] = arm_of(LABEL, model, **recipe).answer_all(QUESTIONS[:1])
        assert answer.output == "RED"
        again = model.requests[-1].messages
        assert [turn.role for turn in again][-2:] == ["assistant", "user"]
        assert again[-2].content == "-"
        assert all(turn.content.strip() for turn in again)
