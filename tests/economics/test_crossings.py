from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings

from steelyard.economics import (
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Money,
    Recurring,
    Traffic,
    break_even,
    break_evens,
    cost_over_time,
    volume_turns,
)
from steelyard.economics.floats import FloatSheet
from steelyard.errors import ConfigError
from tests.economics.sheets import linear, sheets, total, traffics, usd, use


def test_a_thousand_linear_cases_are_the_closed_form():
    rng = np.random.default_rng(7)
    crossed = 0
    for _ in range(1000):
        upfront = [Decimal(int(cents)) / 100 for cents in rng.integers(0, 100_000, 2)]
        each = [Decimal(int(micro)) / 1_000_000 for micro in rng.integers(0, 20_000, 2)]
        volume = int(rng.integers(1, 100_000))
        a, b = (linear(n, u, e) for n, u, e in zip("ab", upfront, each, strict=True))
        ours = break_evens(a, b, Traffic(Decimal(volume), 3650))
        closed = break_even(upfront[0], each[0], upfront[1], each[1], volume)
        if closed.requests == 0:
            assert ours.start in ("a", None)
            assert ours.crossings == ()
        elif closed.requests is not None and closed.requests <= 3650 * volume:
            (crossing,) = ours.crossings
            assert (crossing.requests, crossing.cheaper) == (closed.requests, "a")
            before = upfront[0] - upfront[1] - (each[1] - each[0]) * (crossing.requests - 1)
            assert before > 0  # one request earlier it has not paid
            assert abs(crossing.day * volume - crossing.requests) < 1
            crossed += 1
        elif closed.requests is not None:
            assert ours.crossings == ()
        else:
            assert all(crossing.cheaper == "b" for crossing in ours.crossings)
    assert crossed > 200


def test_two_point_prices_the_field_gives():
    prompt, tuned = CostSheet("prompt", tokens=(use(500),)), CostSheet("tuned", tokens=(use(50),))
    for training, requests, day in ((200, 14_815, "1.48"), (500, 37_038, "3.70")):
        paid = replace(tuned, upfront={"training": usd(training)})
        (crossing,) = break_evens(paid, prompt, Traffic(Decimal(10_000))).crossings
        assert (crossing.requests, f"{crossing.day:.2f}") == (requests, day)


@pytest.mark.parametrize("day", [10, 30, 45, 60])
def test_a_crossing_at_the_end_of_a_month_is_on_that_day(day: int):
    tuned, prompt = linear("tuned", 2 * day, 0), linear("prompt", 0, "0.02")
    (crossing,) = break_evens(tuned, prompt, Traffic(Decimal(100), 90)).crossings
    assert (crossing.day, crossing.requests, crossing.cheaper) == (day, 100 * day, "tuned")


def test_retraining_makes_several_crossings_in_time():
    tuned = linear("tuned", 30, 0, recurring=(Recurring("retraining", Decimal(30), usd(45)),))
    prompt = linear("prompt", 0, "0.015")
    found = break_evens(tuned, prompt, Traffic(Decimal(100), 120))
    assert [(c.day, c.cheaper) for c in found.crossings] == [
        (20, "tuned"),
        (30, "prompt"),
        (50, "tuned"),
        (60, "prompt"),
        (80, "tuned"),
        (90, "prompt"),
        (110, "tuned"),
    ]
    assert found.start == "prompt"
    assert [c.requests for c in found.crossings][:2] == [2000, 3000]


def test_growth_makes_a_second_machine_and_a_second_crossing():
    machine = MachineUse(usd("0.1"), Decimal(1), shared=False)
    own = CostSheet("own", machine=machine)
    hosted = linear("hosted", 0, "0.00005")
    traffic = Traffic(Decimal(60_000), 360, Decimal("0.1"))
    found = break_evens(own, hosted, traffic)
    hours = [month.replicas for month in cost_over_time(own, traffic).machine_hours]
    assert (hours[0], hours[-1]) == (1, 2)
    assert found.start == "own"
    sums = [cost_over_time(sheet, traffic).cumulative for sheet in (own, hosted)]
    signs = [bool(one.amount < two.amount) for one, two in zip(*sums, strict=True)]  # type: ignore[operator]
    assert sum(a != b for a, b in pairwise(signs)) <= len(found.crossings)


def test_an_unknown_cost_has_no_crossing():
    unknown = CostSheet("a", extras={"judge": Money(None, reason="the judge has no price")})
    found = break_evens(unknown, linear("b", 1, 1), Traffic(Decimal(1)))
    assert (found.crossings, found.reason) == ((), "the judge has no price")
    with pytest.raises(ConfigError, match="the judge has no price"):
        volume_turns(unknown, linear("b", 1, 1), Traffic(Decimal(1)))
    late = linear("c", 1, 1, end=EndOfLife(10, Money(None, reason="no price of a rebuild")))
    assert (
        break_evens(late, linear("b", 1, 1), Traffic(Decimal(1))).reason == "no price of a rebuild"
    )


def test_a_staircase_has_several_turns_over_volume():
    own = CostSheet("own", machine=MachineUse(usd(1), Decimal(1), shared=False))
    hosted = linear("hosted", 0, "0.0003")
    found = volume_turns(own, hosted, Traffic(Decimal(1), 30), most=400_000)
    # a machine a day is $24 and serves 86,400; the same by request is $24 at 80,000
    places = [(round(turn.requests_per_day), turn.cheaper) for turn in found.turns]
    assert (
        places
        == [
            (80_000, "own"),
            (86_400, "hosted"),
            (160_000, "own"),
            (172_800, "hosted"),
            (240_000, "own"),
            (259_200, "hosted"),
            (320_000, "own"),
            (345_600, "hosted"),
            (400_000, "own"),
        ][: len(places)]
    )
    assert len(places) >= 8
    assert found.below == "hosted"


def test_where_both_cost_the_same_up_to_a_step_the_step_is_a_turn():
    slow, fast = (
        CostSheet(name, machine=MachineUse(usd(1), Decimal(seconds), shared=False))
        for name, seconds in (("slow", 1), ("fast", "0.001"))
    )
    found = volume_turns(slow, fast, Traffic(Decimal(1), 30), most=1_000_000)
    assert [(round(t.requests_per_day), t.cheaper) for t in found.turns] == [(86_400, "fast")]
    assert found.below is None


def test_a_minimum_bends_the_line():
    hosted = CostSheet("tuned", tokens=(use(50),), hosted=HostedTune(minimum_month=usd(90)))
    prompt = CostSheet("prompt", tokens=(use(500),))
    (turn,) = volume_turns(hosted, prompt, Traffic(Decimal(1), 30)).turns
    assert turn.requests_per_day == pytest.approx(200)
    assert turn.cheaper == "tuned"


def test_linear_turns_are_the_closed_form():
    a, b = linear("a", 500, "0.0015"), linear("b", 0, "0.015")
    (turn,) = volume_turns(a, b, Traffic(Decimal(10), 365)).turns
    assert turn.requests_per_day == pytest.approx(500 / (0.0135 * 365), rel=1e-9)
    assert volume_turns(a, a, Traffic(Decimal(1))).turns == ()


@settings(deadline=None, max_examples=50)
@given(sheets(), traffics)
def test_floats_agree_with_decimals(sheet, traffic):
    volume = np.array([float(traffic.requests_per_day)])
    ours = FloatSheet.of(sheet).total(traffic, volume)[0]
    assert ours == pytest.approx(float(total(sheet, traffic)), rel=1e-9, abs=1e-9)


@settings(deadline=None, max_examples=50)
@given(sheets(), sheets("b"), traffics)
def test_every_change_of_the_cheaper_way_is_found(a, b, traffic):
    """At the end of each month the last crossing so far names who is cheaper."""
    found = break_evens(a, b, traffic)
    sums = [cost_over_time(sheet, traffic).cumulative for sheet in (a, b)]
    for month, (one, two) in enumerate(zip(*sums, strict=True)):
        gap = one.amount - two.amount  # type: ignore[operator]
        end = 30 * month + traffic.days_in(month)
        if abs(gap) < Decimal("1e-9") * (1 + abs(one.amount or 0)):
            continue
        so_far = [c.cheaper for c in found.crossings if c.day < end]
        # what falls on the last day of a month is in the next month's sum
        assert (so_far[-1] if so_far else found.start) == ("a" if gap < 0 else "b")
