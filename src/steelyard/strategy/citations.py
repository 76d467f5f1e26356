"""Which brackets of an answer cite passages, and the answer without them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from steelyard.packaged import packaged

_LONGEST_RANGE = 100
_LOOK = 60
"""Characters on either side of a bracket that are looked at."""
_BLANK = r"[^\S\n]{0,3}"
_FULL_STOPS = ".!?…。！？"
_BREAKS = ",;:，、；："
_CLOSERS = "*_\"'”’»)）"
_GLUE = _FULL_STOPS + _BREAKS + '%‰°€$£"”’»*'
"""A bracket may stand right behind these."""
_DASHES = tuple("–—‐‑-")
_RAISED, _RAISED_END = "<sup>", "</sup>"
_MARKS = (("*", "*"), ("_", "_"), (_RAISED, _RAISED_END))
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)
_NOT_A_NUMBER = re.compile(r"[^\d\s–—‐‑-]+")
_LAST_TOKEN = re.compile(r"\S{1,40}\Z")
_DIGITS_ALONE = re.compile(r"(?<![^\W\d])(?<!\d)\d{1,30}\Z")


class CitedText(NamedTuple):
    """An answer without its citations, and the numbers that these name, in order."""

    text: str
    numbers: tuple[int, ...]


class _Bracket(NamedTuple):
    """A bracket that may cite: where it ends, its numbers, whether it says so (``[passage 1]``, ``[^1]``)."""

    start: int
    end: int
    numbers: tuple[int, ...]
    is_named: bool


class _Citation(NamedTuple):
    start: int
    end: int
    numbers: tuple[int, ...]


def read_citations(text: str, passages: int) -> CitedText:
    """Take the citations off a text that was asked for with at most so many ``passages``.

    A citation is a bracket of numbers (``[1]``, ``[1, 2]``, ``[1-3]``, ``[^1]``, ``[passage 1]``,
    ``[1, page 3]``, ``[1: a.md]``, ``【1】``, ``(passage 1)``), marked or not (``**[1]**``), that ends the
    text, a line or a sentence, before or behind its full stop, whatever its numbers. Elsewhere, and as
    ``(1)`` at the very end, it is one only if the prompt has these passages, and so is a last line
    ``Sources: 1, 2`` below an answer. What a footnote says goes. An index (``arr[0]``), what stands behind
    ``is`` or ``=``, or behind ``Step`` where the answer goes on, and code in backticks are text.
    """
    pieces: list[str] = []
    numbers: list[int] = []
    place, is_blank = 0, True
    for citation in _citations(text, passages):
        before = text[place : citation.start].rstrip(" \t\u00a0\u3000")
        intro = _patterns().intro.search(before)
        if intro is not None:  # "According to [1], …"
            before = before[: intro.start("words")]
            citation = citation._replace(end=_past(text, citation.end, ",: \t"))
        pieces.append(before)
        place, is_blank = citation.end, is_blank and not before
        if is_blank or before.endswith("\n"):
            while text[place : place + 1] in (" ", "\t"):  # it began its line
                place += 1
        elif before[-1:] in tuple(_FULL_STOPS) and text[place : place + 1] == ".":
            place += 1
        numbers += citation.numbers
    if not numbers:
        return CitedText(text, ())
    return CitedText("".join([*pieces, text[place:]]).strip(), tuple(numbers))


def _citations(text: str, passages: int) -> Iterator[_Citation]:
    place = 0
    while match := _patterns().row.search(text, place):
        place = match.end()
        if match["foot"] is not None:
            yield _Citation(*match.span(), ())
        elif match["list"] is not None:
            numbers = _numbers(match["list"])
            if all(1 <= number <= passages for number in numbers):
                yield _Citation(*match.span(), numbers)
        elif match["last"] is not None:
            numbers = _numbers(match["last"])
            is_text = _is_object(text, match.start(), labels=True)
            if not is_text and all(1 <= number <= passages for number in numbers):
                yield _Citation(*match.span(), numbers)
        elif match["brackets"] is not None:  # else it is code
            brackets = list(_brackets(match))
            first, numbers = brackets[0], tuple(_numbers_of(text, brackets))
            are_inside = all(1 <= number <= passages for number in numbers)
            if _is_cited(text, match, first, are_inside):
                yield _Citation(*_with_marks(text, *match.span()), numbers)
            else:  # those behind the first one may cite
                place = first.end


def _brackets(match: re.Match[str]) -> Iterator[_Bracket]:
    """The brackets of a row."""
    for one in _patterns().bracket.finditer(match.string, *match.span("brackets")):
        body = one["square"] or one["other"] or one["round"]
        is_named = bool(match["heading"] or one["other"] or _patterns().named.match(body))
        yield _Bracket(one.start(), one.end(), _numbers(body), is_named)


def _numbers_of(text: str, brackets: list[_Bracket]) -> Iterator[int]:
    """The numbers of a row of brackets, those between two with a dash too (``[1]-[3]``)."""
    last, end = 0, 0
    for one in brackets:
        is_range = text[end : one.start].strip() in _DASHES if end else False
        if is_range and len(one.numbers) == 1 and 0 < one.numbers[0] - last < _LONGEST_RANGE:
            yield from range(last + 1, one.numbers[0])
        yield from one.numbers
        last, end = one.numbers[-1], one.end


def _with_marks(text: str, start: int, end: int) -> tuple[int, int]:
    """A span with the marks of emphasis and the tags that stand on both its sides."""
    for opening, closing in _MARKS:
        while text[:start].endswith(opening) and text.startswith(closing, end):
            start, end = start - len(opening), end + len(closing)
    return start, end


def _past(text: str, place: int, characters: str) -> int:
    while text[place : place + 1] in tuple(characters):
        place += 1
    return place


def _numbers(body: str) -> tuple[int, ...]:
    """The numbers that a bracket names, those between two with a dash too; pages are none."""
    numbers: list[int] = []
    body = _patterns().to.sub("-", _patterns().place.sub("", body))
    for part in _NOT_A_NUMBER.split(body):
        ends = [int(one) for one in re.findall(r"\d+", part)]
        is_range = len(ends) == 2 and 0 <= ends[1] - ends[0] < _LONGEST_RANGE
        numbers += range(ends[0], ends[1] + 1) if is_range else ends
    return tuple(numbers)


def _is_cited(text: str, match: re.Match[str], first: _Bracket, are_inside: bool) -> bool:
    """Whether a row of brackets cites; ``are_inside``: the prompt has all its passages."""
    start, end = match.span()
    rest = text[end : end + _LOOK].removeprefix(_RAISED_END).lstrip(_CLOSERS)
    labels = bool(rest.strip(_FULL_STOPS + " \t\r\n")) or not are_inside
    if not first.is_named and (
        _is_object(text, start, labels=labels) or not _is_apart(text, start)
    ):
        return False
    if _ends_sentence(text[max(0, start - _LOOK) : start], rest):
        is_round = text[match.start("brackets")] in "(（"
        return (
            are_inside or not is_round or _patterns().passage.match(match["brackets"]) is not None
        )
    stands_alone = rest[0].isspace() or rest[0] in _BREAKS + _FULL_STOPS
    return are_inside and (stands_alone or first.is_named)


def _is_object(text: str, start: int, *, labels: bool) -> bool:
    """Whether the word before a bracket speaks of it: ``is [1, 5]``; with ``labels`` ``Step [2]``, too."""
    token = _LAST_TOKEN.search(text[max(0, start - _LOOK) : start].rstrip())
    if token is None:
        return False
    word, words = token[0].casefold(), _words()
    return (
        word[-1] in "=:("
        or word in words["before_values"]
        or (labels and word in words["before_labels"])
    )


def _is_apart(text: str, start: int) -> bool:
    """Whether no word is glued to a bracket, which would make it an index."""
    last = text[max(0, start - 1) : start]
    if not last or last.isspace() or last in _GLUE or _UNSPACED.match(last):
        return True
    if text[max(0, start - _LOOK) : start].endswith(_RAISED):
        return True
    return _DIGITS_ALONE.search(text[max(0, start - _LOOK) : start]) is not None


def _ends_sentence(before: str, rest: str) -> bool:
    """Whether a bracket between two texts ends the whole, a line or a sentence."""
    if not rest.strip() or rest.lstrip(" \t\r").startswith("\n"):
        return True
    if rest[0] in _FULL_STOPS:
        after = rest.lstrip(_FULL_STOPS + _CLOSERS)
        return not after or after[0].isspace() or rest[0] in "。！？"
    return before.rstrip()[-1:] in tuple(_FULL_STOPS) and rest[0].isspace()


@cache
def _words() -> Mapping[str, frozenset[str]]:
    words = packaged("strategy/data/citations.json")
    return {name: frozenset(some) for name, some in words.items()}


def _any_of(*names: str) -> str:
    words = {word for name in names for word in _words()[name]}
    return "(?:" + "|".join(map(re.escape, sorted(words, key=lambda w: (-len(w), w)))) + ")"


class _Patterns(NamedTuple):
    """``row``: code, a footnote's text, a last line of sources, brackets in a row, or ``(1)`` at the end."""

    row: re.Pattern[str]
    intro: re.Pattern[str]
    to: re.Pattern[str]
    bracket: re.Pattern[str]
    named: re.Pattern[str]
    passage: re.Pattern[str]
    place: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    see, joined = _any_of("see"), rf"(?:{_any_of('and')}(?!\w){_BLANK})?"
    noun = rf"{_any_of('passage', 'source')}{_BLANK}[:.#]?{_BLANK}"
    to = rf"{_any_of('to')}(?!\w)"
    page = rf"[,:;]?{_BLANK}{_any_of('place')}{_BLANK}\d{{1,6}}(?:{_BLANK}[-–]{_BLANK}\d{{1,6}})?"
    place = rf"(?:{page}|[,:;]{_BLANK}[^\[\]()\n,;]{{1,200}}\.[A-Za-z]\w{{0,4}})"
    more = rf"{_BLANK}(?:[,;&–—‐‑-]|{to})?{_BLANK}{joined}(?:{noun})?[#^]?\d{{1,9}}"
    rest = rf"[#^]?\d{{1,9}}(?:(?<=\d)(?!\d){more}){{0,30}}(?:{place})?{_BLANK}"
    start = rf"{_BLANK}(?:{see}{_BLANK})?"
    square = rf"(?:\\?[\[［]){{1,2}}(?P<square>{start}(?:{noun})?{rest})(?:\\?[\]］]){{1,2}}"
    square += r"(?:\([^()\s]{0,500}\)\]?)?"
    other = rf"【(?P<other>{start}(?:{noun})?{rest}(?:(?::\d{{1,4}})?†[^】\n]{{0,200}})?)】"
    round_one = rf"[(（](?P<round>{start}{noun}{rest})[)）]"
    bracket = f"{square}|{other}|{round_one}"
    one = "(?:" + re.sub(r"\?P<\w+>", "?:", bracket) + ")"
    row = rf"(?P<brackets>{one}(?:{_BLANK}[,;&–—‐‑-]?{_BLANK}{joined}{one}){{0,12}})"
    heading = rf"(?P<heading>(?<!\w){_any_of('passage', 'source')}{_BLANK}[:：]{_BLANK})?"
    last = rf"(?<=\s)[(（](?P<last>\d{{1,9}}(?:{more}){{0,30}})[)）](?=[{_FULL_STOPS}]?\s*\Z)"
    foot = r"(?P<foot>\n[ \t]*\[\^\d{1,6}\]:[^\n]{0,500})"
    named = rf"{_any_of('passage', 'source')}{_BLANK}[:：]{_BLANK}"
    listed = rf"(?<=\n){_BLANK}{named}(?P<list>(?:{noun})?{rest})\.?(?=\s*\Z)"
    code = r"```.*?(?:```|\Z)|`[^`\n]*`"
    in_brackets = rf"(?P<open>[(（](?:{see}{_BLANK})?)?{heading}{row}(?(open)[)）])"
    flags = re.IGNORECASE | re.DOTALL
    return _Patterns(
        row=re.compile(f"{code}|{foot}|{listed}|{last}|{in_brackets}", flags),
        intro=re.compile(rf"(?:^|\n)[ \t]*(?P<words>{_any_of('according')})\Z", flags),
        to=re.compile(rf"(?<=\d){_BLANK}{to}{_BLANK}(?=[#^]?\d)", flags),
        bracket=re.compile(bracket, flags),
        named=re.compile(rf"\s*(?:[#^]|{_any_of('see', 'passage', 'source')}(?![^\W\d_]))", flags),
        passage=re.compile(rf"[(（]{start}{_any_of('passage')}", flags),
        place=re.compile(rf"{place}|(?::\d{{1,4}})?†.*", flags),
    )
