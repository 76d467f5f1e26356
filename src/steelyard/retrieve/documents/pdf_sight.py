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
from math import hypot
from typing import Any, NamedTuple

from steelyard.retrieve.documents.css_colors import LEAST_CONTRAST, WHITE, Color, contrast
from steelyard.words import counted

_TEXT, _PATH, _IMAGE, _SHADING, _FORM = 1, 2, 3, 4, 5
_INVISIBLE = frozenset({3, 7})
_STROKED = frozenset({1, 5})
_TINY_POINTS = 1.0
_LEAST_ALPHA = 13
_OPAQUE = 230
_DOUBTFUL = 1.5
"""Contrast below which a colour is looked at twice."""
_LEAST_STEP = 18
"""Of 255: smaller differences of a drawn page nobody sees."""
_MOST_PIXELS = 1_500_000
_MOST_FORMS = 12
_LEAST_AREA = 30.0
_MOST_GROUNDS = 300
"""Painted areas of a page that a text is compared with, in square points each."""
_LAYER_SHARE = 0.25
"""Of a page that an image must fill for the text on it to be what OCR read."""
_LAYER_MARK = "OC\0".encode("utf-16-le")
_LAYER_VISIBLE = 0.2

_OUTLINES = frozenset({"same_color", "covered", "transparent"})
_NEXT = (-1, 0, 1)
_COINCIDE_POINTS = 1.5
_CELL_POINTS = 4.0

PageBox = tuple[float, float, float, float]
PageMatrix = tuple[float, float, float, float, float, float]
_PLAIN: PageMatrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


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


class _Item(NamedTuple):
    """One object of a page, in the order of drawing; of no ``color`` where that is not one alone."""

    raw: Any
    kind: int
    box: PageBox
    color: Color | None
    alpha: int
    mode: int = 0
    points: float = 0.0


class PageSight:
    """The objects of one page, and what of its text is hidden."""

    def __init__(self, pdfium: Any, page: Any, budget: RenderBudget) -> None:
        self._raw, self._page, self._budget = pdfium.raw, page, budget
        self._sides = [ctypes.c_float() for _ in range(4)]  # what the calls below write to
        self._parts = [ctypes.c_uint() for _ in range(4)]
        self._form = pdfium.raw.FS_MATRIX()
        self._items = list(self._objects(page.raw, _PLAIN, 0))
        self.has_images = any(item.kind == _IMAGE for item in self._items)
        self.is_scan = False
        self._grounds = self._largest()
        left, bottom, right, top = page.get_bbox()
        self._box: PageBox = (left, bottom, right, top)

    def hidden(self, text_page: Any) -> dict[int, str]:
        """The kinds of hiding by the address of a text object.

        What OCR wrote on a scan is not hidden, nor is a text below the same one: an outline, a shadow.
        """
        texts = [(at, item) for at, item in enumerate(self._items) if item.kind == _TEXT]
        kinds: dict[int, str] = {}
        doubtful: list[tuple[int, _Item]] = []
        for at, item in texts:
            kind = self._kind(item)
            if kind is not None:
                kinds[_address(item)] = kind
            elif self._is_doubtful(at, item):
                doubtful.append((at, item))
        if any(kind == "invisible" for kind in kinds.values()):
            self._pass_layer(kinds, [item for _, item in texts])
        for at, item in self._unseen(doubtful):
            kinds[_address(item)] = "same_color" if self._is_alike(at, item) else "covered"
        self._pass_outlines(kinds, [item for _, item in texts], text_page)
        return kinds

    def _largest(self) -> list[tuple[int, _Item]]:
        """What paints an area, the largest of them, in the order of drawing."""
        painted = [
            (at, item)
            for at, item in enumerate(self._items)
            if item.kind != _TEXT and item.alpha >= _OPAQUE and _area(item.box) >= _LEAST_AREA
        ]
        if len(painted) > _MOST_GROUNDS:
            painted = nlargest(_MOST_GROUNDS, painted, key=lambda pair: _area(pair[1].box))
        return sorted(painted, key=lambda pair: pair[0])

    def _kind(self, item: _Item) -> str | None:
        if item.mode in _INVISIBLE:
            return "invisible"
        if item.points <= _TINY_POINTS and _thickness(item.box) <= 2 * _TINY_POINTS:
            return "tiny"  # letters of Type 3 may be large at any size
        if item.alpha <= _LEAST_ALPHA:
            return "transparent"
        return None if _overlap(item.box, self._box) else "off_page"

    def _pass_layer(self, kinds: dict[int, str], texts: list[_Item]) -> None:
        """Let pass the text on a scan: nearly all there is, on an image that fills much of the page."""
        area = _area(self._box) * _LAYER_SHARE
        images = [i.box for i in self._items if i.kind == _IMAGE and _area(i.box) >= area]
        layer = [item for item in texts if kinds.get(_address(item)) == "invisible"]
        visible = sum(_address(item) not in kinds for item in texts)
        if visible > _LAYER_VISIBLE * len(layer):
            return
        for item in layer:
            if any(_overlap(item.box, box) for box in images):
                del kinds[_address(item)]
                self.is_scan = True

    def _pass_outlines(self, kinds: dict[int, str], texts: list[_Item], text_page: Any) -> None:
        """Let pass what stands exactly where the same text is seen.

        PDFium gives a text that is drawn twice once, to either of the two: the other one is empty.
        """
        if not _OUTLINES & set(kinds.values()):
            return
        seen_at: dict[tuple[int, int], list[_Item]] = {}
        for item in texts:
            if _address(item) not in kinds:
                seen_at.setdefault(_cell(item.box), []).append(item)
        for item in texts:
            if kinds.get(_address(item)) not in _OUTLINES:
                continue
            x, y = _cell(item.box)
            near = [n for dx in _NEXT for dy in _NEXT for n in seen_at.get((x + dx, y + dy), ())]
            twins = [twin for twin in near if _coincide(twin.box, item.box)]
            if twins and {self._text(twin, text_page) for twin in twins} <= {
                "",
                self._text(item, text_page),
            }:
                del kinds[_address(item)]

    def _text(self, item: _Item, text_page: Any) -> str:
        length = self._raw.FPDFTextObj_GetText(item.raw, text_page, None, 0)
        buffer = (ctypes.c_ushort * (length // 2 + 1))()
        self._raw.FPDFTextObj_GetText(item.raw, text_page, buffer, length)
        return bytes(buffer)[: max(0, length - 2)].decode("utf-16-le", "replace").strip()

    def _is_doubtful(self, at: int, item: _Item) -> bool:
        if item.color is None or self._is_in_layer(item):
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

    def _is_in_layer(self, item: _Item) -> bool:
        """Whether a text belongs to optional content, which may be switched off."""
        raw = self._raw
        for at in range(max(0, raw.FPDFPageObj_CountMarks(item.raw))):
            name, length = (ctypes.c_ushort * 8)(), ctypes.c_ulong()
            mark = raw.FPDFPageObj_GetMark(item.raw, at)
            raw.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length)
            if bytes(name).startswith(_LAYER_MARK):
                return True
        return False

    def _is_alike(self, at: int, item: _Item) -> bool:
        """Whether the last thing painted below a text has its colour."""
        ground: Color | None = WHITE
        for place, other in self._grounds:
            if place < at and _contains(other.box, item.box):
                ground = other.color
        if ground is None or item.color is None:
            return False
        return contrast(ground, item.color) < LEAST_CONTRAST

    def _unseen(self, doubtful: list[tuple[int, _Item]]) -> Iterator[tuple[int, _Item]]:
        """The doubtful texts that make no difference to the drawn page."""
        if not doubtful:
            return
        if not self._budget.takes():
            yield from (pair for pair in doubtful if self._is_alike(*pair))
            return
        started = time.process_time()
        scale = min(1.0, (_MOST_PIXELS / max(1.0, _area(self._box))) ** 0.5)
        with_them = self._drawn(scale)
        for _, item in doubtful:
            self._raw.FPDFPageObj_SetIsActive(item.raw, False)
        without = self._drawn(scale)
        for _, item in doubtful:
            self._raw.FPDFPageObj_SetIsActive(item.raw, True)
        self._budget.seconds -= time.process_time() - started
        for at, item in doubtful:
            if not _differ(with_them, without, self._pixels(item.box, scale, with_them)):
                yield at, item

    def _drawn(self, scale: float) -> _Drawing:
        bitmap = self._page.render(scale=scale, may_draw_forms=False)
        drawing = _Drawing(
            bytes(bitmap.buffer), bitmap.width, bitmap.height, bitmap.stride, bitmap.n_channels
        )
        bitmap.close()
        return drawing

    def _pixels(self, box: PageBox, scale: float, drawing: _Drawing) -> tuple[int, int, int, int]:
        """The box on the drawing: left, top, right, bottom; all of it on a page that is turned."""
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

    def _objects(self, holder: Any, matrix: PageMatrix, depth: int) -> Iterator[_Item]:
        raw = self._raw
        count, get = (
            (raw.FPDFPage_CountObjects, raw.FPDFPage_GetObject)
            if depth == 0
            else (raw.FPDFFormObj_CountObjects, raw.FPDFFormObj_GetObject)
        )
        for at in range(max(0, count(holder))):
            item = get(holder, at)
            if not item:
                continue
            kind = raw.FPDFPageObj_GetType(item)
            if kind == _FORM:
                if depth < _MOST_FORMS:
                    yield from self._objects(item, _times(self._matrix(item), matrix), depth + 1)
            else:
                yield self._item(item, kind, matrix)

    def _item(self, item: Any, kind: int, matrix: PageMatrix) -> _Item:
        raw = self._raw
        box = _moved(self._bounds(item), matrix)
        if kind == _TEXT:
            mode = raw.FPDFTextObj_GetTextRenderMode(item)
            color, alpha = self._color(item, stroke=mode in _STROKED)
            size = self._sides[0]
            raw.FPDFTextObj_GetFontSize(item, size)
            a, b, c, d, _, _ = _times(self._matrix(item), matrix)
            points = abs(size.value) * min(hypot(a, b), hypot(c, d))
            return _Item(item, kind, box, color, alpha, mode, points)
        if kind == _PATH:
            fill, stroke = ctypes.c_int(), ctypes.c_int()
            raw.FPDFPath_GetDrawMode(item, fill, stroke)
            if not fill.value:
                return _Item(item, kind, (0.0, 0.0, 0.0, 0.0), None, 0)
            color, alpha = self._color(item)
            return _Item(item, kind, box, color, alpha)
        return _Item(item, kind, box, None, 255)

    def _bounds(self, item: Any) -> PageBox:
        sides = self._sides
        self._raw.FPDFPageObj_GetBounds(item, *sides)
        return (sides[0].value, sides[1].value, sides[2].value, sides[3].value)

    def _matrix(self, item: Any) -> PageMatrix:
        matrix = self._form
        if not self._raw.FPDFPageObj_GetMatrix(item, matrix):
            return _PLAIN
        return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)

    def _color(self, item: Any, *, stroke: bool = False) -> tuple[Color | None, int]:
        parts = self._parts
        get = self._raw.FPDFPageObj_GetStrokeColor if stroke else self._raw.FPDFPageObj_GetFillColor
        if not get(item, *parts):
            return None, 255
        red, green, blue, alpha = (part.value for part in parts)
        return (float(red), float(green), float(blue)), alpha


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


def _address(item: _Item) -> int:
    return ctypes.addressof(item.raw.contents)


def _area(box: PageBox) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _cell(box: PageBox) -> tuple[int, int]:
    """A place for a box in a table, so that only neighbours are compared."""
    return round(box[0] / _CELL_POINTS), round(box[1] / _CELL_POINTS)


def _coincide(one: PageBox, other: PageBox) -> bool:
    return all(abs(a - b) <= _COINCIDE_POINTS for a, b in zip(one, other, strict=True))


def _thickness(box: PageBox) -> float:
    return min(abs(box[2] - box[0]), abs(box[3] - box[1]))


def _overlap(one: PageBox, other: PageBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _contains(outer: PageBox, inner: PageBox) -> bool:
    """Whether the middle of ``inner`` lies in ``outer``."""
    x, y = (inner[0] + inner[2]) / 2, (inner[1] + inner[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _times(one: PageMatrix, other: PageMatrix) -> PageMatrix:
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return (
        a * p + b * r,
        a * q + b * s,
        c * p + d * r,
        c * q + d * s,
        e * p + f * r + t,
        e * q + f * s + u,
    )


def _moved(box: PageBox, matrix: PageMatrix) -> PageBox:
    if matrix == _PLAIN:
        return box
    a, b, c, d, e, f = matrix
    corners = [(x * a + y * c + e, x * b + y * d + f) for x in box[::2] for y in box[1::2]]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs), min(ys), max(xs), max(ys))
