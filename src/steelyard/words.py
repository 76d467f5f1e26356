"""Counts, shares and lists in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable

LISTED = 5
CURRENCY_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
"""What stands before an amount; any other currency goes by its code."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 row`` or ``2 rows``; ``many`` is ``one`` with an s unless it is given."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Collection[str], most: int = LISTED) -> str:
    """The first names, and how many more there are: ``a, b and 3 more``."""
    first = list(names)[:most]
    more = len(names) - len(first)
    if more:
        return f"{', '.join(first)} and {more:,} more"
    return " and ".join([", ".join(first[:-1]), first[-1]]) if len(first) > 1 else "".join(first)


def percent(share: float) -> str:
    """``12 %``; one decimal below 10 %, 0 only for exactly 0 and 100 only for exactly 1."""
    value = 100 * share
    if 0 < value < 0.1:
        return "under 0.1 %"
    if 99.5 <= value < 100:
        return f"{value:.1f} %" if value < 99.95 else "over 99.9 %"
    return f"{value:.1f} %" if 0 < value < 10 else f"{value:.0f} %"


def chance(probability: float) -> str:
    """``0.83``; a chance is never told as certain: ``over 0.99``, ``under 0.01``."""
    if probability > 0.994:
        return "over 0.99"
    return "under 0.01" if probability < 0.005 else f"{probability:.2f}"


def likely(probability: float) -> str:
    """``83 %``; never told as certain: ``over 99 %``, ``under 1 %``."""
    if probability > 0.994:
        return "over 99 %"
    return "under 1 %" if probability < 0.005 else percent(probability)


def points(share: float) -> str:
    """``1 point``, ``9 points``, ``10.2 points``."""
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} point" if text == "1" else f"{text} points"


def shortened(text: str, most: int) -> str:
    """Return ``text``, cut to ``most`` characters, the last of them an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def one_line(text: str, most: int) -> str:
    """Return ``text`` on one line, white space as single spaces, cut to ``most`` characters."""
    return shortened(" ".join(text.split()), most)


def first_words(texts: Iterable[str]) -> str:
    """Texts in quotes, cut to 40 characters each."""
    return listed([repr(shortened(text, 40)) for text in texts])
