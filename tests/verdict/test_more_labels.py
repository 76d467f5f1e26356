"""Whether more labels are worth buying."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from steelyard.stats import proportion
from steelyard.verdict import Candidate, Case, Limits, decide
from steelyard.verdict.more_labels import SIZES


def _case(*candidates, **fields) -> Case:
    return Case(candidates, **{"requests_per_day": 1000, "horizon_days": 365, **fields})


def test_a_sure_choice_needs_none(make):
    more = decide(_case(make("majority", 60), make("few_shot", 120), make("lora", 180))).more_labels
    assert more.n is None
    assert more.reason.startswith("none needed: the choice is ")


def test_without_prices_a_number_comes_with_its_chance_and_no_value(make):
    arms = make("few_shot", 80, 100), make("lora", 83, 100, shift=15, upfront=1000)
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
    alone = decide(_case(make("majority", 60), make("lora", 180), error_cost=Decimal("0.1")))
    assert alone.more_labels.reason == "no other arm is in the choice"
    both = {"error_cost": Decimal("0.1"), "label_cost": Decimal("0.3")}
    few = decide(_case(make("few_shot", 12, 15), make("lora", 14, 15), **both))
    assert few.more_labels.reason == "15 test items are too few to say how many would tell"


def test_perfect_arms_need_no_labels(make):
    arms = make("few_shot", 200), make("lora", 200, per_request="0.0011")
    both = {"error_cost": Decimal("0.05"), "label_cost": Decimal("0.3")}
    more = decide(_case(make("majority", 60), *arms, **both)).more_labels
    assert (more.n, more.value) == (None, 0.0) or more.chance > 0
