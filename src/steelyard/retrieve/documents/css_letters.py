"""How letters are set, as far as it decides whether they are read, and as elements inside inherit it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from steelyard.retrieve.documents.css_colors import Paint, is_color_word
from steelyard.retrieve.documents.css_values import arguments, number, pixels
from steelyard.retrieve.documents.style import GLOBAL

SIZE_ADJUST = "size-adjust"
"""The factor of the font that an element names, in percent, among its values."""
_ASPECT = 0.5
"""The height of small letters of a font, of its size."""
LEAST_SPACING = -0.4
"""Of the size of the letters, below which they lie upon each other."""
_LINE = re.compile(r"\s*/\s*(\S+)")


class Letters(NamedTuple):
    """``size`` is a factor on their height, ``spacing`` a share of it, ``is_flat`` a line of no height.

    ``edges`` are the colours of their shadows and outlines, ``None`` for one that is not known.
    """

    size: float = 1.0
    spacing: float = 0.0
    is_flat: bool = False
    are_dots: bool = False
    is_rtl: bool = False
    is_turned: bool = False
    edges: tuple[Paint | None, ...] = ()
    shadows: tuple[Paint | None, ...] = ()


def letters_of(
    values: Mapping[str, str],
    outer: Letters,
    font: float,
    direction: str | None,
    paint: Callable[[str], Paint | None],
) -> Letters:
    """How letters in an element are set, whose size is ``font`` pixels; ``direction`` is its ``dir``."""
    adjust = number(values.get("font-size-adjust", ""))
    share = number(values.get(SIZE_ADJUST, ""))
    spacing = pixels(values.get("letter-spacing", ""), font)
    security = values.get("-webkit-text-security", "inherit")
    way = values.get("direction", "inherit")
    way = (direction or "").lower() if way in GLOBAL else way
    is_rtl = outer.is_rtl if way not in {"ltr", "rtl"} else way == "rtl"
    line = _line(values)
    return Letters(
        size=outer.size
        if adjust is share is None
        else (adjust / _ASPECT if adjust is not None else 1.0) * (1.0 if share is None else share),
        spacing=outer.spacing if spacing is None or not font else spacing / font,
        is_flat=outer.is_flat if line is None else line,
        are_dots=outer.are_dots if security in GLOBAL else security != "none",
        is_rtl=is_rtl,
        is_turned=is_rtl and "override" in values.get("unicode-bidi", ""),
        edges=_edges(values.get("-webkit-text-stroke"), outer.edges, paint),
        shadows=_edges(values.get("text-shadow"), outer.shadows, paint),
    )


def _line(values: Mapping[str, str]) -> bool | None:
    """Whether lines have no height; ``None`` where nothing says so."""
    value = values.get("line-height", "inherit")
    if value in GLOBAL and value != "initial":
        return None
    if " " in value:  # of the shorthand ``font``
        match = _LINE.search(value)
        value = match[1] if match else "normal"
    return number(value) == 0 or pixels(value) == 0


def _edges(
    value: str | None, outer: tuple[Paint | None, ...], paint: Callable[[str], Paint | None]
) -> tuple[Paint | None, ...]:
    """The colours of a list of shadows, or of an outline, of which one of no width has none."""
    if value is None or value in {"inherit", "unset"}:
        return outer
    edges: list[Paint | None] = []
    for part in arguments(value, ",")[:20]:
        words = arguments(part)
        lengths = [pixels(word) for word in words]
        color = [word for word, length in zip(words, lengths, strict=True) if length is None]
        if not any(length is not None for length in lengths) or (
            len(words) < 3 and lengths[0] == 0
        ):
            continue
        is_known = not color or is_color_word(color[-1]) or color[-1].endswith(")")
        edges.append(paint(color[-1] if color else "currentcolor") if is_known else None)
    return tuple(edges)
