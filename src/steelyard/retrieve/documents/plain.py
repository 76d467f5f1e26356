"""Plain text and Markdown: as they are, without what a reader does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    HiddenText,
    ParsedText,
    capped,
)
from steelyard.retrieve.documents.cascade import kind_of_element
from steelyard.retrieve.documents.characters import cleaned, merged, without
from steelyard.retrieve.documents.markdown_lines import MOST_FENCES, CodeBlock, markdown_lines
from steelyard.words import counted

_CANDIDATE = re.compile(
    r"<!--|<(?P<tag>[a-zA-Z][\w-]{0,20})\s(?P<attributes>[^<>]{1,1000})>"
    r"|^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*(?:#|<>)[ \t]+(?P<remark>[^\n]{1,4000})",
    re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"""([a-zA-Z-]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_COMMENT = "comment"
_WORD = re.compile(r"\w")
_VOID = frozenset("br hr img input meta link wbr source area col".split())
_MOST_PASSES = 10
_MOST_BEFORE = 200
"""Characters of a line that are looked at for the marks of code."""


class _Piece(NamedTuple):
    start: int
    end: int
    kind: str
    text: str


def read_plain(
    text: str, most_hidden: int, *, is_markdown: bool, keep_hidden: bool = False
) -> ParsedText:
    """Read a text; ``removed`` are the spans of ``text`` that are gone.

    In Markdown, HTML elements that are not shown are hidden, too; comments are left out and counted.
    Raises `DocumentRefusedError` for more than ``most_hidden`` hidden characters, and for `MOST_FENCES`.
    """
    clean = cleaned(text, most_hidden, keep=keep_hidden)
    if not is_markdown:
        return ParsedText(clean.text, clean.hidden, removed=clean.removed)
    if text.count("```") + text.count("~~~") > MOST_FENCES:
        raise DocumentRefusedError(f"holds more than {MOST_FENCES:,} fences of code: split it")
    pieces = list(_pieces(text))
    comments = sum(piece.kind == _COMMENT for piece in pieces)
    notes = (f"{counted(comments, 'comment')} left out",) if comments and not keep_hidden else ()
    hidden = (*clean.hidden, *_listed(text, pieces))
    spans = clean.removed
    if not keep_hidden:
        spans = merged((*spans, *((piece.start, piece.end) for piece in pieces)))
    return ParsedText(without(text, spans), capped(hidden), removed=spans, notes=notes)


def _listed(text: str, pieces: list[_Piece]) -> Iterator[HiddenText]:
    line, place = 1, 0
    for piece in pieces:
        line += text.count("\n", place, piece.start)
        place = piece.start
        words = " ".join(piece.text.split())
        if _WORD.search(words) and piece.kind != _COMMENT:
            yield HiddenText(piece.kind, words, None, f"line {line}")


def _pieces(text: str) -> Iterator[_Piece]:
    """What Markdown does not show, outside of code."""
    if "<" not in text and "]:" not in text:
        return
    blocks = (line for line in markdown_lines(text) if isinstance(line, CodeBlock))
    code = next(blocks, None)
    place, ends = 0, _Ends(text)
    while match := _CANDIDATE.search(text, place):
        place = match.end()
        while code is not None and code.end <= match.start():
            code = next(blocks, None)
        if code is not None and code.start <= match.start():
            place = code.end
            continue
        piece = None if _in_code(text, match.start()) else _piece(text, match, ends)
        if piece is not None:
            place = piece.end
            yield piece


def _in_code(text: str, at: int) -> bool:
    """Whether a place in a line stands between backticks."""
    before = text[max(0, at - _MOST_BEFORE) : at].rpartition("\n")[2]
    return before.count("`") % 2 == 1


def _piece(text: str, match: re.Match[str], ends: _Ends) -> _Piece | None:
    start = match.start()
    if match["remark"]:
        return _Piece(start, match.end(), _COMMENT, match["remark"].strip("\"'() \r"))
    if not match["tag"]:
        end = text.find("-->", match.end())
        end = len(text) if end < 0 else end + 3
        return _Piece(start, end, _COMMENT, text[match.end() : end].removesuffix("-->"))
    tag = match["tag"].lower()
    attributes = {
        name.lower(): double or single or bare or None
        for name, double, single, bare in _ATTRIBUTE.findall(match["attributes"])
    }
    kind = kind_of_element(attributes)
    if kind is None or tag in _VOID or match["attributes"].endswith("/"):
        return None
    end = ends.of_element(tag, match.end())
    return _Piece(start, end, kind, re.sub(r"<[^<>]{1,1000}>", " ", text[match.end() : end]))


class _Ends:
    """Finds the ends of elements; those that lack an end tag cost a few passes over the text at most."""

    def __init__(self, text: str) -> None:
        self.text, self.budget = text, _MOST_PASSES * len(text)

    def of_element(self, tag: str, place: int) -> int:
        """The offset behind the end tag; the next empty line where there is none."""
        depth = 1
        marks = re.compile(rf"<(/?){tag}\b[^<>]{{0,1000}}>", re.IGNORECASE)
        for match in marks.finditer(self.text, place) if self.budget > 0 else ():
            depth += -1 if match[1] else 1
            if depth == 0:
                return match.end()
        self.budget -= len(self.text) - place
        end = self.text.find("\n\n", place)
        return len(self.text) if end < 0 else end
