"""Whether a box is taken from sight as a whole: not displayed, off the screen, or cut off to nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from steelyard.retrieve.documents.css_shapes import is_empty_shape
from steelyard.retrieve.documents.css_values import (
    ROOT_PIXELS,
    SCREEN_HEIGHT,
    SCREEN_WIDTH,
    arguments,
    number,
    pixels,
)
from steelyard.retrieve.documents.style import CALL, GLOBAL, SIDES, stated

_FAR, _FAR_RIGHT = 500.0, 2500.0
_PLACED = frozenset({"absolute", "fixed", "relative", "sticky", "-webkit-sticky"})
_CUTTING = frozenset({"hidden", "clip"})
_SCROLLING = frozenset({"auto", "scroll", "overlay"})
_NOT_DISPLAYED = frozenset({"none", "table-column", "table-column-group"})
_BOX_SIZES = (20.0, 2_000.0)
"""Widths and heights, in pixels, in which a shape that is nothing must be nothing."""
_HEIGHTS = frozenset(
    "height min-height aspect-ratio contain-intrinsic-size contain-intrinsic-height".split()
)
_MOST_TRACKS = 50


class BoxContext(NamedTuple):
    """What the boxes around do to those inside.

    ``cuts`` says that the next one cuts off what overflows, ``height`` is its height in pixels where that is
    known, ``is_placed`` that some box around is what places are relative to. ``rows`` and ``columns`` say of
    a grid which of its tracks have no size; ``is_flexible`` is a flex box.
    """

    cuts: bool = False
    height: float | None = None
    is_placed: bool = False
    rows: tuple[bool, ...] = ()
    columns: tuple[bool, ...] = ()
    is_flexible: bool = False


def frame_of(values: Mapping[str, str], outer: BoxContext) -> BoxContext:
    """What an element does to the boxes inside it."""
    is_placed = outer.is_placed or stated(values, "position") in _PLACED
    is_placed |= stated(values, "transform") not in {"", "none"}
    display = stated(values, "display")
    inner = BoxContext(is_placed=is_placed, is_flexible="flex" in display)
    if "grid" in display:
        rows, columns = (_tracks(values, name) for name in ("rows", "columns"))
        if (rows and any(rows)) or (columns and any(columns)):
            inner = inner._replace(rows=rows, columns=columns)
    if any(_overflow(values, axis) in _CUTTING for axis in "xy"):
        return inner._replace(cuts=True, height=pixels(stated(values, "height"), full=math.nan))
    sizes = ("position", "width", "height", "min-height", "padding-top", "padding-left")
    if outer.cuts and not any(name in values for name in sizes):
        return inner._replace(cuts=True, height=outer.height)
    return inner


def _tracks(values: Mapping[str, str], name: str) -> tuple[bool, ...]:
    """Which tracks of a grid have no size; the automatic ones of a grid without rows are one."""
    value = stated(values, f"grid-template-{name}")
    if "/" in value:
        value = value.partition("/")[0 if name == "rows" else 2]
    if not value.strip() and name == "rows":
        value = stated(values, "grid-auto-rows")
    words = [word for word in arguments(value) if not word.startswith("[")]
    return tuple(
        word == "0fr"
        or pixels(word) == 0
        or word.replace(" ", "") in {"minmax(0,0)", "minmax(0,0fr)"}
        for word in words[:_MOST_TRACKS]
    )


def indent_of(values: Mapping[str, str], outer: float) -> float:
    """The indent of the first line in pixels, which elements inside inherit."""
    value = values.get("text-indent", "inherit")
    if value in GLOBAL:
        return 0.0 if value == "initial" else outer
    length = pixels(next(iter(arguments(value)), ""), full=SCREEN_WIDTH)
    return outer if length is None else length


def is_far_indent(indent: float) -> bool:
    """Whether an indent puts a line where no screen shows it."""
    return indent <= -_FAR or indent >= _FAR_RIGHT / 2


def hides(values: Mapping[str, str], frame: BoxContext | None = None, index: int = 0) -> str | None:
    """The kind of hiding that takes a whole element from sight, all inside included.

    ``frame`` is what lies around it, ``index`` its place among the elements there.
    """
    frame = BoxContext() if frame is None else frame
    if values.get("display") in _NOT_DISPLAYED or values.get("content-visibility") == "hidden":
        return "display_none"
    if _is_far(values, frame) or (frame.cuts and _falls_out(values, frame)):
        return "off_screen"
    return "clipped" if _is_clipped(values) or _is_squeezed(values, frame, index) else None


def _side(values: Mapping[str, str], name: str, full: float) -> float | None:
    """The length of one side; of a shorthand's value, the part that is its own."""
    words = arguments(values.get(name, ""))
    if not words:
        return None
    at = SIDES.index(name.rpartition("-")[2])
    at = at if at < len(words) else at - 2 if at - 2 in range(len(words)) else 0
    return pixels(words[at], ROOT_PIXELS, full)


def _is_far(values: Mapping[str, str], frame: BoxContext) -> bool:
    """Whether it is placed where no screen shows it.

    In percent of what is not known: of a box of 500 pixels, and of the screen where it is ``fixed``.
    """
    position = values.get("position", "static")
    is_fixed = position == "fixed"
    is_alone = is_fixed or (position == "absolute" and not frame.is_placed)
    width, height = (SCREEN_WIDTH, SCREEN_HEIGHT) if is_alone else (_FAR, _FAR / 2)
    x, y = _moved(values)
    x += _side(values, "margin-left", SCREEN_WIDTH) or 0.0
    y += _side(values, "margin-top", SCREEN_WIDTH) or 0.0
    is_placed = position in _PLACED
    if is_placed:
        left, right = (_side(values, side, width) for side in ("left", "right"))
        top, bottom = (_side(values, side, height) for side in ("top", "bottom"))
        if "%" in values.get("left", "") and (left or 0) > 0:
            left = (left or 0) * SCREEN_WIDTH / width  # it centres, with a negative margin
        x += left or 0.0
        y += top or 0.0
        if any(gap is not None and gap <= -_FAR for gap in (right, bottom)) and left is top is None:
            return True
        if is_alone and left is None and (right or 0.0) >= _edge(values, "right", SCREEN_WIDTH):
            return True
        if is_alone and top is None and (bottom or 0.0) >= _edge(values, "bottom", SCREEN_HEIGHT):
            return True
        if is_fixed and (
            x >= _edge(values, "left", SCREEN_WIDTH) or y >= _edge(values, "top", SCREEN_HEIGHT)
        ):
            return True
    return x <= -_FAR or x >= _FAR_RIGHT or y <= -_FAR * (1 if is_placed else 2)


def _edge(values: Mapping[str, str], side: str, screen: float) -> float:
    """How far from the other edge of the screen a side is surely beyond it: some screens are larger."""
    is_of_screen = any(unit in values.get(side, "") for unit in ("%", "vw", "vh"))
    return screen * (1.0 if is_of_screen else 2.0)


def _moved(values: Mapping[str, str], full: float = _FAR / 5) -> tuple[float, float]:
    """How far `transform` and `translate` move it; in percent of its size, taken for ``full``."""
    x = y = 0.0
    calls = [("translate", ",".join(arguments(values.get("translate", ""))))]
    for name, inside in (*calls, *CALL.findall(values.get("transform", ""))):
        parts = [pixels(part.strip(), full=full) or 0.0 for part in arguments(inside, ",")]
        if name in {"translate", "translate3d"}:
            x, y = x + parts[0], y + (parts[1] if len(parts) > 1 else 0.0)
        elif name in {"translatex", "translatey"}:
            x, y = (x + parts[0], y) if name == "translatex" else (x, y + parts[0])
        elif name in {"matrix", "matrix3d"}:
            numbers = [number(part) or 0.0 for part in arguments(inside, ",")]
            if len(numbers) in {6, 16}:
                at = 4 if name == "matrix" else 12
                x, y = x + numbers[at], y + numbers[at + 1]
    return x, y


def _falls_out(values: Mapping[str, str], frame: BoxContext) -> bool:
    """Whether it lies beside, above or below a box that cuts off what overflows."""
    position = stated(values, "position")
    is_free = position in {"absolute", "fixed"}
    names = ["margin-left", *(["left"] if position in _PLACED else [])]
    names += ["right", "top", "bottom"] if position == "absolute" and frame.is_placed else []
    shares = [_side(values, name, 1.0) or 0.0 for name in names if "%" in values.get(name, "")]
    if any(abs(share) >= 1 for share in shares):
        return position != "fixed" and (frame.is_placed or not is_free)
    across, down = (
        whole - rest for whole, rest in zip(_moved(values, 1.0), _moved(values, 0.0), strict=True)
    )  # in shares of its own size
    is_wide = not (is_free or {"width", "max-width", "float", "display"} & values.keys())
    if (is_wide and abs(across) >= 1) or abs(down) >= 2:
        return True
    below = sum(_side(values, name, 0.0) or 0.0 for name in ("margin-top", "padding-top"))
    return frame.height is not None and 0 < frame.height <= below and not is_free


def _overflow(values: Mapping[str, str], axis: str) -> str:
    return values.get(f"overflow-{axis}", "").split(" ")[0]


def _is_clipped(values: Mapping[str, str]) -> bool:
    match = re.match(r"rect\(([^()]*)\)", values.get("clip", ""))
    if match and values.get("position") in {"absolute", "fixed"}:
        words = re.split(r"[\s,]+", match[1].strip())
        ends = (0.0, math.inf, math.inf, 0.0)
        gaps = [
            end if word == "auto" else pixels(word) for word, end in zip(words, ends, strict=False)
        ]
        if len(words) == 4 and None not in gaps:
            top, right, bottom, left = (gap or 0.0 for gap in gaps)
            if bottom - top <= 1 or right - left <= 1:
                return True
    call = CALL.match(values.get("clip-path", ""))
    if call and all(is_empty_shape(call[1], call[2], size) for size in _BOX_SIZES):
        return True
    return any(_is_flat(values, axis) for axis in "xy")


def _is_flat(values: Mapping[str, str], axis: str) -> bool:
    """Whether an element that cuts off what overflows has no width, or no height."""
    side = "width" if axis == "x" else "height"
    overflow = _overflow(values, axis)
    contains = arguments(stated(values, "contain"))
    if axis == "y" and {"size", "strict"} & set(contains):
        cuts = overflow in _CUTTING | _SCROLLING or {"paint", "strict"} & set(contains)
        is_sized = bool(_HEIGHTS & values.keys()) or values.get("position") in {"absolute", "fixed"}
        if cuts and not is_sized:
            return True
    if overflow not in _CUTTING | _SCROLLING:
        return False
    for name in (side, f"max-{side}"):
        if axis == "y" and "%" in values.get(name, ""):
            continue  # of a height that is not set: as if it were not there
        size = pixels(values.get(name, ""), -1.0)
        if stated(values, "box-sizing") == "border-box" and size is not None and name == side:
            names = (
                ("padding-left", "padding-right")
                if axis == "x"
                else ("padding-top", "padding-bottom")
            )
            paddings = [_side(values, padding, 0.0) or 0.0 for padding in names]
            size = 0.0 if size > 0 and sum(paddings) >= size else size
        if size is not None and 0 <= size <= 1:
            return True
    return False


def _is_squeezed(values: Mapping[str, str], frame: BoxContext, index: int) -> bool:
    """Whether the grid or flex box around leaves no room to an element that cuts off what overflows."""
    if not any(_overflow(values, axis) in _CUTTING | _SCROLLING for axis in "xy"):
        return False
    if {"min-width", "min-height"} & values.keys() and not all(
        pixels(values.get(name, "0")) == 0 for name in ("min-width", "min-height")
    ):
        return False
    if frame.is_flexible:
        words = arguments(stated(values, "flex-basis"))
        basis = words[-1] if len(words) in {1, 3} or (len(words) == 2 and "p" in words[1]) else "0%"
        grow = arguments(stated(values, "flex-grow"))[:1] or ["0"]
        return bool(words) and pixels(basis, full=0.0) == 0 and number(grow[0]) == 0
    columns = max(1, len(frame.columns))
    at, row = index % columns, index // columns
    rows = frame.rows
    return (at < len(frame.columns) and frame.columns[at]) or (row < len(rows) and rows[row])
