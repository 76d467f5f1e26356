"""The methods section states what the run did, and nothing that it did not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.report import render
from steelyard.report.methods import Methods
from steelyard.report.view import View
from steelyard.result import parse_result


def methods(result: dict[str, Any]) -> Methods:
    return Methods(View(parse_result(result)))


def text(result: dict[str, Any], name: str) -> str:
    aspects = {aspect.name: " ".join(aspect.sentences) for aspect in methods(result).aspects}
    return aspects.get(name, "")


def test_split_seal_and_looks_are_the_runs_own(result: dict[str, Any]) -> None:
    result["split"] |= {"clusters": 700, "largest_cluster": 4, "method": "seeded"}
    result["audit"]["leaks"] = {"near": {"count": 3, "test_count": 0}}
    said = text(result, "Data and split")
    assert "420 examples in train, 140 in dev, 180 in test (seeded)." in said
    assert "700 clusters, the largest of 4." in said
    assert "Sealed: test shares no example with train or dev (near)." in said
    assert "Test was opened once." in said
    assert "one look" not in text(result, "What may fail")
    result["audit"]["leaks"]["near"]["test_count"] = 2
    result["split"]["test_opened"] = 3
    said = text(result, "Data and split")
    assert "Not sealed: test shares examples with earlier parts (near)." in said
    assert "Test was opened 3 times." in said
    assert "P-values hold for one look at test" in text(result, "What may fail")


def test_a_seal_that_nobody_checked_is_not_claimed(result: dict[str, Any]) -> None:
    result["audit"]["leaks"] = {}
    assert "ealed" not in text(result, "Data and split")


def test_intervals_and_tests_are_those_that_were_used(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["quality"]["method"] = "Wilson"
    result["arms"][0]["quality"]["method"] = "BCa bootstrap over clusters"
    assert "Wilson (10 arms); BCa bootstrap over clusters (1 arm)" in text(result, "Intervals")
    assert "clusters are taken as independent" in text(result, "What may fail")
    said = text(result, "Differences")
    assert "against retrieved_few_shot; Holm over 10 comparisons." in said
    assert "lora against each other arm; Holm over 3 comparisons." in said


def test_one_family_of_all_pairs_is_known_by_its_intervals(result: dict[str, Any]) -> None:
    tests = result["verdict"]["details"]["tests"]
    assert "Shaffer" not in text(result, "Differences")
    view = View(parse_result(result))
    levels = [SimpleNamespace(method="mid-p McNemar", level=level) for level in (0.95, 0.99, 0.999)]
    said = Methods(view)._family(levels)  # type: ignore[arg-type]
    assert said == (
        "Holm with Shaffer's counts over all 55 pairs, intervals at each test's level, 95.0\u202f% to "
        "99.9\u202f%"
    )
    assert Methods(view)._family(levels[:1]) == "Holm over 1 comparison"  # type: ignore[arg-type]
    assert len(tests) == 3


def test_the_rule_is_that_of_the_verdict(result: dict[str, Any]) -> None:
    details = result["verdict"]["details"]
    details["cost_rule"] = "equal within a dollar"
    said = text(result, "The verdict's rule")
    assert said.startswith("Equal within a dollar. Confidence: high: at least 100 test items")
    details["rule"] = "the cheapest arm that is near the best"
    said = text(result, "The verdict's rule")
    assert said.startswith("The cheapest arm that is near the best. Equal within a dollar.")
    assert "Level of its tests: 5\u202f%." in said
    assert "Constraints: min_quality 0.6, max_latency_p95_ms 500.0, max_monthly_cost 5." in said
    assert "error_cost" not in said
    result["task"]["traffic"]["error_cost"] = 0.02
    said = text(result, "The verdict's rule")
    assert said.startswith("The cheapest arm that is near the best (error_cost). Confidence:")


def test_what_the_verdict_expects_stands_beside_the_winners_curse(result: dict[str, Any]) -> None:
    assert "the verdict expects" not in text(result, "What may fail")
    assert "exchangeable" not in text(result, "What may fail")
    details = result["verdict"]["details"]
    details |= {"expected_quality": {"lora": 0.8612}, "chances": {"lora": 0.9}}
    said = text(result, "What may fail")
    assert "of lora, measured at 86.7\u202f%, the verdict expects 86.1\u202f%." in said
    assert "as correlated as their answers" in said
    assert "Gelman, Hill and Yajima 2012" in " ".join(methods(result).sources)


def test_only_what_was_used_is_cited(result: dict[str, Any]) -> None:
    before = " ".join(methods(result).sources)
    assert "Tango 1998" in before and "Holm 1979" in before
    assert "Efron" not in before and "Zellinger" not in before and "Shaffer" not in before
    result["arms"][0]["quality"]["method"] = "BCa bootstrap"
    result["verdict"]["details"]["rule"] = "the least cost"
    result["task"]["traffic"]["error_cost"] = 0.02
    after = " ".join(methods(result).sources)
    assert "Efron 1987" in after and "Zellinger" in after


def test_prices_have_their_source_and_date(result: dict[str, Any]) -> None:
    price = result["prices"][0]
    said = text(result, "Money")
    assert f"{price['name']}: {price['source']}, {price['date']}." in said
    assert "10,000 requests a day over 365 days" in said
    result["task"]["traffic"]["assumed"] = True
    assert "10,000 requests a day (assumed)" in text(result, "Money")


@pytest.mark.parametrize("missing", ["arms", "comparisons", "prices", "audit", "split", "verdict"])
def test_what_a_run_does_not_have_is_not_stated(missing: str, result: dict[str, Any]) -> None:
    del result[missing]
    page = render(parse_result(result))
    assert "None" not in " ".join(s for a in methods(result).aspects for s in a.sentences)
    assert "How it was measured" in page


def test_nothing_was_done_where_nothing_is_known() -> None:
    assert methods({"schema_version": 2}).aspects == []
