"""Of any two ways: break-evens, the cheapest against the next, and how words tell of them."""

from __future__ import annotations

from datetime import date

import pytest

import steelyard
from steelyard.calculator.show import turns_text
from steelyard.words import chance

TODAY = date(2026, 12, 1)
THREE = {
    "traffic": {"requests_per_day": 2000, "horizon_days": 360, "growth_per_month": "-0.3"},
    "prices": {"a": {"input": 1, "output": 4}},
    "uncertain": {"token_prices": 0.3, "scenarios": 100},
    "ways": {
        "prompt": {"model": "a", "input_tokens": 4000},
        "few": {"model": "a", "input_tokens": 2500, "search": 10},
        "zero": {"model": "a", "input_tokens": 2400, "search": 20, "retrieval": "0.01"},
        "tuned": {"model": "a", "input_tokens": 300, "training": 25},
    },
}


def test_break_evens_are_of_any_two_ways_and_the_words_name_both():
    from steelyard.report.calculation import answer_text

    answer = steelyard.cost(THREE, today=TODAY)
    pairs = [(even.way, even.against) for even in answer.break_evens]
    assert pairs == [
        ("few", "prompt"),
        ("zero", "prompt"),
        ("tuned", "prompt"),
        ("zero", "few"),
        ("tuned", "few"),
        ("tuned", "zero"),
    ]
    assert (answer.leader, answer.next_cheapest) == ("tuned", "few")
    head, tail = answer_text(answer)
    tail = " ".join(tail.split())
    assert "shrinking 30 % a month" in head
    assert "a month against few." in tail
    assert "tuned pays for itself against zero" in tail or "tuned is cheaper than zero" in tail
    assert "Of 1 more pair, --json has the break-even." in tail
    assert "tuned costs $" in tail and "less than few" in tail
    assert "What the sum leaves out between tuned and few" in tail
    assert answer.scenarios is not None
    assert len(answer.scenarios.pay_back) == 5
    assert "with chance over 0.9 " in tail or "with chance over 0.9;" in tail
    assert "0.99" not in tail


@pytest.mark.parametrize("has_errors", [False, True])
def test_a_chance_of_having_paid_says_where_wrong_answers_count(has_errors: bool) -> None:
    from steelyard.report.calculation import answer_text

    ways = {
        name: {**way, **({"quality": 0.9} if has_errors else {})}
        for name, way in THREE["ways"].items()
    }
    errors = {"error_cost": 0.01} if has_errors else {}
    answer = steelyard.cost({**THREE, **errors, "ways": ways}, today=TODAY)
    text = " ".join("".join(answer_text(answer)).split())
    clause = "tuned has paid for itself against prompt, wrong answers included, by the end"
    assert (clause in text) == has_errors
    assert ("tuned has paid for itself against prompt by the end" in text) != has_errors


def test_the_swings_are_those_of_the_cheapest_against_the_next():
    answer = steelyard.cost(THREE, today=TODAY)
    assert answer.scenarios is not None
    (swing,) = (s for s in answer.scenarios.tornado if s.input == "prices of a")
    few, tuned = (way.total.low for way in answer.ways[1::2] if way.total)
    assert min(swing.low, swing.high) < float(few - tuned) < max(swing.low, swing.high)


@pytest.mark.parametrize(
    ("share", "draws", "text"),
    [(1, 100, "over 0.9"), (0.83, 100, "0.8"), (0, 2499, "under 0.1"), (0.83, 2500, "0.83")],
)
def test_a_chance_has_the_digits_that_its_scenarios_support(share: float, draws: int, text: str):
    assert chance(share, draws) == text


def test_more_changes_over_volume_than_are_listed_are_counted():
    points = [(name, str(at)) for at, name in enumerate("ababa")]
    assert turns_text(points[:2]) == "a above 0 and b above 1 requests a day"
    assert turns_text(points).endswith("b above 3 requests a day (and 1 more change above that)")
