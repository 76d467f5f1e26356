"""A document's text in passages: by headings, then sentences, then words, every offset carried along.

One pass over the text, whatever it is: a line of 50 MB costs as much as a book of that size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from steelyard.errors import ConfigError
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.documents.base import Document
from steelyard.retrieve.documents.clusters import cut_before
from steelyard.retrieve.documents.markdown_lines import Heading, markdown_lines
from steelyard.retrieve.documents.sentences import SentenceMarks, sentence_ends
from steelyard.retrieve.documents.sizes import UNITS_PER_TOKEN, Ruler

HEADING = "heading"
"""The metadata that holds the headings above a passage, the outermost first."""
BETWEEN_HEADINGS = " > "
_LEAST_SHARE = 4
"""A heading ends a passage that has a fourth of the limit; a shorter one goes on into the next section."""


class _Section(NamedTuple):
    start: int
    end: int
    path: str
    body: int
    """The offset behind the heading's own line."""


class _Unit(NamedTuple):
    """A piece that stays whole."""

    start: int
    end: int
    size: int


def split_passages(document: Document, *, most: int, overlap: int = 0) -> list[Passage]:
    """Split a document into passages of at most ``most`` tokens, as `estimated_tokens` counts them.

    Neighbours within a section share whole sentences of at most ``overlap`` tokens. All that is not white
    space is in some passage, ``document.text[span.start:span.end]`` is its text, and its page is that of
    its first character. The headings above it are in its metadata. Raises `ConfigError` for ``most`` below
    1 and for an ``overlap`` that is not below ``most``.
    """
    if most < 1:
        raise ConfigError(f"a passage needs at least 1 token, not {most}")
    if not 0 <= overlap < most:
        raise ConfigError(
            f"the overlap of passages must be at least 0 and below {most}, not {overlap}"
        )
    packer = _Packer(document, most * UNITS_PER_TOKEN, overlap * UNITS_PER_TOKEN)
    pieces = _Pieces(document.text, packer.limit)
    for section in _sections(document):
        packer.enter(section)
        for unit in pieces.of_section(section):
            packer.add(unit)
    packer.close()
    return packer.passages


class _Packer:
    """Fills passages with units, in order."""

    def __init__(self, document: Document, limit: int, overlap: int) -> None:
        self.passages: list[Passage] = []
        self.limit = limit
        self._document, self._overlap = document, overlap
        self._units: deque[_Unit] = deque()
        self._size = self._fresh = 0  # units of size in all, and units not yet in a passage
        self._path, self._body = "", 0

    def enter(self, section: _Section) -> None:
        """Begin a section: what is long enough ends here."""
        if self._fresh and self._size >= self.limit // _LEAST_SHARE:
            self.close()
        elif not self._fresh:
            self._clear()
        if not self._fresh or not self._document.text[self._body : self._units[-1].end].strip():
            self._path = section.path
        self._body = section.body

    def add(self, unit: _Unit) -> None:
        if self._size + unit.size > self.limit:
            if self._fresh:
                self._emit()
            self._shrink(min(self._overlap, self.limit - unit.size))
        self._units.append(unit)
        self._size += unit.size
        self._fresh += 1

    def close(self) -> None:
        """End the passage at work; the next one shares nothing with it."""
        if self._fresh:
            self._emit()
        self._clear()

    def _clear(self) -> None:
        self._units.clear()
        self._size = self._fresh = 0

    def _shrink(self, most: int) -> None:
        """Leave of the last passage what the next one repeats: never all of it."""
        self._fresh = 0
        if self._units:
            self._size -= self._units.popleft().size
        while self._units and self._size > most:
            self._size -= self._units.popleft().size

    def _emit(self) -> None:
        text = self._document.text
        start, end = self._units[0].start, self._units[-1].end
        piece = text[start:end]
        start += len(piece) - len(piece.lstrip())
        piece = piece.strip()
        if not piece:
            return
        span = TextSpan(
            self._document.name, start, start + len(piece), self._document.page_at(start)
        )
        metadata = self._document.metadata
        if self._path:
            metadata = (*metadata, (HEADING, self._path))
        self.passages.append(Passage(piece, "", span, metadata))


def _sections(document: Document) -> Iterator[_Section]:
    """The stretches between headings; all of the text where there are none."""
    lines = markdown_lines(document.text) if document.is_markdown else iter(())
    headings = (line for line in lines if isinstance(line, Heading))
    above: list[tuple[int, str]] = []
    section = _Section(0, 0, "", 0)
    for heading in headings:
        if heading.start > section.start:
            yield section._replace(end=heading.start)
        while above and above[-1][0] >= heading.level:
            above.pop()
        above.append((heading.level, heading.title))
        path = BETWEEN_HEADINGS.join(title for _, title in above if title)
        section = _Section(heading.start, heading.end, path, heading.end)
    yield section._replace(end=len(document.text))


class _Pieces:
    """Takes sections of a text apart into pieces that stay whole."""

    def __init__(self, text: str, limit: int) -> None:
        self._text, self._limit = text, limit
        self._ruler, self._marks = Ruler(text, limit), SentenceMarks(0)

    def of_section(self, section: _Section) -> Iterator[_Unit]:
        """Its heading's own line, and its sentences."""
        place = section.start
        if section.body > place:
            yield from self._fitting(place, section.body)
            place = section.body
        for end in sentence_ends(self._text, place, section.end, self._marks):
            yield from self._fitting(place, end)
            place = end

    def _fitting(self, start: int, end: int) -> Iterator[_Unit]:
        """One piece, or where it is longer than a passage, pieces that are not."""
        ruler, limit = self._ruler, self._limit
        while end - start > limit or ruler.units(start, end) > limit:
            cut = _cut(self._text, start, ruler.fitting(start, limit))
            yield _Unit(start, cut, ruler.units(start, cut))
            start = cut
        if start < end:
            yield _Unit(start, end, ruler.units(start, end))


def _cut(text: str, start: int, end: int) -> int:
    """The offset to cut at: behind the last line or space before ``end``, else between whole characters."""
    following = text[end : end + 1]
    for spaces in ("\n", " \t"):
        if following and following in spaces:
            return end
        last = max(text.rfind(space, start + (end - start) // 2, end) for space in spaces)
        if last >= 0:
            return last + 1
    return cut_before(text, start, end)
