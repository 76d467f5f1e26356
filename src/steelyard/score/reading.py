"""How a reply reads: its words, sentences and paragraphs, in any script.

Our own rules, so that they need no download and mean the same everywhere. Where letters are written
without spaces (Chinese, Japanese, Thai, …) each character counts as a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from steelyard.packaged import packaged

UNSPACED = (
    "\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # kana and Chinese characters
)
_JOINERS = "\u200c\u200d"
_CLOSERS = "\"'”’»)\\]*_」』”’）"
_STOP = re.compile(rf"(?<![.!?…؟۔।])[.!?…؟۔।]++[{_CLOSERS}]*+(?=\s)|[。！？]++[{_CLOSERS}]*+")
_BREAK = re.compile(r"\n[^\S\n]*\n\s*")
_MARKER = re.compile(r"(?:[-*•+–—]|\(?\d{1,3}[.):]|#{1,6})\s+")
_LAST_TOKEN = re.compile(r"(?:^|[\s(\[\"'“‘])([^\s(\[\"'“‘]+)$")
_TOKEN_LENGTH = 24  # no abbreviation is longer: only so much before a full stop is looked at


class _Stops(NamedTuple):
    """Words after which a full stop ends no sentence: always, or before a number or small letter."""

    always: frozenset[str]
    before_number: frozenset[str]
    before_small: frozenset[str]


def words(text: str) -> list[str]:
    """The words of a text as people count them: ``don't`` and ``well-known`` are one each."""
    return _patterns()[0].findall(text)


def tokens(text: str) -> list[str]:
    """Runs of letters and digits, case folded: the tokens of ROUGE, for every script."""
    return _patterns()[1].findall(unicodedata.normalize("NFC", text).casefold())


def paragraphs(text: str) -> list[str]:
    """The parts between blank lines, stripped."""
    return [part.strip() for part in _BREAK.split(text) if part.strip()]


def sentences(text: str, *, by_line: bool = True) -> list[str]:
    """The sentences of a text, stripped.

    A full stop after an abbreviation, an initial or a list number ends none. ``by_line``: a blank
    line ends one and a list item begins one, but a line that ends in a comma (``Dear Ann,``) goes on.
    """
    blocks = _blocks(text) if by_line else [text]
    return [sentence for block in blocks for sentence in _split(block)]


def folded(text: str) -> str:
    """One form for texts that read the same: of case, white space, quotes and composition."""
    plain = unicodedata.normalize("NFC", text).translate(_QUOTES).casefold()
    return " ".join(plain.split())


_QUOTES = str.maketrans("’‘‛`´“”„«»", "'''''\"\"\"\"\"")


def _blocks(text: str) -> Iterator[str]:
    """The stretches of a text within which a line break means nothing."""
    pending: list[str] = []
    for part in paragraphs(text):
        for line in part.splitlines():
            if pending and _MARKER.match(line.strip()):
                yield "\n".join(pending)
                pending = []
            pending.append(line.strip())
        if not pending[-1].endswith((",", "،", "，")):
            yield "\n".join(pending)
            pending = []
    if pending:
        yield "\n".join(pending)


def _split(block: str) -> Iterator[str]:
    start = 0
    for stop in _STOP.finditer(block):
        if _ends(block, stop.start(), stop.end(), start):
            yield block[start : stop.end()].strip()
            start = stop.end()
    if rest := block[start:].strip():
        yield rest


def _ends(block: str, stop: int, after: int, start: int) -> bool:
    """Whether the mark at ``stop`` ends a sentence that began at ``start``."""
    follows = block[after : after + _TOKEN_LENGTH].lstrip()
    goes_on = follows[:1].islower()
    mark = block[stop:after]
    if mark[0] != "." or mark.startswith(".."):
        is_quoted = mark[-1] in _CLOSERS  # "What?" he asked
        return not (goes_on and (is_quoted or mark[0] in ".…"))
    if (
        block[max(start, stop - _TOKEN_LENGTH) : stop].strip(" \n*_#(").isdigit()
        or _line_before(block, stop).isdigit()
    ):
        return False  # the number of a list item
    last = _LAST_TOKEN.search(block[max(start, stop - _TOKEN_LENGTH) : stop])
    if last is None:
        return True
    token, stops = last[1].casefold(), _stops()
    if len(token) == 1 and last[1].isupper() and token != "i":  # an initial
        return False
    is_short = goes_on and (token in stops.before_small or "." in token)
    is_counted = follows[:1].isdigit() and token in stops.before_number
    return not (is_short or is_counted or token in stops.always)


def _line_before(block: str, stop: int) -> str:
    near = max(0, stop - _TOKEN_LENGTH)
    return block[max(near, block.rfind("\n", near, stop) + 1) : stop].strip(" *_#(")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    marks = _marks()
    letter = rf"(?:[^\W_{UNSPACED}]|[{marks}{_JOINERS}])"
    one = rf"[{UNSPACED}][{marks}]*"
    joined = rf"['’\-‐‑]{letter}+|(?<=\d)[.,:/](?=\d){letter}+"
    word = rf"[^\W_{UNSPACED}]{letter}*(?:{joined})*"
    return re.compile(f"{one}|{word}"), re.compile(rf"{one}|[^\W_{UNSPACED}]{letter}*")


def _marks() -> str:
    r"""Every combining mark as a set of ranges: Python's ``\w`` has none, and cuts words at them."""
    points = [c for c in range(0x300, 0x1E00) if unicodedata.category(chr(c))[0] == "M"]
    spaced = [c for c in points if not re.match(f"[{UNSPACED}]", chr(c))]
    ranges: list[list[int]] = []
    for point in spaced:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1][1] = point
        else:
            ranges.append([point, point])
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in ranges)


@cache
def _stops() -> _Stops:
    data = packaged("score/data/abbreviations.yaml")
    return _Stops(**{name: frozenset(stops) for name, stops in data.items()})
