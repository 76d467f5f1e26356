"""Characters that nobody sees and every model reads: taken out of a text, and listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from steelyard.retrieve.documents.base import DocumentRefusedError, HiddenText, Removed, capped
from steelyard.retrieve.documents.invisible import NEAR, RUN, CharacterJudge, Mark
from steelyard.retrieve.documents.terminal import CONCEALED, ESCAPE, terminal_marks

_MOST_JUDGED = 1_000_000
"""Invisible characters of a text that are looked at: more of them are no language."""


class Cleaned(NamedTuple):
    """A text without what hides in it, the spans that are gone, and what was hidden."""

    text: str
    removed: Removed
    hidden: tuple[HiddenText, ...]


def cleaned(text: str, most: int, page: int | None = None, *, keep: bool = False) -> Cleaned:
    """Take hidden characters out of a text, and say what they were; ``keep`` leaves them in.

    Raises `DocumentRefusedError` for more than ``most`` of them.
    """
    marks = list(_marks(text, most)) if not text.isascii() else []
    if "\x1b" in text or "\x9b" in text:
        marks = _with_escapes(marks, text, most)
    if not marks:
        return Cleaned(text, (), ())
    hidden = capped(_listed(text, marks, page))
    spans = merged((mark.start, mark.end) for mark in marks)
    if keep:
        return Cleaned(text, (), hidden)
    return Cleaned(without(text, spans), spans, hidden)


def merged(spans: Iterator[tuple[int, int]] | Removed) -> Removed:
    """Spans in order, those that touch or overlap as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def without(text: str, spans: Removed) -> str:
    """``text`` without ``spans``, which are in order and apart."""
    pieces, place = [], 0
    for start, end in spans:
        pieces.append(text[place:start])
        place = end
    return "".join((*pieces, text[place:]))


def _marks(text: str, most: int) -> Iterator[Mark]:
    place = count = judged = 0
    judge = CharacterJudge(text)
    while match := RUN.search(text, place):
        judged += 1
        mark = judge.mark(match.start())
        place = mark.end if mark else match.end()
        count += mark is not None and mark.end > mark.start
        if count > most or judged > _MOST_JUDGED:
            limit, what = (most, "hidden") if count > most else (_MOST_JUDGED, "invisible")
            raise DocumentRefusedError(f"holds more than {limit:,} {what} characters")
        if mark is not None and mark.end > mark.start:
            yield mark


def _with_escapes(marks: list[Mark], text: str, most: int) -> list[Mark]:
    """Marks with those of a terminal's escapes; what both take is the terminal's."""
    escapes = list(islice(terminal_marks(text), _MOST_JUDGED + 1))
    if len(escapes) > _MOST_JUDGED:
        raise DocumentRefusedError(f"holds more than {_MOST_JUDGED:,} escapes of a terminal")
    if sum(mark.kind != "" for mark in (*marks, *escapes)) > most:
        raise DocumentRefusedError(f"holds more than {most:,} hidden pieces")
    joined: list[Mark] = []
    for mark in sorted((*marks, *escapes), key=lambda mark: mark.start):
        if not joined or mark.start >= joined[-1].end:
            joined.append(mark)
    return joined


def _listed(text: str, marks: list[Mark], page: int | None) -> Iterator[HiddenText]:
    """What is listed: marks of one kind that stand close by are one."""
    line, counted_to = 1, 0
    group: list[Mark] = []
    for mark in (*(mark for mark in marks if mark.kind), None):
        close = group and mark is not None and mark.kind == group[-1].kind
        if close and mark is not None and mark.start - group[-1].end <= NEAR:
            group.append(mark)
            continue
        if group:
            start = group[0].start
            line += text.count("\n", counted_to, start)
            counted_to = start
            where = f"line {line}" if page is None else ""
            yield HiddenText(group[0].kind, _words(text, group), page, where)
        group = [mark] if mark is not None else []


def _words(text: str, group: list[Mark]) -> str:
    kind = group[0].kind
    if kind == "tag_characters":
        codes = (ord(text[mark.start]) - 0xE0000 for mark in group)
        return "".join(chr(code) for code in codes if 0x20 <= code < 0x7F)
    if kind == CONCEALED:
        return " ".join(ESCAPE.sub(_payload, text[mark.start : mark.end]) for mark in group)
    if kind == "bidi_override":
        return " ".join(text[mark.start : mark.end].strip("\u202c\u202d\u202e") for mark in group)
    counts = Counter(f"U+{ord(text[mark.start]):04X}" for mark in group)
    names = ", ".join(f"{count} x {name}" for name, count in counts.most_common(4))
    start, end = max(0, group[0].start - 20), group[-1].end + 20
    context = without(text[start:end], merged((m.start - start, m.end - start) for m in group))
    return f"{names} in {' '.join(context.split())[:NEAR]!r}"


def _payload(match: re.Match[str]) -> str:
    """What a terminal takes for a command that holds text, such as its title."""
    return match["string"] or ""
