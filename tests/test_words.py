from __future__ import annotations

import pytest

from steelyard.words import counted


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")]
)
def test_plurals(number: int, said: str) -> None:
    assert counted(number, "row") == said


def test_a_plural_of_its_own() -> None:
    assert counted(1, "row was", "rows were") == "1 row was"
    assert counted(3, "row was", "rows were") == "3 rows were"
