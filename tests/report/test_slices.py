"""Slices by arms: intervals, the corrected difference, and that it is exploratory."""

from __future__ import annotations

from typing import Any

from steelyard.report import render
from steelyard.report.slices import Slices
from steelyard.report.view import View
from steelyard.result import parse_result


def figure(value: float | None, **more: Any) -> dict[str, Any]:
    return {"value": value, "low": 0.4, "high": 0.95, "n": 40, "method": "Wilson", **more}


def with_slices(result: dict[str, Any]) -> dict[str, Any]:
    names = [arm["name"] for arm in result["arms"]]
    comparison = {
        "a": "lora",
        "b": "few_shot",
        "metric": "accuracy",
        "difference": -0.125,
        "low": -0.25,
        "high": 0.01,
        "p_value": 0.02,
        "p_adjusted": 0.04,
        "method": "exact McNemar; Tango score interval",
    }
    result["slices"] = {
        "a": "lora",
        "b": "few_shot",
        "metric": "accuracy",
        "tests": 2,
        "without": 7,
        "left_out": 3,
        "rows": [
            {
                "slice": "phone",
                "n": 40,
                "arms": {name: figure(0.9) for name in names},
                "comparison": comparison,
            },
            {
                "slice": "<i>mail</i>",
                "n": 6,
                "arms": {name: figure(0.5) for name in names},
                "reason": "fewer than 10 test examples",
            },
        ],
    }
    return result


def slices(result: dict[str, Any]) -> Slices:
    return Slices(View(parse_result(result)))


def test_the_weakest_slice_of_the_main_arm_comes_first(result: dict[str, Any]) -> None:
    table = slices(with_slices(result))
    assert [row.slice for row in table.rows] == ["<i>mail</i>", "phone"]
    assert table.arms[:2] == ["lora", "few_shot"]
    assert len(table.arms) == 6


def test_figures_differences_and_their_correction_are_on_the_page(result: dict[str, Any]) -> None:
    page = render(parse_result(with_slices(result)))
    section = page[page.index('id="slices"') :]
    section = section[: section.index("</table>")]
    assert "Exploratory: nothing was chosen by it." in section
    assert "corrected by Holm over the 2 slices tested" in section
    assert "3 smaller slices left out." in section
    assert "7 test examples have no slice." in section
    assert "5 more arms in result.json." in section
    assert "\u221212.5<small>\u221225.0 to 1.0</small><small>p = 0.040</small>" in section
    assert "fewer than 10 test examples" in section
    assert "&lt;i&gt;mail&lt;/i&gt;" in section
    assert section.count("40.0 to 95.0") == 12


def test_an_older_result_has_the_figures_without_tests(result: dict[str, Any]) -> None:
    table = slices(result)
    assert table.against is None
    assert {row.slice for row in table.rows} == {
        each["slice"] for each in result["per_slice"]["lora"]
    }
    values = [row.arms["lora"].value or 0.0 for row in table.rows]
    assert values == sorted(values)
    assert "Holm over" not in table.intro


def test_without_slices_there_is_no_table(result: dict[str, Any]) -> None:
    result["per_slice"] = {}
    assert not slices(result)
    assert 'id="slices"' not in render(parse_result(result))
