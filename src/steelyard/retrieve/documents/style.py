"""What declarations of a style sheet say of whether a text is seen."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from steelyard.retrieve.documents.css_colors import is_color_word
from steelyard.retrieve.documents.css_sheet import Declarations, unescaped
from steelyard.retrieve.documents.css_values import (
    ROOT_PIXELS,
    SCREEN_HEIGHT,
    SCREEN_WIDTH,
    arguments,
    number,
    pixels,
)

TINY_PIXELS = 1.35
"""One point is 1.33 pixels."""
FONT_SIZES = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
    "xxx-large": 48.0,
}
_FAR, _FAR_RIGHT = 500.0, 2500.0
_SIDES = ("top", "right", "bottom", "left")
_ANIMATION = tuple(
    f"animation-{part}"
    for part in "name duration delay fill-mode iteration-count direction play-state".split()
)
_SHORTHANDS: Mapping[str, tuple[str, ...]] = {
    "animation": _ANIMATION,
    "background": ("background-color", "background-image", "background-size"),
    "font": ("font-size",),
    "inset": _SIDES,
    "margin": tuple(f"margin-{side}" for side in _SIDES),
    "overflow": ("overflow-x", "overflow-y"),
}
"""Their longhands have the whole value, of which each takes its part."""
_ALIASES = {
    "-webkit-transform": "transform", "-webkit-filter": "filter", "-webkit-clip-path": "clip-path",
    "inset-inline-start": "left", "inset-inline-end": "right", "inset-block-start": "top",
    "inset-block-end": "bottom", "margin-inline-start": "margin-left", "margin-block-start": "margin-top",
    "inline-size": "width", "block-size": "height", "max-inline-size": "max-width",
    "max-block-size": "max-height", "overflow-inline": "overflow-x", "overflow-block": "overflow-y",
    "-webkit-opacity": "opacity", "-webkit-animation": "animation",
    "-webkit-background-clip": "background-clip", "-webkit-background-size": "background-size",
    **{f"-webkit-{name}": name for name in _ANIMATION},
}  # fmt: skip
_GLOBAL = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_BOXES = (
    "none block inline flow flow-root table flex grid ruby contents list-item inline-block inline-table "
    "inline-flex inline-grid -webkit-box -webkit-inline-box -webkit-flex math run-in table-row table-cell "
    "table-row-group table-header-group table-footer-group table-column table-column-group table-caption "
    "ruby-base ruby-text ruby-base-container ruby-text-container"
)
_WORDS: Mapping[str, frozenset[str]] = {
    "display": frozenset(_BOXES.split()),
    "visibility": frozenset("visible hidden collapse".split()),
    "float": frozenset("none left right inline-start inline-end".split()),
    "content-visibility": frozenset("visible auto hidden".split()),
    "position": frozenset("static relative absolute fixed sticky -webkit-sticky".split()),
    **dict.fromkeys(
        ("overflow-x", "overflow-y"), frozenset("visible hidden clip scroll auto overlay".split())
    ),
}
_LENGTHS = frozenset(
    "left top right bottom text-indent width height max-width max-height margin-left margin-top "
    "margin-right margin-bottom translate".split()
)
_LENGTH_WORDS = frozenset(
    "auto none min-content max-content fit-content stretch hanging each-line -webkit-fill-available "
    "-moz-available".split()
)
_COLORS = frozenset({"color", "background-color", "-webkit-text-fill-color"})
_NUMBERS = frozenset({"opacity", "zoom", "scale"})
_FREE = frozenset({"background-image", "background-size", "background-clip", "content"})
_CALLS: Mapping[str, str] = {
    "transform": r"none|(?:matrix|translate|scale|rotate|skew|perspective)(?:3d|[xyz])?\(",
    "filter": r"none|url\(|[a-z-]+\(",
    "clip": r"auto|rect\(",
    "clip-path": r"none|[a-z-]+-box|(?:url|inset|circle|ellipse|polygon|path|rect|xywh|shape)\(",
}
_EVERY = sorted(
    {
        *_WORDS, *_LENGTHS, *_COLORS, *_NUMBERS, *_CALLS, "font-size",
        *(longhand for longhands in _SHORTHANDS.values() for longhand in longhands),
    }
)  # fmt: skip
"""What ``all`` sets."""
_IMPORTANT = re.compile(r"\s*!\s*important\s*\Z", re.IGNORECASE)
_COMPUTED = re.compile(r"(?:var|env|attr|if)\(", re.IGNORECASE)
_CALL = re.compile(r"([a-z-]+3?d?)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_VAR = re.compile(r"var\(", re.IGNORECASE)
_MOST_VALUE, _MOST_STEPS = 2_000, 50


def declared(pairs: Iterable[tuple[str, str]]) -> Declarations:
    """The declarations that matter here, the last valid one of each property.

    As browsers do, it passes over values that a property cannot have; those computed from variables count.
    """
    values: Declarations = {}
    for name, raw in pairs:
        value = _IMPORTANT.sub("", raw)
        is_important = value != raw
        names: Iterable[str] = (name,)
        if not name.startswith("--"):
            name, value = name.lower(), unescaped(value).strip()
            name = _ALIASES.get(name, name)
            names = _EVERY if name == "all" else _SHORTHANDS.get(name, (name,))
            names = [longhand for longhand in names if _is_valid(longhand, value.lower(), name)]
        for longhand in names:
            if is_important or not values.get(longhand, ("", False))[1]:
                values[longhand] = (value, is_important)
    return values


def _is_valid(name: str, value: str, source: str) -> bool:
    """Whether a property can have a value; ``source`` is the name that it is declared by."""
    if _COMPUTED.search(value) or value in _GLOBAL:
        return True
    if source == "all":
        return False
    words = arguments(value)
    if name in _WORDS:
        return bool(words) and all(word in _WORDS[name] for word in words)
    if name in _LENGTHS:
        return bool(words) and all(_is_length(word) for word in words)
    if name in _NUMBERS:
        return value == "none" or all(number(word) is not None for word in words)
    if name == "background-color":
        return any("(" in word or is_color_word(word) or word == "none" for word in words)
    if name in _COLORS:
        return is_color_word(value) or value == "currentcolor" or value.endswith(")")
    if name in _CALLS:
        return re.match(_CALLS[name], value) is not None
    if name == "font-size":
        return (font_pixels(value, ROOT_PIXELS) or 0.0) >= 0
    return name in _ANIMATION or name in _FREE


def _is_length(word: str) -> bool:
    return word in _LENGTH_WORDS or word.endswith(")") or pixels(word) is not None


def substituted(value: str, variables: Mapping[str, str]) -> str:
    """A value with its variables filled in; those that nothing defines stay, and so what it is is unknown."""
    for _ in range(_MOST_STEPS):
        match = next((m for m in reversed(list(_VAR.finditer(value)))), None)
        if match is None or len(value) > _MOST_VALUE:
            break
        depth, end = 1, match.end()
        while end < len(value) and depth:
            depth += {"(": 1, ")": -1}.get(value[end], 0)
            end += 1
        name, comma, fallback = value[match.end() : end - (depth == 0)].partition(",")
        inside = variables.get(name.strip(), fallback if comma else None)
        if inside is None:
            break
        value = f"{value[: match.start()]} {inside.strip()} {value[end:]}".strip()
    return value


def font_pixels(value: str, parent: float) -> float | None:
    """The size that ``font-size`` or ``font`` sets; ``None`` where it sets none."""
    words = [word.partition("/")[0] for word in arguments(value)]
    if len(words) > 1:  # the shorthand: a family follows, and numbers before are weights
        sizes = [word for word in words[:-1] if _is_font_size(word)]
        words = sizes[-1:]
    if len(words) != 1:
        return None
    if words[0] in FONT_SIZES:
        return FONT_SIZES[words[0]]
    return {"smaller": parent / 1.2, "larger": parent * 1.2}.get(words[0]) or pixels(
        words[0], parent
    )


def _is_font_size(word: str) -> bool:
    return word in FONT_SIZES or pixels(word) is not None


def opacity_of(values: Mapping[str, str]) -> float:
    """How much is left of an element: its opacity, with that of its filter."""
    own = number(values.get("opacity", "1"))
    product = 1.0 if own is None else min(1.0, max(0.0, own))
    for name, inside in _CALL.findall(values.get("filter", "")):
        share = number(inside.strip()) if name == "opacity" else None
        product *= 1.0 if share is None else min(1.0, max(0.0, share))
    return product


def scale_of(values: Mapping[str, str]) -> float:
    """The smaller factor, across or down, by which an element is drawn larger or smaller."""
    across = down = number(values.get("zoom", "1")) or (1.0 if "zoom" not in values else 0.0)
    if values.get("zoom") in _GLOBAL | {"normal", "auto", "reset"}:
        across = down = 1.0
    parts = [number(part) for part in arguments(values.get("scale", "none"))]
    if parts and None not in parts:
        across, down = across * (parts[0] or 0.0), down * (parts[min(1, len(parts) - 1)] or 0.0)
    for name, inside in _CALL.findall(values.get("transform", "")):
        factors = _factors(name, [number(part) for part in arguments(inside, ",")])
        across, down = across * factors[0], down * factors[1]
    return min(abs(across), abs(down))


def _factors(name: str, parts: list[float | None]) -> tuple[float, float]:
    """How a function of `transform` stretches across and down; a turn out of the page is not looked at."""
    numbers = [part for part in parts if part is not None]
    if len(numbers) < len(parts) or not numbers:
        return 1.0, 1.0
    if name in {"scale", "scale3d"}:
        return numbers[0], numbers[min(1, len(numbers) - 1)]
    if name in {"scalex", "scaley"}:
        return (numbers[0], 1.0) if name == "scalex" else (1.0, numbers[0])
    if name in {"matrix", "matrix3d"} and len(numbers) in {6, 16}:
        step = 2 if name == "matrix" else 4
        return (
            max(abs(numbers[0]), abs(numbers[1])),
            max(abs(numbers[step]), abs(numbers[step + 1])),
        )
    return 1.0, 1.0


def indent_of(values: Mapping[str, str], outer: float) -> float:
    """The indent of the first line in pixels, which elements inside inherit."""
    value = values.get("text-indent", "inherit")
    if value in _GLOBAL:
        return 0.0 if value == "initial" else outer
    length = pixels(next(iter(arguments(value)), ""), full=SCREEN_WIDTH)
    return outer if length is None else length


def is_far_indent(indent: float) -> bool:
    """Whether an indent puts a line where no screen shows it."""
    return indent <= -_FAR or indent >= _FAR_RIGHT / 2


def hides(values: Mapping[str, str]) -> str | None:
    """The kind of hiding that takes a whole element from sight, all inside included."""
    if values.get("display") == "none" or values.get("content-visibility") == "hidden":
        return "display_none"
    return "off_screen" if _is_far(values) else "clipped" if _is_clipped(values) else None


def _side(values: Mapping[str, str], name: str, full: float) -> float | None:
    """The length of one side; of a shorthand's value, the part that is its own."""
    words = arguments(values.get(name, ""))
    if not words:
        return None
    at = _SIDES.index(name.removeprefix("margin-"))
    at = at if at < len(words) else at - 2 if at - 2 in range(len(words)) else 0
    return pixels(words[at], ROOT_PIXELS, full)


def _is_far(values: Mapping[str, str]) -> bool:
    """Whether it is placed where no screen shows it.

    In percent of what is not known: of a box of 500 pixels, and of the screen where it is ``fixed``.
    """
    position = values.get("position", "static")
    is_fixed = position == "fixed"
    width, height = (SCREEN_WIDTH, SCREEN_HEIGHT) if is_fixed else (_FAR, _FAR / 2)
    x, y = _moved(values)
    x += _side(values, "margin-left", SCREEN_WIDTH) or 0.0
    y += _side(values, "margin-top", SCREEN_WIDTH) or 0.0
    is_placed = position in {"absolute", "fixed", "relative", "sticky", "-webkit-sticky"}
    if is_placed:
        left, right = (_side(values, side, width) for side in ("left", "right"))
        top, bottom = (_side(values, side, height) for side in ("top", "bottom"))
        if "%" in values.get("left", "") and (left or 0) > 0:
            left = (left or 0) * SCREEN_WIDTH / width  # it centres, with a negative margin
        x += left or 0.0
        y += top or 0.0
        if any(gap is not None and gap <= -_FAR for gap in (right, bottom)) and left is top is None:
            return True
        if is_fixed and (x >= SCREEN_WIDTH * 1.5 or y >= SCREEN_HEIGHT * 2):
            return True
    return x <= -_FAR or x >= _FAR_RIGHT or y <= -_FAR * (1 if is_placed else 2)


def _moved(values: Mapping[str, str]) -> tuple[float, float]:
    """How far `transform` and `translate` move it; in percent of its own size, which is not known."""
    x = y = 0.0
    calls = [("translate", ",".join(arguments(values.get("translate", ""))))]
    for name, inside in (*calls, *_CALL.findall(values.get("transform", ""))):
        parts = [pixels(part.strip(), full=_FAR / 5) or 0.0 for part in arguments(inside, ",")]
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


def _is_clipped(values: Mapping[str, str]) -> bool:
    match = re.match(r"rect\(([^()]*)\)", values.get("clip", ""))
    if match and values.get("position") in {"absolute", "fixed"}:
        gaps = [pixels(part) for part in re.split(r"[\s,]+", match[1].strip())]
        if len(gaps) == 4 and None not in gaps:
            top, right, bottom, left = (gap or 0.0 for gap in gaps)
            if bottom - top <= 1 or right - left <= 1:
                return True
    call = _CALL.match(values.get("clip-path", ""))
    if call and _is_empty(call[1], call[2]):
        return True
    for axis, names in (("x", ("width", "max-width")), ("y", ("height", "max-height"))):
        if values.get(f"overflow-{axis}", "").split(" ")[0] in {"hidden", "clip"}:
            sizes = [pixels(values[name], -1.0) for name in names if name in values]
            if any(size is not None and 0 <= size <= 1 for size in sizes):
                return True
    return False


def _is_empty(name: str, inside: str) -> bool:
    """Whether a shape of `clip-path` has no area; lengths and percent count alike."""
    if name == "polygon":
        points = [arguments(point) for point in arguments(inside, ",")]
        corners = [
            (pixels(p[0], full=100.0), pixels(p[1], full=100.0)) for p in points if len(p) == 2
        ]
        if any(None in corner for corner in corners) or not corners:
            return False
        known = [(x or 0.0, y or 0.0) for x, y in corners]
        turned = (*known[1:], known[0])
        area = sum(a * d - c * b for (a, b), (c, d) in zip(known, turned, strict=True))
        return abs(area) <= 2
    words = arguments(inside.partition("round" if name in {"inset", "rect", "xywh"} else "at")[0])
    sizes = [pixels(word, full=100.0) for word in words]
    if not sizes or None in sizes:
        return False
    parts = [size or 0.0 for size in sizes]
    if name in {"circle", "ellipse"}:
        return min(parts) <= 0.5
    if name == "xywh" and len(parts) == 4:
        return min(parts[2:]) <= 0.5
    if name == "rect" and len(parts) == 4:
        return parts[2] - parts[0] <= 0.5 or parts[1] - parts[3] <= 0.5
    if name == "inset":
        gaps = [parts[at if at < len(parts) else at - 2 if at >= 2 and at - 2 < len(parts) else 0]
                for at in range(4)]  # fmt: skip
        is_percent = all("%" in word or pixels(word) == 0 for word in words)
        return is_percent and (gaps[0] + gaps[2] >= 100 or gaps[1] + gaps[3] >= 100)
    return False
