"""Charts: names do not collide, axes hold their figures, curves cross where the run says."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.report import breakeven, charts
from steelyard.report.labels import Anchor, Box, place, spread, width
from steelyard.report.scale import Scale, axis, quality_axis
from steelyard.report.view import View
from steelyard.result import parse_result


@given(st.lists(st.tuples(st.floats(40, 900), st.floats(40, 400)), min_size=1, max_size=11))
def test_names_do_not_overlap(spots: list[tuple[float, float]]) -> None:
    anchors = [Anchor(x, y, f"strategy_{i}") for i, (x, y) in enumerate(spots)]
    placed = place(anchors, [], Box(0, 0, 1000, 500))
    boxes = []
    for label in placed:
        half = width(label.text, 12) / 2
        boxes.append(Box(label.x - half, label.y - 10, label.x + half, label.y + 1))
    assert all(a.overlap(b) < 1 for a, b in combinations(boxes, 2))
    assert all(box.left >= -1 and box.right <= 1001 for box in boxes)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_spread_keeps_a_gap_and_the_order(heights: list[float]) -> None:
    moved = spread(heights, 10, 0, 100)
    for a, b in combinations(sorted(moved), 2):
        assert b - a > 10 - 1e-6
    by_height = sorted(range(len(heights)), key=lambda i: heights[i])
    assert [moved[i] for i in by_height] == sorted(moved)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=12))
def test_every_figure_stands_on_the_axis(figures: list[float]) -> None:
    scale = axis(figures, 10, 500)
    assert all(10 <= scale(figure) <= 500 for figure in figures)
    ticks = scale.ticks()
    assert all(10 - 1e-6 <= scale(tick) <= 500 + 1e-6 for tick in ticks)
    assert len(ticks) >= 1


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("low", "high"), [(1, 1), (0, 0), (5, 5 + 1e-12), (3, 2)])
def test_an_axis_of_no_width_has_one_figure_in_its_middle(
    low: float, high: float, log: bool
) -> None:
    scale = Scale(low, high, 10, 500, log=log)
    assert scale(low) == scale(7.0) == 255
    assert scale.ticks() == [low]


@pytest.mark.parametrize(("per_day", "days"), [(1, 1), (1, 2), (2, 3), (1000, 1)])
@pytest.mark.parametrize("prices", [(0.0, 5.0), (100.0, 0.001), (0.0, 0.0)])
def test_the_smallest_traffic_is_drawn(
    result: dict[str, Any], per_day: int, days: int, prices: tuple[float, float]
) -> None:
    result["task"]["traffic"] |= {"requests_per_day": per_day, "horizon_days": days}
    result["arms"][0]["cost"] |= {"upfront": prices[0], "per_request": prices[1]}
    drawn = breakeven.chart(View(parse_result(result)))
    assert "nan" not in drawn and "inf" not in drawn


def test_a_share_stays_between_0_and_1() -> None:
    scale = quality_axis([0.02, 0.99], 0, 100)
    assert (scale.low, scale.high) == (0.0, 1.0)


def test_scatter_marks_every_arm_and_both_limits(result: dict[str, Any]) -> None:
    drawn = charts.scatter(View(parse_result(result)))
    wide = drawn[: drawn.index("</svg>")]
    for arm in result["arms"]:
        assert f">{arm['name']}</text>" in wide
    assert "at least 60.0" in wide
    assert "at most $5.00" in wide
    assert len(re.findall("<svg", drawn)) == 2


def _ticks(drawn: str) -> list[str]:
    return re.findall(r'class="tick"[^>]*>([^<]*)<', drawn[: drawn.index("</svg>")])


@pytest.mark.parametrize(
    "dear", [["0.05"], ["0.01"], ["4.00", "4.00"], ["0.01", "0.02"], ["0.03", "900"]]
)
def test_no_tick_beside_the_gutter_is_below_what_the_gutter_says(
    result: dict[str, Any], dear: list[str]
) -> None:
    for number, arm in enumerate(result["arms"]):
        arm["cost"]["monthly"] = dear[number] if number < len(dear) else "0.0001"
    result["task"]["constraints"] = {}
    words = _ticks(charts.scatter(View(parse_result(result))))
    sums = [float(each.removeprefix("$").replace(",", "")) for each in words if each[0] == "$"]
    assert "under $0.01" in words
    assert len(sums) >= 2 and min(sums) >= 0.01
    assert len(set(sums)) == len(sums)


def test_ticks_between_whole_percentages_keep_their_digit(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["quality"] |= {"value": 0.0, "low": 0.0, "high": 0.12}
    result["task"]["constraints"] = {}
    assert "2.5\u202f%" in _ticks(charts.scatter(View(parse_result(result))))


def test_a_name_keeps_off_the_mark_of_another() -> None:
    spots = [(92.0, 250.0), (106.0, 250.0)]
    marks = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in spots]
    marks += [Box(x - 1.5, 60, x + 1.5, 440) for x, _ in spots]
    anchors = [Anchor(*spots[0], "majority"), Anchor(*spots[1], "nearest_neighbour")]
    placed = place(anchors, marks, Box(66, 34, 972, 462), 12.5)
    boxes = [
        Box(each.x - half, each.y - 11, each.x + half, each.y + 3)
        for each in placed
        for half in [width(each.text, 12.5) / 2]
    ]
    first = placed[0].leader
    assert first is not None, "beside the other's mark it would seem to be the other's name"
    assert boxes[0].bottom < 244 or boxes[0].top > 256
    for label in placed:
        for x, y in _spots_on(label.leader):
            assert not any(box.holds(x, y) for box in boxes)


def _spots_on(leader: tuple[float, float, float, float] | None) -> list[tuple[float, float]]:
    """Spots along a leader, its end left out: that touches the name it leads to."""
    if leader is None:
        return []
    x1, y1, x2, y2 = leader
    return [(x1 + (x2 - x1) * i / 50, y1 + (y2 - y1) * i / 50) for i in range(45)]


def test_arms_without_a_cost_are_named_apart(result: dict[str, Any]) -> None:
    result["arms"][0]["cost"] = {"monthly": None, "reason": "price not known"}
    page = View(parse_result(result))
    assert [(arm.name, why) for arm, why in charts.unplaced(page)] == [
        ("majority", "price not known")
    ]
    assert ">majority</text>" not in charts.scatter(page)


def test_scatter_with_free_arms_only(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["cost"]["monthly"] = 0
    assert ">lora</text>" in charts.scatter(View(parse_result(result)))


def test_crossing_is_marked_with_the_runs_own_figures(result: dict[str, Any]) -> None:
    page = View(parse_result(result))
    head = breakeven.crossings(page).happening[0]
    assert head.arm == "lora"
    assert f"{head.even.requests:,} requests" in breakeven.chart(page)


def test_linear_axes_when_the_crossing_is_late(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["cost"] |= {"upfront": 0, "per_request": 0.015, "monthly": 4500}
        if arm["name"] == "lora":
            arm["cost"] |= {"upfront": 400, "per_request": 0.0015, "monthly": 450}
    result["task"]["traffic"] = {"requests_per_day": 1000, "horizon_days": 365}
    entry = {"arm": "lora", "against": "retrieved_few_shot", "requests": 29630, "days": 29.63}
    result["crossover"] = {**entry, "reason": None, "arms": [{**entry, "reason": None}]}
    drawn = breakeven.chart(View(parse_result(result)))
    assert "29,630 requests, 30 days" in drawn
    assert ">100\u202fk</text>" in drawn


def test_no_traffic_no_chart(result: dict[str, Any]) -> None:
    result["task"]["traffic"] = {}
    assert breakeven.chart(View(parse_result(result))) == ""
