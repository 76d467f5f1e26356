"""What a report says is true in every case: who leads, what is needed, how many are missed."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.report import render, verdict_text
from steelyard.report.samples import totals
from steelyard.report.view import View
from steelyard.result import parse_result


def classical(result: dict[str, Any], **arms: dict[str, Any]) -> dict[str, Any]:
    """``tfidf_linear`` is recommended; each of ``arms`` is changed."""
    result["verdict"] |= {"recommendation": "classical", "arm": "tfidf_linear"}
    for arm in result["arms"]:
        arm["breaks"] = []
        arm.update(arms.get(arm["name"], {}))
    return result


def undecided(result: dict[str, Any], leading: str | None, **values: float | None) -> View:
    """Nothing is recommended; the arms of ``values`` have those figures, the others 0.1."""
    result["verdict"] |= {"recommendation": "undecided", "arm": None, "confidence": "low"}
    result["verdict"]["details"] |= {"leading": leading, "more_items": None}
    for arm in result["arms"]:
        arm["quality"]["value"] = values.get(arm["name"], 0.1)
    return View(parse_result(result))


def headline(result: dict[str, Any]) -> str:
    return View(parse_result(result)).headline


def test_no_language_model_is_needed_only_where_one_was_measured(result: dict[str, Any]) -> None:
    assert headline(classical(result)) == "You don't need a language model: use tfidf_linear."
    for arm in result["arms"]:
        if arm["model"]:
            arm["outcomes"] = {"scored": 0, "failed": 180}
    assert headline(result).startswith("No answer of a language model could be used; of the others")
    result["arms"] = [arm for arm in result["arms"] if not arm["model"]]
    assert headline(result).startswith("No language model was measured; of the others, use")
    assert "No language model was measured" in verdict_text(parse_result(result))


def test_a_classifier_on_a_models_states_needs_that_model(result: dict[str, Any]) -> None:
    for states, start in (("model", "No prompt and no tuning is needed"), ("encoder", "You don't")):
        arms = {"tfidf_linear": {"options": {"states": states}}}
        assert headline(classical(result, **arms)).startswith(start)


def test_where_no_arm_keeps_the_constraints_that_is_the_answer(result: dict[str, Any]) -> None:
    assert undecided(result, "lora", lora=0.8).headline == "No clear answer yet."
    result["verdict"]["details"]["dropped"] = [{"arm": "lora", "reason": "it is slow"}]
    assert undecided(result, "lora", lora=0.8).headline == "No arm keeps the constraints."


def test_a_better_model_that_a_constraint_rules_out_is_not_unneeded(result: dict[str, Any]) -> None:
    broken = {"breaks": ["max_latency_p95_ms"]}
    assert headline(classical(result, zero_shot=broken)).startswith("You don't need")
    better = classical(result, lora=broken)
    assert headline(better).startswith("No language model does better within the constraints: use")


@pytest.mark.parametrize(
    ("leading", "values", "sentence", "place"),
    [
        ("lora", {"lora": 0.8}, "lora leads so far.", "ahead so far"),
        (
            "tfidf_linear",
            {"tfidf_linear": 0.3, "majority": 0.5},
            "majority scores highest so far; tfidf_linear comes closest to a choice.",
            "below majority",
        ),
        ("lora", {"lora": 0.8, "few_shot": 0.8}, "", "level with few_shot"),
        ("lora", {}, "", "level with the others"),
        ("lora", {"lora": None}, "", "not measured"),
        (None, {"lora": 0.8}, "", "ahead so far"),
    ],
)
def test_an_arm_leads_only_with_none_above_it_or_beside_it(
    leading: str | None,
    values: dict[str, float | None],
    sentence: str,
    place: str,
    result: dict[str, Any],
) -> None:
    view = undecided(result, leading, **values)
    assert view.leading == sentence
    [(_, _, note), *_] = view.keys
    assert f", {place}: " in note


def test_one_arm_alone_leads_nobody(result: dict[str, Any]) -> None:
    result["arms"] = [arm for arm in result["arms"] if arm["name"] == "lora"]
    view = undecided(result, "lora", lora=0.8)
    assert view.leading == ""
    assert "lora, the only arm measured: " in view.keys[0][2]


def test_misses_are_counted_over_the_whole_test(result: dict[str, Any]) -> None:
    result["missed"] = {"lora": 24, "majority": 128}
    result["per_label"] = {
        "lora": [{"label": "BILLING", "n": 60, "score": 0.9, "missed": 6}],
        "majority": [{"label": "BILLING", "n": 60, "score": 0.0, "missed": 60}],
    }
    counts = totals(View(parse_result(result)))
    assert counts[""] == {"BILLING": 60, "": result["split"]["test"]}
    assert counts["lora"] == {"": 24, "BILLING": 6}
    page = render(parse_result(result))
    assert "mistakes of lora (24 in all) first" in page
    assert "&#34;majority&#34;: {&#34;&#34;: 128" in page


def test_an_older_result_does_not_say_how_many_were_missed(result: dict[str, Any]) -> None:
    assert set(totals(View(parse_result(result)))) == {""}
    assert "mistakes of lora first" in render(parse_result(result))
