"""The report's sections on steadiness, certainty, parts, searches and constraint."""

from __future__ import annotations

import re
from typing import Any

import pytest

from steelyard.core import FAMILIES
from steelyard.report import render
from steelyard.report.certainty import Certainty
from steelyard.report.comparison import columns
from steelyard.report.marks import point
from steelyard.report.pieces import Pieces
from steelyard.report.searches import searches
from steelyard.report.steadiness import Steadiness
from steelyard.report.view import View
from steelyard.result import parse_result

RULES = {"acknowledges": 0.9, "closing": 0.4}


def with_parts(result: dict[str, Any]) -> dict[str, Any]:
    for arm in result["arms"]:
        arm["parts"] = [
            {"metric": "rules", "part": name, "value": value, "low": 0.3, "high": 0.95, "n": 40}
            for name, value in RULES.items()
        ]
    return result


def cell(result: dict[str, Any], arm: str, kind: str) -> Any:
    steady = Steadiness(View(parse_result(result)))
    row = next(row for row in steady.rows if row.arm.name == arm)
    return row.cells[steady.kinds.index(kind)]


def test_each_change_shows_its_worst_figure_and_how_many_answers_stayed(
    result: dict[str, Any],
) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "few_shot")
    change = next(c for c in arm["consistency"]["sensitivity"] if c["kind"] == "order")
    change["worst"] = {"name": "reversed", "score": 0.4, "difference": -0.125}
    change["variants"] = [
        {"name": "reversed", "score": 0.4, "difference": -0.125, "agreement": 0.75},
        {"name": "shuffled", "score": 0.5, "difference": -0.025, "agreement": 0.85},
    ]
    change["agreement"] = 0.8
    found = cell(result, "few_shot", "order")
    assert found.shade > 0
    change["p_value"] = 0.2
    assert cell(result, "few_shot", "order").shade == 0, "chance explains it"
    assert (found.worst, found.note) == ("\u221212.5", "80\u202f% same answers")
    assert cell(result, "zero_shot", "order").reason == "it shows no shots"


def test_a_change_that_only_helps_costs_nothing(result: dict[str, Any]) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "few_shot")
    change = next(c for c in arm["consistency"]["sensitivity"] if c["kind"] == "order")
    change["worst"]["difference"] = 0.03
    assert cell(result, "few_shot", "order").worst == "0.0"


def test_examples_that_changed_are_shown_with_each_answer_and_how_often(
    result: dict[str, Any],
) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "few_shot")
    assert "that got different answers" not in render(parse_result(result))
    arm["consistency"]["repeats"]["by_example"] = [
        {
            "example_id": "t1",
            "agreement": 1 / 3,
            "input": "Where is <my> parcel?",
            "outputs": [{"output": "DELIVERY", "times": 2}, {"output": None, "times": 1}],
        }
    ]
    page = render(parse_result(result))
    assert "that got different answers" in page
    assert "Where is &lt;my&gt; parcel?" in page
    assert "DELIVERY<small> 2\u202f×</small><br>no usable answer<small> 1\u202f×</small>" in page
    assert "<caption>few_shot</caption>" in page
    arm["consistency"]["repeats"]["by_example"] *= 7
    assert "<caption>few_shot: the first 5 of 7</caption>" in render(parse_result(result))


def test_what_was_not_measured_leaves_no_section(result: dict[str, Any]) -> None:
    assert 'id="steady"' in render(parse_result(result))
    assert 'id="pieces"' not in render(parse_result(result))
    for arm in result["arms"]:
        arm["consistency"], arm["calibration"] = None, None
        arm["consistency_reason"] = arm["calibration_reason"] = "not asked for"
    assert 'id="steady"' not in render(parse_result(result))


def test_the_reliability_plot_has_a_dot_for_each_bin(result: dict[str, Any]) -> None:
    certainty = Certainty(View(parse_result(result)))
    first = certainty.arms[0]
    assert first.winner
    bins = first.calibration.bins
    assert str(certainty.reliability).count("<circle") == len(bins)
    said = round(100 * bins[0].confidence, 1)
    assert f"stated {said:.1f}" in str(certainty.reliability)
    assert str(certainty.coverage).count("<polyline") == 3


def test_a_handover_that_reaches_nothing_says_why(result: dict[str, Any]) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "lora")
    arm["handover"] = {"target": 0.99, "share": None, "reason": "no share reaches it"}
    certainty = Certainty(View(parse_result(result)))
    assert certainty.handover(certainty.arms[0]) == "no share reaches it"


PEOPLE = {
    "per_request": 0.115,
    "monthly": 34500.0,
    "total": 419800.0,
    "people_monthly": 90000.0,
    "people_total": 1095000.0,
    "currency": "USD",
}
UNPRICED = {"currency": "USD", "reason": "a person's answer has no price: give prices.label"}


def with_handover(result: dict[str, Any], target: float | None, cost: dict[str, Any]) -> View:
    """Every arm leaves the most to itself but zero_shot, of which nothing is shown, and majority."""
    if target is not None:
        result["task"]["constraints"]["min_accuracy_at_coverage"] = target
    for arm in result["arms"]:
        shown = {"share": 0.38, "coverage": 0.62, "accuracy": 0.996, "low": 0.991}
        if arm["name"] == "zero_shot":
            shown = {"share": 1.0, "coverage": 0.0, "reason": "120 answers cannot show 99 %"}
        arm["handover"] = {"target": 0.99, **shown, "cost": cost}
        if arm["name"] == "majority":
            arm["handover"], arm["handover_reason"] = None, "rouge is no right or wrong"
    return View(parse_result(result))


def test_what_can_be_left_to_each_arm_with_people_for_the_rest(result: dict[str, Any]) -> None:
    view = with_handover(result, 0.99, PEOPLE)
    certainty = Certainty(view)
    first, last = certainty.shared[0], certainty.shared[-1]
    assert (first.coverage, first.accuracy) == ("62.0\u202f%", "99.6\u202f%, at least 99.1\u202f%")
    assert first.money == ("$34,500", "$419,800")
    assert (last.arm.name, last.coverage) == ("zero_shot", "0.0\u202f%")
    assert last.note == "120 answers cannot show 99 %"
    assert certainty.unshared == [("majority", "rouge is no right or wrong")]
    assert certainty.people == "People alone would cost $90,000 a month, $1,095,000 over 365 days."
    page = render(view.result)
    assert "What can be left to an arm alone?" in page
    assert "Not known: majority (rouge is no right or wrong)" in page


def test_people_without_a_price_say_how_to_give_one(result: dict[str, Any]) -> None:
    certainty = Certainty(with_handover(result, 0.99, UNPRICED))
    assert certainty.people == "A person's answer has no price: give prices.label."
    assert certainty.shared[0].money == ("–", "–")
    assert certainty.shared[0].note == "", "it is said once"


def test_what_nobody_asked_for_is_not_in_the_report(result: dict[str, Any]) -> None:
    assert Certainty(with_handover(result, None, UNPRICED)).shared == []
    assert Certainty(with_handover(result, None, PEOPLE)).shared != []


def test_without_probabilities_the_demand_alone_makes_the_section(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["consistency"], arm["calibration"] = None, None
    page = render(with_handover(result, 0.99, PEOPLE).result)
    assert "What can be left to an arm alone?" in page
    assert "Does it know when it is unsure?" not in page


def test_a_file_of_before_has_its_handover_in_the_calibration(result: dict[str, Any]) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "lora")
    arm["calibration"]["handover"] = arm.pop("handover")
    certainty = Certainty(View(parse_result(result)))
    assert (
        certainty.handover(certainty.arms[0]) == "the least certain 13\u202f%, for 90\u202f% right"
    )


def test_parts_stand_with_the_weakest_of_the_shown_arm_first(result: dict[str, Any]) -> None:
    pieces = Pieces(View(parse_result(with_parts(result))))
    assert pieces.metrics == ["rules"]
    assert [row.name for row in pieces.rows("rules")] == ["closing", "acknowledges"]
    assert len(pieces.arms) == 6
    assert pieces.hidden == len(result["arms"]) - 6
    result["task"]["parts_about"] = {"rules": "The share that keeps each."}
    page = render(parse_result(result))
    assert "Rules kept" in page
    assert "The share that keeps each. The weakest of" in page


def test_searches_show_trials_and_budgets(result: dict[str, Any]) -> None:
    found = {search.arm.name: search for search in searches(View(parse_result(result)))}
    assert "tfidf_linear" not in found
    trace = found["few_shot"].arm.known_options.search.trace
    assert str(found["few_shot"].picture).count("<circle") == len(trace)
    assert re.fullmatch(r"[\d,]+ of 480,000 forward tokens", found["few_shot"].budget)


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (
            {"trend": "gaining", "difference": 0.04, "low": 0.01, "high": 0.07, "items": 120},
            "still gaining over the last third of the tokens it spent: +4.0 points "
            "[+1.0, +7.0], on 120 dev examples",
        ),
        (
            {"trend": "flat", "difference": 0.0, "low": -0.02, "high": 0.02, "items": 84},
            "no gain shown over the last third of the tokens it spent: 0.0 points "
            "[\u22122.0, +2.0], on 84 dev examples",
        ),
        (
            {"trend": "flat", "difference": 0.0, "items": 84, "reason": "nothing scored higher"},
            "no gain shown over the last third of the tokens it spent: nothing scored higher",
        ),
        (
            {"trend": "unknown", "reason": "too few dev items: 12"},
            "cannot tell whether it still gained: too few dev items: 12",
        ),
        (None, ""),
    ],
)
def test_a_search_says_whether_it_still_gained(
    result: dict[str, Any], gain: dict[str, Any] | None, words: str
) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "few_shot")
    arm["options"]["search"]["late_gain"] = gain
    parsed = parse_result(result)
    [found] = [search for search in searches(View(parsed)) if search.arm.name == "few_shot"]
    assert found.late_gain == words
    page = render(parsed)
    assert (words in page) and ("this says nothing beyond dev" in page) == bool(words)


def test_the_form_that_decoding_alone_keeps_is_told(result: dict[str, Any]) -> None:
    kept = {"lora": (0.97, 1.0), "zero_shot": (0.4, 1.0)}
    result["constraint"] = [
        {
            **each,
            "validity": dict(zip(("free", "constrained"), kept[each["strategy"]], strict=True)),
        }
        for each in result["constraint"]
        if each["strategy"] in kept
    ]
    told = "zero_shot_free 40.0\u202f%, constrained 100.0\u202f%; tuned and free, lora_free 97.0\u202f%"
    assert View(parse_result(result)).form_kept == told
    assert told in render(parse_result(result))


def test_constraint_judge_and_ended_arms_are_told(result: dict[str, Any]) -> None:
    result["judge"] = {
        "model": "judge-1",
        "mode": "compare",
        "requests": 40,
        "agreement": {"kappa": None, "reason": "no ratings"},
        "judged": 40,
        "order_flips": 10,
        "flipped_share": 0.25,
    }
    result["ended"] = [{"arm": "few_shot@b", "model": "b", "reason": "it went away <soon>"}]
    page = render(parse_result(result))
    assert "The price of constrained decoding" in page
    assert "no ratings" in page
    assert "25.0\u202f%" in page
    assert "it went away &lt;soon&gt;" in page

    raw = {"value": 0.75, "low": 0.5, "high": 0.9}
    result["judge"]["agreement"] = {"kappa": 0.5, "low": 0.2, "high": 0.8, "n": 12, "raw": raw}
    assert "75\u202f% of 12 ratings alike" in render(parse_result(result))


def test_a_family_has_its_column_where_one_of_its_arms_was_weighed(result: dict[str, Any]) -> None:
    always = ["Prompt", "Few-shot", "Fine-tuning", "Classical"]
    assert [column.name for column in columns(View(parse_result(result)))] == always
    families = {"zero_shot_free": "retrieval", "lora_free": "hybrid"}
    for arm in result["arms"]:
        arm["family"] = families.get(arm["name"], arm["family"])
    every = ["Prompt", "Few-shot", "Retrieval", "Fine-tuning", "Hybrid", "Classical"]
    assert [column.name for column in columns(View(parse_result(result)))] == every
    page = render(parse_result(result))
    legend = page[page.index('class="legend"') : page.index("</figcaption>")]
    assert all(name in legend for name in every)


def test_every_family_has_a_mark_of_its_own() -> None:
    assert len({point(family, 0, 0, "mark") for family in FAMILIES}) == len(FAMILIES)


def test_a_metric_of_any_name_reads_as_a_share(result: dict[str, Any]) -> None:
    result["task"] |= {"metric": "numeric-2", "metric_titles": {"numeric-2": "Within 2 %"}}
    for arm in result["arms"]:
        arm["quality"] |= {"metric": "numeric-2", "value": 0.5, "low": 0.25, "high": 0.75}
    page = render(parse_result(result))
    assert "50.0\u202f%" in page and "25.0 to 75.0" in page
    assert " points" in page
    assert "Within 2 % <small>with 95\u202f% interval" in page, "though no such metric is installed"


def test_the_weakest_group_is_a_slice_or_a_label(result: dict[str, Any]) -> None:
    record = parse_result(result)
    arm = next(name for name in record.per_label if record.per_label[name])
    groups = [*record.per_slice.get(arm, ()), *record.per_label[arm]]
    large = [group.score for group in groups if group.score is not None and group.n >= 10]
    weakest = record.weakest_group(arm)
    assert weakest is not None and weakest.score == min(large)
