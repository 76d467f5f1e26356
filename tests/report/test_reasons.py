"""Why, in one table: the choice first, those ruled out with the reason, few sentences."""

from __future__ import annotations

import re
from typing import Any

from steelyard.report import formats, render
from steelyard.report.reasons import Reasons
from steelyard.report.view import View
from steelyard.result import parse_result


def reasons(result: dict[str, Any]) -> Reasons:
    return Reasons(View(parse_result(result)))


def test_every_arm_has_one_row_the_choice_first_those_ruled_out_last(
    result: dict[str, Any],
) -> None:
    table = reasons(result)
    names = [row.arm.name for row in table.rows]
    assert sorted(names) == sorted(arm["name"] for arm in result["arms"])
    assert names[:2] == ["lora", "lora_free"]
    dropped = {each["arm"]: each["reason"] for each in result["verdict"]["details"]["dropped"]}
    assert {row.arm.name: row.why for row in table.rows if row.why} == dropped
    assert set(names[-len(dropped) :]) == set(dropped)
    assert [*table.first, *table.others] == table.rows


def test_a_choice_that_is_not_the_best_still_comes_first(result: dict[str, Any]) -> None:
    result["verdict"]["arm"] = "tfidf_linear"
    assert reasons(result).rows[0].arm.name == "tfidf_linear"


def test_differences_are_each_arms_less_the_best_of_the_tests(result: dict[str, Any]) -> None:
    table = reasons(result)
    assert table.against == "lora"
    rows = {row.arm.name: row for row in table.rows}
    assert rows["lora"].versus is None
    versus = rows["tfidf_linear"].versus
    assert versus is not None
    [test] = [t for t in result["verdict"]["details"]["tests"] if t["b"] == "tfidf_linear"]
    assert (versus.difference, versus.low, versus.high, versus.p_adjusted) == (
        -test["difference"],
        -test["high"],
        -test["low"],
        test["p_adjusted"],
    )


def test_the_table_has_quality_difference_p_cost_and_chance(result: dict[str, Any]) -> None:
    details = result["verdict"]["details"]
    details["chances"] = {"lora": 0.9712, "lora_free": 0.0001}
    details["expected_cost"] = {"lora": 9736.0, "lora_free": None}
    page = render(parse_result(result))
    table = page[page.index('<table class="plain why">') :]
    table = table[: table.index("</table>")]
    words = re.sub(r"<[^>]+>|\s", " ", table)
    words = re.sub(r" +", " ", words)
    assert "lora 86.7 % 80.9 to 90.9 – $4.97 $9,736 97 %" in words
    assert (
        "lora_ free 84.4 % 78.4 to 89.0 \u22122.2 p = 0.34 \u22126.4 to 1.5 $7.81 &lt; 0.1 %"
        in words
    )


def test_without_tests_costs_or_chances_there_are_no_such_columns(result: dict[str, Any]) -> None:
    result["verdict"]["details"] = {}
    page = render(parse_result(result))
    head = page[page.index('<table class="plain why">') :]
    head = head[: head.index("</thead>")]
    assert "Against" not in head and "Chance" not in head and "with errors" not in head
    cost = next(arm["cost"] for arm in result["arms"] if arm["name"] == "lora")
    total = cost["upfront"] + cost["per_request"] * 10_000 * 365
    assert reasons(result).rows[0].cost == formats.money(total)


def test_one_sentence_stands_and_the_others_are_folded(result: dict[str, Any]) -> None:
    result["verdict"]["reasons"] = ["lora wins", "it is cheap", "others are worse"]
    table = reasons(result)
    assert table.first_sentence == "lora wins."
    assert table.more_sentences == ["It is cheap.", "Others are worse."]
    assert table.others_title == "7 more arms, 7 of them ruled out; 2 more reasons"
    page = render(parse_result(result))
    because = page[page.index('class="because"') : page.index("What would change it")]
    visible = because[: because.index("<details>")]
    assert "lora wins." in visible and "It is cheap." not in visible
    assert "It is cheap." in because


def test_where_every_arm_is_ruled_out_the_table_still_has_rows(result: dict[str, Any]) -> None:
    names = [arm["name"] for arm in result["arms"]]
    result["verdict"]["details"]["dropped"] = [{"arm": name, "reason": "dear"} for name in names]
    table = reasons(result)
    assert len(table.first) == min(4, len(names))
    assert [*table.first, *table.others] == table.rows
