"""The elements that Markdown's own marks stand for: headings, quotations, lists, tables, code, emphasis.

After CommonMark, with GitHub's tables and strikethrough; blocks that nest deeply are simplified. Linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.retrieve.documents.markdown_code import Block, CodeSpans, blocks_in

ELEMENTS = frozenset(
    "h1 h2 h3 h4 h5 h6 blockquote ul ol li table thead tbody tr th td pre code p em strong del s a".split()
)
_QUOTE = re.compile(r"(?: {0,3}>[ \t]?)+")
_ITEM = re.compile(r"([ \t]*)([-*+]|\d{1,9}[.)])[ \t]+(?=\S)")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]|$)")
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_CELL = re.compile(r"(?:[^|\\\n]|\\.)+")
_MARK = re.compile(
    r"\\.|(?P<ticks>`+)|(?P<run>\*+|_+|~+)|<(?P<auto>(?:https?|mailto):[^<>\s]{1,2000})>"
    r"|(?<!!)\[(?P<words>(?:[^\[\]\\\n]|\\.|\n(?!\s*\n)){1,2000})\]"
    r"(?:\((?:<[^<>\n]{0,1000}>|[^()\s\[\]<>]{0,1000})(?:\s+(?:\"[^\"\n]{0,500}\"|'[^'\n]{0,500}'))?\s*\)"
    r"|\[[^\[\]\n]{0,200}\])"
)
_TAGS = {
    **{(mark, 1): ("em",) for mark in "*_"},
    **{(mark, 2): ("strong",) for mark in "*_"},
    **{(mark, 3): ("em", "strong") for mark in "*_"},
    **{("~", count): ("del",) for count in (1, 2)},
}
"""Of each run of marks the elements that it begins and ends, outermost first."""


class MarkdownElement(NamedTuple):
    """A span of Markdown that is shown as an element; ``path`` are its tags, outermost first."""

    start: int
    end: int
    path: tuple[str, ...]


class _Line(NamedTuple):
    start: int
    end: int
    text: str
    """Without the marks of quotations, and the line's end."""
    offset: int
    """Where ``text`` begins."""
    is_quoted: bool


def elements_in(text: str) -> Iterator[MarkdownElement]:
    """The elements of a text, blocks before what stands in them."""
    spans = CodeSpans(text)
    place = 0
    group: list[_Line] = []
    code: Block | None = None
    for block in (*blocks_in(text), Block(len(text), len(text), False)):
        for line in _lines(text, place, block.start):
            if line.text.strip():
                group.append(line)
                continue
            yield from _group(text, group, spans)
            group = []
        place = max(place, block.end)
        if block.is_code:
            if code is not None and block.start == code.end:  # indented code comes line by line
                code = code._replace(end=block.end)
                continue
            yield from _code(code)
            code = block
        elif block.start < len(text):
            yield from _group(text, group, spans)
            group = []
    yield from _group(text, group, spans)
    yield from _code(code)


def _code(block: Block | None) -> Iterator[MarkdownElement]:
    if block is not None:
        yield MarkdownElement(block.start, block.end, ("pre",))
        yield MarkdownElement(block.start, block.end, ("pre", "code"))


def _lines(text: str, place: int, end: int) -> Iterator[_Line]:
    while place < end:
        stop = text.find("\n", place, end)
        stop = end if stop < 0 else stop
        quote = _QUOTE.match(text, place, stop)
        offset = quote.end() if quote else place
        yield _Line(place, stop, text[offset:stop].rstrip("\r"), offset, quote is not None)
        place = stop + 1


def _group(text: str, lines: list[_Line], spans: CodeSpans) -> Iterator[MarkdownElement]:
    """The elements of lines without an empty one between them."""
    at = 0
    while at < len(lines):
        end = at + 1
        outer: tuple[str, ...] = ()
        if lines[at].is_quoted:  # a paragraph goes on without the mark
            while end < len(lines) and (lines[end].is_quoted or not _starts(lines[end].text)):
                end += 1
            outer = ("blockquote",)
            yield MarkdownElement(lines[at].start, lines[end - 1].end, outer)
        else:
            while end < len(lines) and not lines[end].is_quoted:
                end += 1
        yield from _blocks(text, lines[at:end], outer, spans)
        at = end


def _starts(line: str) -> bool:
    return bool(_HEADING.match(line) or _ITEM.match(line))


def _blocks(
    text: str, lines: list[_Line], outer: tuple[str, ...], spans: CodeSpans
) -> Iterator[MarkdownElement]:
    at = 0
    while at < len(lines):
        line = lines[at]
        end = at + 1
        if heading := _HEADING.match(line.text):
            yield from _whole(text, lines[at:end], (*outer, f"h{len(heading[1])}"), spans)
        elif (item := _ITEM.match(line.text)) and not _RULE.match(line.text):
            while end < len(lines) and not _starts(lines[end].text):
                end += 1
            path = (*outer, "ol" if item[2][0].isdigit() else "ul", "li")
            yield MarkdownElement(line.start, lines[end - 1].end, path[:-1])
            yield from _whole(text, lines[at:end], path, spans)
        elif "|" in line.text and end < len(lines) and _DELIMITERS.match(lines[end].text):
            end = len(lines)
            yield from _table(text, lines[at:end], outer, spans)
        elif not _RULE.match(line.text):
            while end < len(lines) and not (
                _HEADING.match(lines[end].text) or _is_item(lines[end].text)
            ):
                end += 1
            at, path = _paragraph(lines, at, end, outer)
            yield from _whole(text, lines[at:end], path, spans)
        at = end


def _is_item(line: str) -> bool:
    """Whether a line begins a list below a paragraph: a number must be 1 for that."""
    item = _ITEM.match(line)
    return item is not None and (not item[2][0].isdigit() or item[2][:-1] == "1")


def _paragraph(
    lines: list[_Line], at: int, end: int, outer: tuple[str, ...]
) -> tuple[int, tuple[str, ...]]:
    """A paragraph, or the heading that a line below makes of it."""
    under = _UNDERLINE.match(lines[end - 1].text) if end - at > 1 else None
    return at, (*outer, "p" if under is None else "h1" if under[1][0] == "=" else "h2")


def _table(
    text: str, lines: list[_Line], outer: tuple[str, ...], spans: CodeSpans
) -> Iterator[MarkdownElement]:
    path = (*outer, "table")
    yield MarkdownElement(lines[0].start, lines[-1].end, path)
    for number, line in enumerate(lines):
        if number == 1:
            continue
        row = (*path, "tbody" if number else "thead", "tr")
        yield MarkdownElement(line.start, line.end, row)
        for match in _CELL.finditer(line.text):
            if match[0].strip():
                start, end = line.offset + match.start(), line.offset + match.end()
                cell = (*row, "td" if number else "th")
                yield MarkdownElement(start, end, cell)
                yield from _inline(text, start, end, cell, spans)


def _whole(
    text: str, lines: list[_Line], path: tuple[str, ...], spans: CodeSpans
) -> Iterator[MarkdownElement]:
    start, end = lines[0].start, lines[-1].end
    yield MarkdownElement(start, end, path)
    first = _ITEM.match(lines[0].text) if path[-1] == "li" else None
    yield from _inline(text, lines[0].offset + (first.end() if first else 0), end, path, spans)


def _inline(
    text: str, start: int, end: int, path: tuple[str, ...], spans: CodeSpans
) -> Iterator[MarkdownElement]:
    """Code, emphasis and links within a block; runs of marks pair with the next run of their length."""
    place = start
    openers: dict[tuple[str, int], int] = {}
    while match := _MARK.search(text, place, end):
        place = match.end()
        if match["ticks"]:
            place = min(spans.end(match.start(), match.end()), end)
            if place > match.end():
                yield MarkdownElement(match.start(), place, (*path, "code"))
        elif match["auto"]:
            yield MarkdownElement(match.start(), place, (*path, "a"))
        elif match["words"]:
            yield MarkdownElement(match.start(), place, (*path, "a"))
            place = match.start("words")
        elif match["run"]:
            key = (match["run"][0], len(match["run"]))
            opens, closes = _flanks(text, match.start(), place)
            if closes and key in openers and key in _TAGS:
                opener = openers.pop(key)
                for depth in range(len(_TAGS[key])):
                    yield MarkdownElement(opener, place, (*path, *_TAGS[key][: depth + 1]))
            elif opens:
                openers[key] = match.start()


def _flanks(text: str, start: int, end: int) -> tuple[bool, bool]:
    """Whether a run of marks can begin, and can end, emphasis."""
    before, after = text[max(0, start - 1) : start] or " ", text[end : end + 1] or " "
    left = not after.isspace() and (after.isalnum() or not before.isalnum())
    right = not before.isspace() and (before.isalnum() or not after.isalnum())
    if text[start] == "_":
        return left and not before.isalnum(), right and not after.isalnum()
    return left, right
