"""What recurs is counted exactly, alike in the course, floats, crossings and scenarios."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.economics import (
    CostSheet,
    Doubts,
    EndOfLife,
    MachineUse,
    PricePaths,
    Recurring,
    Traffic,
    Uncertain,
    break_evens,
    cost_over_time,
    simulate,
)
from steelyard.economics.course import events
from steelyard.economics.floats import FloatSheet
from tests.economics.sheets import linear, total, usd

YEAR = Decimal(365)


def changes(times: Decimal, cost: int = 100) -> CostSheet:
    again = Recurring("changes", YEAR, usd(cost), times=times, counts_last_day=True)
    return linear("a", 0, 0, recurring=(again,))


@pytest.mark.parametrize("times", [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 49, 52, 98, 103, 364, 365])
@pytest.mark.parametrize("years", [1, 2])
def test_so_many_a_year_are_so_many_in_a_year(times: int, years: int):
    sheet = changes(Decimal(times))
    traffic = Traffic(Decimal(1), 365 * years)
    money = float(100 * times * years)
    assert float(total(sheet, traffic)) == money
    assert FloatSheet.of(sheet).total(traffic, np.array([1.0]))[0] == money
    band = simulate([sheet], traffic, Doubts(), scenarios=3).bands["a"]
    assert band.median[-1] == money


@settings(deadline=None, max_examples=30)
@given(st.decimals("0.1", 365, places=1), st.integers(1, 600))
def test_counts_are_whole_parts_and_rise_with_the_rate_and_the_horizon(times, horizon):
    again = Recurring("changes", YEAR, usd(1), times=times, counts_last_day=True)
    count = again.count(horizon, with_day=True)
    assert count == Fraction(times) * horizon // 365
    assert count == len(list(again.days(horizon)))
    assert again._replace(times=times + 1).count(horizon, with_day=True) >= count
    assert again.count(horizon + 1, with_day=True) >= count


@pytest.mark.parametrize(
    ("every", "horizon", "times"),
    [("90", 360, 3), ("90", 361, 4), ("365", 365, 0), ("30.4", 304, 9), ("1.1", 3300, 2999)],
)
def test_tuning_again_on_the_last_day_is_not_paid(every: str, horizon: int, times: int):
    sheet = linear("a", 0, 0, recurring=(Recurring("retraining", Decimal(every), usd(7)),))
    traffic = Traffic(Decimal(1), horizon)
    assert total(sheet, traffic) == 7 * times
    band = simulate([sheet], traffic, Doubts(), scenarios=3).bands["a"]
    assert band.median[-1] == 7 * times
    # drawn, with next to no doubt, it is the same but for those right at the end
    doubt = Doubts({}, PricePaths(retraining=Uncertain(draws=(0.001,))))
    later = simulate([sheet], traffic, doubt, scenarios=3).bands["a"]
    assert 7 * times * 0.998 - 7 <= later.median[-1] <= 7 * times


def test_a_change_on_the_last_day_is_in_the_last_month_and_among_the_crossings():
    traffic = Traffic(Decimal(10), 360)
    again = Recurring("changes", Decimal(360), usd(100), counts_last_day=True)
    sheet, other = linear("a", 0, 0, recurring=(again,)), linear("b", 50, 0)
    parts = cost_over_time(sheet, traffic).parts["changes"]
    assert [month.amount for month in parts] == [0] * 11 + [100]
    (crossing,) = break_evens(sheet, other, traffic).crossings
    assert (crossing.day, crossing.cheaper) == (360, "b")


@given(
    st.decimals("0.01", 20, places=2),
    st.none() | st.decimals("0.01", 100, places=2),
    st.decimals(1, 10**6, places=1),
    st.decimals(1, 5, places=1),
)
def test_a_shared_machine_never_costs_more_than_one_that_is_on(seconds, often, volume, peak):
    alone, shared = (
        CostSheet("a", machine=MachineUse(usd(1), seconds, often, is_shared))
        for is_shared in (False, True)
    )
    traffic = Traffic(volume, 30, peak=peak)
    assert total(shared, traffic) <= total(alone, traffic) * Decimal("1.00000001")


@pytest.mark.parametrize(
    ("every", "end", "days"),
    [
        (90, 92, [90, 92, 182, 272, 362]),
        (90, 90, [90, 180, 270, 360]),
        (50, 360, [50, 100, 150, 200, 250, 300, 350, 360]),
        (90, 365, [90, 180, 270, 360]),
        (400, 10, [10]),
    ],
)
def test_after_a_rebuild_the_days_to_tuning_again_count_anew(every, end, days):
    """None falls on the day of the rebuild, which is the first event of a new count."""
    again = Recurring("retraining", Decimal(every), usd(7))
    change = Recurring("changes", Decimal(365), usd(0), Decimal(2), counts_last_day=True)
    sheet = linear("a", 0, 0, recurring=(again, change), end=EndOfLife(end, usd(7)))
    traffic = Traffic(Decimal(1), 365)
    paid = [event.day for event in events(sheet, traffic)]
    assert [day for day in paid if day not in (Decimal("182.5"), 365)] == days
    assert Decimal("182.5") in paid, "changes of the requirements go on as they were"
    assert total(sheet, traffic) == 7 * len(days)
    assert FloatSheet.of(sheet).total(traffic, np.array([1.0]))[0] == 7 * len(days)
    band = simulate([sheet], traffic, Doubts(), scenarios=3).bands["a"]
    assert band.median[-1] == 7 * len(days)
    if end < 365:  # drawn, with next to no doubt: those right at an end serve nothing
        doubt = Doubts({}, PricePaths(retraining=Uncertain(draws=(0.0001,))))
        drawn = simulate([sheet], traffic, doubt, scenarios=3).bands["a"]
        assert drawn.median[-1] == 7 * len(days)
