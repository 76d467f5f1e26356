"""Which text of a PDF's page is seen, and why the rest is not.

Render mode, size, place and transparency are read from the page's objects. Where the colour alone does not
decide (light text, text near something of its own colour, over an image or under something), the page is
drawn with and without the doubtful texts: what makes no difference is not seen.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from heapq import nlargest
from typing import Any

from steelyard.retrieve.documents.css_colors import LEAST_CONTRAST, WHITE, Color, contrast
from steelyard.retrieve.documents.pdf_boxes import (
    PageBox,
    area,
    contains,
    encloses,
    overlap,
    shared,
    thickness,
)
from steelyard.retrieve.documents.pdf_drawing import DrawnPage, RenderBudget, crossing
from steelyard.retrieve.documents.pdf_objects import IMAGE, TEXT, PageItem, PageObjects

_INVISIBLE = frozenset({3, 7})
_TINY_POINTS = 1.0
_LEAST_SHOWN = 0.25
"""Of the height of a text that is clipped."""
_OVERFULL = 24.0
"""Of its size: how far a line may run over the edge of the page."""
_LEAST_ALPHA = 13
_OPAQUE = 230
_DOUBTFUL = 1.5
"""Contrast below which a colour is looked at twice."""
_LEAST_AREA = 30.0
_MOST_GROUNDS = 300
"""Painted areas of a page that a text is compared with, in square points each."""
_MOST_COMPARED = 2_000
_LAYER_SHARE = 0.25
"""Of a page that an image must fill for the text on it to be what OCR read."""
_LAYER_MARK = "OC\0".encode("utf-16-le")
_LAYER_VISIBLE = 0.2

_OUTLINES = frozenset({"same_color", "covered", "transparent"})
_NEXT = (-1, 0, 1)
_COINCIDE_POINTS = 1.5
_CELL_POINTS = 4.0


class PageSight:
    """The objects of one page, and what of its text is hidden."""

    def __init__(self, pdfium: Any, page: Any, budget: RenderBudget) -> None:
        self._raw, self._page, self._budget = pdfium.raw, page, budget
        left, bottom, right, top = page.get_bbox()
        self._box: PageBox = (left, bottom, right, top)
        self._items = list(PageObjects(pdfium.raw).every(page.raw))
        self.texts = [item for item in self._items if item.kind == TEXT]
        self.has_images = any(item.kind == IMAGE for item in self._items)
        self.is_scan = False
        self._grounds = self._largest()

    def hidden(self, text_page: Any) -> dict[int, str]:
        """The kinds of hiding by the address of a text object.

        What OCR wrote on a scan is not hidden, nor is a text below the same one: an outline, a shadow.
        """
        texts = [(at, item) for at, item in enumerate(self._items) if item.kind == TEXT]
        kinds: dict[int, str] = {}
        doubtful: list[tuple[int, PageItem]] = []
        for at, item in texts:
            kind = self._kind(item)
            if kind is not None:
                kinds[item.address] = kind
            elif self._is_doubtful(at, item):
                doubtful.append((at, item))
        if any(kind == "invisible" for kind in kinds.values()):
            self._pass_layer(kinds, self.texts)
        for at, item in self._unseen(doubtful):
            kinds[item.address] = "same_color" if self._is_alike(at, item) else "covered"
        self._pass_outlines(kinds, self.texts, text_page)
        return kinds

    def _largest(self) -> list[tuple[int, PageItem]]:
        """What paints an area, the largest of them, in the order of drawing."""
        painted = [
            (at, item)
            for at, item in enumerate(self._items)
            if item.kind != TEXT and item.alpha >= _OPAQUE and area(item.box) >= _LEAST_AREA
        ]
        if len(painted) > _MOST_GROUNDS:
            painted = nlargest(_MOST_GROUNDS, painted, key=lambda pair: area(pair[1].box))
        return sorted(painted, key=lambda pair: pair[0])

    def _kind(self, item: PageItem) -> str | None:
        if item.mode in _INVISIBLE:
            return "invisible"
        if item.points <= _TINY_POINTS and thickness(item.box) <= 2 * _TINY_POINTS:
            return "tiny"  # letters of Type 3 may be large at any size
        if item.alpha <= _LEAST_ALPHA:
            return "transparent"
        if not overlap(item.box, self._box):
            return "off_page"
        return "clipped" if _is_clipped(item.box, item.clip.box) else None

    def _pass_layer(self, kinds: dict[int, str], texts: list[PageItem]) -> None:
        """Let pass the text on a scan: nearly all there is, on an image that fills much of the page."""
        least = area(self._box) * _LAYER_SHARE
        images = [i.box for i in self._items if i.kind == IMAGE and area(i.box) >= least]
        layer = [item for item in texts if kinds.get(item.address) == "invisible"]
        visible = sum(item.address not in kinds for item in texts)
        if visible > _LAYER_VISIBLE * len(layer):
            return
        for item in layer:
            if any(overlap(item.box, box) for box in images):
                del kinds[item.address]
                self.is_scan = True

    def _pass_outlines(self, kinds: dict[int, str], texts: list[PageItem], text_page: Any) -> None:
        """Let pass what stands exactly where the same text is seen.

        PDFium gives a text that is drawn twice once, to either of the two: the other one is empty.
        """
        if not _OUTLINES & set(kinds.values()):
            return
        seen_at: dict[tuple[int, int], list[PageItem]] = {}
        for item in texts:
            if item.address not in kinds:
                seen_at.setdefault(_cell(item.box), []).append(item)
        for item in texts:
            if kinds.get(item.address) not in _OUTLINES:
                continue
            x, y = _cell(item.box)
            near = [n for dx in _NEXT for dy in _NEXT for n in seen_at.get((x + dx, y + dy), ())]
            twins = [twin for twin in near if _coincide(twin.box, item.box)]
            if twins and {self._text(twin, text_page) for twin in twins} <= {
                "",
                self._text(item, text_page),
            }:
                del kinds[item.address]

    def _text(self, item: PageItem, text_page: Any) -> str:
        length = self._raw.FPDFTextObj_GetText(item.raw, text_page, None, 0)
        buffer = (ctypes.c_ushort * (length // 2 + 1))()
        self._raw.FPDFTextObj_GetText(item.raw, text_page, buffer, length)
        return bytes(buffer)[: max(0, length - 2)].decode("utf-16-le", "replace").strip()

    def cuts(self) -> dict[int, PageBox]:
        """Where texts are drawn that are cut off, by the address of their objects.

        A line that only runs over the edge of the page, as code does, is not.
        """
        cuts: dict[int, PageBox] = {}
        for item in self.texts:
            edge = _OVERFULL * item.points
            left, bottom, right, top = self._box
            box = shared(item.clip.box, (left - edge, bottom - edge, right + edge, top + edge))
            if not encloses(box, item.box):
                cuts[item.address] = box
        return cuts

    def _is_doubtful(self, at: int, item: PageItem) -> bool:
        if item.color is None or self._is_in_layer(item):
            return True
        if not item.clip.is_plain:
            return True
        if contrast(item.color, WHITE) < _DOUBTFUL:
            return True
        x, y = (item.box[0] + item.box[2]) / 2, (item.box[1] + item.box[3]) / 2
        grounds = [
            (place, other)
            for place, other in self._grounds
            if other.box[0] <= x <= other.box[2] and other.box[1] <= y <= other.box[3]
        ]
        return any(
            place > at or other.color is None or contrast(other.color, item.color) < _DOUBTFUL
            for place, other in grounds
        )

    def _is_in_layer(self, item: PageItem) -> bool:
        """Whether a text belongs to optional content, which may be switched off."""
        raw = self._raw
        for at in range(max(0, raw.FPDFPageObj_CountMarks(item.raw))):
            name, length = (ctypes.c_ushort * 8)(), ctypes.c_ulong()
            mark = raw.FPDFPageObj_GetMark(item.raw, at)
            raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length)
            if bytes(name).startswith(_LAYER_MARK):
                return True
        return False

    def _is_alike(self, at: int, item: PageItem) -> bool:
        """Whether the last thing painted below a text has its colour."""
        ground: Color | None = WHITE
        for place, other in self._grounds:
            if place < at and contains(other.box, item.box):
                ground = other.color
        if ground is None or item.color is None:
            return False
        return contrast(ground, item.color) < LEAST_CONTRAST

    def _unseen(self, doubtful: list[tuple[int, PageItem]]) -> Iterator[tuple[int, PageItem]]:
        """The doubtful texts that make no difference to the drawn page, or none but to other texts."""
        if not doubtful:
            return
        if not self._budget.takes():
            yield from (pair for pair in doubtful if self._is_alike(*pair))
            return
        started = time.process_time()
        drawn = DrawnPage(self._raw, self._page, self._box)
        rest = []
        for pair, is_unseen in zip(
            doubtful, drawn.without([item for _, item in doubtful]), strict=True
        ):
            if is_unseen:
                yield pair
            else:
                rest.append(pair)
        if len(rest) <= _MOST_COMPARED:
            crossed = crossing(self.texts)
            rest = [pair for pair in rest if pair[1].address in crossed]
        flags = drawn.alone([item for _, item in rest], self.texts)
        self._budget.seconds -= time.process_time() - started
        yield from (pair for pair, is_unseen in zip(rest, flags, strict=True) if is_unseen)


def _is_clipped(box: PageBox, clip: PageBox) -> bool:
    """Whether a line at most is left of a text."""
    wide, high = box[2] - box[0], box[3] - box[1]
    left, bottom, right, top = shared(box, clip)
    return right - left <= min(_TINY_POINTS, wide / 2) or (
        top - bottom <= max(min(_TINY_POINTS, high / 2), high * _LEAST_SHOWN)
    )


def _cell(box: PageBox) -> tuple[int, int]:
    """A place for a box in a table, so that only neighbours are compared."""
    return round(box[0] / _CELL_POINTS), round(box[1] / _CELL_POINTS)


def _coincide(one: PageBox, other: PageBox) -> bool:
    return all(abs(a - b) <= _COINCIDE_POINTS for a, b in zip(one, other, strict=True))
