"""How the advice moves with tries, latency, money, people and volume: one way, for reasons that hold."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard import advise
from steelyard.advice.decide import choose
from steelyard.advice.questions import Tries
from steelyard.advice.situation import Situation, situation_of
from steelyard.rules_of_thumb import thumb_rules
from tests.advice.cases import PEOPLE
from tests.advice.test_people import OTHERWISE

RANKS = {
    "retrieval": 0,
    "fine_tune": 0,
    "hybrid": 0,
    "classical": 0,
    "measure": 1,
    "few_shot": 2,
    "prompt": 3,
}
"""How little a way changes of today's prompt: more good tries never ask for more change."""
MOST = 20
CODING = {
    "can_judge": True,
    "kind": "text",
    "need": "skill",
    "examples": 300,
    "requests_per_day": 5_000,
}
FAST = {
    "can_judge": True,
    "kind": "text",
    "need": "skill",
    "examples": 5_000,
    "requests_per_day": 50_000,
}
TIMED = {rule.way: rule for rule in thumb_rules().values() if rule.reads == "max_latency_ms"}

anybody = st.fixed_dictionaries(
    {}, optional={key: st.sampled_from(values) for key, values in OTHERWISE.items() if key != "tries"}
)  # fmt: skip


@cache
def states() -> dict[tuple[bool, bool], Tries]:
    """Tries of each kind that the decision can tell apart, the first of each."""
    found: dict[tuple[bool, bool], Tries] = {}
    for of in range(1, MOST + 1):
        for good in range(of + 1):
            case = Situation(tries=Tries(good, of))
            found.setdefault((case.does_well, case.falls_short), case.tries or Tries(0, 1))
    return found


def way(case: Situation, good: int, of: int) -> str:
    return choose(case.with_answer("tries", Tries(good, of))).way


def test_every_outcome_of_tries_is_one_of_three() -> None:
    assert set(states()) == {(True, False), (False, True), (False, False)}


@settings(max_examples=60, deadline=None)
@given(anybody)
def test_more_good_tries_never_ask_for_more_change(answers: dict[str, Any]) -> None:
    case = situation_of(answers)
    ways = {
        state: choose(case.with_answer("tries", tries)).way for state, tries in states().items()
    }
    short, unsettled, well = (
        RANKS[ways[key]] for key in ((False, True), (False, False), (True, False))
    )
    assert short <= unsettled <= well, ways


def test_over_all_tries_good_and_all_the_advice_moves_one_way() -> None:
    for person in PEOPLE.values():
        case = situation_of({**person.answers, "tries": None})
        for of in range(1, MOST + 1):
            ranks = [RANKS[way(case, good, of)] for good in range(of + 1)]
            assert ranks == sorted(ranks), (person, of)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(2, 20))
def test_more_tries_at_one_share_settle_and_never_unsettle(good: int, of: int, times: int) -> None:
    good = min(good, of)
    few, many = Situation(tries=Tries(good, of)), Situation(tries=Tries(times * good, times * of))
    if not few.is_unsettled:
        assert (few.does_well, few.falls_short) == (many.does_well, many.falls_short)
        assert choose(few).way == choose(many).way
    assert choose(few).way == "measure" or few.does_well


@pytest.mark.parametrize(
    ("tries", "advice"),
    [("0 of 20", "fine_tune"), ("4 of 10", "fine_tune"), ("7 of 10", "measure"), ("8 of 10", "measure"),
     ("75 of 100", "measure"), ("65 of 100", "fine_tune"), ("9 of 10", "prompt"), ("100 of 100", "prompt")],
)  # fmt: skip
def test_the_interval_decides(tries: str, advice: str) -> None:
    assert advise(CODING | {"tries": tries}).recommendation == advice


@pytest.mark.parametrize("good", range(11))
def test_a_strict_format_is_enforced_however_many_tries_were_good(good: int) -> None:
    agent = {
        "can_judge": True,
        "kind": "json",
        "need": "format",
        "examples": 150,
        "requests_per_day": 20_000,
    }
    advice = advise(agent | {"tries": f"{good} of 10"})
    assert advice.recommendation == ("measure" if good <= 4 else "prompt")


def test_how_many_tries_would_settle_it_is_said_on_both_sides() -> None:
    assert (
        "12 of 15 would show that more answers are right" in advise({"tries": "8 of 10"}).notes[0]
    )
    assert "that the prompt stops short of 8 of 10" in advise({"tries": "7 of 10"}).notes[0]
    assert "more than 400 tries" in advise({"tries": "79 of 100"}).notes[0]
    assert "more than 1,000 tries" in advise({"tries": "790 of 1000"}).notes[0]
    assert not advise({"tries": "1 of 10"}).notes


# --- latency


def test_a_rule_on_latency_holds_from_the_time_that_it_states() -> None:
    assert set(TIMED) == {"classical", "fine_tune", "prompt"}
    for rule in TIMED.values():
        times = [int(text) for text in re.findall(r"(\d+)(?: to \d+)? ms", rule.text)]
        assert rule.at_least == min(times), rule.id


@settings(max_examples=80, deadline=None)
@given(anybody, st.integers(1, 400))
def test_no_reason_or_advice_stands_for_what_was_timed_above_the_limit(
    answers: dict[str, Any], limit: int
) -> None:
    advice = advise(answers | {"max_latency_ms": limit, "can_judge": True})
    late = {way for way, rule in TIMED.items() if limit < (rule.at_least or 0)}
    for reason in advice.reasons:
        if set(reason.rules) & {rule.id for rule in TIMED.values()}:
            assert not (reason.speaks == "for" and reason.way in late)
    slow = {"fine_tune": "fine_tune", "hybrid": "fine_tune", "classical": "classical"}
    assert slow.get(advice.recommendation) not in late
    if advice.recommendation in ("prompt", "few_shot", "retrieval") and "prompt" in late:
        assert limit >= 81 and "latency_prompt" in advice.deciding_rules


@pytest.mark.parametrize(
    ("limit", "changes", "advice"),
    [
        (10, {}, "measure"),
        (80, {}, "measure"),
        (81, {}, "fine_tune"),
        (187, {}, "fine_tune"),
        (100, {"tries": "100 of 100"}, "measure"),
        (200, {"tries": "100 of 100"}, "prompt"),
        (100, {"examples": 20}, "few_shot"),
        (100, {"requests_per_day": 1}, "measure"),
        (100, {"skills": "none"}, "few_shot"),
        (50, {"kind": "label"}, "classical"),
        (50, {"kind": "label", "examples": 90}, "measure"),
        (10, {"need": "facts", "facts_change": "daily"}, "measure"),
    ],
)
def test_the_limit_is_laid_beside_what_was_timed(
    limit: int, changes: dict[str, Any], advice: str
) -> None:
    answer = advise(FAST | {"max_latency_ms": limit} | changes)
    assert answer.recommendation == advice
    assert any(rule in answer.deciding_rules for rule in ("latency_tuned", "latency_prompt")) == (
        limit < 188
    )


def test_fraud_in_fifty_milliseconds_rules_tuning_out() -> None:
    fraud = {"kind": "label", "need": "cost", "examples": 500_000, "requests_per_day": 20_000_000}
    advice = advise(fraud | {"max_latency_ms": 50, "change": "monthly", "skills": "ml"})
    assert advice.recommendation == "classical"
    sides = {r.way: r.speaks for r in advice.reasons if "max_latency_ms" in r.answers}
    assert sides == {"classical": "for", "fine_tune": "against", "prompt": "against"}


@pytest.mark.parametrize("kind", ["text", "json", None])
def test_a_classifiers_speed_speaks_for_labels_alone(kind: str | None) -> None:
    advice = advise({"kind": kind, "examples": 900, "max_latency_ms": 20})
    assert advice.recommendation == "measure"
    assert not [r for r in advice.reasons if r.way == "classical" and r.speaks == "for"]


# --- volume, people and money once tries fail

SHORT = {"can_judge": True, "kind": "text", "need": "tone", "examples": 100, "tries": "6 of 50"}


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"requests_per_day": 1, "skills": "none"}, "few_shot"),
        ({"requests_per_day": 50_000, "skills": "none"}, "few_shot"),
        ({"requests_per_day": 1, "skills": "ml"}, "measure"),
        ({"requests_per_day": 999}, "measure"),
        ({"requests_per_day": 1_000}, "fine_tune"),
        ({"examples": 60}, "measure"),
        ({"examples": None}, "measure"),
        ({"examples": 20}, "few_shot"),
        ({"kind": "label", "examples": 3_000, "skills": "none"}, "measure"),
        ({"kind": "label", "examples": 3_000, "budget": 0}, "measure"),
    ],
)
def test_failing_tries_leave_volume_and_people_their_say(
    changes: dict[str, Any], advice: str
) -> None:
    assert advise(SHORT | changes).recommendation == advice


@pytest.mark.parametrize(
    ("tries", "advice"),
    [("6 of 50", "measure"), ("8 of 10", "measure"), ("48 of 50", "prompt"), (None, "prompt")],
)
def test_a_prompt_that_fails_is_not_made_cheaper_first(tries: str | None, advice: str) -> None:
    answers = {"need": "cost", "examples": 300, "requests_per_day": 2_000, "prompt_tokens": 900}
    answer = advise(answers | {"tries": tries})
    assert answer.recommendation == advice
    assert ("shorten" in answer.why) == (advice == "prompt")
    few = advise(answers | {"tries": "6 of 50", "examples": 10})
    assert (few.recommendation, "first a better prompt" in few.why) == ("prompt", True)


@settings(max_examples=60, deadline=None)
@given(anybody, st.sampled_from(["0 of 100", "2 of 20", "6 of 50"]))
def test_a_prompt_that_fails_is_never_called_one_that_works(
    answers: dict[str, Any], tries: str
) -> None:
    why = advise(answers | {"tries": tries, "can_judge": True}).why
    assert not re.search(r"works today|does its work|shorten and cache|changed at once", why), why


@pytest.mark.parametrize(
    ("budget", "examples", "pays"),
    [(4, 500, True), ("3.99", 500, False), (4, 120_000, False), (959, 120_000, False), (960, 120_000, True),
     ("9.872", 1_234, True), ("9.87", 1_234, False), (1, 100, True), (0, 100, False), (0, None, False)],
)  # fmt: skip
def test_the_price_of_training_grows_with_the_examples(
    budget: Any, examples: int | None, pays: bool
) -> None:
    case = situation_of({"budget": budget, "examples": examples})
    assert case.holds("training_4") is pays
    assert case.fails("training_4") is not pays


def test_what_training_costs_at_this_size_is_said() -> None:
    rows = {
        "kind": "text",
        "need": "tone",
        "examples": 120_000,
        "requests_per_day": 50_000,
        "tries": "2 of 20",
    }
    advice = advise(rows | {"budget": 4})
    assert advice.recommendation == "fine_tune"
    assert (
        "a budget of $4 pays for training on 500 of 120,000 examples (all: about $960)"
        in advice.why
    )
    little = advise(rows | {"budget": "0.30"})
    assert little.recommendation == "few_shot"
    assert (
        "a budget of $0.30 does not pay for training on 120,000 examples, about $960" in little.why
    )
    assert any("120,000 examples costs about $960" in note for note in advice.notes)
    flips = {(turn.key, turn.way): turn.values for turn in advice.flips}
    assert flips["budget", "few_shot"] == "0"
    assert flips["examples", "measure"] == "50 to 99"
    whole = advise(rows | {"budget": 960})
    assert whole.recommendation == "fine_tune" and "pays for training" not in whole.why


@pytest.mark.parametrize("tries", [None, "2 of 20", "7 of 10"])
def test_more_money_or_fewer_examples_never_take_tuning_away(tries: str | None) -> None:
    case = {"kind": "text", "need": "tone", "requests_per_day": 50_000, "tries": tries}
    budgets = (0, "0.5", 4, 20, 959, 960, 5_000)
    ranks = [
        RANKS[advise(case | {"examples": 120_000, "budget": money}).recommendation]
        for money in budgets
    ]
    assert ranks == sorted(ranks, reverse=True)
    sizes = (100, 500, 5_000, 120_000, 10**7)
    by_size = {advise(case | {"examples": size, "budget": 4}).recommendation for size in sizes[2:]}
    settled = {"2 of 20": "fine_tune", "7 of 10": "measure", None: "fine_tune"}
    assert by_size == {settled[tries]}


def test_private_data_alone_does_not_tune_for_one_request_a_day() -> None:
    answers = {"kind": "text", "need": "skill", "examples": 900, "private_data": True}
    assert advise(answers | {"requests_per_day": 1}).recommendation == "few_shot"
    assert advise(answers | {"requests_per_day": 1_000}).recommendation == "fine_tune"
    assert advise(answers).recommendation == "fine_tune"


def test_a_budget_without_a_size_decides_nothing_but_that_nothing_buys_nothing() -> None:
    unknown = situation_of({"budget": 3})
    assert not unknown.holds("training_4") and not unknown.fails("training_4")
    assert Decimal(3) == unknown.budget


@pytest.mark.parametrize(
    "tries", ["7 of 10", "14 of 20", "6 of 10", "12 of 20", "2 of 3", "8 of 10"]
)
def test_more_tries_at_this_share_are_rounded_against_what_they_show(tries: str) -> None:
    """12 of 21 would be one bad try more, which is no evidence about 12 of 20."""
    (note,) = advise({"tries": tries}).notes
    match = re.search(r"at this share, (\d+) of (\d+) would show that (the prompt|more)", note)
    assert match is not None
    good, of = int(match[1]), int(match[2])
    share = int(tries.split(" of ")[0]) / int(tries.split(" of ")[1])
    rounding = good - share * of
    assert 0 <= rounding < 1 if match[3] == "the prompt" else -1 < rounding <= 0


THIN = {"can_judge": True, "kind": "label", "need": "cost", "examples": 1000, "labels": 200}


def test_few_examples_of_each_label_are_no_feast_for_a_classifier() -> None:
    """200 intents with 5 rows each are not 2 labels with 500."""
    advice = advise(THIN)
    assert advice.recommendation == "measure"
    assert "rows_a_label_10" in {entry.rule.id for entry in advice.rules}
    (mistake,) = [one for one in advice.mistakes if one.id == "too_little"]
    assert "1,000 examples of 200 labels, 5 of each on average" in mistake.text
    enough = advise({**THIN, "labels": 20})
    assert enough.recommendation == "classical"
    assert not [one for one in enough.mistakes if one.id == "too_little"]
