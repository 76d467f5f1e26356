"""Windows: a passage as overlapping runs of a few sentences, for an encoder that blurs long texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

MOST_PIECES = 240
"""Word pieces of a window, as `word_pieces` bounds them: the encoder reads 256 and drops the rest."""
LONGEST_SENTENCE = 450
"""Characters; what has no end by then (a table, a log) is cut at white space, or where there is none."""
_SURE_LENGTH = 200
"""Characters that are never more pieces than an encoder reads, whatever they are."""

_LETTERS = re.compile(r"[A-Za-z]+")
_END = re.compile(
    r"[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？｡]+[」』”’）]*|\n[ \t]*\n|\n(?=\s*(?:[-*+•|#]|\d+[.)]\s))"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|Gen|Sen|Rep|Gov|Capt"
    r"|Lt|Col|Rev|Hon|vs|etc|cf|approx|ca|al|Inc|Ltd|Co|Corp|No|Nos|Fig|Figs|Eq|Sec|Vol|pp?|ed|eds"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)$"
)
_LOOK_BACK = 12
"""Characters before a full stop that may be an abbreviation."""


class SearchText(NamedTuple):
    """What a passage is searched by: its text, and what it stands under, such as headings."""

    context: str
    text: str


def word_pieces(text: str) -> int:
    """Return about how many word pieces an encoder reads ``text`` as, rather too many than too few.

    Five letters are a piece; every other character that is seen is one.
    """
    letters = _LETTERS.findall(text)
    others = len("".join(text.split())) - sum(map(len, letters))
    return others + sum((len(word) + 4) // 5 for word in letters)


def windows(text: str, size: int, most_pieces: int = MOST_PIECES) -> list[str]:
    """Return runs of ``size`` sentences, beginning at every sentence, that together cover ``text``.

    ``size`` 0 is the whole text as far as a window goes. A window has at most ``most_pieces``, so it
    may hold fewer sentences. A blank text has no windows. Linear in the text.
    """
    spans = list(sentences(text))
    pieces = [word_pieces(text[start:end]) for start, end in spans]
    most = size or len(spans)
    runs: list[str] = []
    covered = 0
    for first, (start, _) in enumerate(spans):
        if covered == len(spans):
            break
        last, total = first + 1, pieces[first]
        while last < len(spans) and last - first < most and total + pieces[last] <= most_pieces:
            total += pieces[last]
            last += 1
        if last > covered and (size or first == covered):
            runs.append(text[start : spans[last - 1][1]])
            covered = last
    return runs


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of every sentence, in order, without the white space between them."""
    edges = [
        0,
        *(match.end() for match in _END.finditer(text) if not _goes_on(text, match)),
        len(text),
    ]
    for start, end in pairwise(edges):
        yield from _pieces(text, start, end)


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether a full stop ends an abbreviation, or what follows begins like the middle of a sentence."""
    if match[0] != ".":
        return False
    before = text[max(0, match.start() - _LOOK_BACK) : match.start()]
    following = text[match.end() : match.end() + 3].lstrip()[:1]
    return following.islower() or _ABBREVIATION.search(before) is not None


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        while start < end and text[start].isspace():
            start += 1
        stop, longest = end, LONGEST_SENTENCE
        if word_pieces(text[start : min(end, start + longest)]) > _SURE_LENGTH:
            longest = _SURE_LENGTH
        if end - start > longest:
            gap = max(text.rfind(mark, start, start + longest) for mark in (" ", "\n", "\t"))
            stop = gap if gap > start else start + longest
        last = stop
        while last > start and text[last - 1].isspace():
            last -= 1
        if last > start:
            yield start, last
        start = stop
