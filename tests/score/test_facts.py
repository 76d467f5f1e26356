"""Which of two facts an answer states."""

from __future__ import annotations

import pytest

from steelyard.score.facts import FactSide, FactTexts, is_distinct, mirrored, side_of, words_of

SECONDS = FactTexts(("14 seconds", "14 s"), ("20 seconds", "20 s"))
LIMIT = FactTexts(("€589",), ("€1,619", "1619 euros"))
WEEKS = FactTexts(("9 weeks", "9"), ("12 weeks", "12"))
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
        (WEEKS, "9", "old"),
        (WEEKS, "It takes 9.", "old"),
        (WEEKS, "12 weeks from 9 May", "new"),  # a number alone stands anywhere
        (WEEKS, "the P9 takes 12", "new"),
        (WEEKS, "the P9", "neither"),
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
    assert words_of("A 1,234.5 kg, R30: 5310-4!") == ("a", "1234.5", "kg", "r30", "5310", "4")


@pytest.mark.parametrize(
    ("old", "new", "forms"),
    [
        (
            ("14 seconds", "14 s", "for 14 seconds", "14"),
            "20 seconds",
            ("20 s", "for 20 seconds", "20"),
        ),
        (("€589", "589 euros", "EUR 589.50"), "€1,619", ("1,619 euros",)),
        (("1.5 m", "within 1.5 m", "1 m"), "3 m", ("within 3 m",)),
        (("9 weeks", "nine weeks", "9 to 9"), "12 weeks", ()),
        (("every day", "daily"), "never", ()),
        (("red", "a red lamp"), "blue", ("a blue lamp",)),
        (("P5 Max",), "P5", ()),
    ],
)
def test_other_forms_of_the_old_fact_are_forms_of_the_new_one(
    old: tuple[str, ...], new: str, forms: tuple[str, ...]
) -> None:
    assert mirrored(old, new) == forms
