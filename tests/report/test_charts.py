"""Charts: names do not collide, axes hold their figures, curves cross where the run says."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from steelyard.report import breakeven, charts
from steelyard.report.labels import Anchor, Box, place, spread, width
from steelyard.report.page import Page
from steelyard.report.scale import axis, quality_axis


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


def test_a_share_stays_between_0_and_1() -> None:
    scale = quality_axis([0.02, 0.99], 0, 100, share=True)
    assert (scale.low, scale.high) == (0.0, 1.0)


def test_scatter_marks_every_arm_and_both_limits(result: dict[str, Any]) -> None:
    drawn = charts.scatter(Page(result))
    wide = drawn[: drawn.index("</svg>")]
    for arm in result["arms"]:
        assert f">{arm['name']}</text>" in wide
    assert "at least 60.0" in wide
    assert "at most $5.00" in wide
    assert len(re.findall("<svg", drawn)) == 2


def test_arms_without_a_cost_are_named_apart(result: dict[str, Any]) -> None:
    result["arms"][0]["cost"] = {"monthly": None, "reason": "price not known"}
    page = Page(result)
    assert [(arm.name, why) for arm, why in charts.unplaced(page)] == [
        ("majority", "price not known")
    ]
    assert ">majority</text>" not in charts.scatter(page)


def test_scatter_with_free_arms_only(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["cost"]["monthly"] = 0
    assert ">lora</text>" in charts.scatter(Page(result))


def test_crossing_is_marked_with_the_runs_own_figures(result: dict[str, Any]) -> None:
    page = Page(result)
    head = next(each for each in breakeven.crossings(page) if each["main"])
    assert head["arm"] == "lora"
    assert f"{head['requests']:,} requests" in breakeven.chart(page)


def test_linear_axes_when_the_crossing_is_late(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["cost"] |= {"upfront": 0, "per_request": 0.015, "monthly": 4500}
        if arm["name"] == "lora":
            arm["cost"] |= {"upfront": 400, "per_request": 0.0015, "monthly": 450}
    result["task"]["traffic"] = {"requests_per_day": 1000, "horizon_days": 365}
    entry = {"arm": "lora", "against": "retrieved_few_shot", "requests": 29630, "days": 29.63}
    result["crossover"] = {**entry, "reason": None, "arms": [{**entry, "reason": None}]}
    drawn = breakeven.chart(Page(result))
    assert "29,630 requests, 30 days" in drawn
    assert ">100\u202fk</text>" in drawn


def test_no_traffic_no_chart(result: dict[str, Any]) -> None:
    result["task"]["traffic"] = None
    assert breakeven.chart(Page(result)) == ""
