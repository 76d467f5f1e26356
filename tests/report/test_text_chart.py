"""Curves in plain characters: inside their width, at their places, with their figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.report.text_chart import TextMark, TextSeries, text_chart

FALLING = TextSeries(".", "train", [(float(x), 10.0 - x) for x in range(10)])


def test_a_line_that_falls_runs_from_the_top_left_to_the_bottom_right() -> None:
    text = text_chart([FALLING], [], 40, rows=10)
    lines = [line.partition("|")[2] for line in text.splitlines()[:10]]
    places = [line.index(".") for line in lines]
    assert (
        places == sorted(places) and places[0] == 0 and all(line.count(".") == 1 for line in lines)
    )
    assert text.splitlines()[0].startswith("10.0 |") and text.splitlines()[9].startswith("1.00 |")
    assert text.splitlines()[-1].strip() == ". train"


def test_the_last_series_lies_on_top_and_many_points_are_their_mean() -> None:
    noise = TextSeries(".", "train", [(x / 50, 1.0 + (-1) ** x) for x in range(1000)])
    dev = TextSeries("o", "dev", [(10.0, 1.0)])
    text = text_chart([noise, dev], [], 40, rows=5)
    middle = text.splitlines()[2]
    assert middle.count("o") == 1 and middle.count(".") > 20


def test_figures_that_read_alike_stand_once() -> None:
    text = text_chart([TextSeries("x", "x", [(0, 0.25001), (9, 0.25004)])], [], 40)
    assert text.count("0.250") == 2, "the highest and the lowest, not what is between"


def test_a_logarithmic_axis_gives_each_decade_its_room() -> None:
    series = [TextSeries(".", "train", [(0.0, 100.0), (1.0, 10.0), (2.0, 1.0)])]
    text = text_chart(series, [], 40, rows=9, is_log=True).splitlines()
    assert [place for place, line in enumerate(text[:9]) if "." in line.partition("|")[2]] == [
        0,
        4,
        8,
    ]
    assert [text[place].split()[0] for place in (0, 4, 8)] == ["100.", "10.0", "1.00"]


def test_words_below_that_would_touch_are_left_out() -> None:
    marks = [TextMark(9.0, "taken: epoch 3"), TextMark(8.9, "epoch 2"), TextMark(4.0, "epoch 1")]
    below = text_chart([FALLING], marks, 60).splitlines()[-2]
    assert below.split() == ["epoch", "1", "taken:", "epoch", "3"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert text_chart([TextSeries(".", "train", [])], [TextMark(1.0, "x")], 40) == ""


@pytest.mark.parametrize(
    "points", [[(0.0, 1.0)], [(3.0, 0.0), (3.0, 0.0)], [(0.0, 1.0), (5.0, 1.0)]]
)
def test_points_on_one_line_or_of_one_place_are_drawn(points: list[tuple[float, float]]) -> None:
    text = text_chart([TextSeries("x", "one", points)], [], 40)
    assert text.count("x") >= 2, "the point, and the legend"


@given(
    points=st.lists(st.tuples(st.floats(0, 1e6), st.floats(-1e9, 1e9)), min_size=1, max_size=300),
    width=st.integers(1, 300),
    marks=st.lists(st.builds(TextMark, st.floats(0, 1e6), st.text("ab", max_size=12)), max_size=6),
)
def test_no_line_is_wider_than_asked(
    points: list[tuple[float, float]], width: int, marks: list[TextMark]
) -> None:
    text = text_chart([TextSeries(".", "loss", points)], marks, width)
    assert max(map(len, text.splitlines())) <= max(30, min(100, width)) + 1
    assert text.isascii()
