"""Windows: a passage as overlapping runs of a few sentences, for an encoder that blurs long texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from steelyard.retrieve.documents.sentences import sentence_ends

MOST_PIECES = 240
"""Word pieces of a window, as `word_pieces` bounds them: the encoder reads 256 and drops the rest."""
LONGEST_SENTENCE = 450
"""Characters; what has no end by then (a table, a log) is cut at white space, or where there is none."""
_SURE_LENGTH = 200
"""Characters that are never more pieces than an encoder reads, whatever they are."""

_LETTERS = re.compile(r"[A-Za-z]+")


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
    for start, end in pairwise((0, *sentence_ends(text, 0, len(text)))):
        yield from _pieces(text, start, end)


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
