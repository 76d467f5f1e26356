from __future__ import annotations

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
    PricePaths,
    Recurring,
    Traffic,
    Uncertain,
    break_even_ranges,
    break_evens,
)
from steelyard.errors import ConfigError
from tests.economics.sheets import linear, sheets, traffics, usd, use

TRAFFIC = Traffic(Decimal(1000), 360)
PROMPT = CostSheet("prompt", tokens=(use(500),))
TUNED = CostSheet("tuned", upfront={"training": usd(1000)}, tokens=(use(50),))


@settings(deadline=None, max_examples=150)
@given(sheets("a"), sheets("b"), traffics)
def test_without_doubt_every_scenario_has_the_exact_break_even(a, b, traffic):
    (found,) = break_even_ranges([a, b], traffic, Doubts(), [("a", "b")], scenarios=2)
    exact = break_evens(a, b, traffic)
    turns = [("a" if exact.start is None else exact.start, Decimal(0))]
    turns += [(crossing.cheaper, crossing.day) for crossing in exact.crossings]
    cheaper, day = turns[-1]
    assert found.chance == (cheaper == "a")
    if cheaper == "a":
        assert found.days_low == found.days_high == pytest.approx(float(day), rel=1e-6, abs=1e-6)
    else:
        assert found.days_low is None


def test_an_interval_is_that_of_the_closed_form_in_every_scenario():
    """$1,000 upfront, saved by 450 tokens at $30 a million, of which the prompt's are drawn."""
    spread = Uncertain(draws=tuple(np.linspace(100, 1000, 901)), in_order=True)
    doubts = Doubts({"prompt": ArmDoubt(input_tokens=spread)})
    (found,) = break_even_ranges(
        [PROMPT, TUNED], TRAFFIC, doubts, [("tuned", "prompt")], scenarios=901
    )
    days = 1000 / ((np.linspace(100, 1000, 901) - 50) * 30e-6 * 1000)
    low, middle = (np.quantile(days, share, method="lower") for share in (0.05, 0.5))
    assert (found.days_low, found.days) == pytest.approx((low, middle))
    assert found.days_high == pytest.approx(np.quantile(days, 0.95, method="lower"))
    assert found.chance == pytest.approx((days <= 360).mean())
    short = replace(TRAFFIC, horizon_days=330)
    (found,) = break_even_ranges(
        [PROMPT, TUNED], short, doubts, [("tuned", "prompt")], scenarios=901
    )
    assert found.days_high is None, "in over 5 % of the scenarios it is later"


def test_both_ways_are_in_the_same_scenario():
    """Prices of one vendor move both alike: which pays is then as sure as without them."""
    dearer = replace(PROMPT, name="dearer", tokens=(use(501),))
    doubts = Doubts(
        {name: ArmDoubt(prices_of="vendor") for name in ("prompt", "dearer")},
        PricePaths(Uncertain(0, 0.5)),
    )
    (found,) = break_even_ranges([PROMPT, dearer], TRAFFIC, doubts, [("prompt", "dearer")])
    assert (found.chance, found.days_high) == (1, 0)


def test_large_sums_that_differ_by_little_still_cross_where_they_do():
    """Ten million upfront for both: five digits would lose the one dollar between them."""
    one = linear("one", Decimal(10_000_001), Decimal("0.0001"))
    other = linear("other", Decimal(10_000_000), Decimal("0.0002"))
    (found,) = break_even_ranges([one, other], TRAFFIC, Doubts(), [("one", "other")], scenarios=2)
    assert found.days == pytest.approx(10, rel=1e-6)


@pytest.mark.parametrize(("horizon", "day"), [(55, 50), (65, None), (85, 80)])
def test_it_has_paid_off_only_where_it_does_for_good(horizon: int, day: int | None):
    """Tuning again every 30 days makes it dearer for 20 days each time."""
    again = Recurring("retraining", Decimal(30), usd(45))
    tuned, prompt = linear("tuned", 30, 0, recurring=(again,)), linear("prompt", 0, "0.015")
    pair, traffic = [("tuned", "prompt")], Traffic(Decimal(100), horizon)
    (found,) = break_even_ranges([tuned, prompt], traffic, Doubts(), pair, scenarios=1)
    assert found.days == (None if day is None else pytest.approx(day))
    assert len(break_evens(tuned, prompt, traffic).crossings) > 1


def test_what_both_pay_on_one_day_turns_nothing():
    ends = EndOfLife(182, usd(50))
    cheap = replace(linear("cheap", 10, "0.01"), end=ends)
    dear = replace(linear("dear", 11, "0.01"), end=ends)
    assert break_evens(cheap, dear, TRAFFIC).crossings == ()
    assert break_evens(dear, cheap, TRAFFIC).crossings == ()


def test_a_drawn_interval_of_retraining_and_an_unknown_cost_are_refused():
    often = replace(TUNED, recurring=(Recurring("retraining", Decimal(30), usd(1)),))
    drawn = Doubts(prices=PricePaths(retraining=Uncertain(0, 0.2)))
    with pytest.raises(ConfigError, match="retraining"):
        break_even_ranges([PROMPT, often], TRAFFIC, drawn, [("tuned", "prompt")], scenarios=2)
    lost = replace(PROMPT, extras={"judge": usd(0) * 1})
    lost = replace(lost, extras={"judge": replace(lost.extras["judge"], amount=None)})
    with pytest.raises(ConfigError):
        break_even_ranges([lost, often], TRAFFIC, Doubts(), [("tuned", "prompt")], scenarios=2)
