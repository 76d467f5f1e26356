from __future__ import annotations

import pytest

from steelyard.words import counted, first_words, one_line, shortened


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
