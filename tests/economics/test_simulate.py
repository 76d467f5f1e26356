from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings

from steelyard.economics import (
    ArmDoubt,
    CostSheet,
    Doubts,
    EndOfLife,
    HostedTune,
    MachineUse,
    Money,
    PricePaths,
    Recurring,
    Traffic,
    Uncertain,
    break_evens,
    cost_over_time,
    simulate,
)
from steelyard.errors import ConfigError
from tests.economics.sheets import linear, sheets, traffics, usd, use

TRAFFIC = Traffic(Decimal(1000), 360)
PROMPT = CostSheet("prompt", tokens=(use(500),))
TUNED = CostSheet("tuned", upfront={"training": usd(1000)}, tokens=(use(50),))


@settings(deadline=None, max_examples=40)
@given(sheets(), traffics)
def test_without_doubt_every_scenario_is_the_exact_course(sheet, traffic):
    band = simulate([sheet], traffic, Doubts(), scenarios=3).bands["a"]
    exact = [float(month.amount or 0) for month in cost_over_time(sheet, traffic).cumulative]
    assert band.low == band.high
    assert band.median == pytest.approx(exact, rel=2e-5, abs=1e-4)


def test_a_two_point_world_converges_to_its_exact_chances():
    """Input tokens are 100 with chance 0.3 and 1,000 with 0.7; only then does tuning pay."""
    doubts = Doubts({"prompt": ArmDoubt(input_tokens=Uncertain(draws=(100,) * 3 + (1000,) * 7))})
    found = simulate([PROMPT, TUNED], TRAFFIC, doubts, [("tuned", "prompt")], scenarios=100_000)
    # over 360,000 requests: $1,080 or $10,800 against $1,000 + $540
    assert found.cheapest["tuned"] == pytest.approx(0.7, abs=0.005)
    assert sum(found.cheapest.values()) == pytest.approx(1)
    (pays,) = found.pay_back
    assert pays.chance == found.cheapest["tuned"]
    # $0.0285 saved on each of 1,000 a day: 35.1 days
    assert pays.days == pytest.approx(1000 / 28.5, rel=1e-3)
    assert pays.days_high is None
    assert pays.by_month[0] == 0
    assert pays.by_month[1] == pays.chance


def test_without_doubt_the_first_day_that_pays_is_the_break_even():
    (pays,) = simulate(
        [PROMPT, TUNED], TRAFFIC, Doubts(), [("tuned", "prompt")], scenarios=2
    ).pay_back
    (crossing,) = break_evens(TUNED, PROMPT, TRAFFIC).crossings
    assert pays.days == pytest.approx(float(crossing.day), rel=1e-4)
    assert pays.chance == 1


def test_the_same_seed_gives_the_same_bytes_and_another_one_others():
    doubts = Doubts(
        {
            "prompt": ArmDoubt(input_tokens=Uncertain(500, 50)),
            "tuned": ArmDoubt(input_tokens=Uncertain(50, 5)),
        },
        PricePaths(Uncertain(0, 0.3)),
    )

    def text(seed: int) -> str:
        found = simulate(
            [PROMPT, TUNED], TRAFFIC, doubts, [("tuned", "prompt")], scenarios=2000, seed=seed
        )
        return json.dumps(found.to_dict())

    assert text(1) == text(1)
    assert text(1) != text(2)


def test_prices_go_both_ways_and_arms_of_one_vendor_together():
    doubts = Doubts({}, PricePaths(Uncertain(0, 0.4)))
    twin = replace(PROMPT, name="twin", upfront={"search": usd("0.5")})
    band = simulate([PROMPT, twin], TRAFFIC, doubts, scenarios=20_000)
    flat = float(cost_over_time(PROMPT, TRAFFIC).total.amount or 0)
    last = band.bands["prompt"]
    assert last.low[-1] < 0.85 * flat < flat < 1.1 * flat < last.high[-1]
    assert last.median[-1] == pytest.approx(flat, rel=0.02)
    assert band.cheapest["prompt"] == 1  # the same path for both
    apart = replace(doubts, arms={"twin": ArmDoubt(prices_of="another vendor")})
    assert 0.4 < simulate([PROMPT, twin], TRAFFIC, apart, scenarios=5000).cheapest["prompt"] < 0.6


def test_the_tornado_is_led_by_what_matters():
    doubts = Doubts(
        {
            "prompt": ArmDoubt(input_tokens=Uncertain(500, 100)),
            "tuned": ArmDoubt(input_tokens=Uncertain(50, 1), quality=Uncertain(0.9, 0.01)),
        },
        PricePaths(Uncertain(0, 0.1)),
    )
    arms = [replace(s, error_cost=usd("0.001"), quality=Decimal("0.9")) for s in (PROMPT, TUNED)]
    swings = simulate(arms, TRAFFIC, doubts, [("tuned", "prompt")], scenarios=10).tornado
    assert [swing.input for swing in swings][:2] == ["input tokens of prompt", "prices of tokens"]
    assert len(swings) == 4
    exact = [500 + sign * 1.2815516 * 100 for sign in (-1, 1)]
    saved = [(tokens - 50) * 30e-6 * 360_000 - 1000 for tokens in exact]
    assert swings[0][1:] == pytest.approx(saved, rel=1e-4)
    sizes = [abs(swing.high - swing.low) for swing in swings]
    assert sizes == sorted(sizes, reverse=True)


def test_quality_matters_where_errors_have_a_price():
    arms = [
        linear("cheap", 0, "0.001", error_cost=usd("0.1"), quality=Decimal("0.5")),
        linear("right", 0, "0.002", error_cost=usd("0.1"), quality=Decimal("0.5")),
    ]
    doubts = Doubts({"right": ArmDoubt(quality=Uncertain(draws=(0.4, 0.6, 0.6, 0.6)))})
    found = simulate(arms, TRAFFIC, doubts, scenarios=20_000)
    assert found.cheapest["right"] == pytest.approx(0.75, abs=0.02)


@pytest.mark.parametrize(
    ("sheet", "doubt", "message"),
    [
        (replace(PROMPT, extras={"judge": Money(None, reason="no price")}), None, "no price"),
        (replace(PROMPT, error_cost=usd(1)), None, "its quality is unknown"),
        (linear("prompt", 1, 1), ArmDoubt(input_tokens=Uncertain(10, 1)), "its sheet has none"),
    ],
)
def test_what_is_missing_is_asked_for(sheet: CostSheet, doubt: ArmDoubt | None, message: str):
    doubts = Doubts({"prompt": doubt} if doubt else {})
    with pytest.raises(ConfigError, match=message):
        simulate([sheet], TRAFFIC, doubts, scenarios=2)


def test_names_and_currencies_are_checked():
    with pytest.raises(ConfigError, match="no arm is called 'x'"):
        simulate([PROMPT], TRAFFIC, Doubts(), [("x", "prompt")], scenarios=2)
    with pytest.raises(ConfigError, match="no arm is called 'x'"):
        simulate([PROMPT], TRAFFIC, Doubts({"x": ArmDoubt()}), scenarios=2)
    euro = CostSheet("euro", "EUR")
    with pytest.raises(ConfigError, match="several currencies"):
        simulate([PROMPT, euro], TRAFFIC, Doubts(), scenarios=2)


def test_machines_hosting_retraining_and_an_end_under_moving_prices():
    arm = CostSheet(
        "arm",
        machine=MachineUse(usd(1), Decimal("0.1"), shared=False),
        hosted=HostedTune(usd(1)),
        recurring=(Recurring("retraining", Decimal(60), usd(10)),),
        end=EndOfLife(200, usd(1000)),
    )
    doubts = Doubts({}, PricePaths(machines=Uncertain(0, 0.2), retraining=Uncertain(0, 0.3)))
    band = simulate([arm], TRAFFIC, doubts, scenarios=5000).bands["arm"]
    exact = float(cost_over_time(arm, TRAFFIC).total.amount or 0)
    assert band.low[-1] < exact < band.high[-1]
    assert np.all(np.diff(band.median) > 0)
