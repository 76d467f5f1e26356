"""What is said of a number behind it goes; what could be another number stays."""

from __future__ import annotations

import pytest

from steelyard.score.asides import without_asides


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("500 (source: report 2023, p. 14)", "500"),
        ("500 [see table 3] in all", "500 in all"),
        ("500 (pp. 12-14).", "500."),
        ("18 (9 eggs at $2 each)", "18"),
        ("42 apples (12 red and 30 green).", "42 apples."),
        ("9 (16 - 3 - 4)", "9"),
        ("24 (48 / 2)", "24"),
        ("18. (9 x 2)", "18."),
        ("12.35, rounded to 2 decimal places.", "12.35."),
        ("1200 (rounded to the nearest 100)", "1200"),
        ("7 x 6 = 42 euros for the 6 shirts.", "7 x 6 = 42 euros."),
        ("40/10 = 4 packs of 10", "40/10 = 4 packs"),
        ("There are 33 ounces in those 3 boxes.", "There are 33 ounces."),
    ],
)
def test_asides_are_left_out(text: str, rest: str) -> None:
    assert without_asides(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "500 (600 with tax)",
        "500 (or 5 x 100)",
        "500 (450 - 550)",
        "500 (p. 14 says 600)",
        "500 (see also 600)",
        "2.5 hours (150 minutes)",
        "18 (9 x 3)",
        "(9 x 2)",
        "(source: p. 14)",
        "12.35 rounded to 12",
        "rounded up: 12",
        "18 hours for 2 cats",
        "50% of the 20 students",
        "Add 20 for the 4 boys",
        "3 x 4 = 12 pens at 3 euros",
        "3 x 4 = 12 cookies for 3 friends",
        "5 apples and 3 pears in the 2 boxes",
        "no number (here)",
    ],
)
def test_what_may_be_another_number_stays(text: str) -> None:
    assert without_asides(text) == text
