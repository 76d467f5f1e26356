from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from steelyard.core import Comparison, Estimate
from steelyard.errors import ConfigError
from steelyard.stats import detectable_difference
from steelyard.verdict import Candidate, Case, Limits, Notes, decide


def _case(*candidates: Candidate, **known: object) -> Case:
    known = {"requests_per_day": 1000, "horizon_days": 365, **known}
    return Case(candidates, **known)


def test_the_clearly_best_wins_and_the_reasons_cite_figures(make):
    verdict = decide(
        _case(make("majority", 60), make("zero_shot", 120), make("lora", 180, upfront=50))
    )
    assert (verdict.recommendation, verdict.arm) == ("fine_tune", "lora")
    assert verdict.confidence == "high"
    assert verdict.reasons[0].startswith("lora 0.90 [0.85, 0.93] is the best")
    assert verdict.reasons[1].startswith("lora beats zero_shot by 0.30 [0.2")
    assert "(p < 0.001, Holm-corrected)" in verdict.reasons[1]
    assert verdict.details.chances["lora"] > 0.99
    assert verdict.details.chances["zero_shot"] < 0.01


def test_of_arms_likely_near_the_best_the_cheapest_to_own_wins(make):
    dear = make("lora", 161, shift=4, upfront=100, per_request="0.0001")
    cheap = make("few_shot", 160, per_request="0.001")
    majority = make("majority", 60)
    low = decide(_case(majority, dear, cheap, requests_per_day=100))
    assert (low.recommendation, low.arm) == ("few_shot", "few_shot")
    assert min(low.details.chances.values()) >= 0.5
    assert "is the cheapest arm that is likely within 0.02 of the best" in low.reasons[0]
    high = decide(_case(majority, dear, cheap, requests_per_day=10_000))
    assert high.arm == "lora"
    # 100 / (0.0009 * 365) = 304.4 requests a day
    assert any(flip.startswith("volume: above 304 requests a day") for flip in low.flips)
    assert any(flip.startswith("volume: below 304 requests a day") for flip in high.flips)


def test_the_price_flip_is_the_factor_at_which_costs_meet(make):
    first = make("few_shot", 160, per_request="0.001")
    second = make("zero_shot", 160, per_request="0.003")
    verdict = decide(_case(make("majority", 60), first, second))
    assert verdict.arm == "few_shot"
    assert any("costs 3 times as much as now" in flip for flip in verdict.flips)


def test_not_told_apart_is_not_taken_for_equal(make):
    """Ten points more that no test shows are still ten points more in expectation."""
    cheap = make("few_shot", 80, 100, per_request="0.001")
    better = make("lora", 86, 100, shift=7, upfront=1000)
    verdict = decide(_case(make("majority", 30, 100), cheap, better))
    [test] = [test for test in verdict.details.tests if test.b == "few_shot"]
    assert test.p_value > 0.05
    assert verdict.arm == "lora"
    assert "which may be chance" in verdict.reasons[1]


def test_arms_that_break_a_constraint_drop_out_by_name(make):
    slow = make("lora", 190, latency_p95_seconds=0.8)
    dear = make("few_shot", 185, monthly=900, per_request="0.03")
    poor = make("nearest_neighbour", 100, latency_p95_seconds=0.01, monthly=1)
    fine = make("zero_shot", 170, latency_p95_seconds=0.1, monthly=30)
    limits = Limits(0.75, 500, Decimal(500))
    verdict = decide(_case(make("majority", 60), slow, dear, poor, fine, limits=limits))
    assert verdict.arm == "zero_shot"
    dropped = {entry.arm: entry.reason for entry in verdict.details.dropped}
    assert dropped["lora"] == "p95 latency 800 ms is above 500 ms"
    assert dropped["few_shot"] == "$900.00 a month is above $500.00"
    assert "below min_quality 0.75" in dropped["nearest_neighbour"]
    assert all(any(name in reason for reason in verdict.reasons) for name in dropped)
    assert any(flip.startswith("constraint: lora 0.95") for flip in verdict.flips)
    # 500 / (0.03 * 30) = 555.6 requests a day
    assert any("fit the budget below 556 requests a day" in flip for flip in verdict.flips)


def test_limits_that_could_not_be_held_are_warned_of(make):
    limits = Limits(None, 500, Decimal(500))
    verdict = decide(_case(make("majority", 60), make("zero_shot", 170), limits=limits))
    assert any("zero_shot: latency was not measured" in warning for warning in verdict.warnings)
    assert any("zero_shot: cost is unknown" in warning for warning in verdict.warnings)


def test_not_shown_above_the_majority_is_undecided_with_the_items_it_takes(make):
    verdict = decide(_case(make("majority", 20, 40), make("zero_shot", 25, 40, shift=3)))
    assert (verdict.recommendation, verdict.arm, verdict.confidence) == ("undecided", None, "low")
    assert "more test labels would tell (chance 0." in verdict.reasons[0]
    assert verdict.details.leading == "zero_shot"
    assert verdict.more_labels.n == verdict.details.more_items > 10
    assert verdict.more_labels.chance >= 0.8


def test_below_the_majority_no_number_of_items_helps(make):
    verdict = decide(_case(make("majority", 120), make("zero_shot", 100)))
    assert verdict.recommendation == "undecided"
    assert "more test items will not change that" in verdict.reasons[0]
    assert verdict.details.more_items is None


def test_where_no_difference_was_seen_more_items_are_not_said_to_be_of_no_use(make):
    verdict = decide(_case(make("majority", 0, 30), make("zero_shot", 0, 30)))
    assert "will not change" not in verdict.reasons[0]
    # Tango's interval of 0 in 30: z^2 / (n + z^2) = 0.1135
    assert "zero_shot may still be up to 0.11 better" in verdict.reasons[0]
    assert verdict.details.more_items is None


def test_an_arm_below_the_majority_may_be_above_it_where_the_interval_says_so(make):
    verdict = decide(_case(make("majority", 12, 30), make("zero_shot", 11, 30, shift=9)))
    assert "will not change" not in verdict.reasons[0]
    assert "by its interval zero_shot may still be up to 0." in verdict.reasons[0]


@pytest.mark.parametrize("n", [4, 19, 20])
def test_a_small_test_gives_no_number_of_items(make, n):
    verdict = decide(_case(make("majority", 1, n), make("zero_shot", 2, n)))
    is_small = n < 20
    small = f"{n} test items are too few to say how many would tell"
    assert (small in verdict.reasons[0]) == is_small
    assert (verdict.details.more_items is None) == is_small


def test_a_small_test_gives_no_number_of_items_for_a_minimum(make):
    unsure = decide(_case(make("lora", 15, 19), limits=Limits(min_quality=0.79)))
    assert "19 test items are too few to say how many would tell" in unsure.reasons[0]
    assert unsure.more_labels.n is None


def test_a_thin_test_is_warned_of_with_the_plans_own_figure(make):
    arms = make("majority", 10, 36), make("zero_shot", 30, 36)
    planned = detectable_difference(36, comparisons=2)
    shown = (
        "differences below about 25.3 points will hardly show, after correction for 2 comparisons"
    )
    assert f"small test: 36 items; {shown}" in decide(_case(*arms, detectable=planned)).warnings
    nothing = detectable_difference(36, comparisons=40)
    assert f"small test: {nothing.reason}" in (decide(_case(*arms, detectable=nothing)).warnings)
    unplanned = "small test: 36 items; only large differences will show"
    assert unplanned in decide(_case(*arms)).warnings, "no figure that rests on another metric"


@pytest.mark.parametrize(
    ("cut", "early", "warned"),
    [
        (0, 0, []),
        (6, 0, ["reached its limit of tokens on 6 of 200 examples; raise max_output_tokens"]),
        (6, 6, ["was cut below its limit of tokens on 6 of 200 examples: the server's own limit"]),
        (
            6,
            2,
            [
                "reached its limit of tokens on 4 of 200 examples; raise max_output_tokens",
                "was cut below its limit of tokens on 2 of 200 examples: the server's own limit",
            ],
        ),
    ],
)
def test_cut_answers_are_warned_of_by_whose_limit_it_was(make, cut, early, warned):
    arms = make("zero_shot", 150, cut=cut, cut_early=early), make("majority", 60)
    cuts = [w for w in decide(_case(*arms)).warnings if w.startswith("cut answers: zero_shot")]
    assert len(cuts) == len(warned)
    assert all(text in line for text, line in zip(warned, cuts, strict=True))
    assert all(("cannot help" in line) == ("below" in line) for line in cuts)


def test_a_test_without_items_or_without_a_plan_names_no_figure(make):
    assert "small test: no test items" in decide(_case()).warnings


def test_the_best_of_what_constraints_leave_is_not_called_the_best_of_all(make):
    limits = Limits(max_latency_p95_ms=500)
    slow = make("lora", 190, latency_p95_seconds=0.8)
    fast = make("few_shot", 160, latency_p95_seconds=0.1)
    low = make("majority", 60, latency_p95_seconds=0.1)
    [first, *_] = decide(_case(slow, fast, low, limits=limits)).reasons
    assert "is the best of those in the choice, and no other" in first
    [first, *_] = decide(_case(slow, fast, low)).reasons
    assert "is the best, and no other" in first


def test_no_volume_or_price_would_do_it_only_without_a_limit_on_money(make):
    arms = make("majority", 60), make("lora", 190, monthly=5), make("few_shot", 150, monthly=5)
    flip = decide(_case(*arms)).flips[-1]
    assert "no change in volume or price would do it" in flip
    flips = decide(_case(*arms, limits=Limits(max_monthly_cost=Decimal(10)))).flips
    assert not any("no change in volume" in flip for flip in flips)


def test_a_cost_that_no_price_would_tell_asks_for_no_price(make):
    priced = make("majority", 60)
    unpriced, silent = make("lora", 190, unpriced=True), make("lora", 0, failed=200, unpriced=True)
    [warning] = [w for w in decide(_case(priced, unpriced)).warnings if w.startswith("cost")]
    assert warning.endswith("add prices to task.yaml")
    [warning] = [w for w in decide(_case(priced, silent)).warnings if w.startswith("cost")]
    assert warning.endswith("none of its answers was usable")


def test_a_tied_arm_that_is_not_shown_above_the_majority_never_wins_by_being_cheap(make):
    majority = make("majority", 100)
    cheap = make("zero_shot", 112, shift=50, per_request="0.0001")
    best = make("lora", 126, shift=20, per_request="0.01")
    verdict = decide(_case(majority, cheap, best))
    assert verdict.arm != "zero_shot"


def test_three_items_decide_with_low_confidence(make):
    verdict = decide(_case(make("zero_shot", 0, 3), make("few_shot", 3, 3)))
    assert (verdict.arm, verdict.confidence) == ("few_shot", "low")
    assert any(warning.startswith("small test: 3 items") for warning in verdict.warnings)
    few = decide(_case(make("majority", 0, 3), make("zero_shot", 2, 3), make("few_shot", 3, 3)))
    assert few.recommendation == "undecided"
    assert "3 test items are too few to say how many would tell" in few.reasons[0]


def test_a_minimum_is_reached_where_that_is_likely_and_the_chance_is_told(make):
    arm = make("majority", 60), make("lora", 174)  # 0.87
    for least, chance, is_decided in ((0.85, 0.79, True), (0.88, 0.34, False), (0.8, 0.99, True)):
        verdict = decide(_case(*arm, limits=Limits(min_quality=least)))
        assert verdict.details.minimum["lora"] == pytest.approx(chance, abs=0.02)
        assert (verdict.arm == "lora") == is_decided
    likely = decide(_case(*arm, limits=Limits(min_quality=0.865)))
    assert (likely.arm, likely.confidence) == ("lora", "low")
    assert "the chance that lora reaches min_quality 0.865 is 0.57" in likely.reasons
    assert "or, if that is less, reaches min_quality" in likely.details.confidence_rule
    unsure = decide(_case(*arm, limits=Limits(min_quality=0.87)))
    assert unsure.recommendation == "undecided"
    assert "cannot tell whether lora 0.87" in unsure.reasons[0]
    assert "(chance 0.49; 0.5 is needed)" in unsure.reasons[0]


def test_a_minimum_just_missed_may_yet_be_reached(make):
    limits = Limits(min_quality=0.85)
    verdict = decide(_case(make("majority", 60), make("lora", 166), limits=limits))
    assert verdict.recommendation == "undecided"
    assert "lora 0.83 [0.77, 0.88] may still reach min_quality 0.85" in verdict.reasons[0]
    assert verdict.more_labels.n > 100, "about 1 more never"


def test_no_arm_left_is_undecided(make):
    limits = Limits(min_quality=0.99)
    verdict = decide(_case(make("majority", 60), make("lora", 100), limits=limits))
    assert verdict.recommendation == "undecided"
    assert verdict.reasons[0] == (
        "no usable arm meets every constraint: lora (quality 0.50 [0.43, 0.57] is below min_quality "
        "0.99); relax a constraint, or try a stronger model"
    )
    assert decide(_case()).reasons[0] == "no arm was measured"


def test_the_majority_is_not_recommended_where_constraints_drop_all_else(make):
    limits = Limits(max_latency_p95_ms=0.3)
    majority = make("majority", 60, latency_p95_seconds=0.0)
    slow = make("lora", 190, latency_p95_seconds=1.0)
    quick = make("tfidf_linear", 170, latency_p95_seconds=0.00042)
    more = [make("few_shot", right, name=f"s{right}", latency_p95_seconds=2.0) for right in (1, 2)]
    verdict = decide(_case(majority, quick, slow, *more, limits=limits))
    assert (verdict.recommendation, verdict.arm) == ("undecided", None)
    assert verdict.details.leading == "lora"
    assert verdict.details.more_items is None
    assert verdict.reasons[0] == (
        "no usable arm meets every constraint: lora 0.95 [0.91, 0.97] (p95 latency 1,000 ms is above "
        "0.3 ms), tfidf_linear 0.85 [0.79, 0.89] (p95 latency 0.42 ms is above 0.3 ms), s2 0.01 "
        "[0.00, 0.04] (p95 latency 2,000 ms is above 0.3 ms), 1 more; only always giving the most "
        "common answer meets them, which is not a solution; relax a constraint"
    )


def test_an_arm_no_better_than_the_majority_is_not_recommended_where_the_rest_drop_out(make):
    limits = Limits(max_latency_p95_ms=10)
    slow, poor = make("lora", 190, latency_p95_seconds=1.0), make("zero_shot", 60)
    verdict = decide(_case(make("majority", 60), slow, poor, limits=limits))
    assert (verdict.recommendation, verdict.arm) == ("undecided", None)
    assert verdict.reasons[0].startswith(
        "no arm that meets every constraint does better than always"
    )
    assert "a looser constraint may help" in verdict.reasons[0]


def test_the_majority_alone_is_not_recommended(make):
    verdict = decide(_case(make("majority", 60)))
    assert verdict.recommendation == "undecided"
    assert "is the only arm measured" in verdict.reasons[0]
    assert "constraint" not in verdict.reasons[0]


def test_what_stops_the_leading_arm_is_named_and_items_are_not_said_to_mend_it(make):
    limits = Limits(min_quality=1.0, max_latency_p95_ms=0.3)
    fast = make("tfidf_linear", 200, latency_p95_seconds=0.001)
    verdict = decide(_case(make("majority", 60), fast, limits=limits))
    assert verdict.reasons[0] == (
        "no usable arm meets every constraint: tfidf_linear 1.00 [0.98, 1.00] (p95 latency 1 ms is "
        "above 0.3 ms); relax a constraint"
    )
    assert verdict.details.more_items is None


def test_items_may_mend_an_arm_behind_the_one_that_another_constraint_stops(make):
    limits = Limits(0.85, 100)
    slow = make("lora", 190, latency_p95_seconds=1.0)
    short, low = make("few_shot", 166, latency_p95_seconds=0.01), make("zero_shot", 100)
    verdict = decide(_case(make("majority", 166), slow, short, low, limits=limits))
    stopped, may = verdict.reasons[0].split("; relax a constraint; ")
    assert stopped.startswith("no usable arm meets every constraint: lora 0.95 [0.91, 0.97] (p95")
    assert may.startswith("few_shot 0.83 [0.77, 0.88] may still reach min_quality 0.85 (chance 0.2")
    assert verdict.details.leading == "few_shot"
    assert verdict.details.more_items > 100


def test_an_unknown_cost_never_wins_by_cost(make):
    hosted = make("few_shot", 170, unpriced=True)
    local = make("zero_shot", 168, per_request="0.01")
    verdict = decide(_case(make("majority", 60), hosted, local))
    assert verdict.arm == "zero_shot"
    assert any("cost unknown: few_shot" in warning for warning in verdict.warnings)
    alone = decide(_case(make("majority", 60), hosted))
    assert alone.arm == "few_shot"


def test_warnings_name_leaks_conflicts_and_failed_answers(make):
    notes = Notes(leaks=6, conflicts=2, skipped_rows=3)
    broken = make("zero_shot", 170, failed=25)
    text = " ".join(decide(_case(make("majority", 60), broken, notes=notes)).warnings)
    assert "leaks: 6" in text and "conflicts: 2" in text and "3 bad rows" in text
    assert "zero_shot (the choice) failed on 25 of 200 examples" in text


def test_given_comparisons_are_used_in_either_order(make):
    given = Comparison("lora", "few_shot", "macro_f1", 0.2, 0.1, 0.3, 0.001, None, "given")
    few, lora = make("few_shot", 160, per_request="0.00001"), make("lora", 160)
    verdict = decide(_case(few, lora, comparisons=(given,), metric="macro_f1"))
    assert verdict.details.tests[0].method == "given"
    turned = replace(given, a="few_shot", b="lora", difference=-0.2, low=-0.3, high=-0.1)
    again = decide(_case(few, lora, comparisons=(turned,), metric="macro_f1"))
    assert again.details.tests == verdict.details.tests


def test_a_metric_that_is_no_mean_is_believed_by_its_intervals(make):
    """The items' scores say nothing of it: only its intervals and comparisons do."""
    known = (
        Comparison("few_shot", "lora", "macro_f1", -0.02, -0.021, -0.019, 0.01, None, "asked"),
    )
    arms = make("few_shot", 160), make("lora", 164, shift=60)
    sure = decide(_case(*arms, comparisons=known, decomposable=False, limits=Limits(margin=0.01)))
    by_items = decide(_case(*arms, comparisons=known, limits=Limits(margin=0.01)))
    assert sure.details.tests[0].method == "asked"
    assert sure.details.chances["few_shot"] < by_items.details.chances["few_shot"]
    warned = decide(_case(*arms, comparisons=known, decomposable=False, error_cost=Decimal("0.1")))
    assert any(warning.startswith("errors: accuracy is no share") for warning in warned.warnings)


def test_an_arm_without_a_figure_drops_out(make):
    blank = Candidate("lora", "lora", Estimate(None, reason="no items"), np.zeros(200))
    verdict = decide(_case(make("majority", 60), make("zero_shot", 170), blank))
    assert verdict.arm == "zero_shot"
    assert verdict.details.dropped[0].reason == "its quality is unknown: no items"


def test_an_unknown_strategy_names_the_closest(make):
    with pytest.raises(ConfigError, match="did you mean 'zero_shot'"):
        decide(_case(make("zero_shots", 170)))


def test_details_are_plain_json_and_the_same_each_time(make):
    case = _case(make("majority", 60), make("zero_shot", 150), make("lora", 160, shift=5))
    first, second = (json.dumps(decide(replace(case, memo={})).to_dict()) for _ in range(2))
    assert first == second


def test_of_arms_of_equal_quality_the_dearer_one_seldom_wins():
    """Two arms of equal true quality: the dearer wins only where it looks clearly ahead."""
    rng, wrong = np.random.default_rng(0), 0
    for _ in range(200):
        arms = []
        for name, cost in (("few_shot", "0.001"), ("lora", "0.002")):
            scores = (rng.random(300) < 0.8).astype(float)
            quality = Estimate(float(scores.mean()), scores.mean() - 0.05, scores.mean() + 0.05)
            arms.append(Candidate(name, name, quality, scores, Decimal(0), Decimal(cost)))
        wrong += decide(_case(*arms)).arm == "lora"
    assert wrong / 200 <= 0.16


def test_cents_do_not_outweigh_quality(make):
    cheap = make("nearest_neighbour", 160, per_request="0.0000001")
    better = make("tfidf_linear", 161, shift=2, per_request="0.0000002")
    verdict = decide(_case(make("majority", 60), cheap, better))
    assert verdict.arm == "tfidf_linear"
    assert (
        "is the best, and none of those likely within 0.02 of it costs clearly less"
        in verdict.reasons[0]
    )
    assert not any(flip.startswith(("volume:", "price:")) for flip in verdict.flips)
    assert verdict.flips[-1] == (
        "volume and price: none is named against nearest_neighbour, which costs about the same as "
        "tfidf_linear over 365 days (within 1 USD or 5%)"
    )


def test_a_choice_that_no_volume_or_price_changes_says_what_would(make):
    verdict = decide(_case(make("majority", 60), make("zero_shot", 120), make("tfidf_linear", 180)))
    assert any("zero_shot would need +0.30" in flip for flip in verdict.flips)


def test_the_reasons_are_two_however_many_arms_there_are(make):
    arms = [make("few_shot", 120 + place, name=f"few_shot-{place}") for place in range(8)]
    verdict = decide(_case(make("majority", 60), *arms, make("lora", 180)))
    assert len(verdict.reasons) == 2


def test_where_nothing_is_recommended_no_arm_is_called_the_choice(make):
    leading = make("lora", 60, 200, failed=40, cut=20)
    verdict = decide(Case((make("majority", 58, 200), leading), 1000, 365))
    assert verdict.arm is None
    assert not any("(the choice)" in warning for warning in verdict.warnings)
    assert sum("lora (leads so far)" in warning for warning in verdict.warnings) == 2


def test_old_prices_are_warned_of(make):
    notes = Notes(old_prices=("the price of m is 200 days old, more than 180: check it",))
    warnings = decide(_case(make("majority", 60), make("tfidf_linear", 160), notes=notes)).warnings
    assert "old price: the price of m is 200 days old, more than 180: check it" in warnings
