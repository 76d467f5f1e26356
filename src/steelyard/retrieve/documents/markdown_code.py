"""Where Markdown shows its text as it is written: code in fences, indented code and code spans (CommonMark).

Where it is not clear whether a renderer takes indented lines as code, as below a list item, they are none.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)")
_CLOSING_FENCES = {
    mark: re.compile(rf"^ {{0,3}}(?P<fence>{mark}{{3,}})[ \t]*\r?$", re.MULTILINE) for mark in "`~"
}
_INDENTED = re.compile(r"(?: {4}| {0,3}\t)[ \t]*\S")
_HOLDS_MORE = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)]|\[\^|!!!|\?\?\?|===|:)(?=[\s\w^\"'+]|$)")
"""Lists, footnotes, admonitions and tabs: indented lines below may belong to them."""
_BREAK = re.compile(r" {0,3}(?:#{1,6}(?:\s|$)|(?:[-*_][ \t]*){3,}\r?\n?$)")
_HTML_BLOCK = re.compile(
    r" {0,3}</?(?:(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd"
    r"|details|dialog|dir|div|dl|dt|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr"
    r"|html|iframe|legend|li|link|main|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary"
    r"|table|tbody|td|tfoot|th|thead|title|tr|track|ul)(?=[\s>]|/>|$)"
    r"""|[a-z][\w-]*(?:[^"'<>{}]|"[^"]*"|'[^']*')*+>\s*$)""",
    re.IGNORECASE,
)
"""CommonMark's block names, or any tag that is alone on its line."""
_RAW = re.compile(
    r" {0,3}<(?:(?P<tag>pre|script|style|textarea)\b|(?P<mark>!--|\?|!\[CDATA\[|![a-z]))",
    re.IGNORECASE,
)
_RAW_ENDS = {"!--": "-->", "?": "?>", "![cdata[": "]]>"}
_BLANK = re.compile(r"\n[ \t\r]*+\n[ \t\r\n]*+")
_BLANK_LINES = re.compile(r"(?:[ \t\r]*+\n)++")
_TICKS = re.compile("`+")
_MOST_LINE = 2_000


class Block(NamedTuple):
    """Lines of code, or of HTML, in which backticks and backslashes mean nothing."""

    start: int
    end: int
    is_code: bool


class _State(NamedTuple):
    """What a line stands in."""

    after_blank: bool = True
    in_list: bool = False
    html: str = ""
    """What ends the HTML block at work: an end tag, or an empty line."""


def blocks_in(text: str) -> Iterator[Block]:
    """The lines of fenced code, of indented code and of HTML, in order."""
    place = 0
    state = _State()
    while place < len(text):
        begin, place = place, text.find("\n", place) + 1 or len(text)
        line = text[begin:place]
        if not (state.html or state.after_blank) and line[0].isalpha():
            continue  # most lines: a paragraph goes on
        first = line.lstrip(" ")[:1]
        if not (state.html or line.strip()):
            state = state._replace(after_blank=True)
            blank = _BLANK_LINES.match(text, place)
            place = blank.end() if blank else place
            continue
        opening = _FENCE.match(text, begin) if first in {"`", "~"} and not state.html else None
        end = fence_end(text, opening) if opening else None
        if end is not None:
            place = text.find("\n", end) + 1 or len(text)
            yield Block(begin, place, True)
            state = _State(in_list=state.in_list)
        elif state.after_blank and not state.in_list and not state.html and _INDENTED.match(line):
            yield Block(begin, place, True)
        else:
            before, state = state, _after(line, state)
            if before.html or state.html or _RAW.match(line):
                yield Block(begin, place, False)


def fence_end(text: str, opening: re.Match[str]) -> int | None:
    """The offset behind the fence that ends the code which a line opens; the end of the text where none does.

    ``opening`` has the groups ``fence`` and ``info``. ``None`` where the line is code within a sentence.
    """
    mark = opening["fence"]
    if mark[0] == "`" and "`" in opening["info"]:
        return None
    for closing in _CLOSING_FENCES[mark[0]].finditer(text, opening.end()):
        if len(closing["fence"]) >= len(mark):
            return closing.end()
    return len(text)


def _after(line: str, state: _State) -> _State:
    """The state behind a line that is no code."""
    if state.html and state.html != "\n":
        return _State(False, False, "" if state.html in line.lower() else state.html)
    if not line.strip():
        return _State(True, state.in_list, "")
    if state.html:
        return state
    if raw := _RAW.match(line):
        end = f"</{raw['tag'].lower()}" if raw["tag"] else _RAW_ENDS.get(raw["mark"].lower(), ">")
        return _State(False, state.in_list, "" if end in line[raw.end() :].lower() else end)
    if _BREAK.match(line):
        return _State(True, False)
    if _HOLDS_MORE.match(line):
        return _State(False, True)
    closes_list = state.after_blank and not line[0].isspace()
    html = "\n" if _HTML_BLOCK.match(line) else ""
    return _State(False, state.in_list and not closes_list, html)


class CodeSpans:
    """Finds the ends of code spans: a run of backticks closes one that began with as many."""

    def __init__(self, text: str) -> None:
        self._starts: dict[int, list[int]] = defaultdict(list)
        for match in _TICKS.finditer(text):
            self._starts[match.end() - match.start()].append(match.start())
        self._blank = [match.start() for match in _BLANK.finditer(text)]
        self._size = len(text)

    def paragraph_end(self, place: int) -> int:
        """The offset of the empty line behind ``place``: nothing within a line goes on beyond it."""
        at = bisect_left(self._blank, place)
        return self._blank[at] if at < len(self._blank) else self._size

    def end(self, start: int, end: int) -> int:
        """The end of the code span that a run of backticks begins; that of the run where nothing ends it."""
        starts = self._starts[end - start]
        at = bisect_right(starts, start)
        if at < len(starts) and starts[at] < self.paragraph_end(end):
            return starts[at] + end - start
        return end

    def holds(self, text: str, place: int) -> bool:
        """Whether a place stands in a code span, by what stands before it in the line."""
        at = text.rfind("\n", max(0, place - _MOST_LINE), place) + 1
        while (ticks := _TICKS.search(text, at, place)) is not None:
            at = self.end(ticks.start(), ticks.end())
            if at > place:
                return True
        return False
