"""A text as a reader sees it, one character for one: wide forms, dashes and unseen characters are plain."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

_LOOKS = frozenset("<wide> <narrow> <small> <compat> <font> <noBreak>".split())
"""Compatibility forms that only look different."""
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


class SeenText(NamedTuple):
    """``text`` without what is not seen; the character at ``i`` stands at ``places[i]`` of the original."""

    text: str
    places: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where ``start`` to ``end``, which is not empty, is in the original."""
        return self.places[start], self.places[end - 1] + 1


def seen_text(text: str) -> SeenText:
    """Fold ``text`` character by character, so that what is found there can be marked in the original."""
    if text.isascii():
        return SeenText(text, range(len(text)))
    plain = [_plain(character) for character in text]
    places = [place for place, character in enumerate(plain) if character]
    return SeenText("".join(plain), places)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    """One plain character for one that reads the same; nothing for one that is not seen."""
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Cf" or character in _FILLERS or "\ufe00" <= character <= "\ufe0f":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Zs":
        return " "
    if character in _DASHES:
        return "-"
    if unicodedata.decomposition(character).partition(" ")[0] in _LOOKS:
        form = unicodedata.normalize("NFKC", character)
        return form if len(form) == 1 else character
    return character
