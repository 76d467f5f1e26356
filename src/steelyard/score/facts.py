"""Which of two facts an answer states: the one from before a change, or the one from after it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

FactSide = Literal["old", "new", "neither"]
_SIGNS = "€$£¥%°"
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
"""Scripts without spaces between words: each character is one."""
_WORDS = re.compile(
    rf"[a-z]+\d\w*|\d+(?:[.,]\d+)*|[{_UNSPACED}]"
    rf"|(?:(?![{_UNSPACED}])[^\W\d_])[^\W\d_{_UNSPACED}]*|[{_SIGNS}]"
)
"""Codes such as ``E41`` are one word; a number and its unit are two."""
_NUMBER = re.compile(r"\d")
_PIECES = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d]+|\s+|[^\w\s]")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_OPENERS = frozenset({"yes", "no", "true", "false"})
"""An answer that is one of these stands at the beginning, or it is another word: ``there is no …``."""


class FactTexts(NamedTuple):
    """The texts that say one fact, any of which will do."""

    old: tuple[str, ...]
    new: tuple[str, ...]


class _Place(NamedTuple):
    start: int
    end: int
    side: FactSide


def words_of(text: str) -> tuple[str, ...]:
    """Words, numbers and signs of a text, alike whatever its case and the commas of its thousands."""
    pieces: list[str] = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())
    return tuple(word.replace(",", "") if _THOUSANDS.fullmatch(word) else word for word in pieces)


def side_of(output: str | None, texts: FactTexts) -> FactSide:
    """Say which fact an answer states, by its words; both of them are neither.

    A text within a longer one of the other side does not count: ``P5`` is not stated by ``P5 Max``.
    What stands on both sides says nothing, and a number alone only where the answer has no other.
    """
    if output is None:
        return "neither"
    words = words_of(output)
    olds, news = ({words_of(text) for text in side} - {()} for side in texts)
    places = [
        *(_Place(*place, "old") for one in olds - news for place in _places(words, one)),
        *(_Place(*place, "new") for one in news - olds for place in _places(words, one)),
    ]
    sides = {one.side for one in places if not any(_covers(other, one) for other in places)}
    return sides.pop() if len(sides) == 1 else "neither"


def mirrored(old: Sequence[str], new: str) -> tuple[str, ...]:
    """The other forms of an old fact with what is ``new`` in them: of ``14 s`` and ``14`` those with 20.

    The first of ``old`` differs from ``new`` in one stretch of words and numbers, or there are none.
    """
    before, after = _PIECES.findall(old[0]), _PIECES.findall(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, come = before[start : len(before) - end], after[start : len(after) - end]
    if not gone or not come:
        return ()
    forms = []
    for form in old[1:]:
        pieces = _PIECES.findall(form)
        places = [i for i in range(len(pieces)) if pieces[i : i + len(gone)] == gone]
        if len(places) == 1:
            place = places[0]
            forms.append("".join([*pieces[:place], *come, *pieces[place + len(gone) :]]))
    return tuple(forms)


def is_distinct(texts: FactTexts) -> bool:
    """Whether each side has a text that the other has not."""
    olds, news = ({words_of(text) for text in side} - {()} for side in texts)
    return bool(olds - news) and bool(news - olds)


def _covers(other: _Place, one: _Place) -> bool:
    is_longer = other.end - other.start > one.end - one.start
    return (
        other.side != one.side and is_longer and other.start <= one.start and one.end <= other.end
    )


def _places(words: Sequence[str], piece: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    size = len(piece)
    starts = range(len(words) - size + 1)
    if size == 1 and piece[0] in _OPENERS:
        starts = starts[:1]
    if size == 1 and _NUMBER.match(piece[0]) and sum(map(bool, map(_NUMBER.match, words))) > 1:
        return
    for start in starts:
        if tuple(words[start : start + size]) == piece:
            yield start, start + size
