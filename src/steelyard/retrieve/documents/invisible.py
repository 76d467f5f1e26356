"""Which invisible character is of use where it stands, by its neighbours and by how many there are.

Joiners belong to emoji and to scripts that join or break words without spaces, marks of direction to text
that runs from right to left, selectors to the characters that have a second form, operators to formulas.
Sources: The Unicode Standard, StandardizedVariants.txt and emoji-variation-sequences.txt.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from steelyard.retrieve.documents.base import DocumentRefusedError

NEAR = 200
"""Characters around a mark that are looked at."""
_EMOJI = "\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_JOINING = (
    "\u0590-\u0dff\u0f00-\u109f\u1780-\u18af\u1a00-\u1cff\ua800-\uaaff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010a00-\U00011fff"
)
_UNSPACED = (
    "\u0e00-\u109f\u1780-\u17ff\u1950-\u1aaf\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef"
)
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
DEFAULT_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Default_Ignorable_Code_Point of Unicode 14 (DerivedCoreProperties.txt), as ranges of a character class."""
RUN = re.compile(
    # no ink either: the blank of Braille, and the marks of interlinear annotation
    f"[{DEFAULT_IGNORABLE}\u2800\ufff9-\ufffb]"
    # the lawful ones that a text may be full of: joiners and selectors of emoji, joiners and hyphens in words
    f"(?!(?<=[{_EMOJI}\ufe0f]\u200d)[{_EMOJI}])(?!(?<=[{_EMOJI}]\ufe0f)[^{_SELECTORS}])"
    f"(?!(?<=[{_UNSPACED}]\u200b)[{_UNSPACED}])"
    f"(?!(?<=[{_JOINING}]{{2}}[\u200c\u200d])[{_JOINING}]{{2}})"
    "(?!(?<=[^\\W\\d_]{2}\u00ad)[^\\W\\d_]{2})"
)
"""Begins with a character that may hide something."""
RTL_LETTER = re.compile(
    "[\u0590-\u05ff\u0608\u060b\u060d\u061b-\u065f\u066d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_FLAG = re.compile(
    "(?<=\U0001f3f4)\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|"
    "\U000e0073\U000e0063\U000e0074|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
"""England, Scotland and Wales: all flags of this kind that Unicode recommends."""
_LINE_END = re.compile("[\n\r\u2028\u2029]")
_JOINING_LETTER = re.compile(f"[{_JOINING}]")
_JOINER_IN_WORD = re.compile(f"(?:[{_JOINING}][\u200c\u200d]){{3}}")
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_HANGUL = re.compile(
    "[\u1100-\u115e\u1161-\u11ff\u3131-\u3163\u3165-\u318e\ua960-\ua97f\uac00-\ud7ff\uffa1-\uffdc]"
)
_IDEOGRAPH = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_MONGOLIAN = re.compile("[\u1800-\u18af]")
_BRAILLE = re.compile("[\u2801-\u28ff]")
_HYPHENS = re.compile("\u00ad\\w?\u00ad\\w?\u00ad|\u00ad\u00ad")
_OPERATOR_IN_LETTERS = re.compile("[^\\W\\d_][\u2061-\u2064](?=[^\\W\\d_])")
_OPERATORS = "\u2061\u2062\u2063\u2064"
_OVERRIDES, _RTL_STARTS = "\u202d\u202e", "\u202b\u2067"
_STARTS, _POPS = "\u202a\u202b\u2066\u2067\u2068", "\u202c\u2069"
_STARTS_AND_POPS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_JOINERS = "\u200b\u200c\u200d\u2060\ufeff"
_LETTER = re.compile(r"[^\W\d_]")
_DEEPEST = 32
_MOST_DIRECTIONS = 200_000
_MOST_OPERATORS = 3
_MOST_SELECTED = 4
_LEAST_RTL = 0.25
"""Of the letters that a mark turns round: the share that runs from right to left."""


class Mark(NamedTuple):
    """A stretch to take out; of no ``kind`` where it is lawful and of no use to a reader."""

    start: int
    end: int
    kind: str


class CharacterJudge:
    """Judges the characters of one text, from its start on.

    Raises `DocumentRefusedError` where direction changes more often than in any language.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._pops: dict[int, Mark | None] = {}
        self._directions = 0

    def mark(self, at: int) -> Mark | None:
        """What to take out at a character of `RUN`; a mark of no length passes over what is lawful."""
        text = self._text
        character = text[at]
        if character in _OVERRIDES:
            return _override(text, at)
        if character in _STARTS:
            return self._direction(at)
        if character in _POPS:
            return self._pops.pop(at, Mark(at, at + 1, ""))
        if character in "\u061c\u200e\u200f":
            return _direction_mark(text, at)
        if character >= "\U000e0000" and character < "\U000e0100":
            flag = _FLAG.match(text, at)
            return Mark(flag.end(), flag.end(), "") if flag else Mark(at, at + 1, "tag_characters")
        if _is_selector(character):
            return None if _selects(text, at) else Mark(at, at + 1, "variation_selector")
        return _width(text, at)

    def _direction(self, at: int) -> Mark | None:
        """An embedding or isolate; what ends it is judged with it."""
        text = self._text
        self._directions += 1
        if self._directions > _MOST_DIRECTIONS:
            raise DocumentRefusedError(f"holds more than {_MOST_DIRECTIONS:,} changes of direction")
        line = _line(text, at + 1, 2 * NEAR)
        end = _pop(line)
        inside = line[:end]
        mark: Mark | None = Mark(at, at + 1, "bidi")
        if text[at] in _RTL_STARTS:
            letters = len(_LETTER.findall(inside))
            is_of_use = len(RTL_LETTER.findall(inside)) > _LEAST_RTL * letters
        else:
            is_isolate = text[at] == "\u2068" and end < len(line)
            is_of_use = is_isolate or _is_near_rtl(text, at)
        if is_of_use:
            mark = None
        elif text[at] in "\u202a\u2066" and end < len(line) and not inside[:1].isalpha():
            mark = Mark(at, at + 1, "")  # as telephones write numbers and names
        if end < len(line):
            place = at + 1 + end
            self._pops[place] = mark and mark._replace(start=place, end=place + 1)
        return mark


def _pop(line: str) -> int:
    """Where the direction that begins before ``line`` ends; its length where it does not."""
    depth = 1
    for match in _STARTS_AND_POPS.finditer(line):
        depth += -1 if match[0] in _POPS else 1
        if depth == 0:
            return match.start()
        if depth > _DEEPEST:
            break
    return len(line)


def _line(text: str, at: int, most: int = 10_000) -> str:
    """At most ``most`` characters from ``at`` to the end of the line."""
    piece = text[at : at + most]
    end = _LINE_END.search(piece)
    return piece[: end.start()] if end else piece


def _is_near_rtl(text: str, at: int) -> bool:
    """Whether a letter from right to left stands in the line, not far away."""
    before = _LINE_END.split(text[max(0, at - NEAR) : at])[-1]
    return RTL_LETTER.search(before) is not None or (
        RTL_LETTER.search(_line(text, at + 1, NEAR)) is not None
    )


def _override(text: str, at: int) -> Mark:
    """The stretch whose order is turned round; the mark alone where that changes nothing."""
    line = _line(text, at + 1)
    pop = line.find("\u202c")
    inside = line if pop < 0 else line[:pop]
    nested = any(mark in inside for mark in _OVERRIDES)
    kinds = {unicodedata.bidirectional(character) for character in inside}
    turned = {"R", "AL", "AN"} if text[at] == "\u202d" else {"L", "EN", "AN"}
    if nested or kinds & turned:
        return Mark(at, at + 1 + len(inside) + (pop >= 0), "bidi_override")
    return Mark(at, at + 1, "")


def _direction_mark(text: str, at: int) -> Mark | None:
    """LRM, RLM, ALM: of use between directions, or beside signs where a line holds both."""
    before, after = text[max(0, at - 1) : at], text[at + 1 : at + 2]
    in_run = [side for side in (before, after) if side and side in "\u061c\u200e\u200f"]
    rtl = [RTL_LETTER.match(side) is not None for side in (before, after)]
    in_word = before.isalpha() and after.isalpha() and rtl[0] == rtl[1]
    if in_word or len(in_run) == 2 or (in_run and not _is_near_rtl(text, at)):
        return Mark(at, at + 1, "bidi")
    if _is_near_rtl(text, at):
        return None
    is_inside = before.isalnum() and after.isalnum()
    return Mark(at, at + 1, "bidi" if is_inside else "")


def _is_selector(mark: str) -> bool:
    if "\u180b" <= mark <= "\u180f":
        return mark != "\u180e"
    return "\ufe00" <= mark <= "\ufe0f" or "\U000e0100" <= mark <= "\U000e01ef"


def _selects(text: str, at: int) -> bool:
    """Whether a selector follows a character that has another form, and no other selector follows it."""
    mark, base, after = text[at], text[max(0, at - 1) : at], text[at + 1 : at + 2]
    if not base or (after and _is_selector(after)):
        return False
    if mark <= "\u180f":
        return _MONGOLIAN.match(base) is not None
    if mark >= "\U000e0100":
        few = sum(map(_is_selector, text[max(0, at - 8) : at + 9])) <= _MOST_SELECTED
        return few and mark < "\U000e0120" and _IDEOGRAPH.match(base) is not None
    if "\ufe03" <= mark <= "\ufe0d":
        return "\U00013000" <= base <= "\U0001345f"
    if mark >= "\ufe0e":
        return base in "0123456789#*\xa9\xae" or (base >= "\u2010" and not base.isspace())
    return base == "0" or (base >= "\u1000" and RUN.match(base) is None)


def _width(text: str, at: int) -> Mark | None:
    """Characters of no width or of no ink."""
    mark = text[at]
    before, after = _visible_before(text, at), text[at + 1 : at + 2]
    flagged = Mark(at, at + 1, "zero_width")
    if mark == "\u2800":
        end = at + len(text[at : at + NEAR]) - len(text[at : at + NEAR].lstrip("\u2800"))
        is_braille = _BRAILLE.search(text, max(0, at - NEAR), end + NEAR)
        return Mark(end, end, "") if is_braille else Mark(at, end, "zero_width")
    if mark == "\u00ad":
        return _hyphen(text, at)
    if mark in _JOINERS:
        return _joiner(text, at, before, after)
    if mark in _OPERATORS:
        return None if _operates(text, at) else flagged
    if mark in "\u115f\u1160\u3164\uffa0":
        return None if _HANGUL.match(before) or _HANGUL.match(after) else flagged
    if mark in "\u180e\u17b4\u17b5\u034f":
        return None if before > "\u02ff" and RUN.match(text[at - 1]) is None else flagged
    if "\U0001d173" <= mark <= "\U0001d17a" and "\U0001d100" <= before <= "\U0001d1ff":
        return None
    if "\U0001bca0" <= mark <= "\U0001bca3" and "\U0001bc00" <= before <= "\U0001bc9f":
        return None  # shorthand
    return flagged


def _joiner(text: str, at: int, before: str, after: str) -> Mark | None:
    mark = text[at]
    flagged = Mark(at, at + 1, "zero_width")
    last = text[max(0, at - 1) : at]
    lone = not (last and last in _JOINERS) and not (after and after in _JOINERS)
    if mark == "\u200d" and _is_emoji(before) and _is_emoji(after):
        return None
    if mark in "\u200c\u200d":
        few = lone or (last == mark) != (after == mark)
        if not few or not _JOINING_LETTER.match(before):
            return flagged
        return flagged if _JOINER_IN_WORD.search(text, max(0, at - 5), at + 6) else None
    if lone and _UNSPACED_LETTER.match(before):
        return None
    at_edge = not (before.isalnum() and after.isalnum())
    return flagged._replace(kind="") if lone and at_edge else flagged


def _hyphen(text: str, at: int) -> Mark | None:
    """Soft hyphens in a row, or around letters one by one; a syllable of one letter is lawful."""
    floods = _HYPHENS.finditer(text, max(0, at - 4), at + 5)
    return (
        Mark(at, at + 1, "zero_width") if any(f.start() <= at < f.end() for f in floods) else None
    )


def _operates(text: str, at: int) -> bool:
    """Whether an operator stands between operands: no word is cut, and there are few."""
    mark, before, after = text[at], text[max(0, at - 1) : at], text[at + 1 : at + 2]
    if not before or not after or before in _OPERATORS or after in _OPERATORS:
        return False
    if mark == "\u2064":
        return before.isnumeric() and after.isnumeric()
    neighbours = text[max(0, at - 2) : at + 3]
    if mark != "\u2061" and neighbours[:2].isalpha() and neighbours[-2:].isalpha():
        return False
    near = _OPERATOR_IN_LETTERS.findall(text, max(0, at - NEAR // 2), at + NEAR // 2)
    return len(near) <= _MOST_OPERATORS


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
