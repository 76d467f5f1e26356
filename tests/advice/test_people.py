"""Who answers what gets which advice, and what no rule lets turn it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard import advise
from steelyard.advice.base import Advice
from steelyard.advice.questions import answer_keys
from steelyard.advice.reasons import keys_of
from steelyard.advice.text import advice_text
from steelyard.rules_of_thumb import thumb_rules
from tests.advice.cases import PEOPLE, Person

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "cases" / "personas.yaml"
LEARNED = ("fine_tune", "hybrid")
OTHERWISE: dict[str, list[Any]] = {
    "can_judge": [True, False],
    "kind": ["label", "labels", "json", "text"],
    "tries": ["0 of 20", "8 of 10", "19 of 20"],
    "need": ["facts", "tone", "format", "skill", "cost"],
    "facts_change": ["daily", "monthly", "never"],
    "examples": [0, 15, 60, 400, 900, 50_000],
    "labels": [2, 20, 400],
    "requests_per_day": [1, 900, 12_000, 400_000, 5_000_000],
    "prompt_tokens": [10, 700, 9_000],
    "max_latency_ms": [20, 5_000],
    "change": ["daily", "monthly", "never"],
    "private_data": [True, False],
    "needed_in_days": [1, 30],
    "skills": ["none", "software", "ml"],
    "budget": [0, 300, 9_000],
}
people = pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE.keys())


def in_essence(advice: Advice) -> dict[str, Any]:
    """All of the advice but the answers themselves and the task made of them."""
    plain = advice.to_dict()
    return {key: plain[key] for key in plain.keys() - {"answers", "task_yaml"}}


@people
def test_people_get_good_advice(person: Person) -> None:
    advice = advise(person.answers)
    assert advice.recommendation in person.advice, advice.why
    assert set(person.mistakes) <= {mistake.id for mistake in advice.mistakes}
    assert set(person.cites) <= {cited.rule.id for cited in advice.rules}


def test_the_agreed_personas_come_out_as_agreed() -> None:
    if not SHARED.is_file():
        pytest.skip("the agreed personas are not beside this checkout")
    for persona in yaml.safe_load(SHARED.read_text(encoding="utf-8")):
        advice = advise(persona["answers"])
        assert advice.recommendation in persona["advice"], persona["id"]
        assert set(persona.get("mistakes", ())) <= {mistake.id for mistake in advice.mistakes}
        assert set(persona.get("because", ())) <= {cited.rule.id for cited in advice.rules}
        reasons = " ".join(reason.text for reason in advice.reasons)
        assert all(text in reasons for text in persona.get("says", ())), persona["id"]


def check_uncited(answers: dict[str, Any]) -> None:
    """An answer that no cited rule refers to changes nothing."""
    before = advise(answers)
    cited = {key for entry in before.rules for key in keys_of(entry.rule)}
    for key in answers.keys() - cited:
        for value in OTHERWISE[key]:
            assert in_essence(advise(answers | {key: value})) == in_essence(before), key


def check_irrelevant(answers: dict[str, Any]) -> None:
    """No rule that decided turns on what its own source calls irrelevant."""
    before = advise(answers)
    for name in before.deciding_rules:
        rule = thumb_rules()[name]
        if not rule.holds(before.situation.figures):
            continue
        irrelevant = set(answer_keys()) if rule.irrelevant == "all" else set(rule.irrelevant)
        for key in irrelevant - set(keys_of(rule)):
            for value in OTHERWISE[key]:
                after = advise(answers | {key: value}).recommendation
                if rule.way == before.recommendation and rule.way in ("measure", "retrieval"):
                    assert after == before.recommendation, (name, key, value)
                elif before.recommendation not in LEARNED:
                    assert after not in LEARNED, (name, key, value)


@people
def test_nothing_turns_on_what_is_beside_the_point(person: Person) -> None:
    check_uncited(person.answers)
    check_irrelevant(person.answers)


@pytest.mark.parametrize(("labels", "enough"), [(2, 500), (20, 500), (400, 4_000)])
def test_examples_that_would_do_grow_with_the_labels(labels: int, enough: int) -> None:
    advice = advise(
        {"can_judge": True, "kind": "label", "labels": labels, "requests_per_day": 5_000_000}
    )
    assert f"examples {enough:,} or more: classical" in [answer.text for answer in advice.unknown]
    assert "rows_a_label_10" in {cited.rule.id for cited in advice.rules}


anybody = st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in OTHERWISE.items()})


@settings(max_examples=40, deadline=None)
@given(anybody)
def test_whoever_asks_gets_advice_that_holds_together(answers: dict[str, Any]) -> None:
    check_uncited(answers)
    check_irrelevant(answers)
    advice = advise(answers)
    cited = {entry.rule.id for entry in advice.rules}
    assert set(advice.deciding_rules) <= cited
    assert {rule for reason in advice.reasons for rule in reason.rules} <= cited
    assert len(advice.next) == 3
    assert max(map(len, advice_text(advice).splitlines())) <= 100


@people
def test_a_change_that_crosses_no_mark_keeps_the_recommendation(person: Person) -> None:
    before = advise(person.answers)
    for key, value in before.situation.answers.items():
        if answer_keys()[key].type != "count" or value < 2:
            continue
        for other in (value + 1, value - 1):
            after = advise(person.answers | {key: other})
            rules = [rule for rule in thumb_rules().values() if key in keys_of(rule)]
            sides = [
                [rule.holds(case.situation.figures) for rule in rules] for case in (before, after)
            ]
            if sides[0] == sides[1]:
                assert after.recommendation == before.recommendation


@people
def test_every_answer_has_a_reason_that_cites_rules(person: Person) -> None:
    advice = advise(person.answers)
    cited = {entry.rule.id for entry in advice.rules}
    for reason in advice.reasons:
        assert reason.rules and set(reason.rules) <= cited
        assert set(reason.answers) <= set(advice.situation.answers)
        assert (reason.way is None) == (reason.speaks == "open")
    assert set(advice.deciding_rules) <= cited
    if advice.situation.can_judge is not False:
        assert {key for reason in advice.reasons for key in reason.answers} >= set(person.answers)


@people
def test_what_would_change_the_advice_does(person: Person) -> None:
    advice = advise(person.answers)
    for answer in (*advice.unknown, *advice.flips):
        assert answer.way != advice.recommendation
        first = answer.values.removeprefix("up to ").split(" ")[0].strip(",").replace(",", "")
        value = answer.values if answer.key == "tries" else first
        key = answer_keys()[answer.key]
        if answer.values.startswith("up to "):
            assert (
                advise(person.answers | {answer.key: str(key.least)}).recommendation == answer.way
            )
        if " or " not in value:
            assert advise(person.answers | {answer.key: value}).recommendation == answer.way


def test_whoever_cannot_judge_measures_first_whatever_else_is_said() -> None:
    for person in PEOPLE.values():
        advice = advise(person.answers | {"can_judge": False})
        assert advice.recommendation == "measure"
        assert [mistake.id for mistake in advice.mistakes] == ["not_validated"]
        assert advice.unknown == ()
