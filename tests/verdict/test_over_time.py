"""Requests that grow, and costs that are paid whatever the volume."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from steelyard.core import Price
from steelyard.economics import CostSheet, EndOfLife, MachineUse, Money, TokenUse
from steelyard.verdict import Case, crossover, decide


def test_a_case_counts_the_requests_of_a_growing_traffic() -> None:
    case = Case((), 100, 75, growth_per_month=Decimal("0.5"))
    assert case.requests == 100 * 30 + 150 * 30 + 225 * 15


def always_on(hour: str, seconds: str) -> CostSheet:
    """A machine for few_shot that costs so much an hour and is busy for so long with each request."""
    use = MachineUse(Money(Decimal(hour)), Decimal(seconds), shared=False)
    return CostSheet("few_shot", machine=use)


def test_a_flip_in_volume_follows_the_machines_that_more_requests_take(make: Any) -> None:
    # a day of one machine costs 1.20 and serves 8,640 requests; hosted, as much buys 2,400
    on = make("few_shot", 180, per_request="0.0012", sheet=always_on("0.05", "10"))
    hosted = make("zero_shot", 180, per_request="0.0005", name="zero_shot")
    verdict = decide(Case((make("majority", 60), on, hosted), 1000, 365))
    assert verdict.arm == "zero_shot"
    assert any("above 2,400 requests a day" in flip for flip in verdict.flips)


def test_a_break_even_follows_what_comes_by_the_hour_and_on_a_day(make: Any) -> None:
    # a machine costs 1.20 a day; hosted requests cost 0.60 at 300 a day, and 50 % more each month
    on = make(
        "lora", 180, per_request="0.0012", sheet=replace(always_on("0.05", "10"), name="lora")
    )
    hosted = make("zero_shot", 175, per_request="0.002", name="zero_shot")
    growth = Decimal("0.5")
    case = Case((make("majority", 60), on, hosted), 300, 180, growth_per_month=growth)
    entry = next(arm for arm in crossover(case, 100).arms if arm.arm == "lora")
    sums, day = Decimal(0), 0
    while day == 0 or sums < 0:
        sums += Decimal("0.002") * 300 * (1 + growth) ** (day // 30) - Decimal("1.20")
        day += 1
    assert entry.even.days == pytest.approx(day, abs=1)
    assert entry.even.against == "zero_shot"


@pytest.mark.parametrize("growth", ["0", "0.5"])
def test_two_that_cost_the_same_are_not_cheaper_at_once(make: Any, growth: str) -> None:
    arms = [
        make(
            name,
            180,
            per_request="0.0012",
            name=name,
            sheet=replace(always_on("0.05", "10"), name=name),
        )
        for name in ("zero_shot", "few_shot")
    ]
    case = Case((make("majority", 60), *arms), 300, 180, growth_per_month=Decimal(growth))
    entries = {entry.arm: entry for entry in crossover(case, 100).arms}
    for name in ("zero_shot", "few_shot"):
        assert (entries[name].requests, entries[name].first) == (0, None)
        assert entries[name].reason == "both cost the same"


def test_an_arm_that_is_cheaper_only_until_its_vendor_ends_it_says_so(make: Any) -> None:
    use = TokenUse(Price(input=Decimal(100)), Decimal(1))
    ends = EndOfLife(100, Money(Decimal(500)))
    sheet = CostSheet("lora", tokens=(use,), end=ends)
    ending = make("lora", 180, per_request="0.0001", sheet=sheet)
    hosted = make("zero_shot", 175, per_request="0.002", name="zero_shot")
    case = Case((make("majority", 60), ending, hosted), 1000, 180)
    entry = next(arm for arm in crossover(case, 100).arms if arm.arm == "lora")
    assert entry.even.requests is None
    assert entry.even.reason == "cheaper only until day 100 of 180"


def test_a_stretch_of_volumes_is_told_with_both_its_ends(make: Any) -> None:
    # 1,000 requests a day fill a machine: a second one makes it dearer again from there to 1,200
    on = make("few_shot", 180, per_request="0.0024", sheet=always_on("0.05", "86.4"))
    hosted = make("zero_shot", 180, per_request="0.002", name="zero_shot")
    verdict = decide(Case((make("majority", 60), on, hosted), 500, 365))
    assert verdict.arm == "zero_shot"
    assert any("between 600 and 1,000 requests a day" in flip for flip in verdict.flips)
