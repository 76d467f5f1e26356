from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Price, Usage
from steelyard.economics import (
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Money,
    Recurring,
    TokenUse,
    Traffic,
    cheapest,
    cost_of,
    cost_over_time,
)
from steelyard.economics.course import MOST_STEPS, cost_line, events
from steelyard.errors import ConfigError
from tests.economics.sheets import linear, scaled, sheets, total, traffics, usd, use

YEAR = Traffic(Decimal(10_000), 360)


def test_the_worked_example_month_by_month():
    prompt = CostSheet("prompt", tokens=(use(500),))
    tuned = CostSheet("tuned", upfront={"training": usd(350)}, tokens=(use(50),))
    long, short = cost_over_time(prompt, YEAR), cost_over_time(tuned, YEAR)
    assert {month.amount for month in long.monthly} == {Decimal(4500)}
    assert {month.amount for month in short.monthly} == {Decimal(450)}
    assert short.cumulative[0].amount == 800
    assert short.total.amount == 350 + 12 * 450


def test_growth_goes_by_the_month_and_a_part_of_a_month_counts_its_days():
    traffic = Traffic(Decimal(100), 75, Decimal("0.1"))
    course = cost_over_time(linear("a", 0, 1), traffic)
    assert [m.amount for m in course.monthly] == [3000, 3300, Decimal(121) * 15]


def test_hosting_storage_and_a_minimum():
    hosted = HostedTune(usd("1.70"), usd(2), usd(2000))
    sheet = CostSheet("tuned", tokens=(use(50),), hosted=hosted)
    course = cost_over_time(sheet, YEAR)
    amounts = {part: months[0].amount for part, months in course.parts.items()}
    assert amounts == {
        "tokens": 450,
        "hosting": Decimal("1224.00"),
        "storage": 2,
        "up to the minimum": 2000 - 450 - 1224 - 2,
    }
    busy = cost_over_time(sheet, replace(YEAR, requests_per_day=Decimal(100_000)))
    assert busy.parts["up to the minimum"][0].amount == 0


def test_a_machine_costs_its_busy_seconds_or_every_hour_it_is_on():
    machine = MachineUse(usd("0.40"), Decimal("0.2"))
    quiet = Traffic(Decimal(10), 30)
    shared = cost_over_time(CostSheet("lora", machine=machine), quiet)
    alone = cost_over_time(CostSheet("lora", machine=replace(machine, shared=False)), quiet)
    assert shared.total.amount == pytest.approx(Decimal("0.00667"), abs=Decimal("0.00001"))
    assert alone.total.amount == 288
    assert shared.machine_hours == alone.machine_hours
    assert alone.machine_hours[0].on == 720


@pytest.mark.parametrize(
    ("requests", "replicas"), [(1, 1), (432_000, 1), (432_001, 2), (864_000, 2), (4_320_001, 11)]
)
def test_replicas_are_a_staircase(requests: int, replicas: int):
    machine = MachineUse(usd(1), Decimal("0.2"))
    assert machine.replicas(Decimal(requests), Decimal(1)) == replicas
    assert machine.replicas(Decimal(requests) / 3, Decimal(3)) == replicas


def test_a_machine_that_is_exactly_full_is_enough():
    machine = MachineUse(usd(1), Decimal("0.03"))  # 1 / 0.03 has no last digit
    assert machine.replicas(Decimal(2_880_000), Decimal(1)) == 1


def test_batches_caches_and_multipliers():
    price = Price(input=Decimal(2), cached=Decimal("0.5"), output=Decimal(8))
    sizes = (Decimal(1000), Decimal(100))
    assert TokenUse(price, *sizes).per_request.amount == Decimal("0.0028")
    cached = TokenUse(price, *sizes, cached_share=Decimal("0.8"))
    assert cached.per_request.amount == Decimal("0.0016")
    batch = TokenUse(price, *sizes, batch_share=Decimal("0.5"), batch_price=Decimal("0.5"))
    assert batch.per_request.amount == Decimal("0.0028") * Decimal("0.75")
    tuned = TokenUse(price, *sizes, input_multiplier=Decimal(6), output_multiplier=Decimal(4))
    assert tuned.per_request.amount == Decimal("0.0152")


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 500))
def test_a_request_costs_what_its_usage_does(tokens: int, cached: int, output: int):
    """What a run measured of an arm, and the sheet that is made of it."""
    price = Price(input=Decimal(2), cached=Decimal("0.5"), output=Decimal(8))
    usage = Usage(1, tokens, min(cached, tokens), output)
    share = Decimal(usage.cached_tokens) / tokens if tokens else Decimal(0)
    ours = TokenUse(price, Decimal(tokens), Decimal(output), share).per_request
    assert ours.amount == pytest.approx(cost_of(usage, price).amount, rel=Decimal("1e-20"))


@pytest.mark.parametrize(
    ("use", "reason"),
    [
        (TokenUse(Price(output=Decimal(1)), Decimal(10)), "price of input tokens is unknown"),
        (
            TokenUse(Price(input=Decimal(1)), output=Decimal(10)),
            "price of output tokens is unknown",
        ),
        (TokenUse(Price(input=Decimal(1)), Decimal(10), cached_share=Decimal(1)), "cached tokens"),
        (TokenUse(Price(input=Decimal(1)), Decimal(10), batch_share=Decimal(1)), "a batch"),
    ],
)
def test_what_is_not_known_is_no_zero(use: TokenUse, reason: str):
    total = cost_over_time(CostSheet("a", tokens=(use,)), YEAR).total
    assert total.amount is None
    assert reason in str(total.reason)


def test_retraining_people_and_wrong_answers():
    sheet = linear(
        "tuned",
        100,
        0,
        recurring=(Recurring("retraining", Decimal(90), usd(50)),),
        handover_share=Decimal("0.1"),
        handover_price=usd(1),
        error_cost=usd("0.5"),
        quality=Decimal("0.9"),
    )
    course = cost_over_time(sheet, YEAR)
    assert course.part_total("retraining").amount == 150  # days 90, 180, 270; 360 is past the end
    assert course.part_total("people").amount == Decimal("0.1") * 3_600_000
    assert course.part_total("errors").amount == Decimal("0.5") * Decimal("0.09") * 3_600_000


def test_a_vendors_end_is_a_rebuild_within_the_horizon_and_nothing_after_it():
    sheet = linear("tuned", 100, "0.001", end=EndOfLife(100, usd(70)))
    course = cost_over_time(sheet, YEAR)
    assert course.total.amount == 100 + 70 + 3600
    assert course.parts["rebuild"][3].amount == 70
    assert course.until_end is not None
    assert course.until_end.amount == 100 + 1000
    past = cost_over_time(replace(sheet, end=EndOfLife(360, Money(None, reason="?"))), YEAR)
    assert past.total.amount == 3700
    assert past.until_end is None
    open_end = replace(sheet, end=EndOfLife(100, Money(None, reason="no price of a rebuild")))
    assert cost_over_time(open_end, YEAR).total.reason == "no price of a rebuild"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Traffic(Decimal(0)), "0 requests a day"),
        (lambda: Traffic(Decimal(-5)), "-5 requests a day"),
        (lambda: Traffic(Decimal(1), 0), "a horizon of 0 days"),
        (lambda: Traffic(Decimal(1), 100_000), "a horizon of 100000 days"),
        (lambda: Traffic(Decimal(1), peak=Decimal("0.5")), "a peak of 0.5"),
        (lambda: Traffic(Decimal(1000), 3650, Decimal(1)), "ends at more than"),
        (lambda: CostSheet("a", upfront={"labels": usd(-1)}), "an amount of -1"),
        (lambda: CostSheet("a", upfront={"lunch": usd(1)}), "no upfront cost is called lunch"),
        (lambda: CostSheet("a", extras={"judge": Money(Decimal(1), "EUR")}), "USD and in EUR"),
        (lambda: linear("a", 1, 1, end=EndOfLife(0, usd(1))), "cannot be chosen any more"),
        (lambda: MachineUse(usd(1), Decimal(0)), "more than 0 seconds"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(make, message: str):
    with pytest.raises(ConfigError) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_counted_is_named():
    assert linear("a", 1, 1).not_counted == ("labels", "hours", "search", "evaluation")


@settings(deadline=None, max_examples=60)
@given(sheets(), sheets("b"), traffics)
def test_doubling_every_price_doubles_every_total_and_changes_no_choice(a, b, traffic):
    doubled = [scaled(sheet, 2) for sheet in (a, b)]
    for sheet, twice in zip((a, b), doubled, strict=True):
        assert total(twice, traffic) == pytest.approx(
            2 * total(sheet, traffic), rel=Decimal("1e-20")
        )
    if total(a, traffic) != total(b, traffic):
        assert cheapest(doubled, traffic) == cheapest([a, b], traffic)


@settings(deadline=None, max_examples=60)
@given(sheets(), traffics, st.decimals(1, 5, places=2))
def test_totals_never_fall_with_volume_prices_or_tokens(sheet, traffic, factor):
    now = total(sheet, traffic)
    more = replace(traffic, requests_per_day=traffic.requests_per_day * factor)
    assert total(sheet, more) >= now - Decimal("1e-9")
    assert total(scaled(sheet, 3), traffic) >= now
    longer = tuple(
        replace(use, input=use.input * factor, output=use.output * factor) for use in sheet.tokens
    )
    assert total(replace(sheet, tokens=longer), traffic) >= now - Decimal("1e-9")
    assert total(sheet, replace(traffic, peak=traffic.peak * factor)) >= now


@settings(deadline=None, max_examples=60)
@given(sheets(), traffics)
def test_the_corners_of_the_line_are_the_course(sheet, traffic):
    corners, course = cost_line(sheet, traffic), cost_over_time(sheet, traffic)
    amounts = dict(corners)  # the last of a day
    assert [day for day, _ in corners] == sorted(day for day, _ in corners)
    ends = [Decimal(30 * m + traffic.days_in(m)) for m in range(traffic.months)]
    for at, (day, so_far) in enumerate(zip(ends, course.cumulative, strict=True)):
        next_month = [e.cost.amount for e in events(sheet, traffic) if e.day == day]
        is_thinned = len(corners) == traffic.months + 1
        later = 0 if is_thinned or at == traffic.months - 1 else sum(next_month)
        assert float(amounts[day]) == pytest.approx(float(so_far.amount + later), rel=1e-12)
    assert corners[0] == (0, course.upfront.amount)


def test_a_step_has_two_corners_on_its_day_and_very_many_are_left_out():
    ends = replace(linear("a", 5, 1), end=EndOfLife(45, usd(70)))
    traffic = Traffic(Decimal(1), 60)
    corners = [(0, 5), (30, 35), (45, 50), (45, 120), (60, 135)]
    assert cost_line(ends, traffic) == corners
    daily = replace(ends, recurring=(Recurring("retraining", Decimal(1), usd(1)),))
    many = cost_line(daily, replace(traffic, horizon_days=365))
    assert len(many) == 14 < MOST_STEPS, "the ends of months"
    assert many[-1][1] == total(daily, replace(traffic, horizon_days=365))


def test_a_line_of_an_unknown_cost_is_refused_and_a_sheet_says_which():
    lost = Money(None, "USD", "the price of m is unknown")
    sheet = replace(linear("a", 5, 1), hosted=HostedTune(lost))
    assert sheet.unknown == "the price of m is unknown"
    assert linear("a", 5, 1).unknown is None
    with pytest.raises(ValueError, match="the price of m is unknown"):
        cost_line(sheet, YEAR)
