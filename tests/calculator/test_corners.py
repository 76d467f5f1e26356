"""Two ways with ranges of their own: what is sure, and what hangs on where the amounts lie."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import steelyard
from steelyard.calculator import CostAnswer, Range

TODAY = date(2026, 12, 1)


def ask(
    long: dict[str, Any], tuned: dict[str, Any], volume: int = 1000, horizon: int = 365
) -> CostAnswer:
    both = {"model": "v", "output_tokens": 40}
    return steelyard.cost(
        traffic={"requests_per_day": volume, "horizon_days": horizon},
        prices={"v": {"input": 2, "output": 8, "date": "2026-11-01"}},
        ways={
            "long": {**both, "input_tokens": 1000, **long},
            "tuned": {**both, "input_tokens": 100, **tuned},
        },
        today=TODAY,
    )


def test_ranges_of_two_ways_are_not_paired_low_with_low():
    answer = ask({"search": "0-600"}, {"training": "100-700"})
    assert answer.cheapest == ()
    assert answer.may_be_cheapest == ("long", "tuned")
    (even,) = answer.break_evens
    assert (even.days, even.earliest_days) == (None, 0)
    assert even.reason == (
        "after 0 days at the earliest, and not within 365 days at the other ends of the ranges"
    )
    # 700 / (0.0018 x 365) at one corner, from the first request at the other
    (turn,) = even.volumes
    assert (turn.cheaper, turn.requests_per_day.low) == ("tuned", 0)
    assert float(turn.requests_per_day.high) == pytest.approx(700 / (0.0018 * 365))


def test_a_horizon_that_holds_every_corner_gives_the_whole_range():
    even = ask({"search": "0-600"}, {"training": "100-700"}, horizon=400).break_evens[0]
    assert even.days is not None
    assert (even.days.low, float(even.days.high)) == (0, pytest.approx(700 / 1.8))
    assert even.requests == Range(Decimal(0), Decimal(388_889))


def test_an_amount_of_one_way_is_the_same_wherever_it_enters():
    """Search upfront is the search of the rebuild: low with low, so the total has two ends of one range."""
    ending = {"search": "100-200", "ends": "2027-01-30"}
    answer = ask(ending, {"training": 5})
    assert answer.ways[0].total is not None
    assert answer.ways[0].total.high - answer.ways[0].total.low == 200


def test_one_range_against_none_says_the_cheapest_where_it_is_sure():
    answer = ask({}, {"training": "100-200"})
    assert (answer.cheapest, answer.may_be_cheapest) == (("tuned",), ("tuned",))
    assert answer.has_ranges
    assert not ask({}, {"training": 100}).has_ranges


@pytest.mark.parametrize(("most", "at_middle"), [(5, False), (20, False), (100, True)])
def test_changes_over_volume_that_may_come_in_another_order_are_those_of_the_middle(
    most: int, at_middle: bool
):
    """A machine of 86,400 requests a day against tokens: cheaper at the end of each step of its staircase."""
    answer = steelyard.cost(
        traffic={"requests_per_day": 1000, "horizon_days": 30, "peak": 1},
        prices={"v": {"input": 0.3}, "machine": {"hour": 1}},
        ways={
            "tokens": {"model": "v", "input_tokens": 1000, "search": f"0-{most}"},
            "own": {"machine_seconds": 1, "training": f"0-{most}"},
        },
        today=TODAY,
    )
    (even,) = answer.break_evens
    assert even.volumes_at_middle is at_middle
    first = even.volumes[0].requests_per_day
    # $24 a day at 80,000 requests of $0.0003; the ends are as many dollars away as the ranges allow
    far = 0 if at_middle else most / (0.0003 * 30)
    assert (float(first.low), float(first.high)) == pytest.approx((80_000 - far, 80_000 + far))
    from steelyard.report.calculation import answer_text

    text = " ".join(answer_text(answer)[1].split())
    assert ("with amounts in the middle of their ranges, over 30 days" in text) is at_middle


amounts = st.tuples(st.integers(0, 900), st.integers(0, 900)).map(sorted)


@settings(deadline=None, max_examples=25)
@given(amounts, amounts, st.integers(50, 4000))
def test_every_corner_lies_within_what_is_said(search, training, volume):
    whole = ask(
        {"search": "{}-{}".format(*search)}, {"training": "{}-{}".format(*training)}, volume
    )
    named = {even.way: even for even in whole.break_evens}
    for one, other in product(search, training):
        corner = ask({"search": one}, {"training": other}, volume)
        if whole.cheapest:
            assert set(whole.cheapest) <= set(corner.cheapest)
        assert set(corner.cheapest) <= set(whole.may_be_cheapest)
        for even in corner.break_evens:
            stated = named.get(even.way)
            if stated is None or stated.days is None or even.days is None:
                continue
            assert stated.days.low <= even.days.low <= stated.days.high


RETRAINED = {"training": "100-120", "retrain_days": 90}


def test_every_change_over_time_is_dated():
    """1.8 a day are saved: 100 upfront are back on day 56, and a retraining takes as long again."""
    even = ask({}, {**RETRAINED, "training": 100}).break_evens[0]
    assert [(float(c.days.low), c.cheaper) for c in even.changes] == [
        (pytest.approx(100 / 1.8), "tuned"),
        (90, "long"),
        (pytest.approx(200 / 1.8), "tuned"),
    ]
    assert [c.requests.low for c in even.changes] == [55_556, 90_000, 111_112]
    assert even.changes_at_middle is False
    assert even.crossings == len(even.changes)


def test_a_change_has_a_range_where_all_corners_have_the_same_ones():
    even = ask({}, RETRAINED, horizon=170).break_evens[0]
    first, second, third = even.changes
    assert (float(first.days.low), float(first.days.high)) == (
        pytest.approx(100 / 1.8),
        pytest.approx(120 / 1.8),
    )
    assert second.days == Range(Decimal(90), Decimal(90))
    assert float(third.days.high) == pytest.approx(240 / 1.8)
    assert even.changes_at_middle is False


def test_where_corners_differ_the_changes_are_those_of_the_middle():
    even = ask({"search": "0-60"}, {**RETRAINED, "training": "50-200"}).break_evens[0]
    assert even.changes_at_middle is True
    assert even.crossings > 1
    assert all(c.days.low == c.days.high for c in even.changes)


def test_a_way_that_is_cheaper_from_the_start_has_no_change():
    assert ask({}, {"training": 0}).break_evens[0].changes == ()


def test_a_way_that_pays_back_for_a_time_says_so():
    even = ask({}, {**RETRAINED, "training": 100}, horizon=100).break_evens[0]
    assert even.days is not None
    assert even.reason == "for a time only: long is cheaper at the end of the horizon"
    lasting = ask({}, {**RETRAINED, "training": 100}, horizon=170).break_evens[0]
    assert lasting.reason is None


def test_a_models_end_is_that_of_its_ways():
    def total(prices: dict[str, Any], way: dict[str, Any]) -> Any:
        return steelyard.cost(
            traffic={"requests_per_day": 10},
            prices={"v": {"input": 1, "output": 1, **prices}},
            ways={"w": {"model": "v", "input_tokens": 10, "output_tokens": 1, **way}},
            today=TODAY,
        ).ways[0]

    end = {"ends": "2027-03-01", "rebuild": 70}
    of_row, of_way = total(end, {}), total({}, end)
    assert of_row.total == of_way.total and of_row.ends_on_day == of_way.ends_on_day == 90
    assert total(end, {"rebuild": 5}).total.low == of_way.total.low - 65
