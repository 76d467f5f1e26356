"""The lines of Markdown that mean something: headings, and fences around code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.retrieve.documents.markdown_code import fence_end

_LINE = re.compile(
    r"^ {0,3}(?:(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)|(?P<level>#{1,6})(?P<title>[ \t][^\n]*)?\r?$"
    r"|(?P<under>=+|-{2,})[ \t]*\r?$)",
    re.MULTILINE,
)
_FENCE = re.compile(r"^ {0,3}(?:`{3,}[^`\n]*$|~{3,})", re.MULTILINE)
_MOST_HEADINGS, _CHARACTERS_PER_HEADING = 10_000, 512
"""Beyond the first ones, no more than a heading for so many characters."""
MOST_FENCES = 2_000_000
"""In one text: more of them are no document, and cost a second for each 300,000."""
_CLOSING = re.compile(r"[ \t]#{1,20}$")
_LONGEST_TITLE = 200


class Heading(NamedTuple):
    """A heading, of level 1 to 6; ``start`` is the offset of its line, ``end`` that of the line's end."""

    start: int
    end: int
    level: int
    title: str


class CodeBlock(NamedTuple):
    """The span of fenced code."""

    start: int
    end: int


def markdown_lines(text: str) -> Iterator[Heading | CodeBlock]:
    """Yield fenced code and the headings outside of it, in order.

    Where headings are denser than in any document, some are passed over.
    """
    at = headings = 0
    while match := _LINE.search(text, at):
        at = match.end()
        if match["fence"]:
            if (end := fence_end(text, match)) is not None:
                at = end
                yield CodeBlock(match.start(), at)
        elif (heading := _heading(text, match)) is not None:
            yield heading
            headings += 1
            if headings > _MOST_HEADINGS and headings * _CHARACTERS_PER_HEADING > at:
                line_end = text.find("\n", at + _CHARACTERS_PER_HEADING)
                line_end = len(text) if line_end < 0 else line_end
                fence = _FENCE.search(text, at, line_end)
                at = fence.start() if fence else line_end


def _heading(text: str, match: re.Match[str]) -> Heading | None:
    if not match["level"]:
        return _underlined(text, match)
    title = _CLOSING.sub("", (match["title"] or "").strip()[:_LONGEST_TITLE]).strip()
    return Heading(match.start(), match.end(), len(match["level"]), title)


def _underlined(text: str, match: re.Match[str]) -> Heading | None:
    """The heading that a line of ``=`` or ``-`` makes of the line above, which stands alone."""
    line = _line_before(text, match.start())
    title = line.strip()
    if not title or title[0] in "|>-*+#" or len(line) > _LONGEST_TITLE:
        return None
    start = match.start() - len(line)
    if _line_before(text, start).strip():
        return None
    return Heading(start, match.end(), 1 if match["under"][0] == "=" else 2, title)


def _line_before(text: str, start: int) -> str:
    """The line that ends at ``start``, with its end; of a long one, the last part."""
    piece = text[max(0, start - _LONGEST_TITLE - 2) : start]
    return piece[piece.rfind("\n", 0, max(0, len(piece) - 1)) + 1 :]
