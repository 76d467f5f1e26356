"""What Markdown does not show: comments, and HTML in it that is hidden, outside of code."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

from steelyard.retrieve.documents.base import DocumentRefusedError
from steelyard.retrieve.documents.cascade import (
    cascaded,
)
from steelyard.retrieve.documents.markdown_code import CodeSpans, blocks_in
from steelyard.retrieve.documents.markdown_elements import elements_in
from steelyard.retrieve.documents.markdown_rules import MarkdownRules
from steelyard.retrieve.documents.text_look import NOT_DISPLAYED, look_of
from steelyard.retrieve.documents.text_paint import Element, TextLook

COMMENT = "comment"
LEFT_OUT = "left_out"
"""Scripts, style sheets, templates: no text of the page."""
_CANDIDATE = re.compile(
    r"\\[!-/:-@\[-`{-~]|(?P<ticks>`+)|(?P<mark><!--|<\?|<!\[CDATA\[|<![a-zA-Z])|<(?P<tag>[a-zA-Z][\w:-]{0,40})(?=[\s/>])"
    r"|^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*(?:#|<>)[ \t]+(?P<remark>[^\n]{1,4000})",
    re.MULTILINE,
)
_ENDS = {"<!--": re.compile("--!?>"), "<?": re.compile(r"\?>"), "<![": re.compile(r"\]\]>")}
_DECLARATION_END = re.compile(">")
_REST = re.compile(r"""(?:[^"'<>]|"[^"]*"|'[^']*')*+""")
"""The attributes of a tag, in which ``>`` may stand in quotes."""
_COMPONENT = re.compile(r"=\s*\{")
"""A value that only a component has: outside of blocks of HTML, such a tag is text to CommonMark."""
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?""")
_STYLE = re.compile(r"<style\b[^<>]{0,1000}>(.*?)(</style|\Z)", re.IGNORECASE | re.DOTALL)
_LAST = re.compile(r"[^\s>+~]+$")
_NAME = re.compile(r"(^[a-zA-Z][\w-]*)|([.#][\w-]+)")
_VOID = frozenset("br hr img input meta link wbr source area col base embed param track".split())
_RAW = frozenset(
    "script style template noscript noembed noframes iframe object audio video canvas datalist progress "
    "meter select svg head title".split()
)
_LINE_START = re.compile(r"[ \t>*+-]*(?:\d{1,9}[.)][ \t]+)?")
_LONGEST_MARGIN = 100
_LONGEST_TAG, _SHORT_TAG = 65_536, 1_000
_MOST_PASSES = 10
_MOST_LOOKS, _LEAST_LOOKS = 1_000, 50_000_000
_PLAIN = TextLook()
_MOST_SHEETS, _MOST_OPEN_SHEET = 500_000, 50_000
"""Characters of style sheets, and of one that never ends: it may be the name of a tag in a sentence."""
_MOST_ELEMENTS = 500_000
"""Elements of Markdown's own marks that rules of the text may be for."""
_MOST_TAGS, _TAG_COST = 500_000, 4
"""Tags that Markdown may have, and what one costs beside a run of backticks."""


class HiddenSpan(NamedTuple):
    """A span that is not shown; ``note`` says what is doubtful about its end."""

    start: int
    end: int
    kind: str
    text: str
    note: str = ""


def hidden_pieces(text: str) -> Iterator[HiddenSpan]:
    """What a reader of Markdown does not see, in order.

    Raises `DocumentRefusedError` where there are so many tags that reading them takes too long.
    """
    if "<" in text or "]:" in text:
        scan = _Scan(text)
        end = 0
        for piece in heapq.merge(scan.pieces(), scan.own_pieces(), key=lambda piece: piece.start):
            if piece.end > end:
                yield piece._replace(start=max(piece.start, end))
                end = piece.end


class _Scan:
    """One pass over a text; what ends nowhere costs a few passes more at most."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._budget = _MOST_PASSES * len(text)
        self._spans = CodeSpans(text)
        self._rules = MarkdownRules(text)
        self._cost = 0
        self._looks: dict[tuple[str, str, str], TextLook] = {}
        self._look_budget = max(self._budget, _LEAST_LOOKS)
        self._open: list[tuple[int, TextLook]] = []  # elements that are seen, with their ends
        self._without: set[str] = set()  # what has no end in the rest of the text

    def pieces(self) -> Iterator[HiddenSpan]:
        text, place = self._text, 0
        blocks = blocks_in(text)
        code = next(blocks, None)
        while match := _CANDIDATE.search(text, place):
            while code is not None and code.end <= match.start():
                code = next(blocks, None)
            is_inside = code is not None and code.start <= match.start()
            if is_inside and code is not None and code.is_code:
                place = code.end
                continue
            self._count(1 if match["tag"] is match["mark"] is None else _TAG_COST)
            place = match.end()
            if is_inside and match[0][0] in "\\`":  # marks of Markdown mean nothing there
                place = match.start() + len(match["ticks"] or "\\")
            elif match["ticks"]:
                place = self._spans.end(match.start(), match.end())
            elif match["mark"] or match["remark"]:
                piece = self._remark(match) if match["remark"] else self._marked(match)
                if piece is not None:
                    place = piece.end
                    yield piece
            elif match["tag"]:
                piece, place = self._element(match, is_block=is_inside)
                if piece is not None:
                    yield piece

    def own_pieces(self) -> Iterator[HiddenSpan]:
        """Elements of Markdown's own marks that the rules hide, in order."""
        hidden: list[tuple[int, int, str]] = []
        for count, (start, stop, path) in enumerate(
            elements_in(self._text) if self._rules.has_own else ()
        ):
            if count >= _MOST_ELEMENTS:
                raise DocumentRefusedError(
                    f"has a style sheet and more than {_MOST_ELEMENTS:,} elements of Markdown: split it"
                )
            kind = self._rules.own_look(path).kind
            if kind is not None:
                hidden.append((start, -stop, kind))
        end = 0
        for start, stop, kind in sorted(hidden):
            if start >= end:
                end = -stop
                yield HiddenSpan(start, end, kind, self._text[start:end])

    def _count(self, cost: int) -> None:
        self._cost += cost
        if self._cost > _MOST_TAGS * _TAG_COST:
            raise DocumentRefusedError(
                f"holds more than {_MOST_TAGS:,} HTML tags, or {_MOST_TAGS * _TAG_COST:,} backticks: split it"
            )

    def _remark(self, match: re.Match[str]) -> HiddenSpan:
        return HiddenSpan(match.start(), match.end(), COMMENT, match["remark"].strip("\"'() \r"))

    def _marked(self, match: re.Match[str]) -> HiddenSpan | None:
        """A comment or instruction: within a sentence it is text unless it ends in the paragraph."""
        text, start = self._text, match.start()
        mark = match["mark"][:4] if match["mark"] == "<!--" else match["mark"][:3]
        mark = "<?" if mark.startswith("<?") else mark
        kind = COMMENT if mark == "<!--" else "not_displayed"
        if mark == "<!--" and (short := re.compile("-?>").match(text, match.end())):
            return HiddenSpan(start, short.end(), kind, "")
        limit = self._spans.paragraph_end(start)
        before = text[max(0, start - _LONGEST_MARGIN) : start].rpartition("\n")[2]
        is_block = _LINE_START.fullmatch(before) is not None
        if mark not in self._without:
            end = _ENDS.get(mark, _DECLARATION_END).search(text, match.end())
            if end is None:
                self._without.add(mark)
            elif is_block or end.start() < limit:
                inside = text[match.end() : end.start()]
                listed = kind if mark in _ENDS else COMMENT
                return HiddenSpan(start, end.end(), listed, inside)
        if not is_block or mark not in self._without:
            return None
        stop = len(text) if not before.strip() else limit
        lines = text.count("\n", 0, start) + 1
        note = (
            f"what opens in line {lines:,} with {match['mark']} never ends: the {stop - start:,} characters "
            "behind it were left out"
        )
        return HiddenSpan(start, stop, kind, text[match.end() : stop], note)

    def _element(self, match: re.Match[str], *, is_block: bool) -> tuple[HiddenSpan | None, int]:
        text, start = self._text, match.start()
        most = _LONGEST_TAG if self._budget > 0 else _SHORT_TAG
        limit = min(self._spans.paragraph_end(start), start + most)
        rest = _REST.match(text, match.end(), limit)
        end = rest.end() if rest else match.end()
        if text[end : end + 1] != ">":
            self._budget -= end - start
            return None, match.end()
        if not is_block and _COMPONENT.search(text, match.end(), end):
            return None, match.end()
        inside, end = text[match.end() : end], end + 1
        tag = match["tag"].lower()
        while self._open and self._open[-1][0] <= start:
            self._open.pop()
        look = self._look(tag, inside)
        kind = LEFT_OUT if tag in _RAW else look.kind
        can_be_empty = inside.endswith("/")
        if kind is None or tag in _VOID:
            if tag not in _VOID:
                self._enter(tag, end, look, can_be_empty)
            return None, end
        stop = self._end_of(tag, end, can_be_empty=can_be_empty)
        if stop is None:
            return None, end
        words = re.sub(r"<[^<>]{1,1000}>", " ", text[end:stop])
        return HiddenSpan(start, stop, kind, words), stop

    def _look(self, tag: str, inside: str) -> TextLook:
        """How text inside an element looks that opens within the elements that are open."""
        outer = self._open[-1][1] if self._open else _PLAIN
        key = (tag, inside, "" if outer is _PLAIN else str(outer))
        if key not in self._looks:
            if len(self._looks) >= _MOST_LOOKS:
                self._looks.clear()
            self._looks[key] = self._computed_look(tag, inside, outer)
        return self._looks[key]

    def _computed_look(self, tag: str, inside: str, outer: TextLook) -> TextLook:
        if not inside.strip() and not self._rules and tag not in NOT_DISPLAYED:
            return outer
        attributes: dict[str, str | None] = {}
        for name, double, single, bare in _ATTRIBUTE.findall(inside):
            attributes.setdefault(name.lower(), unescape(double or single or bare) or None)
        levels = self._rules.of(tag, attributes)
        values, _ = cascaded(levels, attributes, self._rules.variables, self._rules.page)
        return look_of(Element(tag, attributes, values), outer)

    def _enter(self, tag: str, place: int, look: TextLook, can_be_empty: bool) -> None:
        """Let what stands in an element that is seen begin with its look.

        Of too many nested ones it does up to the paragraph's end only.
        """
        outer_end, outer = self._open[-1] if self._open else (len(self._text), _PLAIN)
        if look == outer:
            return
        stop = self._close(tag, place) if self._look_budget > 0 else None
        self._look_budget -= (len(self._text) if stop is None else stop) - place
        if stop is None and not can_be_empty:
            stop = self._spans.paragraph_end(place)
        if stop is not None:
            self._open.append((min(stop, outer_end), look))

    def _close(self, tag: str, place: int) -> int | None:
        """The offset behind the end tag of an element whose text begins at ``place``."""
        depth = 1
        marks = re.compile(rf"<(/?){re.escape(tag)}\b[^<>]{{0,1000}}>", re.IGNORECASE)
        for match in marks.finditer(self._text, place):
            depth += -1 if match[1] else 1
            if depth == 0:
                return match.end()
        return None

    def _end_of(self, tag: str, place: int, *, can_be_empty: bool) -> int | None:
        """The offset behind the end tag; without one the next empty line, or ``None`` if ``can_be_empty``."""
        stop = self._close(tag, place) if self._budget > 0 else None
        if stop is not None:
            return stop
        self._budget -= len(self._text) - place
        return None if can_be_empty else self._spans.paragraph_end(place)
