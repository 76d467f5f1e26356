"""What a sum leaves out turns the choice where the answer says: tried by writing it into the sum."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import steelyard
from steelyard.calculator import CostAnswer
from steelyard.calculator.prices import PriceList
from steelyard.calculator.sections import CostConfig
from steelyard.calculator.sheets import SheetMaker, traffic_of
from steelyard.economics import cheapest

TODAY = date(2026, 12, 1)
NEAR = 1e-5


def ask(config: dict[str, Any]) -> CostAnswer:
    return steelyard.cost(config, today=TODAY)


def changed(config: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """The config with keys of its ways, traffic or prices: ``tuned__hours=2``, ``traffic__peak=3``."""
    new = deepcopy(config)
    for key, value in keys.items():
        place, _, name = key.rpartition("__")
        section = new if not place else new["ways"].get(place) or new[place]
        section[name] = value
    return new


def least(config: dict[str, Any], **keys: Any) -> tuple[str, ...]:
    """The cheapest ways, as a user's file would have them."""
    read = CostConfig.model_validate(changed(config, **keys))
    sheets = SheetMaker(read, PriceList(read, TODAY), lambda amount: amount.low).sheets()
    return cheapest(sheets, traffic_of(read))


def cheaper(config: dict[str, Any], **keys: Any) -> str:
    (name,) = least(config, **keys)
    return name


def turns(config: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {o.what: dict(o.at) for o in ask(config).left_out}


def text_of(config: dict[str, Any], what: str) -> str:
    return next(o.text for o in ask(config).left_out if o.what == what)


money = st.integers(0, 400)
optional = st.none() | st.integers(0, 300)


@st.composite
def sums(draw: st.DrawFn) -> dict[str, Any]:
    """A long prompt against a tuned model, with anything else that a sum may hold."""
    prompt: dict[str, Any] = {"model": "m", "input_tokens": draw(st.integers(200, 3000))}
    tuned = {
        "model": "m",
        "input_tokens": draw(st.integers(1, 150)),
        "training": draw(money),
        "search": draw(optional),
        "hosting_hour": draw(st.none() | st.sampled_from(["0.05", "0.30"])),
        "storage_month": draw(optional),
        "minimum": draw(optional),
        "judge": draw(st.none() | st.just("0.00001")),
    }
    prompt |= {"minimum": draw(optional), "evaluation": draw(optional)}
    horizon = draw(st.integers(20, 500))
    return {
        "traffic": {
            "requests_per_day": draw(st.integers(100, 40_000)),
            "horizon_days": horizon,
            "growth_per_month": draw(st.sampled_from(["0", "0.1", "-0.1"])),
        },
        "prices": {"m": {"input": draw(st.sampled_from(["0.5", "2", "30"])), "output": 8}},
        "ways": {"prompt": prompt, "tuned": tuned},
    }


def check_value(config: dict[str, Any], value: float, *keys: str, **others: Any) -> None:
    """Just below the value tuned is the cheaper, just above the prompt."""
    for factor, name in ((1 - NEAR, "tuned"), (1 + NEAR, "prompt")):
        here = dict.fromkeys(keys, f"{value * factor:.12f}")
        assert cheaper(config, **here, **others) == name, keys


def check_volumes(config: dict[str, Any], at: dict[str, float], **keys: Any) -> None:
    """The cheaper is another on the two sides of each turn."""
    volumes = sorted(
        v for k, v in at.items() if k.startswith("requests_per_day") and "_at_" not in k
    )
    for volume in volumes:
        if any(v != volume and abs(v / volume - 1) < 10 * NEAR for v in volumes):
            continue  # two turns too close to each other to stand between
        sides = [
            cheaper(config, **keys, traffic__requests_per_day=f"{volume * factor:.9f}")
            for factor in (1 - NEAR, 1 + NEAR)
        ]
        assert sides[0] != sides[1], (volume, sides)


@settings(deadline=None, max_examples=30)
@given(sums())
def test_just_past_each_point_the_other_is_the_cheaper_and_just_before_it_is_not(config):
    answer = ask(config)
    assume(answer.cheapest == ("tuned",))
    event("tuned is the cheapest")
    at = {o.what: dict(o.at) for o in answer.left_out}
    gap = float(answer.ways[0].total.low - answer.ways[1].total.low)
    assume(gap > 0.01)
    if "tuned multiplier" in at:  # else it is cheaper at a thousand times the price as well
        check_value(config, at["tuned multiplier"]["multiplier"], "tuned__multiplier")
    check_value(
        config,
        at["quality"]["error_cost"],
        "error_cost",
        tuned__quality="0.99",
        prompt__quality="1",
    )
    check_value(config, at["upfront"]["amount"], "tuned__evaluation")
    if config["ways"]["tuned"]["hosting_hour"] is None:
        event("hosting")
        hosting = at["hosting"]
        check_value(config, hosting.pop("hosting_hour"), "tuned__hosting_hour")
        alone = hosting.pop("requests_per_day_for_hours", None)
        check_volumes(config, hosting, tuned__hosting_hour="1.70")
        if alone is not None:
            bare = {"training": 0, "search": 0}
            bare = {f"tuned__{key}": value for key, value in bare.items()}
            check_volumes(
                config,
                {"requests_per_day": alone},
                **bare,
                prompt__evaluation=0,
                tuned__hosting_hour="1.70",
                tuned__minimum=config["ways"]["tuned"]["minimum"],
            )
    if "retraining" in at:
        days = at["retraining"].pop("days", None)
        check_volumes(config, at["retraining"], tuned__retrain_days=90)
        horizon = config["traffic"]["horizon_days"]
        if days is None:
            assert cheaper(config, tuned__retrain_days=1) == "tuned"
        else:
            event("retraining turns it")
            assert cheaper(config, tuned__retrain_days=int(days)) == "prompt"
            if days < horizon - 1:
                assert "tuned" in least(config, tuned__retrain_days=int(days) + 1)
    cached = {
        "prices__m": {
            **config["prices"]["m"],
            "cached": f"{float(config['prices']['m']['input']) / 10}",
        },
        "prompt__cached_share": str(
            float(
                1
                - Fraction(
                    config["ways"]["tuned"]["input_tokens"],
                    config["ways"]["prompt"]["input_tokens"],
                )
            )
        ),
    }
    months = [way.month_total.low for way in ask(changed(config, **cached)).ways]
    assert float(months[0] - months[1]) == pytest.approx(
        at["caching"].pop("month_saving"), abs=1e-6
    )
    check_volumes(config, at["caching"], **cached)
    if set(at.get("end of life", {})) >= {"days"} and "days_for_good" not in at["end of life"]:
        event("pays for itself")
        day = at["end of life"]["days"]
        if floor(day) >= 1 and floor(day) < day - NEAR:
            assert cheaper(config, traffic__horizon_days=floor(day)) == "prompt"
        if ceil(day) > day + NEAR and ceil(day) <= config["traffic"]["horizon_days"]:
            assert cheaper(config, traffic__horizon_days=ceil(day)) == "tuned"
    if "saving_with_rebuild" in at.get("end of life", {}):
        ended = ask(changed(config, tuned__ends="2026-12-11"))
        gap = float(ended.ways[0].total.low - ended.ways[1].total.low)
        assert gap == pytest.approx(at["end of life"]["saving_with_rebuild"], abs=1e-6)


HOSTED = {
    "traffic": {"requests_per_day": 100_000},
    "prices": {"m": {"input": 2, "cached": "0.5", "output": 8}},
    "ways": {
        "prompt": {"model": "m", "input_tokens": 500},
        "tuned": {"model": "m", "input_tokens": 50, "training": 3000, "hosting_hour": "1.70"},
    },
}


def test_hosting_counts_in_every_point():
    """$49.20 a day are saved, and the upfront $3,000 are back after 60.98 days."""
    at = turns(HOSTED)
    assert at["end of life"]["days"] == pytest.approx(3000 / 49.2)
    assert at["retraining"]["days"] == 72  # five times at $3,000 within 365 days, from 73 on four
    assert at["tuned multiplier"]["multiplier"] == pytest.approx((365 * 59.2 - 3000) / 3650)
    assert at["caching"]["month_saving"] == pytest.approx(-549)
    text = text_of(HOSTED, "caching")
    assert "a month of tuned costs $549.00 more, and prompt becomes the cheaper" in text


def test_a_single_retraining_may_turn_it():
    config = changed(HOSTED, tuned__training=9000)
    assert turns(config)["retraining"]["days"] == 364
    assert "a single one over 365 days turns it" in text_of(config, "retraining")


def test_tuning_again_beyond_the_horizon_is_not_told():
    config = changed(HOSTED, traffic__horizon_days=70)
    text = text_of(config, "retraining")
    assert "every 90 days" not in text
    assert "a single one over 70 days turns it" in text
    daily = changed(HOSTED, tuned__training=60)
    assert "not even every day" in text_of(changed(HOSTED, tuned__training=30), "retraining")
    assert "only every day turns it" in text_of(daily, "retraining")


def test_a_best_that_is_ahead_at_first_falls_behind_and_comes_back():
    """Hosting from the first day on, growth, and an evaluation that only the prompt pays."""
    config = changed(
        HOSTED,
        traffic={"requests_per_day": 20_000, "growth_per_month": "0.3"},
        tuned__training=10,
        prompt__evaluation=100,
    )
    text = text_of(config, "end of life")
    assert "tuned is ahead at first and falls behind; it is ahead for good over 365 days" in text
    day = turns(config)["end of life"]["days_for_good"]
    for horizon, name in ((floor(day), "prompt"), (ceil(day), "tuned")):
        assert cheaper(config, traffic__horizon_days=horizon) == name


def test_several_turns_over_volume_are_all_named():
    """Minimums of 300 and 280 a month: tuned is the cheaper at low volumes and at high ones."""
    ways = {
        "prompt": {"model": "m", "input_tokens": 90, "minimum": 300},
        "tuned": {
            "model": "m",
            "input_tokens": 60,
            "training": 10,
            "minimum": 280,
            "judge": "0.00003",
        },
    }
    config = {
        "traffic": {"requests_per_day": 200_000, "horizon_days": 30},
        "prices": {"m": {"input": 2, "cached": "1.8"}},
        "ways": ways,
    }
    at = turns(config)["caching"]
    volumes = [at["requests_per_day"], at["requests_per_day_2"]]
    # 290 + 0.0009 of a request a day reach 300, and above it grows slower than the prompt
    assert volumes[0] == pytest.approx(10 / 0.0009)
    assert volumes[0] < volumes[1]
    check_volumes(config, at, prompt__cached_share=str(30 / 90))
    text = text_of(config, "caching")
    assert "the cheaper is prompt above 11,111 and tuned above" in text


def test_a_model_of_its_own_price_has_its_multiplier_in_it():
    config = changed(HOSTED, tuned__model="t", prices__t={"input": 3, "output": 9})
    assert not {"tuned multiplier"} & set(turns(config))


def test_output_tokens_at_the_prices_of_the_sum():
    """Each output token costs a dollar a million more, on 36.5 million requests."""
    config = changed(HOSTED, tuned__model="t", prices__t={"input": 2, "output": 9})
    yours = turns(config)["output tokens"]["yours"]
    assert yours == pytest.approx(14_958 / 36.5)
    assert f"{floor(yours)} of them" in text_of(config, "output tokens")
    for tokens, name in ((yours - 0.01, "tuned"), (yours + 0.01, "prompt")):
        written = {
            "tuned__output_tokens": f"{tokens:.6f}",
            "prompt__output_tokens": f"{tokens:.6f}",
        }
        assert cheaper(config, **written) == name


def test_another_currency_is_told_the_hour_that_turns_it():
    config = changed(HOSTED, currency="EUR", tuned__hosting_hour=None)
    assert turns(config)["hosting"] == {"hosting_hour": pytest.approx((36_500 - 6650) / (365 * 24))}
    assert "requests a day" not in text_of(config, "hosting")


MACHINE = {
    "traffic": {"requests_per_day": 10_000, "horizon_days": 360, "peak": 1},
    "prices": {"m": {"input": 10, "cached": 1, "output": 0}, "machine": {"hour": 1}},
    "ways": {
        "prompt": {"model": "m", "input_tokens": 500, "output_tokens": 0},
        "local": {"machine_seconds": "0.1"},
    },
}


def test_caching_beside_a_machine_of_ones_own_is_told_with_the_share_that_turns_it():
    """$50 a day against $24: 26 of the 45 that a cache of all tokens saves."""
    share = turns(MACHINE)["caching"]["cached_share"]
    assert share == pytest.approx(26 / 45)
    assert f"from {100 * share:.3g} % of them on prompt is the cheaper" in text_of(
        MACHINE, "caching"
    )
    for written, name in ((share - NEAR, "local"), (share + NEAR, "prompt")):
        assert cheaper(MACHINE, prompt__cached_share=f"{written:.9f}") == name


def test_caching_that_cannot_beat_the_machine_is_told_so():
    config = changed(MACHINE, prices__m={"input": 10, "cached": 8, "output": 0})
    assert "with all of them local stays $5,760.00 cheaper" in text_of(config, "caching")
    assert turns(config)["caching"]["saving"] == pytest.approx(5760)
    assert "caching" not in turns(changed(MACHINE, prompt__cached_share="0.5"))
