"""Characters that nobody sees and every model reads: which are meant, and which hide something.

Joiners belong to emoji and to scripts that join or break words without spaces, marks of direction to text
that runs from right to left, tag characters to three flags. Elsewhere they are found here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.retrieve.documents.base import DocumentRefusedError, HiddenText, Removed, capped

_RUN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u202b\u202d\u202e\u2060-\u2065\u2067"
    "\u206a-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U000e0000-\U000e01ef]"
)
_FLAG = re.compile(
    "(?<=\U0001f3f4)\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|"
    "\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
"""England, Scotland and Wales: all flags of this kind that Unicode recommends."""
_LINE_END = re.compile("[\n\r\u2028\u2029]")
_RTL_LETTER = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_OVERRIDES, _RTL_STARTS = "\u202d\u202e", "\u202b\u2067"
_POP = "\u202c"
_NEAR = 200
"""Characters between two marks that are told as one."""

_JOINING = (
    (0x590, 0x8FF),
    (0x900, 0xDFF),
    (0xF00, 0x109F),
    (0x1780, 0x18AF),
    (0x1A00, 0x1CFF),
    (0xA800, 0xAAFF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFC),
    (0x10A00, 0x11FFF),
)
_UNSPACED = ((0xE00, 0x109F), (0x1780, 0x17FF), (0x1950, 0x1AAF), (0x2E80, 0xA4CF), (0xAC00, 0xD7FF),
             (0xF900, 0xFAFF), (0xFF00, 0xFFEF))  # fmt: skip
_HANGUL = (
    (0x1100, 0x115E),
    (0x1161, 0x11FF),
    (0x3131, 0x3163),
    (0x3165, 0x318E),
    (0xA960, 0xA97F),
    (0xAC00, 0xD7FF),
    (0xFFA1, 0xFFDC),
)


class Cleaned(NamedTuple):
    """A text without what hides in it, the spans that are gone, and what was hidden."""

    text: str
    removed: Removed
    hidden: tuple[HiddenText, ...]


class _Mark(NamedTuple):
    """A stretch to take out; of no ``kind`` where it is lawful and of no use to a reader."""

    start: int
    end: int
    kind: str


def cleaned(text: str, most: int, page: int | None = None, *, keep: bool = False) -> Cleaned:
    """Take hidden characters out of a text, and say what they were; ``keep`` leaves them in.

    Raises `DocumentRefusedError` for more than ``most`` of them.
    """
    marks = list(_marks(text, most)) if not text.isascii() else []
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


def _marks(text: str, most: int) -> Iterator[_Mark]:
    place = count = 0
    while match := _RUN.search(text, place):
        mark = _judged(text, match.start())
        place = mark.end if mark else match.end()
        if mark is not None and mark.end > mark.start:
            count += 1
            if count > most:
                raise DocumentRefusedError(f"holds more than {most:,} hidden characters")
            yield mark


def _judged(text: str, at: int) -> _Mark | None:
    """What to take out at a character of `_RUN`; a mark of no length passes over what is lawful."""
    mark = text[at]
    if mark in _OVERRIDES:
        return _override(text, at)
    if mark in _RTL_STARTS:
        is_of_use = _RTL_LETTER.search(_line(text, at + 1, _NEAR))
        return None if is_of_use else _Mark(at, at + 1, "bidi")
    if mark >= "\U000e0000":
        return _tag_or_selector(text, at)
    if _is_selector(mark):
        return None if _has_base(text, at) else _Mark(at, at + 1, "variation_selector")
    return _zero_width(text, at)


def _line(text: str, at: int, most: int = 10_000) -> str:
    """At most ``most`` characters from ``at`` to the end of the line."""
    piece = text[at : at + most]
    end = _LINE_END.search(piece)
    return piece[: end.start()] if end else piece


def _override(text: str, at: int) -> _Mark:
    """The stretch whose order is turned round; the mark alone where that changes nothing."""
    line = _line(text, at + 1)
    pop = line.find(_POP)
    inside = line if pop < 0 else line[:pop]
    nested = any(mark in inside for mark in _OVERRIDES)
    kinds = {unicodedata.bidirectional(character) for character in inside}
    turned = {"R", "AL", "AN"} if text[at] == "\u202d" else {"L", "EN", "AN"}
    if nested or kinds & turned:
        return _Mark(at, at + 1 + len(inside) + (pop >= 0), "bidi_override")
    return _Mark(at, at + 1, "")


def _tag_or_selector(text: str, at: int) -> _Mark | None:
    if text[at] >= "\U000e0100":
        return None if _has_base(text, at) else _Mark(at, at + 1, "variation_selector")
    flag = _FLAG.match(text, at)
    return _Mark(flag.end(), flag.end(), "") if flag else _Mark(at, at + 1, "tag_characters")


def _is_selector(mark: str) -> bool:
    return "\ufe00" <= mark <= "\ufe0f" or ("\u180b" <= mark <= "\u180f" and mark != "\u180e")


def _has_base(text: str, at: int) -> bool:
    """Whether a selector follows a character whose form it selects."""
    return at > 0 and not text[at - 1].isspace() and _RUN.match(text[at - 1]) is None


def _zero_width(text: str, at: int) -> _Mark | None:
    mark = text[at]
    before = _visible_before(text, at)
    after = text[at + 1 : at + 2]
    flagged = _Mark(at, at + 1, "zero_width")
    lone = (at == 0 or text[at - 1] not in "\u200b\u200c\u200d\u2060\ufeff") and after not in tuple(
        "\u200b\u200c\u200d\u2060\ufeff"
    )
    if mark == "\u200d" and _is_emoji(before) and _is_emoji(after):
        return None
    if mark in "\u200c\u200d":
        few = lone or (text[at - 1 : at] == mark) != (after == mark)
        return None if _in(before, _JOINING) and few else flagged
    if mark in "\u200b\u2060\ufeff":
        if lone and _in(before, _UNSPACED):
            return None
        at_edge = not (before.isalnum() and after.isalnum())
        return flagged._replace(kind="") if lone and at_edge else flagged
    if "\u2061" <= mark <= "\u2064":
        return None if not _RUN.match(text[at - 1 : at]) and not _RUN.match(after) else flagged
    if mark in "\u115f\u1160\u3164\uffa0":
        return None if _in(before, _HANGUL) or _in(after, _HANGUL) else flagged
    if mark in "\u180e\u17b4\u17b5\u034f":
        return None if before > "\u02ff" and _has_base(text, at) else flagged
    if "\U0001d173" <= mark <= "\U0001d17a" and "\U0001d100" <= before <= "\U0001d1ff":
        return None
    return flagged


def _visible_before(text: str, at: int) -> str:
    """The character before ``at``, past one selector or a repeated joiner."""
    place = at - 1
    if place > 0 and (_is_selector(text[place]) or text[place] == text[at]):
        place -= 1
    return text[place] if place >= 0 else ""


def _is_emoji(character: str) -> bool:
    return bool(character) and (
        unicodedata.category(character) in {"So", "Sk"} or "\u2190" <= character <= "\u21ff"
    )


def _in(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return bool(character) and any(low <= ord(character) <= high for low, high in ranges)


def _listed(text: str, marks: list[_Mark], page: int | None) -> Iterator[HiddenText]:
    """What is listed: marks of one kind that stand close by are one."""
    line, counted_to = 1, 0
    group: list[_Mark] = []
    for mark in (*(mark for mark in marks if mark.kind), None):
        close = group and mark is not None and mark.kind == group[-1].kind
        if close and mark is not None and mark.start - group[-1].end <= _NEAR:
            group.append(mark)
            continue
        if group:
            start = group[0].start
            line += text.count("\n", counted_to, start)
            counted_to = start
            where = f"line {line}" if page is None else ""
            yield HiddenText(group[0].kind, _words(text, group), page, where)
        group = [mark] if mark is not None else []


def _words(text: str, group: list[_Mark]) -> str:
    kind = group[0].kind
    if kind == "tag_characters":
        codes = (ord(text[mark.start]) - 0xE0000 for mark in group)
        return "".join(chr(code) for code in codes if 0x20 <= code < 0x7F)
    if kind == "bidi_override":
        return " ".join(text[mark.start : mark.end].strip("\u202c\u202d\u202e") for mark in group)
    counts = Counter(f"U+{ord(text[mark.start]):04X}" for mark in group)
    names = ", ".join(f"{count} x {name}" for name, count in counts.most_common(4))
    start, end = max(0, group[0].start - 20), group[-1].end + 20
    context = without(text[start:end], merged((m.start - start, m.end - start) for m in group))
    return f"{names} in {' '.join(context.split())[:_NEAR]!r}"
