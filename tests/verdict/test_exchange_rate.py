"""The exchange rate between errors and money: given, or named where it turns the choice."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from steelyard.result.verdict import TurningPrice
from steelyard.verdict import Case, Limits, decide


def _case(*candidates, **fields) -> Case:
    return Case(candidates, **{"requests_per_day": 1000, "horizon_days": 365, **fields})


@pytest.fixture
def steps(make):
    """Three arms on the frontier of cost and quality, and one that lies behind it."""
    return (
        make("majority", 100, 400, per_request=0),
        make("tfidf_linear", 280, 400, per_request="0.000001"),
        make("few_shot", 330, 400, per_request="0.001"),
        make("lora", 360, 400, per_request="0.01"),
        make("zero_shot", 300, 400, per_request="0.02"),
    )


def test_the_choice_is_what_costs_least_in_all(steps):
    for price, arm in ((0.0001, "tfidf_linear"), (0.05, "few_shot"), (5, "lora")):
        verdict = decide(_case(*steps, error_cost=Decimal(str(price))))
        assert verdict.arm == arm, price
        costs = verdict.details.expected_cost
        assert min(costs, key=costs.get) == arm
        assert f"{arm} 0." in verdict.reasons[0] and "costs least in all" in verdict.reasons[0]
    # 365,000 requests, as many of them wrong as the posterior expects: about 17.5 %
    details = decide(_case(*steps, error_cost=Decimal("0.05"))).details
    expected = details.expected_quality["few_shot"]
    assert expected == pytest.approx(0.825, abs=0.005)
    total = 365_000 * (0.001 + 0.05 * (1 - expected))
    assert details.expected_cost["few_shot"] == pytest.approx(total, rel=0.001)


def test_an_arm_not_shown_above_the_commonest_answer_may_cost_least(make):
    """The expected cost decides, of all arms that keep the constraints."""
    floor = make("majority", 100, per_request=0)
    cheap = make("tfidf_linear", 108, shift=30, per_request="0.000001")
    dear = make("few_shot", 180, per_request="0.05")
    verdict = decide(_case(floor, cheap, dear, error_cost=Decimal("0.0002")))
    assert verdict.arm in ("tfidf_linear", "majority")
    assert verdict.details.expected_cost["few_shot"] > verdict.details.expected_cost["tfidf_linear"]
    assert decide(_case(floor, cheap, dear, error_cost=Decimal(1))).arm == "few_shot"


def test_turning_prices_are_the_slopes_of_the_frontier(steps):
    floor, first, second = decide(_case(*steps)).turning_prices
    assert (floor.cheaper, floor.better) == ("majority", "tfidf_linear")
    assert (first.cheaper, first.better) == ("tfidf_linear", "few_shot")
    assert (second.cheaper, second.better) == ("few_shot", "lora")
    # (0.001 - 0.000001) / (0.825 - 0.7) and (0.01 - 0.001) / (0.9 - 0.825)
    assert first.error_cost == pytest.approx(0.008, rel=0.06)
    assert second.error_cost == pytest.approx(0.12, rel=0.06)
    assert first.low < first.error_cost < first.high
    assert first.to_dict()["from"] == "tfidf_linear"
    assert TurningPrice.model_validate(first.to_dict()) == first


def test_the_choice_turns_at_its_turning_price(steps):
    """The rule with a price and the prices without one say the same."""
    for step in decide(_case(*steps)).turning_prices:
        for factor, arm in ((0.98, step.cheaper), (1.02, step.better)):
            price = Decimal(f"{step.error_cost * factor:.8f}")
            assert decide(_case(*steps, error_cost=price)).arm == arm


def test_a_step_that_may_be_none_has_no_upper_price(make):
    arms = make("few_shot", 80, 100), make("lora", 82, 100, shift=3, per_request="0.01")
    [step] = decide(_case(make("majority", 20, 100), *arms)).turning_prices
    assert step.high is None
    assert step.low < step.error_cost


def test_where_the_commonest_answer_is_cheapest_no_arm_pays(make):
    arms = make("majority", 80, 200, per_request=0), make("few_shot", 160, per_request="0.01")
    verdict = decide(_case(*arms, error_cost=Decimal("0.001")))
    assert verdict.arm == "majority"
    assert verdict.reasons[0].startswith("no arm pays: always giving the most common answer")
    assert decide(_case(*arms, error_cost=Decimal("0.1"))).arm == "few_shot"
    least = Limits(min_quality=0.7)
    kept = decide(_case(*arms, error_cost=Decimal("0.001"), limits=least))
    assert kept.arm == "few_shot", "a constraint that the commonest answer breaks"


def test_a_volume_flip_counts_wrong_answers(make):
    few, lora = make("few_shot", 160), make("lora", 180, upfront=100)
    verdict = decide(_case(make("majority", 60), few, lora, error_cost=Decimal("0.01")))
    assert verdict.arm == "lora"
    [flip] = [flip for flip in verdict.flips if flip.startswith("volume: below")]
    # 100 / (0.01 * 0.1 * 365) = 274 requests a day, were the difference not drawn in a little
    assert 265 < float(flip.split()[2].replace(",", "")) < 300


@pytest.mark.parametrize("margin", [0.0, 0.02, 0.1])
def test_the_margin_is_what_may_be_given_up_for_money(make, margin):
    arms = make("few_shot", 330, 400), make("lora", 350, 400, shift=9, upfront=1000)
    case = _case(make("majority", 100, 400), *arms, limits=Limits(margin=margin))
    assert decide(case).arm == ("few_shot" if margin == 0.1 else "lora")


def test_chances_are_told_and_add_up_to_no_less_than_one(steps):
    verdict = decide(_case(*steps))
    assert sum(verdict.details.chances.values()) >= 1
    assert verdict.details.chance == verdict.details.chances[verdict.arm]
    expected = verdict.details.expected_quality
    assert expected["lora"] < 0.9 and expected["tfidf_linear"] > 0.7, "drawn towards the middle"


def test_an_unknown_cost_is_never_least(make):
    unpriced = make("lora", 190, unpriced=True)
    case = _case(make("majority", 60), unpriced, make("few_shot", 150), error_cost=Decimal(1))
    assert decide(case).arm == "few_shot"
    assert all(step.better != "lora" for step in decide(case).turning_prices)
    alone = replace(case, candidates=(case.candidates[0], unpriced), memo={})
    assert decide(alone).arm == "lora"


def test_no_amount_counts_as_nothing_in_an_unknown_currency(make):
    cheap = make("nearest_neighbour", 160, per_request="0.0000001")
    better = make("tfidf_linear", 161, shift=2, per_request="0.0000002")
    arms = make("majority", 60), cheap, better
    assert decide(_case(*arms)).arm == "tfidf_linear"
    assert decide(_case(*arms, currency="JPY")).arm == "nearest_neighbour"


def test_arms_that_answer_alike_are_decided_by_money(make):
    arms = make("few_shot", 200, per_request="0.01"), make("lora", 200)
    verdict = decide(_case(make("majority", 60), *arms))
    assert (verdict.arm, verdict.confidence) == ("lora", "high")
    assert verdict.turning_prices == (), "no step of rounding errors between equal arms"


def test_two_perfect_arms_are_as_likely_right_as_a_coin_at_least(make):
    arms = make("few_shot", 24, 24, per_request=0), make("lora", 24, 24, per_request=0)
    verdict = decide(_case(make("majority", 4, 24), *arms, error_cost=Decimal("0.1")))
    assert verdict.details.chance >= 0.5


def test_an_arm_that_the_test_shows_to_be_worse_is_not_called_likely_near(make):
    """Two models, three formats of each that answer alike: 17 points are shown between the models."""
    low = [make("few_shot", 88, 120, name=f"few_shot-{i}@mid", shift=10) for i in range(3)]
    high = [
        make("few_shot", 108, 120, name=f"few_shot-{i}@hi", per_request="0.01") for i in range(3)
    ]
    verdict = decide(_case(make("majority", 30, 120), *low, *high))
    assert verdict.arm.endswith("@hi")
    assert max(verdict.details.chances[arm.name] for arm in low) < 0.1


def test_an_arm_of_unknown_cost_is_told_and_breaks_nothing(make):
    arms = make("zero_shot", 100), make("few_shot", 190, unpriced=True)
    verdict = decide(_case(make("majority", 60), *arms, error_cost=Decimal("0.1")))
    assert verdict.details.expected_cost["few_shot"] is None
    assert "costs least in all, of the arms whose cost is known" in verdict.reasons[0]
    assert "Infinity" not in str(verdict.to_dict())
    alone = decide(_case(make("few_shot", 190, unpriced=True), error_cost=Decimal("0.1")))
    assert alone.arm == "few_shot"
    assert "more likely than not" in alone.details.rule


def test_below_the_first_price_no_arm_pays(steps):
    floor, *_ = decide(_case(*steps)).turning_prices
    for factor, arm in ((0.98, "majority"), (1.02, "tfidf_linear")):
        price = Decimal(f"{floor.error_cost * factor:.12f}")
        assert decide(_case(*steps, error_cost=price)).arm == arm


def test_no_arm_pays_though_none_is_shown_above_the_floor(make):
    arms = make("majority", 120, per_request=0), make("few_shot", 124, shift=9, per_request="0.01")
    verdict = decide(_case(*arms, error_cost=Decimal("0.0001")))
    assert verdict.reasons[0].startswith("no arm pays")
    assert verdict.turning_prices[0].cheaper == "majority"
    assert verdict.more_labels.reason


def test_few_clusters_are_no_certainty(make):
    arms = make("few_shot", 160), make("lora", 174, per_request="0.01")
    for count in (1, 4):
        groups = tuple(str(place * count // 200) for place in range(200))
        verdict = decide(_case(*arms, clusters=groups))
        assert verdict.details.chance < 0.95, count


def test_a_metric_that_counts_no_right_answers_is_warned_of(make):
    graded = [replace(arm, scores=arm.scores * 0.9) for arm in (make("few_shot", 160),)]
    priced = _case(*graded, error_cost=Decimal("0.1"), metric="rouge_l")
    [warning] = [text for text in decide(priced).warnings if text.startswith("errors")]
    assert warning.startswith("errors: rouge_l is no share of right answers")
    for case in (
        replace(priced, error_cost=None, memo={}),
        _case(make("few_shot", 160), error_cost=Decimal(1)),
    ):
        assert not any(text.startswith("errors") for text in decide(case).warnings)


def test_the_floor_is_no_better_known_than_the_arms(make):
    """60 items: that no arm pays is no certainty, nor that one does."""
    floor = make("majority", 30, 60, per_request=0)
    worse = make("zero_shot", 21, 60, shift=20, per_request="0.00001")
    verdict = decide(_case(floor, worse, error_cost=Decimal("0.02")))
    assert verdict.arm == "majority"
    # by the binomial errors of both alone: 0.15 apart, give or take 0.09, 5 % of the cost allowed
    assert 0.75 < verdict.details.chance < 0.97
    floor = make("majority", 100, per_request=0)
    better = make("zero_shot", 128, shift=37, per_request="0.0018")
    verdict = decide(_case(floor, better, error_cost=Decimal("0.02")))
    assert verdict.arm == "zero_shot"
    assert 0.5 < verdict.details.chance < 0.97, "the only arm may still cost more than the floor"


def test_what_no_arm_pays_says_what_the_floor_costs_with_errors(make):
    arms = make("majority", 80, 200, per_request=0), make("few_shot", 160, per_request="0.01")
    details = decide(_case(*arms, error_cost=Decimal("0.001"))).details
    assert details.expected_cost["majority"] == pytest.approx(365_000 * 0.001 * 0.6)
    assert min(details.expected_cost, key=details.expected_cost.get) == "majority"


def test_small_costs_keep_their_digits(make):
    arms = make("few_shot", 150, per_request="1e-11"), make("lora", 190, per_request="2e-11")
    case = Case((make("majority", 60, per_request=0), *arms), 10, 30, error_cost=Decimal("1e-10"))
    costs = decide(case).details.expected_cost
    assert costs["few_shot"] == pytest.approx(300 * (1e-11 + 1e-10 * 0.25), rel=0.05)


def _random_case(rng: np.random.Generator, make) -> Case:
    names = ("zero_shot", "few_shot", "retrieved_few_shot", "tfidf_linear", "lora")
    n = int(rng.choice([40, 120]))
    arms = [
        make(
            name,
            int(n * rng.uniform(0.25, 0.97)),
            n,
            shift=int(rng.integers(n)),
            per_request=f"{10 ** rng.uniform(-6, -2):.9f}",
        )
        for name in names[: rng.integers(2, 6)]
    ]
    return _case(make("majority", int(0.3 * n), n, per_request=0), *arms)


def test_a_price_that_is_told_agrees_with_the_turning_prices_where_none_is(make):
    """At each turning price and between them, arms included that are not shown to be of use."""
    rng, checked = np.random.default_rng(4), 0
    for _ in range(12):
        case = _random_case(rng, make)
        verdict = decide(case)
        steps = verdict.turning_prices
        if verdict.arm is None or not steps:
            continue
        prices = [step.error_cost for step in steps]
        between = [(low * high) ** 0.5 for low, high in pairwise(prices)]
        expected = [
            (prices[0] * 0.9, steps[0].cheaper),
            *((step.error_cost, step.better) for step in steps),
            *zip(between, (step.better for step in steps), strict=False),
        ]
        for price, arm in expected:
            assert decide(replace(case, error_cost=Decimal(repr(price)))).arm == arm, price
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("error_cost", [None, "0.05"])
def test_of_equal_arms_the_choice_is_the_one_that_the_turning_prices_name(make, error_cost):
    """Twins that cost the same, under names in either order; the cheaper of two that do not."""
    floor = make("majority", 60, 240)
    low = make("tfidf_linear", 194, 240, shift=5, per_request="0.0000001")
    for names in (("zero_shot-a", "zero_shot-b", "few_shot-a"), ("b", "few_shot-a", "a")):
        *twins, dear = (make("zero_shot", 224, 240, name=name, shift=3) for name in names)
        dear = replace(dear, per_request=Decimal("0.0011"))
        price = None if error_cost is None else Decimal(error_cost)
        verdict = decide(_case(floor, low, *twins, dear, error_cost=price))
        assert verdict.arm == min(twin.name for twin in twins)
        named = {step.better for step in verdict.turning_prices}
        assert verdict.arm in named and dear.name not in named


def test_where_chances_are_equal_the_cheapest_is_the_choice(make):
    """A margin of next to nothing: which of six equal arms is the likeliest best is a matter of luck."""
    arms = [
        make("few_shot", 200, 240, name=f"few_shot-{i}", shift=40 * i, per_request=f"0.00{6 - i}")
        for i in range(6)
    ]
    for margin in (0, 0.001, 0.002):
        case = _case(make("majority", 60, 240), *arms, limits=Limits(margin=margin))
        assert {decide(replace(case, seed=seed)).arm for seed in range(4)} == {"few_shot-5"}


def test_an_arm_of_unknown_cost_that_may_be_best_leaves_the_choice_unsure(make):
    floor, priced = make("majority", 60), make("few_shot", 150)
    better = make("lora", 190, unpriced=True)
    verdict = decide(_case(floor, priced, better, error_cost=Decimal(1)))
    assert (verdict.arm, verdict.confidence) == ("few_shot", "low")
    assert verdict.details.chance < 0.05
    assert verdict.more_labels.n is None
    assert verdict.more_labels.reason.startswith("not weighed: the cost of lora is not known")
    assert any("lora 0.95" in why and "may cost less in all" in why for why in verdict.reasons)
    worse = make("lora", 80, shift=9, unpriced=True)
    verdict = decide(_case(floor, priced, worse, error_cost=Decimal(1), memo={}))
    assert verdict.confidence == "high", "free of charge, it would still cost more in all"
