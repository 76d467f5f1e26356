from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

import steelyard
from steelyard.calculator import EXAMPLES, CostAnswer, Range
from steelyard.calculator.amounts import parse_amount
from steelyard.errors import ConfigError

TODAY = date(2026, 12, 1)


def sure(amount: str) -> Range:
    return Range(Decimal(amount), Decimal(amount))


def cents(amounts: Range | None) -> tuple[str, str]:
    assert amounts is not None
    return f"{amounts.low:.2f}", f"{amounts.high:.2f}"


def config(**changes: Any) -> dict[str, Any]:
    """Two ways, priced; a change replaces a key at the top, ``tuned`` and ``prompt`` keys of a way."""
    prompt = {"model": "m", "input_tokens": 500, **changes.pop("prompt", {})}
    tuned = {"model": "m", "input_tokens": 50, "training": 350, **changes.pop("tuned", {})}
    base = {
        "traffic": {"requests_per_day": 10_000},
        "prices": {"m": {"input": 30, "output": 60}},
        "ways": {"prompt": prompt, "tuned": tuned},
    }
    return {**base, **changes}


def ask(**changes: Any) -> CostAnswer:
    return steelyard.cost(config(**changes), today=TODAY)


def test_the_fields_example_to_the_cent():
    answer = steelyard.cost(example="field", today=TODAY)
    prompt, tuned = answer.ways
    assert (prompt.month_total, tuned.month_total) == (sure("4500"), sure("450"))
    assert answer.month_saving == sure("4050")
    assert tuned.upfront == {"training": Range(Decimal(200), Decimal(500))}
    assert answer.cheapest == ("tuned",)
    (even,) = answer.break_evens
    assert even.requests == Range(Decimal(14_815), Decimal(37_038))
    assert cents(even.days) == ("1.48", "3.70")
    assert [(*cents(at), way) for at, way in even.volumes] == [("40.59", "101.47", "tuned")]


def test_what_the_fields_example_leaves_out_and_where_each_turns_it():
    answer = steelyard.cost(example="field", today=TODAY)
    turns = {omission.what: omission.at for omission in answer.left_out}
    assert turns["output tokens"] == {"gpt-4o-mini": 100, "gpt-4o": 212, "gpt-3.5-turbo": 22}
    hosting = turns["hosting"]
    assert hosting["requests_per_day_for_hours"] == pytest.approx(1.70 * 24 / 0.0135)
    assert hosting["requests_per_day"] == pytest.approx((1.70 * 24 + 350 / 365) / 0.0135)
    assert round(hosting["requests_per_day_at_todays_price"]) == 45_333
    text = next(o.text for o in answer.left_out if o.what == "hosting")
    assert "$2.00 per million input tokens of gpt-4.1" in text
    assert turns["caching"]["requests_per_day"] == pytest.approx(350 / (0.00135 * 365))
    assert turns["retraining"]["days"] == 2  # 182 times at $350 are more than the $48,925 saved
    assert turns["retraining"]["requests_per_day"] == pytest.approx(5 * 350 / (0.0135 * 365))
    assert turns["end of life"]["days"] == pytest.approx(350 / 135)
    assert turns["upfront"]["amount"] == pytest.approx(135 * 365 - 350)
    assert turns["tuned multiplier"]["multiplier"] == pytest.approx((54_750 - 350) / 5475)


def test_each_point_turns_the_choice():
    """Just past it the other way is the cheaper, just before it is not."""
    for past, cheaper in ((0.99, "prompt"), (1.01, "tuned")):
        volume = {"requests_per_day": 1.70 * 24 / 0.0135 * past, "horizon_days": 3600}
        hosted = {"hosting_hour": 1.70, "training": 0}
        assert ask(traffic=volume, tuned=hosted).cheapest == (cheaper,)
        often = {"retrain_days": max(1, 350 / 135 * past), "training": 350}
        assert ask(
            tuned=often, traffic={"requests_per_day": 10_000, "horizon_days": 3600}
        ).cheapest == (cheaper,)
    for output, cheaper in ((99, "tuned"), (101, "prompt")):
        mini = {"m": {"input": 0.15, "output": 0.60}}
        written = {"output_tokens": output}
        tuned = {**written, "multiplier": 2, "training": 0}
        assert ask(prices=mini, prompt=written, tuned=tuned).cheapest == (cheaper,)


def test_azures_examples_to_the_cent():
    supervised, reinforced = steelyard.cost(example="azure", today=TODAY).ways
    assert cents(supervised.upfront["training"]) == ("4.00", "4.00")
    assert cents(reinforced.upfront["training"]) == ("427.06", "427.06")
    for way in (supervised, reinforced):
        assert cents(way.month_total) == ("1422.00", "1422.00")
        assert cents(way.month["hosting"]) == ("1224.00", "1224.00")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_answers_with_a_map_and_json(name: str):
    answer = steelyard.cost(example=name, today=TODAY, with_map=True)
    data = json.loads(answer.to_json())
    assert data["ways"][0]["total"]["low"] > 0
    assert len(data["map"]["cheapest"]) == 6
    assert data == json.loads(json.dumps(answer.to_dict()))


def test_a_file_keys_and_a_mapping_say_the_same(tmp_path: Path):
    file = tmp_path / "costs.yaml"
    file.write_text(yaml.safe_dump(config()), encoding="utf-8")
    answer = ask()
    assert steelyard.cost(file, today=TODAY) == steelyard.cost(str(file), today=TODAY) == answer
    assert steelyard.cost(**config(), today=TODAY) == answer
    more = steelyard.cost(file, today=TODAY, traffic={"requests_per_month": 300_000})
    assert more.ways == answer.ways


def test_labels_hours_and_evaluation_are_upfront():
    ways = {"labels": {"train": 200, "test": 100}, "hours": 8, "evaluation": "2 x 3.5"}
    prices = {"m": {"input": 30}, "label": 0.5, "hour": {"amount": 60, "date": "2026-11"}}
    tuned = ask(prices=prices, tuned=ways, prompt={"labels": {"test": 100}}).ways[1]
    assert {kind: str(amount.low) for kind, amount in tuned.upfront.items()} == {
        "labels": "150.0",
        "hours": "480",
        "training": "350",
        "evaluation": "7.0",
    }


def test_a_machine_shows_both_ways_of_counting():
    way = {"machine_seconds": 0.2, "input_tokens": None, "model": None, "training": None}
    traffic = {"requests_per_day": 10, "peak": 3}
    alone = ask(traffic=traffic, prices={"m": {"input": 30}, "machine": {"hour": 0.4}}, tuned=way)
    shared_price = {"m": {"input": 30}, "machine": {"hour": 0.4, "shared": True}}
    shared = ask(traffic={"requests_per_day": 10}, prices=shared_price, tuned=way)
    one, two = alone.ways[1], shared.ways[1]
    assert cents(one.month_total) == ("288.00", "288.00")
    assert cents(two.month_total) == ("0.01", "0.01")
    assert one.machine is not None and two.machine is not None
    assert one.machine.as_busy == two.machine.as_busy
    assert one.machine.as_on == two.machine.as_on


def test_a_model_is_looked_up_in_the_book_as_of_a_day():
    way = {"model": "gpt-4o-mini", "input_tokens": 1000, "output_tokens": 100}
    traffic = {"requests_per_day": 1000}
    answer = steelyard.cost(traffic=traffic, ways={"a": way}, prices_at="2026-11-01")
    assert cents(answer.ways[0].month_total) == ("6.30", "6.30")
    (note,) = answer.prices
    assert "genai-prices" in note.source


def test_ages_and_ends_are_counted_from_the_day():
    prices = {"m": {"input": 30, "date": "2026-06-03"}}
    on_time, late = (
        steelyard.cost(config(prices=prices), prices_at=day) for day in ("2026-11-30", "2026-12-01")
    )
    assert (on_time.prices[0].age_days, on_time.prices[0].is_stale) == (180, False)
    assert (late.prices[0].age_days, late.prices[0].is_stale) == (181, True)
    assert any("181 days old" in note for note in late.notes)
    early = steelyard.cost(config(prices=prices), prices_at="2026-01-01")
    assert any("after 2026-01-01" in note for note in early.notes)
    assert early.prices[0].age_days is None


def test_a_vendors_end_within_the_horizon_shows_the_plan_with_and_without():
    ending = {"ends": "2027-01-14", "rebuild": 100}
    tuned = ask(tuned=ending).ways[1]
    assert tuned.ends_on_day == 44
    assert cents(tuned.total) == ("5925.00", "5925.00")
    assert cents(tuned.without_end) == ("5825.00", "5825.00")
    assert cents(tuned.until_end) == ("1010.00", "1010.00")
    again = ask(tuned={"ends": "2027-01-14"}).ways[1]
    assert cents(again.later["rebuild"]) == ("350.00", "350.00")


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        (350, "350", "350"),
        (0.1, "0.1", "0.1"),
        (1e-05, "0.00001", "0.00001"),
        ("200-500", "200", "500"),
        ("$200 to $1,500", "200", "1500"),
        ("4 x 100 + 5 x 1.1 + 4.9 x 4.4", "427.06", "427.06"),
        ("1 x 2 x 2", "4", "4"),
    ],
)
def test_amounts(written: object, low: str, high: str):
    assert parse_amount(written) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    "written", ["", "-5", "5-", "a lot", "500-200", True, None, [1, 2], "1e400", "nan"]
)
def test_what_is_no_amount_is_refused(written: object):
    with pytest.raises(ValueError, match=r"amount|range"):
        parse_amount(written)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"prompt": {"model": "gpt-99-turbo"}}, "no token price for 'gpt-99-turbo'"),
    ({"prompt": {"model": "nobody's"}}, "nobody knows a model"),
    ({"prompt": {"model": None}}, "ways.prompt.model is missing"),
    ({"prompt": {"input_tokens": None}}, "ways.prompt.input_tokens is missing"),
    ({"prompt": {"input_tokens": -5}}, "ways.prompt.input_tokens must be at least 0"),
    ({"prompt": {"input_tokens": 1e12}}, "ways.prompt.input_tokens must be at most"),
    ({"prompt": {"cached_share": 0.5}}, "prices.m.cached is missing"),
    ({"prompt": {"batch_share": 0.5}}, "prices.m.batch is missing"),
    ({"prompt": {"cached_share": 1.5}}, "cached_share must be at most 1"),
    (
        {"prices": {"m": {"input": 30}}, "prompt": {"output_tokens": 5}},
        "prices.m.output is missing",
    ),
    ({"prices": {"m": {"input": -30}}}, "prices.m.input must be at least 0"),
    (
        {"prices": {"m": {"input": 30, "currency": "EUR"}}},
        "prices.m is in EUR, and this sum is in USD",
    ),
    ({"currency": "EUR", "prompt": {"model": "gpt-4o-mini"}}, "is in USD, and this sum is in EUR"),
    ({"tuned": {"labels": {"train": 5}}}, "prices.label is missing"),
    ({"tuned": {"hours": 5}}, "prices.hour is missing"),
    ({"tuned": {"training": {"tokens": 1000}}}, "{m: {training: …}}"),
    ({"tuned": {"training": "much"}}, "'much' is not an amount"),
    ({"tuned": {"retraining": 5}}, "ways.tuned.retrain_days is missing"),
    ({"tuned": {"change": 5}}, "traffic.changes_per_year is missing"),
    ({"tuned": {"ends": "2026-11-30"}}, "ways.tuned ended on 2026-11-30"),
    ({"tuned": {"machine_seconds": 0.2, "model": None}}, "traffic.peak is missing"),
    ({"tuned": {"machine_seconds": 0.2}}, "has a model and machine_seconds"),
    ({"tuned": {"ends": "soon"}}, "write it as 2026-12-31"),
    ({"prices": {"m": {}}}, "give prices: {m: {input: …, output: …}}"),
    ({"tuned": {"requests_per_second": 2}}, "ways.tuned.machine_seconds is missing"),
    ({"tuned": {"handover_share": 0.1}}, "prices.label is missing"),
    ({"error_cost": 1}, "ways.prompt.quality is missing"),
    ({"traffic": {}}, "requests_per_day, or requests_per_month"),
    ({"traffic": {"requests_per_day": 0}}, "traffic.requests_per_day must be more than 0"),
    (
        {"traffic": {"requests_per_day": 10, "horizon_days": 99999}},
        "horizon_days must be at most 3650",
    ),
    ({"traffic": {"requests_per_day": 10, "growth_per_month": 5}}, "growth of 5 a month"),
    ({"traffic": {"requests_a_day": 10}}, "did you mean 'requests_per_day'"),
    ({"ways": {}}, "ways must not be empty"),
    ({"way": {}}, "did you mean 'ways'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_clear_line(changes: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as caught:
        ask(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "<" not in str(caught.value)


def test_the_largest_numbers_are_written():
    traffic = {"requests_per_day": 10**11, "peak": 1000, "horizon_days": 3650}
    way = {"machine_seconds": 86_400}
    prices = {"machine": {"hour": 10**6}}
    answer = steelyard.cost(traffic=traffic, ways={"a": way}, prices=prices, today=TODAY)
    assert json.loads(answer.to_json())["ways"][0]["total"]["low"] > 1e23
    from steelyard.report.calculation import answer_text

    assert answer_text(answer)


def test_examples_and_days_are_checked():
    with pytest.raises(ConfigError, match="did you mean 'field'"):
        steelyard.cost(example="feild")
    with pytest.raises(ConfigError, match="'soon' is not a date"):
        steelyard.cost(config(), prices_at="soon")
    with pytest.raises(ConfigError, match="not both"):
        steelyard.cost(config(), example="field")


def test_prices_that_are_examples_have_a_source_and_a_date():
    from steelyard.calculator.prices import examples

    entries = [
        entry
        for kind, several in examples().items()
        if isinstance(several, dict)
        for entry in ([several] if "source" in several else several.values())
    ]
    assert len(entries) > 15
    assert [entry for entry in entries if not entry["source"] or not entry["date"]] == []
