"""The price of an error at which the choice turns: its sentence, its slider, labels worth buying."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from steelyard.report import render, verdict_text
from steelyard.report.exchange import Exchange, labels_sentence
from steelyard.report.view import View
from steelyard.result import parse_result

Steps = list[dict[str, Any]]
ONE: Steps = [
    {"from": "tfidf_linear", "to": "lora", "error_cost": 0.011, "low": 0.006, "high": 0.03}
]
TWO: Steps = [
    {"from": "lora_free", "to": "lora", "error_cost": 0.5, "low": 0.1, "high": None},
    {"from": "tfidf_linear", "to": "lora_free", "error_cost": 0.002, "low": None, "high": None},
]


def view_of(result: dict[str, Any], steps: Steps, error_cost: float | None = None) -> View:
    result["verdict"]["turning_prices"] = steps
    result["verdict"]["details"] |= {
        "floor": "majority",
        "chance": 0.93,
        "chances": {"lora": 0.93, "lora_free": 0.4},
    }
    if error_cost is not None:
        result["task"]["traffic"]["error_cost"] = error_cost
    return View(parse_result(result))


@pytest.mark.parametrize(
    ("steps", "error_cost", "sentence"),
    [
        (
            ONE,
            None,
            "lora pays as soon as a wrong answer costs more than $0.011 [$0.006, $0.03]; below that, "
            "tfidf_linear does.",
        ),
        (
            TWO,
            None,
            "lora_free pays as soon as a wrong answer costs more than $0.002 (no interval), lora from "
            "$0.50 ($0.10 or more, if at all); below $0.002, tfidf_linear does.",
        ),
        (
            TWO,
            0.02,
            "At $0.02 a wrong answer, lora_free costs least; below $0.002 (no interval) tfidf_linear "
            "does, above $0.50 ($0.10 or more, if at all) lora does.",
        ),
        (
            ONE,
            0.0001,
            "At $0.0001 a wrong answer, tfidf_linear costs least; above $0.011 [$0.006, $0.03] lora does.",
        ),
        (
            ONE,
            7.0,
            "At $7.00 a wrong answer, lora costs least; below $0.011 [$0.006, $0.03] tfidf_linear does.",
        ),
        (
            [{"from": "majority", "to": "lora", "error_cost": 0.004, "low": 0.001, "high": None}],
            None,
            "lora is both the cheapest and the best of the 2 arms in the choice, and it pays as soon as a "
            "wrong answer costs more than $0.004 ($0.001 or more, if at all).",
        ),
        (
            [],
            None,
            "Whatever a wrong answer costs, lora is both the cheapest and the best of the 2 arms in the "
            "choice.",
        ),
    ],
)
def test_the_turning_price_is_one_sentence_everywhere(
    steps: Steps, error_cost: float | None, sentence: str, result: dict[str, Any]
) -> None:
    view = view_of(result, steps, error_cost)
    assert Exchange(view).sentence == sentence
    assert sentence in " ".join(verdict_text(view.result).split())
    assert sentence in render(view.result)


@pytest.mark.parametrize(
    ("expected", "costs", "which"),
    [
        ((0.9, 0.8), (1.0, 2.0), "both the cheapest and the best of the 2 arms in the choice"),
        ((0.9, 0.9), (1.0, 2.0), "the cheapest of the 2 arms in the choice, and as good as any"),
        ((0.9, 0.8), (1.0, 1.0), "the best of the 2 arms in the choice, and as cheap as any"),
        ((0.9, 0.9), (1.0, 1.0), "as cheap and as good as any of the 2 arms in the choice"),
    ],
)
def test_an_arm_beside_its_twin_is_not_called_the_best(
    expected: tuple[float, float], costs: tuple[float, float], which: str, result: dict[str, Any]
) -> None:
    names = ("lora", "lora_free")
    result["verdict"]["details"] |= {"expected_quality": dict(zip(names, expected, strict=True))}
    result["verdict"]["details"]["cost_to_own"] |= dict(zip(names, costs, strict=True))
    assert (
        Exchange(view_of(result, [])).sentence == f"Whatever a wrong answer costs, lora is {which}."
    )


CLAIM = "Whatever a wrong answer costs"


def test_where_it_is_not_known_nothing_is_said_to_be_independent(result: dict[str, Any]) -> None:
    assert CLAIM not in render(parse_result(result)), "an older verdict did not ask"
    view = view_of(result, [])
    assert CLAIM in render(view.result)
    result["verdict"]["arm"] = "majority"
    assert CLAIM not in render(view_of(result, []).result), "cheap errors make it the choice"
    result["verdict"] |= {"arm": None, "recommendation": "undecided"}
    assert CLAIM not in render(view_of(result, []).result)


def test_a_rival_of_unknown_cost_may_be_cheaper(result: dict[str, Any]) -> None:
    next(a for a in result["arms"] if a["name"] == "lora_free")["cost"] = {"reason": "no price"}
    result["verdict"]["details"]["cost_to_own"] = {"lora": 4.97, "lora_free": None}
    assert CLAIM not in render(view_of(result, []).result)


def test_every_stop_of_the_slider_has_the_arm_of_its_segment(result: dict[str, Any]) -> None:
    exchange = Exchange(view_of(result, TWO))
    turns = {"tfidf_linear": (0.0, 0.002), "lora_free": (0.002, 0.5), "lora": (0.5, 5.0)}
    prices = [float(stop.price.strip("$").replace(",", "")) for stop in exchange.stops]
    assert prices == sorted(set(prices))
    assert prices[0] == 0 and prices[-1] == 5
    for price, stop in zip(prices, exchange.stops, strict=True):
        low, high = turns[stop.arm]
        assert low <= price <= high, stop
    widths = [segment.width for segment in exchange.segments]
    assert sum(widths) == len(prices) - 1


def test_a_stop_costs_what_the_verdict_counts(result: dict[str, Any]) -> None:
    """By hand: lora costs $4.97448 over 365 days, and is wrong in so many of 300,000 a month."""
    result["verdict"]["details"]["expected_quality"] = {"lora": 0.85}
    exchange = Exchange(view_of(result, ONE, 0.02))
    stop = exchange.stops[exchange.start]
    running, wrong = 4.97448 * 30 / 365, 300_000 * (1 - 0.85) * 0.02
    assert (stop.price, stop.arm) == ("$0.02", "lora")
    assert stop.running == f"${running:.2f}"
    assert stop.monthly == f"${running + wrong:.2f}"


def test_the_slider_says_that_upfront_is_spread_over_the_horizon(result: dict[str, Any]) -> None:
    """What remains without wrong answers is no running cost where something was paid upfront."""
    view = view_of(result, ONE, 0.02)
    exchange = Exchange(view)
    stop = exchange.stops[exchange.start]
    page = " ".join(re.sub(r"<[^>]+>", "", render(view.result)).split())
    wording = "a month with wrong answers, {} without, upfront spread over the horizon"
    assert f"{stop.monthly} {wording.format(stop.running)}" in page
    assert "of it to run" not in page


def test_segments_that_no_round_sum_meets_have_a_stop_all_the_same(result: dict[str, Any]) -> None:
    steps = [
        {"from": "tfidf_linear", "to": "lora_free", "error_cost": 0.0101},
        {"from": "lora_free", "to": "lora", "error_cost": 0.0102},
    ]
    exchange = Exchange(view_of(result, steps))
    assert {stop.arm for stop in exchange.stops} == {"tfidf_linear", "lora_free", "lora"}
    assert all(segment.width > 0 for segment in exchange.segments)


@pytest.mark.parametrize("price", [1e-9, 0.5, 250_000.0])
def test_any_turning_price_has_a_slider(price: float, result: dict[str, Any]) -> None:
    exchange = Exchange(view_of(result, [{**ONE[0], "error_cost": price}]))
    assert 2 <= len(exchange.stops) <= 40
    assert all(segment.width >= 0 for segment in exchange.segments)
    assert exchange.stops[exchange.start].arm == "lora"


def test_the_slider_starts_where_the_task_prices_errors_else_at_the_choice(
    result: dict[str, Any],
) -> None:
    exchange = Exchange(view_of(result, TWO))
    assert exchange.stops[exchange.start].arm == "lora"
    priced = Exchange(view_of(result, TWO, 0.0137))
    assert priced.stops[priced.start] == priced.stops[int(priced.start)]
    assert priced.stops[priced.start].price == "$0.014"
    page = render(view_of(result, TWO, 0.0137).result)
    slider = re.search(r'<input id="error-price" type="range"[^>]*>', page)
    assert slider is not None
    assert f'value="{priced.start}"' in slider[0] and f'max="{len(priced.stops) - 1}"' in slider[0]
    data = re.search(r"<form class=\"price\" hidden data-stops='([^']*)'", page)
    assert data is not None
    assert json.loads(data[1]) == [list(stop) for stop in priced.stops]


def test_without_a_turning_price_there_is_no_slider(result: dict[str, Any]) -> None:
    assert 'id="error-price"' not in render(parse_result(result))


@pytest.mark.parametrize("price", [None, 0.0])
def test_a_step_without_a_price_is_none(price: float | None, result: dict[str, Any]) -> None:
    assert not Exchange(view_of(result, [{**ONE[0], "error_cost": price}]))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"n": 320, "chance": 0.12, "value": 412.3, "cost": 96.0},
            "320 more test labels for $96.00 are worth buying: an expected net gain of $412.30 and a "
            "chance of 12 % to make the choice sure.",
        ),
        (
            {"n": 50, "chance": 0.031, "value": -4.0, "cost": 15.0},
            "50 more test labels for $15.00 are not worth buying: an expected net gain of \u2212$4.00 and a "
            "chance of 3.1 % to make the choice sure.",
        ),
        (
            {"n": 320, "chance": 0.82, "cost": 96.0, "reason": "their value is not known"},
            "320 more test labels for $96.00 bring a chance of 82 % to make the choice sure; their value is "
            "not known.",
        ),
        (
            {"reason": "no number up to 6,400 would tell"},
            "More labels: no number up to 6,400 would tell.",
        ),
        ({}, ""),
    ],
)
def test_whether_labels_are_worth_buying_is_one_sentence(
    more: dict[str, Any], sentence: str, result: dict[str, Any]
) -> None:
    result["verdict"]["more_labels"] = more
    view = View(parse_result(result))
    assert labels_sentence(view) == sentence
    assert sentence in render(view.result)
    assert sentence in " ".join(verdict_text(view.result).split())


def test_the_chance_stands_beside_the_word(result: dict[str, Any]) -> None:
    result["task"]["constraints"]["margin"] = 0.05
    view = view_of(result, ONE)
    assert view.certainty == "93 % likely to lie within 5 points of the best"
    assert f"Confidence: high, {view.certainty}." in " ".join(verdict_text(view.result).split())
    assert view.certainty in render(view.result)
    priced = view_of(result, ONE, 0.02)
    assert priced.certainty == "93 % likely to lie within 5 % of the least cost in all"
    result["verdict"]["details"].pop("chance")
    assert View(parse_result(result)).certainty == ""
