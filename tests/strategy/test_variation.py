"""Changes that mean the same: of prompts and of inputs."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Example, questions_of
from steelyard.model.fake import FakeModel
from steelyard.retrieve.base import Passage
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.formats import Shot, load_formats
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.variation import CASES, TYPO_EVERY, in_case, mistyped
from steelyard.strategy.variation.inputs import words_of
from tests.strategy.samples import SPEC, TOPICS, tickets

SHOTS = tuple(Shot(example.input, example.output) for example in tickets(6))
INSTRUCTION = "Classify the ticket.\nAnswer with the label only."
TEXT = "Hello, I cannot log in since Monday (order PB-12345, 3 items). Please help, it's URGENT!"


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def recipe(**changes: object) -> PromptRecipe:
    fields = {"instruction": INSTRUCTION, "format": "labelled_list", "choices": tuple(TOPICS)}
    return PromptRecipe(**{**fields, "shots": SHOTS, "decoding": "constrained", **changes})


def arm(prompt: Prompt, strategy: str = "few_shot") -> PromptArm:
    brief = Brief(INSTRUCTION, "label", tuple(TOPICS))
    model = FakeModel("smart")
    facts = ArmFacts("few_shot", strategy, brief)
    return PromptArm(facts, prompt, SPEC, lambda spec: model)


def texts(one: object) -> list[str]:
    assert isinstance(one, PromptArm)
    [request] = one.prompt.requests(questions_of(tickets(1, offset=50)))
    return [message.content for message in request.messages]


@pytest.mark.parametrize("name", load_formats())
@pytest.mark.parametrize("shots", [(), SHOTS])
def test_every_format_has_small_changes_that_keep_instruction_input_and_shots(name, shots):
    plain = arm(Prompt(recipe(format=name, shots=shots)))
    found = plain.variations("format", rng())
    small = [one for changed, one in found if not changed.startswith("format ")]
    assert len(small) >= 3
    asked = tickets(1, offset=50)[0].input
    for _, one in found:
        said = "\n".join(texts(one))
        assert texts(one) != texts(plain)
        assert all(part in said for part in (*INSTRUCTION.split("\n"), asked))
        assert all(shot.input in said and shot.output in said for shot in shots)
        assert "{" not in said


def test_small_changes_and_other_formats_take_turns():
    names = [name for name, _ in arm(Prompt(recipe())).variations("format", rng())]
    other = [name.startswith("format ") for name in names[:6]]
    assert other == [False, True, False, True, False, True]
    assert len(set(names)) == len(names)


def test_every_change_in_the_data_says_what_it_is_and_applies_somewhere():
    text = files("steelyard.strategy").joinpath("data/variations.json").read_text("utf-8")
    for kind, changes in json.loads(text).items():
        met = {
            name
            for format_name in load_formats()
            for name, _ in arm(Prompt(recipe(format=format_name))).variations(kind, rng())
        }
        assert all(change["about"] for change in changes.values())
        assert set(changes) <= met


def test_a_changed_arm_answers_and_leaves_the_first_one_as_it_was():
    plain = arm(Prompt(recipe()))
    before = texts(plain)
    _, changed = plain.variations("format", rng())[0]
    assert len(changed.answer_all(questions_of(tickets(5)))) == 5
    assert (texts(plain), plain.request_count) == (before, 0)


def test_instructions_keep_their_words():
    plain = arm(Prompt(recipe()))
    for _, one in plain.variations("instruction", rng()):
        assert isinstance(one, PromptArm)
        assert one.prompt.recipe.instruction != INSTRUCTION
        assert words_of(INSTRUCTION) <= words_of(one.prompt.recipe.instruction)


def test_a_tuned_arm_is_varied_like_any_other():
    short = Prompt(recipe(format="system_user", instruction="Give the label.", shots=()))
    tuned = arm(short, "lora")
    assert len(tuned.variations("format", rng())) >= 3
    assert len(tuned.variations("instruction", rng())) >= 3
    assert tuned.variations("order", rng()) == []


def test_orders_hold_the_same_shots_and_are_all_different():
    found = arm(Prompt(recipe())).variations("order", rng())
    orders = [one.prompt.recipe.shots for _, one in found if isinstance(one, PromptArm)]
    assert orders[0] == SHOTS[::-1]
    assert len({SHOTS, *orders}) == len(orders) + 1 >= 4
    assert all(sorted(order) == sorted(SHOTS) for order in orders)
    names = [name for name, _ in found]
    assert names[:3] == ["reversed", "shuffled 1", "shuffled 2"]


@pytest.mark.parametrize(("count", "orders"), [(0, 0), (1, 0), (2, 1)])
def test_few_shots_have_few_orders(count, orders):
    assert len(arm(Prompt(recipe(shots=SHOTS[:count]))).variations("order", rng())) == orders


def test_retrieved_shots_are_turned_round():
    index = TfidfIndex.fit([Passage(*shot) for shot in SHOTS], "word")
    plain = arm(Prompt(recipe(shots=(), retrieved=3), index))
    [(name, turned)] = plain.variations("order", rng())
    assert isinstance(turned, PromptArm) and turned.prompt.index is not None
    assert name == "nearest first"
    before, after = (
        one.prompt.requests([tickets(1, offset=50)[0].question])[0]
        .messages[-1]
        .content.split("\n\n")
        for one in (plain, turned)
    )
    assert before[1:4] == after[3:0:-1]


def test_a_cascade_varies_both_of_its_arms():
    first, then = arm(Prompt(recipe(shots=()))), arm(Prompt(recipe()))
    cascade = CascadeArm(ArmFacts("cascade", "cascade", first.brief), (first, then), 0.6)
    orders = cascade.variations("order", rng())
    assert orders and all(isinstance(one, CascadeArm) for _, one in orders)
    assert all(one.first is first and one.then is not then for _, one in orders)
    assert all(one.first is not first for _, one in cascade.variations("format", rng())[:3])


def test_the_same_seed_gives_the_same_changes():
    plain = arm(Prompt(recipe()))
    both = [[name for name, _ in plain.variations("format", rng(5))] for _ in range(2)]
    assert both[0] == both[1]


def test_an_unknown_kind_has_no_variations():
    assert arm(Prompt(recipe())).variations("mood", rng()) == []


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=120)


@given(WORDS, st.sampled_from(TYPO_EVERY), st.integers(0, 2**32))
def test_typos_keep_digits_and_the_number_of_words(text, every, seed):
    changed = mistyped(text, every, rng(seed))
    assert len(changed.split()) == len(text.split())
    assert [c for c in changed if c.isdigit()] == [c for c in text if c.isdigit()]
    assert abs(len(changed) - len(text)) <= max(1, round(len(text) / every))


@pytest.mark.parametrize("seed", range(20))
def test_typos_come_at_the_rate_and_spare_what_must_stay(seed):
    changed = mistyped(TEXT, 30, rng(seed), words_of("Monday URGENT"))
    pairs = list(zip(TEXT.split(), changed.split(), strict=True))
    hit = [before for before, after in pairs if before != after]
    assert len(hit) == 3
    assert not {"Monday", "PB-12345,", "3", "URGENT!", "I", "in"} & set(hit)
    assert all(before[0] == after[0] for before, after in pairs)


def test_a_text_without_words_stays():
    assert mistyped("12 34 a@b.org x/y", 15, rng()) == "12 34 a@b.org x/y"


def test_other_alphabets_get_typos_too():
    assert (
        mistyped("Здравствуйте, помогите пожалуйста", 15, rng())
        != "Здравствуйте, помогите пожалуйста"
    )


@given(WORDS)
def test_case_changes_nothing_but_case(text):
    for case in CASES:
        changed = in_case(text, case)
        assert changed.casefold().upper() == text.casefold().upper() or "ı" in text.lower()


def test_case_by_example():
    text = "Help ME. the card is lost! ok"
    assert in_case(text, "lower case") == "help me. the card is lost! ok"
    assert in_case(text, "upper case") == "HELP ME. THE CARD IS LOST! OK"
    assert in_case(text, "sentence case") == "Help me. The card is lost! Ok"
    assert in_case(text, "upper case", words_of("card")) == "HELP ME. THE card IS LOST! OK"


def test_examples_are_not_touched():
    example = Example("1", TEXT, "BILLING")
    mistyped(example.input, 15, rng())
    assert example.input == TEXT
