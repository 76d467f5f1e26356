"""Places where a text may be cut without taking a letter from its accents or an emoji apart."""

from __future__ import annotations

import unicodedata

_MOST = 32
"""Characters that are stepped back over; a longer heap of accents is cut."""
_JOINER = "\u200d"


def cut_before(text: str, start: int, place: int) -> int:
    """The last place from ``place`` back, after ``start``, between two characters as a reader sees them."""
    for at in range(place, max(start, place - _MOST), -1):
        if not _joined(text, at):
            return at
    return place


def _joined(text: str, at: int) -> bool:
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    return (
        (before == "\r" and after == "\n")
        or before == _JOINER
        or after == _JOINER
        or "\ufe00" <= after <= "\ufe0f"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"
        or unicodedata.category(after)[0] == "M"
    )
