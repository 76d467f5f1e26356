"""Rows of prices: every amount counts or is named, in one currency, with its age."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.calculator import CostAnswer
from steelyard.errors import ConfigError

TODAY = date(2026, 12, 1)
BASE = {"input": 2, "output": 8, "date": "2026-11-01"}
MACHINE = {"hour": 2.4, "date": "2026-11-01"}


def ask(**config: Any) -> CostAnswer:
    traffic = {"requests_per_day": 20_000, **config.pop("traffic", {})}
    return steelyard.cost(traffic=traffic, today=TODAY, **config)


def total(answer: CostAnswer, at: int = 0) -> str:
    ends = answer.ways[at].total
    assert ends is not None
    return " to ".join(dict.fromkeys(f"{end:.2f}" for end in ends))


def test_hosting_storage_and_minimum_of_a_row_count_without_training():
    row = {**BASE, "hosting_hour": 1.7, "storage_month": 5, "minimum": 1500}
    way = {"model": "ft", "input_tokens": 100, "output_tokens": 40, "multiplier": 1.5}
    again = {"retrain_days": 90, "retraining": 20}
    answer = ask(prices={"ft": row}, ways={"tuned": {**way, **again}})
    assert total(answer) == f"{Decimal('5694') + 14892 + Decimal(5) * 365 / 30 + 80:.2f}"
    free = {"hosting_hour": 0, "storage_month": 0, "minimum": 0}
    without = ask(prices={"ft": row}, ways={"tuned": {**way, **again, **free}})
    assert total(without) == f"{5694 + 80:.2f}"
    assert "prices.ft.hosting_hour" in without.not_used
    assert answer.not_used == ()


def test_a_minimum_of_the_row_of_a_way_that_is_not_tuned_counts_and_is_told():
    row = {"input": 1.5, "output": 6, "minimum": 900}
    way = {"model": "v", "input_tokens": 800, "output_tokens": 40, "search": "10-30"}
    traffic = {"requests_per_day": Decimal(500_000) / 30, "horizon_days": 450}
    answer = ask(traffic=traffic, prices={"v": row}, ways={"vendor": way})
    assert total(answer) == "13510.00 to 13530.00"
    assert any("vendor pays prices.v.minimum" in note for note in answer.notes)


def test_the_book_fills_what_a_row_lacks_and_both_are_listed():
    row = {"cached": 0.9, "batch": 0.7, "hosting_hour": 1.7, "date": "2024-01-01"}
    way = {"model": "gpt-4.1", "input_tokens": 1000, "output_tokens": 40, "cached_share": 0.5}
    answer = ask(prices={"gpt-4.1": row}, ways={"long": way})
    tokens = answer.ways[0].month["tokens"].low
    assert tokens == Decimal(600_000) * (500 * 2 + 500 * Decimal("0.9") + 40 * 8) / 1_000_000
    mine, book = answer.prices
    assert (mine.amounts, mine.age_days, mine.is_stale) == (
        "0.9 cached, 1.7 an hour of hosting",
        1065,
        True,
    )
    assert book.amounts == "2 in, 8 out"
    assert answer.not_used == ("prices.gpt-4.1.batch",)


@pytest.mark.parametrize(
    ("row", "way"),
    [
        ({"hosting_hour": 1.7}, {}),
        ({"training": 25}, {"training": {"tokens": 1_000_000}}),
        ({"storage_month": 5}, {}),
        ({"minimum": 5}, {}),
        ({"cached": 0.1}, {"cached_share": 0.5}),
        ({"batch": 0.5}, {"batch_share": 0.5}),
        (BASE, {}),
    ],
)
def test_no_amount_of_a_row_in_another_currency_is_added(row: dict[str, Any], way: dict[str, Any]):
    every = {"model": "gpt-4.1", "input_tokens": 100, "output_tokens": 40, **way}
    prices = {"gpt-4.1": {**row, "currency": "EUR"}}
    with pytest.raises(ConfigError, match=r"prices\.gpt-4\.1 is in EUR, and this sum is in USD"):
        ask(prices=prices, ways={"a": every})


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        (
            {"prices": {"m": {**BASE, "batch": 0.5, "training": 3}}},
            ["prices.m.batch", "prices.m.training"],
        ),
        ({"prices": {"m": BASE, "other": BASE, "label": 1}}, ["prices.other", "prices.label"]),
        ({"traffic": {"peak": 3}}, ["traffic.peak"]),
        ({"traffic": {"changes_per_year": 3}}, ["traffic.changes_per_year"]),
        ({"way": {"quality": 0.9}}, ["ways.a.quality"]),
        ({"way": {"input_tokens_sd": 9}}, ["ways.a.input_tokens_sd"]),
        ({"way": {"ends": "2030-01-01", "rebuild": 9}}, ["ways.a.ends", "ways.a.rebuild"]),
        ({"way": {"retrain_days": 400, "retraining": 5}}, ["ways.a.retrain_days"]),
        ({"way": {"change": 5}, "traffic": {"changes_per_year": 0}}, ["ways.a.change"]),
        (
            {"way": {"output_tokens": 0, "multiplier": 1, "output_multiplier": 2}},
            ["ways.a.output_multiplier", "prices.m.output"],
        ),
        ({"way": {"handover_share": 0, "handover_price": 2}}, ["ways.a.handover_price"]),
        ({"uncertain": {"machine_prices": 0.1, "scenarios": 100}}, ["uncertain.machine_prices"]),
    ],
)
def test_what_no_sum_uses_is_named(config: dict[str, Any], keys: list[str]):
    way = {"model": "m", "input_tokens": 100, "output_tokens": 10, **config.pop("way", {})}
    prices = config.pop("prices", {"m": BASE})
    answer = ask(prices=prices, ways={"a": way}, **config)
    names = {text.partition(" ")[0] for text in answer.not_used}
    assert names == set(keys)


def test_tokens_of_a_machine_are_named_as_not_used():
    way = {"machine_seconds": 0.1, "input_tokens": 500, "cached_share": 0.5}
    answer = ask(traffic={"peak": 1}, prices={"machine": MACHINE}, ways={"a": way})
    reason = "(a machine is paid by its time)"
    assert answer.not_used == (f"ways.a.input_tokens {reason}", f"ways.a.cached_share {reason}")


def test_tokens_that_nobody_gave_are_not_counted():
    ways = {
        "out": {"model": "m", "output_tokens": 40},
        "in": {"model": "m", "input_tokens": 40},
        "judge": {"judge": 0.1},
        "own": {"machine_seconds": 1},
        "people": {"handover_share": 1, "handover_price": 1},
    }
    prices = {"m": BASE, "machine": MACHINE}
    answer = ask(traffic={"peak": 1}, prices=prices, ways=ways)
    tokens = {
        way.name: [kind for kind in way.not_counted if "tokens" in kind] for way in answer.ways
    }
    assert tokens == {
        "out": ["input tokens"],
        "in": ["output tokens"],
        "judge": ["input tokens", "output tokens"],
        "own": [],
        "people": [],
    }


def test_a_tuned_way_without_training_has_it_not_counted():
    from steelyard.report.calculation import answer_text

    way = {"model": "m", "input_tokens": 40, "multiplier": 2}
    ways = {"long": {"model": "m", "input_tokens": 400, "training": 5}, "tuned": way}
    answer = ask(prices={"m": BASE}, ways=ways)
    assert answer.ways[1].is_tuned
    assert "for tuned: training" in " ".join(answer_text(answer)[1].split())


def test_busy_time_is_what_the_throughput_says():
    def machine_way(shared: bool, **way: Any) -> CostAnswer:
        traffic = {"requests_per_day": 300_000, "horizon_days": 90, "peak": 2}
        prices = {"machine": {**MACHINE, "shared": shared}}
        return ask(traffic=traffic, prices=prices, ways={"a": {"machine_seconds": 0.5, **way}})

    alone, shared = (machine_way(shared, requests_per_second=9) for shared in (False, True))
    figures = alone.ways[0].machine
    assert figures is not None
    assert (f"{figures.busy_hours:.1f}", figures.on_hours) == ("277.8", 720)
    assert (total(alone), total(shared)) == ("5184.00", "2000.00")
    assert total(machine_way(True)) == "9000.00"
    with pytest.raises(ConfigError, match="fewer than the 2 that one at a time gives"):
        machine_way(True, requests_per_second=1)


def test_a_day_before_the_books_newest_change_is_told_and_has_no_age():
    way = {"model": "gpt-4.1", "input_tokens": 100}
    answer = steelyard.cost(
        traffic={"requests_per_day": 10}, ways={"a": way}, prices_at="2026-06-01"
    )
    (note,) = answer.prices
    assert (note.date, note.age_days, note.is_stale) == (None, None, False)
    assert any("after 2026-06-01: on that day it may have been another" in n for n in answer.notes)


def test_a_model_that_the_book_dates_has_its_own_day():
    way = {"model": "o3", "input_tokens": 100}
    config = {"traffic": {"requests_per_day": 10}, "ways": {"a": way}}
    dated, early = (steelyard.cost(config, prices_at=day) for day in ("2025-06-20", "2025-06-09"))
    assert (dated.prices[0].date, dated.prices[0].age_days) == (date(2025, 6, 10), 10)
    assert "in force since 2025-06-10" in dated.prices[0].source
    assert early.prices[0].date is None
    assert dated.ways[0].month_total.low < early.ways[0].month_total.low


def test_an_old_book_is_told():
    way = {"model": "gpt-4.1", "input_tokens": 100}
    answer = steelyard.cost(
        traffic={"requests_per_day": 10}, ways={"a": way}, today=date(2029, 6, 1)
    )
    assert answer.prices[0].is_stale
    assert any("newest change in the book of prices" in note for note in answer.notes)


@pytest.mark.parametrize(
    ("prices", "way", "message"),
    [
        ({"cached": 5}, {"cached_share": 0.5}, "prices.m.cached is 5, more than the 2"),
        ({}, {"rebuild": 5}, "ways.a.ends is missing"),
        ({}, {"handover_price": 5}, "ways.a.handover_share is missing"),
        ({}, {"output_multiplier": 2}, "ways.a.multiplier is missing"),
    ],
)
def test_amounts_that_mean_nothing_alone_are_refused(
    prices: dict[str, Any], way: dict[str, Any], message: str
):
    every = {"model": "m", "input_tokens": 10, "output_tokens": 10, **way}
    with pytest.raises(ConfigError) as caught:
        ask(prices={"m": {**BASE, **prices}}, ways={"a": every})
    assert message in str(caught.value)


def test_no_labels_and_no_hours_need_no_price():
    way = {"model": "m", "input_tokens": 1, "labels": {"train": 0, "test": 0}, "hours": 0}
    upfront = ask(prices={"m": BASE}, ways={"a": way}).ways[0].upfront
    assert {kind: amount.high for kind, amount in upfront.items()} == {"labels": 0, "hours": 0}


@pytest.mark.parametrize("text", ["", "- a\n", "word\n"])
def test_a_file_of_something_else_is_told_what_it_holds(tmp_path: Path, text: str):
    file = tmp_path / "costs.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        steelyard.cost(file)
    assert str(caught.value).startswith("costs.yaml must hold the keys traffic, prices and ways")
    assert "jsonl" not in str(caught.value)


def test_leading_zeros_are_decimal_and_base_60_is_refused(tmp_path: Path):
    file = tmp_path / "costs.yaml"
    text = "traffic: {requests_per_day: 010}\nprices: {m: {input: 2}}\n"
    file.write_text(f"{text}ways: {{a: {{model: m, input_tokens: 0500}}}}\n", encoding="utf-8")
    assert steelyard.cost(file).ways[0].per_request.low == Decimal("0.001")
    file.write_text(f"{text}ways: {{a: {{model: m, input_tokens: 1:30}}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"costs\.yaml line 3: 1:30 is in base 60"):
        steelyard.cost(file)
