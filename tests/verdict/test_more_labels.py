"""Whether more labels are worth buying."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import betaincc as betasf_at

from steelyard.stats import proportion
from steelyard.verdict import Candidate, Case, Limits, decide
from steelyard.verdict.beliefs import beliefs_of
from steelyard.verdict.more_labels import SIZES, Prospect
from steelyard.verdict.rule import choose


def _case(*candidates, **fields) -> Case:
    return Case(candidates, **{"requests_per_day": 1000, "horizon_days": 365, **fields})


def test_a_sure_choice_needs_none(make):
    more = decide(_case(make("majority", 60), make("few_shot", 120), make("lora", 180))).more_labels
    assert more.n is None
    assert more.reason.startswith("none needed: the choice is ")


def test_without_prices_a_number_comes_with_its_chance_and_no_value(make):
    arms = make("few_shot", 80, 100), make("lora", 88, 100, shift=12, upfront=1000)
    more = decide(_case(make("majority", 30, 100), *arms)).more_labels
    assert more.n in SIZES
    assert more.chance >= 0.8
    assert more.value is None and more.cost is None


def test_with_both_prices_the_gain_is_weighed_against_the_price(make):
    arms = make("few_shot", 80, 100), make("lora", 86, 100, shift=7, per_request="0.01")
    case = {"error_cost": Decimal("0.12")}
    cheap = decide(_case(make("majority", 30, 100), *arms, label_cost=Decimal("0.01"), **case))
    more = cheap.more_labels
    assert more.n in SIZES
    assert more.value > 0
    assert more.cost == pytest.approx(0.01 * more.n)
    dear = decide(_case(make("majority", 30, 100), *arms, label_cost=Decimal(1000), **case))
    assert dear.more_labels.n is None
    assert dear.more_labels.value == 0
    assert dear.more_labels.reason.startswith("no number is worth its price")


def test_the_price_below_which_labels_pay_is_named_where_none_is_given(make):
    arms = make("few_shot", 80, 100), make("lora", 90, 100, shift=7, per_request="0.01")
    more = decide(_case(make("majority", 30, 100), *arms, error_cost=Decimal("0.1"))).more_labels
    assert more.value is None
    assert "worth buying at up to $" in more.reason


def test_a_difference_too_small_to_show_has_no_number(make):
    """Two arms whose difference lies at the margin: hardly any number of labels tells on which side."""
    arms = [
        make("few_shot", 5000, 10_000),
        make("lora", 5200, 10_000, shift=4000, upfront=1000),
    ]
    more = decide(_case(make("majority", 1000, 10_000), *arms)).more_labels
    assert (more.n, more.reason) == (None, "no number up to 6,400 would tell")


def test_the_number_said_tells_about_as_often_as_said():
    """Worlds of one arm near its minimum: after N more labels the test tells in about ``chance`` of them."""
    rng, told, chances = np.random.default_rng(3), 0, []
    for _ in range(150):
        truth, n = float(rng.uniform(0.7, 0.95)), 60
        scores = (rng.random(n) < truth).astype(float)
        verdict = decide(_minimum(scores))
        more = verdict.more_labels
        if verdict.arm is not None or more.n is None:
            continue
        chances.append(more.chance)
        longer = np.concatenate([scores, (rng.random(more.n) < truth).astype(float)])
        after = decide(_minimum(longer))
        told += after.arm is not None or after.details.minimum["lora"] <= 0.05
    assert len(chances) > 40
    assert told / len(chances) >= np.mean(chances) - 0.12


def _minimum(scores: np.ndarray) -> Case:
    quality = proportion(int(scores.sum()), len(scores))
    arm = Candidate("lora", "lora", quality, scores, Decimal(0), Decimal("0.001"))
    return _case(arm, limits=Limits(min_quality=0.85))


def test_a_sure_choice_needs_none_where_errors_have_a_price(make):
    arms = make("few_shot", 120), make("lora", 180)
    case = _case(make("majority", 60), *arms, error_cost=Decimal("0.1"))
    assert decide(case).more_labels.reason.startswith("none needed: the choice is ")


def test_of_one_arm_or_few_items_nothing_is_predicted(make):
    alone = decide(_case(make("majority", 60), make("lora", 180)))
    assert alone.more_labels.reason == "no other arm is in the choice"
    both = {"error_cost": Decimal("0.1"), "label_cost": Decimal("0.3")}
    few = decide(_case(make("few_shot", 12, 15), make("lora", 14, 15), **both))
    assert few.more_labels.reason == "15 test items are too few to say how many would tell"


def test_perfect_arms_need_no_labels(make):
    arms = make("few_shot", 200), make("lora", 200, per_request="0.0011")
    both = {"error_cost": Decimal("0.05"), "label_cost": Decimal("0.3")}
    more = decide(_case(make("majority", 60), *arms, **both)).more_labels
    assert (more.n, more.value) == (None, 0.0) or more.chance > 0


def test_a_number_tells_whether_a_choice_reaches_its_minimum_with_the_level_of_a_sure_one(make):
    """By simulation of its own: after N more labels the chance to reach 0.955 is 0.95 or 0.05."""
    limits = Limits(min_quality=0.955)
    verdict = decide(_case(make("majority", 60, 240), make("lora", 234, 240), limits=limits))
    more, rng = verdict.more_labels, np.random.default_rng(5)
    assert verdict.arm == "lora"
    assert 0.9 < verdict.details.minimum["lora"] < 0.95
    after = {
        n: np.array([_reaches(rng, 234, 240, n) for _ in range(3000)]) for n in (25, 800, more.n)
    }
    settled = {n: float(((x >= 0.95) | (x <= 0.05)).mean()) for n, x in after.items()}
    assert settled[25] < 0.8 and more.n > 25
    assert more.chance == pytest.approx(settled[more.n], abs=0.03)


def _reaches(rng: np.random.Generator, right: int, n: int, more: int) -> float:
    truth = rng.beta(right + 0.5, n - right + 0.5)
    right, n = right + rng.binomial(more, truth), n + more
    return float(betasf_at(right + 0.5, n - right + 0.5, 0.955))


def test_what_missing_a_minimum_costs_is_not_known_though_errors_and_labels_have_prices(make):
    both = {"error_cost": Decimal("0.1"), "label_cost": Decimal("0.3")}
    case = _case(make("majority", 60, 240), make("lora", 234, 240), **both)
    verdict = decide(replace(case, limits=Limits(min_quality=0.955)))
    assert verdict.arm == "lora"
    assert verdict.more_labels.cost == pytest.approx(0.3 * verdict.more_labels.n)
    assert verdict.more_labels.reason == (
        "their value is not known: what it costs to miss min_quality 0.955 has no price"
    )


def test_number_and_value_do_not_hang_on_the_luck_of_a_simulation(make):
    arms = make("few_shot", 80, 100), make("lora", 86, 100, shift=7, per_request="0.01")
    prices = {"error_cost": Decimal("0.15"), "label_cost": Decimal("0.3")}
    case = _case(make("majority", 30, 100), *arms, **prices)
    first, *others = (decide(replace(case, seed=seed)).more_labels for seed in range(8))
    assert first.n and all(other == first for other in others)
    beliefs, gains = beliefs_of(case, arms), []
    for seed in range(8):
        luck = replace(beliefs, seed=seed)
        gains.append(Prospect(case, luck, choose(case, luck)).gain(first.n))
    assert np.ptp(gains) < 0.1 * np.mean(gains)


def test_more_labels_tell_no_less(make):
    arms = make("few_shot", 80, 100), make("lora", 86, 100, shift=7, per_request="0.01")
    case = _case(make("majority", 30, 100), *arms, error_cost=Decimal("0.15"))
    beliefs = beliefs_of(case, arms)
    looks = [Prospect(case, beliefs, choose(case, beliefs)).look(n) for n in SIZES]
    assert all(b.chance >= a.chance - 0.01 for a, b in pairwise(looks))
    assert all(b.gain >= 0.99 * a.gain for a, b in pairwise(looks))
