from __future__ import annotations

import pytest

from steelyard.words import chance, counted, first_words, one_line, percent, shortened


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")]
)
def test_plurals(number: int, said: str) -> None:
    assert counted(number, "row") == said


def test_a_plural_of_its_own() -> None:
    assert counted(1, "row was", "rows were") == "1 row was"
    assert counted(3, "row was", "rows were") == "3 rows were"


def test_texts_are_cut_with_the_ellipsis_inside_the_limit() -> None:
    assert shortened("abcde", 5) == "abcde"
    assert shortened("abcdef", 5) == "abcd…"
    assert one_line(" a\n\tb  c ", 5) == "a b c"
    assert one_line("ab\ncdef", 5) == "ab c…"
    assert first_words(["x" * 41]) == repr("x" * 39 + "…")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.031, "3.1 %"),
        (0.5, "50 %"),
        (0.994, "99 %"),
        (0.9975, "99.8 %"),
        (0.9999, "over 99.9 %"),
        (1, "100 %"),
    ],
)
def test_a_share_is_none_or_all_only_where_it_is(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0, "under 0.01"), (0.5, "0.50"), (0.994, "0.99"), (0.996, "over 0.99"), (1, "over 0.99")],
)
def test_a_chance_is_never_told_as_certain(probability: float, text: str) -> None:
    assert chance(probability) == text
