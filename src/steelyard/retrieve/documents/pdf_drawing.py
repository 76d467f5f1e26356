"""A page of a PDF as it is drawn, and how much drawing a document may cost."""

from __future__ import annotations

import ctypes
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from steelyard.retrieve.documents.css_colors import Color
from steelyard.retrieve.documents.pdf_boxes import PageBox, area, shared
from steelyard.retrieve.documents.pdf_objects import PageItem
from steelyard.words import counted

_LEAST_STEP = 18
"""Of 255: smaller differences of a drawn page nobody sees."""
_MOST_PIXELS = 1_500_000
_MOST_COLORS = 6
_MOST_OF_INK = 0.5
_MOST_DOTS = 12
_CELL_POINTS, _MOST_CELLS, _MOST_IN_CELL = 20.0, 60, 50
_LEAST_CROSSING = 0.3


class RenderBudget:
    """How many pages of one document may be drawn, and how long; beyond that colours alone decide."""

    def __init__(self, pages: int, seconds: float) -> None:
        self._pages, self.seconds, self._undrawn = pages, seconds, 0

    def takes(self) -> bool:
        """Whether one more page may be drawn."""
        self._pages -= 1
        may = self._pages >= 0 and self.seconds > 0
        self._undrawn += not may
        return may

    def notes(self) -> tuple[str, ...]:
        """What to say of pages that were not drawn."""
        if not self._undrawn:
            return ()
        return (f"hidden text was judged by colours alone on {counted(self._undrawn, 'page')}",)


class DrawnPage:
    """Draws a page with and without some of its texts."""

    def __init__(self, raw: Any, page: Any, box: PageBox) -> None:
        self._raw, self._page, self._box = raw, page, box
        self._scale = min(1.0, (_MOST_PIXELS / max(1.0, area(box))) ** 0.5)
        self._whole = self._drawn()

    def without(self, items: list[PageItem]) -> list[bool]:
        """Of each text whether the page looks the same where it stands without all of them."""
        with self._inactive(items):
            bare = self._drawn()
        return [not _differ(self._whole, bare, self._pixels(item.box)) for item in items]

    def alone(self, items: list[PageItem], texts: list[PageItem]) -> list[bool]:
        """Of each text whether it is not seen where ``texts`` of other colours are left out.

        White letters on black ones change the page and cannot be read; those on a large dot can.
        """
        if not items:
            return []
        by_color: dict[Color | None, list[PageItem]] = defaultdict(list)
        is_many = len({item.color for item in items}) > _MOST_COLORS
        for item in items:
            by_color[None if is_many else item.color].append(item)
        unseen: set[int] = set()
        with self._inactive(texts):
            bare = self._drawn()
        for group in by_color.values():
            others = {item.address for item in group}
            with self._inactive([item for item in texts if item.address not in others]):
                only = self._drawn()
            unseen |= {i.address for i in group if not _differ(only, bare, self._pixels(i.box))}
        on_dots = {
            i.address for i in items[:_MOST_DOTS] if i.address in unseen and self._is_on_dot(i)
        }
        return [item.address in unseen - on_dots for item in items]

    def _is_on_dot(self, item: PageItem) -> bool:
        """Whether most of a text's ink changes the page: something solid is below it."""
        with self._inactive([item]):
            bare = self._drawn()
        changed = _differences(self._whole, bare, self._pixels(item.box))
        return changed > _MOST_OF_INK * self._ink(item)

    def _ink(self, item: PageItem) -> int:
        """How many pixels a text covers, at least in part."""
        raw = self._raw
        document = self._page.pdf.raw
        bitmap = raw.FPDFTextObj_GetRenderedBitmap(document, self._page.raw, item.raw, self._scale)
        if not bitmap:
            return 0
        size = raw.FPDFBitmap_GetStride(bitmap) * raw.FPDFBitmap_GetHeight(bitmap)
        data = ctypes.string_at(raw.FPDFBitmap_GetBuffer(bitmap), size)
        raw.FPDFBitmap_Destroy(bitmap)
        return sum(value >= _LEAST_STEP for value in data[3::4])

    @contextmanager
    def _inactive(self, items: list[PageItem]) -> Iterator[None]:
        for item in items:
            self._raw.FPDFPageObj_SetIsActive(item.raw, False)
        try:
            yield
        finally:
            for item in items:
                self._raw.FPDFPageObj_SetIsActive(item.raw, True)

    def _drawn(self) -> _Drawing:
        bitmap = self._page.render(scale=self._scale, may_draw_forms=False)
        drawing = _Drawing(
            bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels
        )
        bitmap.close()
        return drawing

    def _pixels(self, box: PageBox) -> tuple[int, int, int, int]:
        """The box on the drawing: left, top, right, bottom; all of it on a page that is turned."""
        scale, drawing = self._scale, self._whole
        if self._page.get_rotation():
            return 0, 0, drawing.width, drawing.height
        left, top = box[0] - self._box[0], self._box[3] - box[3]
        right, bottom = box[2] - self._box[0], self._box[3] - box[1]
        return (
            max(0, int(left * scale) - 1),
            max(0, int(top * scale) - 1),
            min(drawing.width, int(right * scale) + 2),
            min(drawing.height, int(bottom * scale) + 2),
        )


class _Drawing(NamedTuple):
    data: bytes
    width: int
    height: int
    stride: int
    channels: int


def _differ(one: _Drawing, other: _Drawing, area: tuple[int, int, int, int]) -> bool:
    """Whether two drawings differ visibly in an area."""
    left, top, right, bottom = area
    for row in range(top, bottom):
        start = row * one.stride + left * one.channels
        end = row * one.stride + right * one.channels
        a, b = one.data[start:end], other.data[start:end]
        if a != b and any(abs(x - y) >= _LEAST_STEP for x, y in zip(a, b, strict=True)):
            return True
    return False


def _differences(one: _Drawing, other: _Drawing, area: tuple[int, int, int, int]) -> int:
    """The pixels of an area in which two drawings differ visibly."""
    left, top, right, bottom = area
    count = 0
    for row in range(top, bottom):
        for at in range(left, right):
            start = row * one.stride + at * one.channels
            pair = zip(one.data[start : start + 3], other.data[start : start + 3], strict=True)
            count += any(abs(x - y) >= _LEAST_STEP for x, y in pair)
    return count


def crossing(texts: list[PageItem]) -> set[int]:
    """The addresses of the texts that cross another one."""
    cells: dict[tuple[int, int], list[PageItem]] = defaultdict(list)
    crossed: set[int] = set()
    for item in texts:
        for cell in _cells(item.box):
            for other in cells[cell]:
                if _cross(item.box, other.box):
                    crossed |= {item.address, other.address}
            if len(cells[cell]) < _MOST_IN_CELL:
                cells[cell].append(item)
    return crossed


def _cells(box: PageBox) -> Iterator[tuple[int, int]]:
    left, bottom, right, top = (int(side // _CELL_POINTS) for side in box)
    for x in range(left, min(right, left + _MOST_CELLS) + 1):
        for y in range(bottom, min(top, bottom + _MOST_CELLS) + 1):
            yield x, y


def _cross(one: PageBox, other: PageBox) -> bool:
    """Whether two texts share more than the edges of their lines."""
    left, bottom, right, top = shared(one, other)
    low = min(one[3] - one[1], other[3] - other[1])
    return right > left and top - bottom > _LEAST_CROSSING * low
