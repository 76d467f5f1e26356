"""Style sheets, as far as they decide whether a text is seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

Color = tuple[float, float, float]

WHITE: Color = (255.0, 255.0, 255.0)
LEAST_CONTRAST = 1.2
"""WCAG's contrast ratio below which nobody reads a text: #ebebeb on white has it."""
TINY_PIXELS = 1.35
"""One point is 1.33 pixels."""
ROOT_PIXELS = 16.0
_FAR = 500.0

_DECLARATION = re.compile(r"([-a-zA-Z]+)\s*:\s*([^;]*)")
_BRACE = re.compile(r"[{}]")
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+))\s*(px|pt|em|rem|ex|ch|%|vw|vh|cm|mm|in|pc)?")
_COLOR_FUNCTION = re.compile(r"(?:rgb|hsl)a?\(([^()]{1,80})\)")
_HEX = re.compile(r"#([0-9a-f]{3,8})")
_STATEFUL = re.compile(
    r"::|:(?:hover|focus|active|visited|checked|target|before|after|disabled|placeholder|host)"
)
_PARTS = re.compile(r"(#[\w-]+)|(\.[\w-]+|\[[^\]]*\]|:[\w-]+)|(?<![\w#.:\[-])([a-zA-Z][\w-]*)")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "rem": 16.0,
           "vw": 12.8, "vh": 8.0, "ex": 8.0, "ch": 8.0}  # fmt: skip
_NAMES: Mapping[str, Color] = {
    "white": WHITE, "snow": (255, 250, 250), "ivory": (255, 255, 240), "ghostwhite": (248, 248, 255),
    "floralwhite": (255, 250, 240), "whitesmoke": (245, 245, 245), "mintcream": (245, 255, 250),
    "azure": (240, 255, 255), "aliceblue": (240, 248, 255), "seashell": (255, 245, 238),
    "honeydew": (240, 255, 240), "black": (0, 0, 0), "red": (255, 0, 0), "lime": (0, 255, 0),
    "green": (0, 128, 0), "blue": (0, 0, 255), "navy": (0, 0, 128), "yellow": (255, 255, 0),
    "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192), "teal": (0, 128, 128),
    "lightgray": (211, 211, 211), "lightgrey": (211, 211, 211), "gainsboro": (220, 220, 220),
    "orange": (255, 165, 0), "purple": (128, 0, 128), "maroon": (128, 0, 0), "olive": (128, 128, 0),
    "aqua": (0, 255, 255), "cyan": (0, 255, 255), "fuchsia": (255, 0, 255), "magenta": (255, 0, 255),
}  # fmt: skip
RELEVANT = frozenset(
    "display visibility opacity font-size font color background background-color background-image position "
    "left top right bottom text-indent clip clip-path width height max-width max-height overflow transform "
    "margin-left content-visibility".split()
)
Declarations = dict[str, tuple[str, bool]]
"""Values by property, in lower case, and whether ``!important`` stands behind."""


class StyleRule(NamedTuple):
    """One selector with what it declares."""

    selector: str
    specificity: tuple[int, int, int]
    declarations: Declarations


def declarations_in(text: str) -> Declarations:
    """The declarations that matter here, the last one of each property."""
    declared: Declarations = {}
    for match in _DECLARATION.finditer(text):
        name = match[1].lower()
        if name in RELEVANT:
            value, mark, _ = match[2].strip().lower().partition("!")
            declared[name] = (value.strip(), bool(mark))
    return declared


def rules_in(sheet: str) -> Iterator[StyleRule]:
    """The rules for screens of any size; those of states, print and narrow screens are left out."""
    text = _without_comments(sheet)
    blocks: list[bool] = []  # whether what is open keeps rules within it from applying
    blocking = 0
    rule_head = ""
    place = 0
    for brace in _BRACE.finditer(text):
        inside = text[place : brace.start()]
        place = brace.end()
        if brace[0] == "{":
            head = inside.rpartition(";")[2].strip()
            rule_head = "" if blocking or head.startswith("@") else head
            blocks.append(not (head.startswith("@") and _applies(head)))
            blocking += blocks[-1]
        elif blocks:
            blocking -= blocks.pop()
            if rule_head:
                yield from _rules(rule_head, inside)
            rule_head = ""


def _without_comments(text: str) -> str:
    pieces, place = [], 0
    while (start := text.find("/*", place)) >= 0:
        pieces.append(text[place:start])
        end = text.find("*/", start + 2)
        place = len(text) if end < 0 else end + 2
    return "".join((*pieces, text[place:]))


def _applies(prelude: str) -> bool:
    words = prelude.lower().split()
    return words[0] == "@layer" or (words[0] == "@media" and words[1:] in ([], ["all"], ["screen"]))


def _rules(head: str, body: str) -> Iterator[StyleRule]:
    declared = declarations_in(body)
    if not declared:
        return
    for selector in head.split(",") if "(" not in head else [head]:
        if selector.strip() and _STATEFUL.search(selector) is None:
            yield StyleRule(selector.strip(), specificity(selector), declared)


def specificity(selector: str) -> tuple[int, int, int]:
    """Ids, classes and tags of a selector: the greater one wins."""
    parts = _PARTS.findall(selector)
    return (
        sum(bool(part[0]) for part in parts),
        sum(bool(part[1]) for part in parts),
        sum(bool(part[2]) for part in parts),
    )


def pixels(value: str, parent: float = ROOT_PIXELS) -> float | None:
    """A length in pixels; ``None`` for what is none. ``em`` and ``%`` are of ``parent``."""
    match = _NUMBER.match(value)
    if match is None:
        return None
    number, unit = float(match[1]), match[2]
    if unit in {"em", "%"}:
        return number * parent / (100 if unit == "%" else 1)
    if unit is None and number:
        return None
    return number * _PIXELS.get(unit or "px", 1.0)


def color_of(value: str) -> Color | str | None:
    """A colour, ``transparent``, or ``None`` where the value does not say."""
    if value in _NAMES:
        return _NAMES[value]
    if value == "transparent":
        return value
    if match := _HEX.fullmatch(value):
        return _hex(match[1])
    if match := _COLOR_FUNCTION.fullmatch(value):
        return _function(value, match[1])
    return None


def _hex(digits: str) -> Color | str | None:
    if len(digits) in {3, 4}:
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in {6, 8}:
        return None
    red, green, blue, *alpha = (int(digits[at : at + 2], 16) for at in range(0, len(digits), 2))
    return "transparent" if alpha and alpha[0] < 13 else (float(red), float(green), float(blue))


def _function(value: str, inside: str) -> Color | str | None:
    parts = [part for part in re.split(r"[\s,/]+", inside.strip()) if part]
    try:
        numbers = [float(part.rstrip("%").removesuffix("deg")) for part in parts]
    except ValueError:
        return None
    if len(numbers) not in {3, 4}:
        return None
    if len(numbers) == 4 and numbers[3] / (100 if parts[3].endswith("%") else 1) <= 0.05:
        return "transparent"
    if value.startswith("hsl"):
        lightness = numbers[2] / 100
        return (255.0 * lightness,) * 3 if numbers[1] == 0 or lightness in (0, 1) else None
    scale = 2.55 if parts[0].endswith("%") else 1.0
    return (numbers[0] * scale, numbers[1] * scale, numbers[2] * scale)


def contrast(one: Color, other: Color) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    parts = (min(255.0, max(0.0, part)) / 255 for part in color)
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def hides(values: Mapping[str, str]) -> str | None:
    """The kind of hiding that takes a whole element from sight, all inside included."""
    if values.get("display") == "none":
        return "display_none"
    if values.get("content-visibility") == "hidden":
        return "display_none"
    opacity = values.get("opacity", "1")
    number = pixels(f"{opacity.rstrip('%')}px")
    if number is not None and number / (100 if opacity.endswith("%") else 1) <= 0.05:
        return "transparent"
    return "off_screen" if _is_far(values) else "clipped" if _is_clipped(values) else None


def _is_far(values: Mapping[str, str]) -> bool:
    if values.get("position") in {"absolute", "fixed", "relative"}:
        sides = (pixels(values.get(side, ""), 16.0) for side in ("left", "top", "right", "bottom"))
        if any(length is not None and length <= -_FAR for length in sides):
            return True
    for name in ("text-indent", "margin-left"):
        length = pixels(values.get(name, ""))
        if length is not None and length <= -_FAR:
            return True
    transform = values.get("transform", "")
    if re.match(r"scale[xy]?\(\s*0?\.?0*\s*[,)]", transform):
        return True
    moved = re.match(r"translate(?:3d|x|y)?\(\s*([^,()]+)(?:,\s*([^,()]+))?", transform)
    shifts = [pixels(part, 0.0) for part in moved.groups() if part] if moved else []
    return any(shift is not None and abs(shift) >= _FAR * 2 for shift in shifts)


def _is_clipped(values: Mapping[str, str]) -> bool:
    clip = re.sub(r"[\s,]+", " ", values.get("clip", ""))
    if re.match(r"rect\( ?(?:[01](?:px)? ?){4}\)", clip) and values.get("position") in {
        "absolute",
        "fixed",
    }:
        return True
    if re.match(r"inset\(\s*(?:50|100)%|circle\(\s*0", values.get("clip-path", "")):
        return True
    if values.get("overflow", "").split(" ")[0] not in {"hidden", "clip"}:
        return False
    names = ("height", "width", "max-height", "max-width")
    sizes = [pixels(values[name], -1.0) for name in names if name in values]
    return any(size is not None and 0 <= size <= 1 for size in sizes)
