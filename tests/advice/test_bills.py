"""What dear traffic, a long prompt and a good one add to the advice, whatever is missing most."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard import advise
from steelyard.advice.bills import is_dear
from steelyard.packaged import packaged
from steelyard.rules_of_thumb import thumb_rules
from tests.advice.test_people import OTHERWISE

NPC: dict[str, Any] = {
    "can_judge": True,
    "kind": "text",
    "need": "tone",
    "examples": 4_000,
    "requests_per_day": 3_000_000,
    "prompt_tokens": 3_200,
    "tries": "45 of 50",
}
LABELS = {"kind": "label", "need": "cost", "requests_per_day": 800_000, "tries": "190 of 200"}


def test_a_good_prompt_with_dear_traffic_stays_and_the_bill_is_said() -> None:
    advice = advise(NPC)
    assert advice.recommendation == "prompt"
    assert "dear" in advice.why and "cache" in advice.why and "tuned model" in advice.why
    assert "hosting_tokens_mini_cached" in advice.deciding_rules
    (bill,) = [note for note in advice.notes if note.startswith("bill:")]
    assert "9,600,000,000 prompt tokens a day cost $19,200" in bill and "$3,840" in bill


def test_too_few_labels_are_not_the_last_word_on_a_dear_prompt_that_does() -> None:
    advice = advise(LABELS | {"examples": 0, "requests_per_day": 2_000_000, "prompt_tokens": 900})
    assert advice.recommendation == "prompt"
    assert "too few examples" in advice.why
    assert "a plain classifier that learns from its answers" in advice.why
    assert "cache" not in advice.why
    assert "label more of your inputs" in advice.next[0].text


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries({}, optional={key: st.sampled_from(few) for key, few in OTHERWISE.items()})
)  # fmt: skip
def test_a_good_prompt_never_denies_what_speaks_for_more(answers: dict[str, Any]) -> None:
    advice = advise(answers)
    assert "nothing you said asks for more" not in advice.why
    if advice.recommendation == "prompt" and advice.why.startswith("today's prompt does"):
        assert ("dear" in advice.why) == is_dear(advice.situation)
    tokens = advice.situation.figures.get("tokens_per_day", 0)
    is_noted = any(note.startswith("bill:") for note in advice.notes)
    assert is_noted == (tokens >= 20_400_000 and answers.get("can_judge") is not False)


def test_the_prices_of_the_bill_are_those_of_the_rules() -> None:
    prices = packaged("advice/data/bill.yaml")["prices"]
    for model, rule in (("gpt-4.1", "hosting_tokens"), ("gpt-4.1-mini", "hosting_tokens_mini")):
        at, source = re.search(r"at \$([\d.]+) a million", thumb_rules()[rule].text), model
        assert at is not None and float(at[1]) == prices[source]
        assert f"{model}'s" in thumb_rules()[rule].source


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, "prompt"),
        ({"prompt_tokens": 1_023, "requests_per_day": 21_995}, "measure"),
        ({"prompt_tokens": 1_024, "requests_per_day": 21_995}, "prompt"),
        ({"tries": None}, "measure"),
        ({"requests_per_day": 22_666}, "prompt"),
        ({"requests_per_day": 22_667}, "measure"),
    ],
)
def test_a_prompt_that_does_is_held_to_its_cached_price(
    changes: dict[str, Any], advice: str
) -> None:
    caching = {"kind": "text", "need": "cost", "examples": 50, "requests_per_day": 2_500}
    caching |= {"prompt_tokens": 9_000, "tries": "59 of 60"}
    assert advise(caching | changes).recommendation == advice


@pytest.mark.parametrize(("tokens", "is_there"), [(1_023, False), (1_024, True), (None, False)])
def test_a_step_says_how_a_long_prompt_is_cached(tokens: int | None, is_there: bool) -> None:
    steps = advise({"kind": "text", "need": "tone", "prompt_tokens": tokens}).next
    assert any("caches it" in step.text for step in steps) == is_there


@pytest.mark.parametrize(
    ("changes", "is_there"),
    [
        ({}, True),
        ({"examples": 500}, False),
        ({"tries": "8 of 10"}, False),
        ({"tries": None}, False),
        ({"need": "tone", "examples": 0, "requests_per_day": 100}, False),
    ],
)
def test_a_good_prompt_labels_more_where_labels_are_few(
    changes: dict[str, Any], is_there: bool
) -> None:
    steps = advise(LABELS | {"examples": 300} | changes).next
    assert any("label more of your inputs" in step.text for step in steps) == is_there
    assert any("190 of 200 good" in step.text for step in steps) == is_there


@pytest.mark.parametrize("volume", [1, 900, 9_999, 10_000, 400_000, 10**8])
def test_a_plain_classifier_is_cheapest_at_any_volume(volume: int) -> None:
    case = LABELS | {"requests_per_day": volume, "tries": None}
    assert advise(case | {"examples": 5_000}).recommendation == "classical"
    few = advise(case | {"examples": 60})
    assert few.recommendation == "measure" and "plain classifier" in few.why


def test_no_prompt_joins_a_tuned_model_where_none_is_fast_enough() -> None:
    case = NPC | {"tries": "5 of 50", "change": "monthly"}
    assert advise(case).recommendation == "hybrid"
    assert advise(case | {"max_latency_ms": 150}).recommendation == "fine_tune"
    weekly = {"kind": "label", "need": "skill", "examples": 9_000, "change": "weekly"}
    weekly |= {"requests_per_day": 400_000}
    assert advise(weekly).recommendation == "hybrid"
    assert advise(weekly | {"max_latency_ms": 150}).recommendation == "classical"
