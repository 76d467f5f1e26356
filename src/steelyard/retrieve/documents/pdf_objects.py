"""The objects of a PDF's page in the order of drawing: kind, place, colour, and what clips them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import pairwise
from math import hypot, inf
from typing import Any, NamedTuple

from steelyard.retrieve.documents.css_colors import Color
from steelyard.retrieve.documents.pdf_boxes import (
    PLAIN,
    Matrix,
    PageBox,
    around,
    moved,
    shared,
    times,
)

TEXT, PATH, IMAGE, SHADING, FORM = 1, 2, 3, 4, 5
_STROKED = frozenset({1, 5})
_MOST_FORMS = 12
_PATTERN = 191
"""Of 255: the grey that PDFium names for every pattern."""
_MOST_CLIPS, _MOST_POINTS = 16, 40
"""Paths that clip an object, and the points of each: where there are more, the page must be drawn."""
_NOTHING: PageBox = (0.0, 0.0, 0.0, 0.0)


class Clip(NamedTuple):
    """The box in which an object is drawn; not ``is_plain`` where its shape is another."""

    box: PageBox
    is_plain: bool = True


EVERYWHERE = Clip((-inf, -inf, inf, inf))


class PageItem(NamedTuple):
    """One object of a page, in the order of drawing; of no ``color`` where that is not one alone."""

    raw: Any
    kind: int
    box: PageBox
    color: Color | None
    alpha: int
    mode: int = 0
    points: float = 0.0
    clip: Clip = EVERYWHERE

    @property
    def address(self) -> int:
        """By which PDFium names the object that a character belongs to."""
        return ctypes.addressof(self.raw.contents)


class PageObjects:
    """Reads the objects of a page."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._sides = [ctypes.c_float() for _ in range(4)]  # what the calls below write to
        self._parts = [ctypes.c_uint() for _ in range(4)]
        self._form = raw.FS_MATRIX()

    def every(
        self, holder: Any, clip: Clip = EVERYWHERE, matrix: Matrix = PLAIN, depth: int = 0
    ) -> Iterator[PageItem]:
        """The objects of a page within ``clip``, with those inside of forms, as they are drawn."""
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
            if kind == FORM:
                if depth < _MOST_FORMS:
                    inner = times(self._matrix(item), matrix)
                    yield from self.every(item, self._clip(item, matrix, clip), inner, depth + 1)
            else:
                yield self._item(item, kind, matrix, clip)

    def _item(self, item: Any, kind: int, matrix: Matrix, clip: Clip) -> PageItem:
        raw = self._raw
        box = moved(self._bounds(item), matrix)
        if kind == TEXT:
            mode = raw.FPDFTextObj_GetTextRenderMode(item)
            color, alpha = self._color(item, stroke=mode in _STROKED)
            size = self._sides[0]
            raw.FPDFTextObj_GetFontSize(item, size)
            a, b, c, d, _, _ = times(self._matrix(item), matrix)
            points = abs(size.value) * min(hypot(a, b), hypot(c, d))
            clip = self._clip(item, matrix, clip)
            return PageItem(item, kind, box, color, alpha, mode, points, clip)
        if kind == PATH:
            fill, stroke = ctypes.c_int(), ctypes.c_int()
            raw.FPDFPath_GetDrawMode(item, fill, stroke)
            if not fill.value:
                return PageItem(item, kind, (0.0, 0.0, 0.0, 0.0), None, 0)
            color, alpha = self._color(item)
            return PageItem(item, kind, box, color, alpha)
        return PageItem(item, kind, box, None, 255)

    def _bounds(self, item: Any) -> PageBox:
        sides = self._sides
        self._raw.FPDFPageObj_GetBounds(item, *sides)
        return (sides[0].value, sides[1].value, sides[2].value, sides[3].value)

    def _matrix(self, item: Any) -> Matrix:
        matrix = self._form
        if not self._raw.FPDFPageObj_GetMatrix(item, matrix):
            return PLAIN
        return (matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f)

    def _color(self, item: Any, *, stroke: bool = False) -> tuple[Color | None, int]:
        parts = self._parts
        get = self._raw.FPDFPageObj_GetStrokeColor if stroke else self._raw.FPDFPageObj_GetFillColor
        if not get(item, *parts):
            return None, 255
        red, green, blue, alpha = (part.value for part in parts)
        if red == green == blue == _PATTERN:
            return None, alpha
        return (float(red), float(green), float(blue)), alpha

    def _clip(self, item: Any, matrix: Matrix, clip: Clip) -> Clip:
        """``clip`` and the paths that clip an object; those of a form are in its own coordinates."""
        raw = self._raw
        paths = raw.FPDFPageObj_GetClipPath(item)
        count = raw.FPDFClipPath_CountPaths(paths) if paths else -1
        if count < 0:
            return clip
        box, is_plain = clip.box, clip.is_plain and count > 0  # of no paths: clipped by text
        for at in range(min(count, _MOST_CLIPS)):
            segments = raw.FPDFClipPath_CountPathSegments(paths, at)
            points = [self._point(paths, at, n) for n in range(min(segments, _MOST_POINTS))]
            path = moved(around(points), matrix) if points else _NOTHING
            is_plain = is_plain and segments <= _MOST_POINTS and _is_box(points)
            if segments <= _MOST_POINTS:
                box = shared(box, path)
        return Clip(box, is_plain and count <= _MOST_CLIPS)

    def _point(self, paths: Any, path: int, at: int) -> tuple[float, float]:
        segment = self._raw.FPDFClipPath_GetPathSegment(paths, path, at)
        x, y = self._sides[:2]
        self._raw.FPDFPathSegment_GetPoint(segment, x, y)
        return x.value, y.value


def _is_box(points: list[tuple[float, float]]) -> bool:
    """Whether a path goes around one box whose sides are upright and level."""
    return (
        len(points) in {4, 5}
        and len(set(points)) <= 4
        and all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise((*points, points[0])))
    )
