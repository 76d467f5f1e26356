"""Along each number the advice turns and does not turn back, but for reasons that a rule states."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.advice.choices import WayChoice
from steelyard.advice.decide import choose
from steelyard.advice.situation import situation_of
from tests.advice.test_people import OTHERWISE

NUMBERS: dict[str, list[Any]] = {
    "examples": [0, 1, 15, 49, 50, 62, 63, 99, 100, 199, 200, 499, 500, 501, 5_000, 50_000],
    "requests_per_day": [
        1,
        100,
        999,
        1_000,
        2_200,
        2_500,
        9_999,
        10_000,
        12_000,
        166_667,
        333_333,
        333_334,
        10**8,
    ],
    "prompt_tokens": [0, 10, 300, 499, 500, 1_023, 1_024, 3_000, 9_000, 20_000, 10**6],
    "max_latency_ms": [1, 50, 80, 81, 150, 187, 188, 400, 5_000],
    "budget": [0, "0.3", "0.5", 1, 3, 4, 20, 300, 960, 9_000],
}
BACK_BY = {
    "examples": "training_4",
    "prompt_tokens": "cache_1024",
    "max_latency_ms": "latency_tuned",
}
"""The one rule for the sake of which the advice may come back to a way.

A budget that pays for training on fewer than 500 labels of more leaves a plain classifier, which learns from
all; a prompt that is long enough is cached, and cheaper than a shorter one; between two limits what was timed
is a tuned model alone.
"""
LATENCY_BAND = range(81, 188)
answers_at_random = st.fixed_dictionaries(
    {"can_judge": st.just(True)},
    optional={
        key: st.sampled_from(NUMBERS.get(key, values))
        for key, values in (OTHERWISE | {"tries": [*OTHERWISE["tries"], "70 of 100"]}).items()
        if key != "can_judge"
    },
)


def returns(key: str, answers: dict[str, Any]) -> list[tuple[Any, WayChoice]]:
    """The values of ``key`` at which the advice comes back to a way that it had left."""
    choices = [(value, choose(situation_of(answers | {key: value}))) for value in NUMBERS[key]]
    turns = [next(group) for _, group in groupby(choices, key=lambda pair: pair[1].way)]
    ways = [choice.way for _, choice in turns]
    return [turn for i, turn in enumerate(turns) if turn[1].way in ways[:i]]


def is_explained(key: str, value: Any, choice: WayChoice, answers: dict[str, Any]) -> bool:
    if key == "max_latency_ms":
        inside = choose(situation_of(answers | {key: LATENCY_BAND[-1]}))
        return value == LATENCY_BAND.stop and BACK_BY[key] in inside.rules
    if key == "prompt_tokens":
        case = situation_of(answers | {key: value})
        return case.does_well and case.holds("need_cost") and case.holds(BACK_BY[key])
    return BACK_BY.get(key) in choice.rules


@pytest.mark.parametrize("key", NUMBERS)
@settings(max_examples=400, deadline=None)
@given(answers=answers_at_random)
def test_more_of_a_number_never_turns_the_advice_back(key: str, answers: dict[str, Any]) -> None:
    for value, choice in returns(key, answers):
        assert is_explained(key, value, choice, answers), (value, choice)


@pytest.mark.parametrize("key", ["examples", "prompt_tokens", "max_latency_ms"])
def test_what_is_explained_does_occur(key: str) -> None:
    labels = {"kind": "label", "tries": "70 of 100", "budget": 1}
    cases: dict[str, dict[str, Any]] = {
        "examples": labels,
        "prompt_tokens": {"need": "cost", "tries": "19 of 20", "requests_per_day": 50_000},
        "max_latency_ms": {"kind": "text", "need": "skill", "examples": 150},
    }
    back = returns(key, cases[key])
    assert back
    assert all(is_explained(key, *turn, cases[key]) for turn in back)


HURTS = {
    "can_judge": True,
    "kind": "text",
    "need": "cost",
    "examples": 0,
    "prompt_tokens": 9_000,
    "tries": "59 of 60",
}


@pytest.mark.parametrize(
    "obstacle",
    [
        {"skills": "none", "budget": 0},
        {"skills": "none"},
        {"change": "weekly"},
        {"needed_in_days": 3},
        {"budget": 0},
    ],
)
def test_whoever_cannot_tune_keeps_the_prompt_at_any_traffic(obstacle: dict[str, Any]) -> None:
    case = situation_of(HURTS | obstacle)
    ways = {
        choose(case.with_answer("requests_per_day", n)).way for n in NUMBERS["requests_per_day"]
    }
    assert ways == {"prompt"}


@pytest.mark.parametrize("tries", [None, "70 of 100"])
def test_no_example_is_one_too_many_to_show(tries: str | None) -> None:
    form = situation_of({"kind": "json", "need": "format", "tries": tries})
    ways = [choose(form.with_answer("examples", n)).way for n in range(120)]
    if tries is None:
        assert set(ways) == {"prompt"}
    else:
        assert ways == ["prompt"] + 99 * ["few_shot"] + 20 * ["measure"]
