"""Any two arms, example by example: compact data that the page picks from."""

from __future__ import annotations

import json
import re
from typing import Any

from steelyard.report import render
from steelyard.report.differences import DifferencesView
from steelyard.report.view import View
from steelyard.result import parse_result

EVIL = "</script><img src=x onerror=alert(1)>' \" &"


def with_differences(result: dict[str, Any], **more: Any) -> dict[str, Any]:
    counts = {"both_right": 60, "a_better": 30, "b_better": 12, "alike": 78}
    result["differences"] = {
        "n": 180,
        "differing": 42,
        "pairs": [
            {"a": "few_shot", "b": "lora", **counts},
            {"a": "lora", "b": "majority", **counts},
            {"a": "few_shot", "b": "majority", **counts},
        ],
        "examples": [
            {
                "example_id": "t1",
                "input": EVIL,
                "reference": EVIL,
                "scores": {"few_shot": 0.0, "lora": 1.0, "majority": 0.0},
                "outputs": {"few_shot": EVIL, "lora": "BILLING", "majority": None},
            },
            {
                "example_id": "t2",
                "input": "why",
                "reference": "BILLING",
                "scores": {"few_shot": 1.0, "lora": 0.25, "majority": 1.0},
                "outputs": {"few_shot": "BILLING", "lora": "", "majority": "BILLING"},
            },
        ],
        **more,
    }
    return result


def differences(result: dict[str, Any]) -> DifferencesView:
    return DifferencesView(View(parse_result(result)))


def test_the_counts_are_turned_to_the_main_arm(result: dict[str, Any]) -> None:
    view = differences(with_differences(result))
    assert view.arms == ["lora", "few_shot", "majority"]
    assert dict(view.of_main) == {"few_shot": (60, 12, 30, 78), "majority": (60, 30, 12, 78)}
    assert view.titles == ("both right", "only lora", "only the other", "neither")
    graded = differences(with_differences(result, is_graded=True))
    assert graded.titles == ("both right", "lora better", "other better", "alike, not right")


def test_what_is_left_out_is_counted(result: dict[str, Any]) -> None:
    assert (
        "2 of the 42 test examples that arms differ on are listed"
        in differences(with_differences(result)).intro
    )
    assert "Every one of the 2" in differences(with_differences(result, differing=2)).intro


def test_the_page_holds_each_text_once_and_answers_by_place(result: dict[str, Any]) -> None:
    page = render(parse_result(with_differences(result)))
    found = re.search(r"<div class=\"differ\" data-table='([^']*)'", page)
    assert found is not None
    table = json.loads(found[1])
    assert table["arms"] == ["lora", "few_shot", "majority"]
    assert table["pairs"] == {
        "1,0": [60, 30, 12, 78],
        "0,2": [60, 30, 12, 78],
        "1,2": [60, 30, 12, 78],
    }
    assert table["texts"] == ["BILLING", EVIL, ""]
    first, second = (example["answers"] for example in table["examples"])
    assert first == [[1.0, 0], [0.0, 1], [0.0, -1]]
    assert second == [[0.25, 2], [1.0, 0], [1.0, 0]]
    assert table["examples"][0]["input"] == EVIL


def test_texts_cannot_leave_the_attribute(result: dict[str, Any]) -> None:
    page = render(parse_result(with_differences(result)))
    assert "<img" not in page
    assert page.count("</script>") == 1
    result["differences"]["pairs"] = [
        {**pair, "a": EVIL if pair["a"] == "few_shot" else pair["a"]}
        for pair in result["differences"]["pairs"]
    ]
    next(arm for arm in result["arms"] if arm["name"] == "few_shot")["name"] = EVIL
    assert "<img" not in render(parse_result(result))


def test_without_script_the_main_arms_pairs_are_a_table(result: dict[str, Any]) -> None:
    page = render(parse_result(with_differences(result)))
    pairs = page[page.index('<div class="pairs">') :]
    pairs = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", pairs[: pairs.index("</table>")]))
    assert "few_ shot 60 12 30 78" in pairs
    assert "majority 60 30 12 78" in pairs


def test_one_arm_alone_has_no_section(result: dict[str, Any]) -> None:
    assert not differences(result)
    assert 'class="differ"' not in render(parse_result(result))
