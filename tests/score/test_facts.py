"""Which of two facts an answer states."""

from __future__ import annotations

import pytest

from steelyard.score.facts import FactTexts, FactSide, is_distinct, side_of, words_of

SECONDS = FactTexts(("14 seconds", "14 s"), ("20 seconds", "20 s"))
LIMIT = FactTexts(("€589",), ("€1,619", "1619 euros"))
YES = FactTexts(("Yes",), ("No",))
PACK = FactTexts(("P5",), ("P5 Max",))


@pytest.mark.parametrize(
    ("texts", "output", "side"),
    [
        (SECONDS, "20 seconds", "new"),
        (SECONDS, "The bike holds itself for 20 s.", "new"),
        (SECONDS, "for 14 SECONDS", "old"),
        (SECONDS, "it was 14 seconds and is 20 seconds", "neither"),
        (SECONDS, "120 seconds", "neither"),
        (SECONDS, "2.20 seconds", "neither"),
        (SECONDS, "20 minutes", "neither"),
        (SECONDS, "", "neither"),
        (SECONDS, None, "neither"),
        (LIMIT, "It costs € 1619 now", "new"),
        (LIMIT, "€589.", "old"),
        (LIMIT, "€5890", "neither"),
        (YES, "No, it does not.", "new"),
        (YES, "There is no way to know", "neither"),
        (YES, "yes", "old"),
        (PACK, "The P5 Max", "new"),
        (PACK, "The P5", "old"),
        (PACK, "P5 and P5 Max", "neither"),
        (FactTexts(("赤色",), ("青色",)), "ランプは青色です", "new"),
        (FactTexts(("CAFÉ", "bar"), ("bar", "pub")), "the bar", "neither"),
        (FactTexts(("café",), ("pub",)), "the cafe\u0301", "old"),
    ],
)
def test_the_side_is_told_by_whole_words(
    texts: FactTexts, output: str | None, side: FactSide
) -> None:
    assert side_of(output, texts) == side


def test_sides_that_say_the_same_cannot_be_told_apart() -> None:
    assert not is_distinct(FactTexts(("20 Seconds",), ("20 seconds.",)))
    assert not is_distinct(FactTexts(("…",), ("20",)))
    assert is_distinct(SECONDS)


def test_numbers_stay_whole() -> None:
    assert words_of("A 1,234.5 kg, R30: 5310-4!") == ("a", "1234.5", "kg", "r", "30", "5310", "4")
