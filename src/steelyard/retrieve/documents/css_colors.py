"""Colours as style sheets write them, and how well one is told from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from steelyard.packaged import packaged
from steelyard.retrieve.documents.css_spaces import FULL, SPACES
from steelyard.retrieve.documents.css_values import arguments, number, pixels

Color = tuple[float, float, float]
"""Red, green and blue of sRGB, 0 to 255."""
WHITE: Color = (255.0, 255.0, 255.0)
BLACK: Color = (0.0, 0.0, 0.0)
LEAST_CONTRAST = 1.2
"""WCAG's contrast ratio below which nobody reads a text: #ebebeb on white has it."""
_ONE_COLOR = 1.1
"""The contrast below which the stops of a gradient count as one colour."""
_SIZE_WORDS = frozenset({"auto", "cover", "contain"})
_HEX = re.compile(r"#([0-9a-f]{3,8})")
_FUNCTION = re.compile(r"([a-z-]+)\((.*)\)", re.DOTALL)
_WORD = re.compile(r"[a-z]+")
_MOST_NESTED = 8


class Paint(NamedTuple):
    """A colour and how much of it covers what is below: 0 is transparent, 1 is opaque."""

    color: Color
    alpha: float = 1.0

    def over(self, ground: Color) -> Color:
        """The colour that is seen where this one is painted on an opaque ``ground``."""
        red, green, blue = (
            below + (above - below) * self.alpha
            for above, below in zip(self.color, ground, strict=True)
        )
        return red, green, blue


@cache
def _names() -> Mapping[str, str]:
    names: Mapping[str, str] = packaged("retrieve/documents/data/colors.json")
    return names


def is_color_word(value: str) -> bool:
    """Whether a lone word or ``#`` number is a colour that browsers know."""
    return value in _names() or value == "transparent" or _hex_of(value) is not None


@lru_cache(4096)
def paint_of(value: str, depth: int = 0) -> Paint | None:
    """The colour of a value in lower case; ``None`` where it does not say, or is computed in ways not known.

    Functions: CSS Color 4 (rgb, hsl, hwb, lab, lch, oklab, oklch, color) and color-mix and light-dark of 5,
    the former mixed in sRGB whatever space it names: near enough for a contrast.
    """
    if value == "transparent":
        return Paint(BLACK, 0.0)
    if value in _names():
        return _hex_of("#" + _names()[value])
    if value.startswith("#"):
        return _hex_of(value)
    match = _FUNCTION.fullmatch(value)
    if match is None or depth > _MOST_NESTED:
        return None
    if match[1] == "light-dark":
        return paint_of(arguments(match[2], ",")[0], depth + 1)
    if match[1] == "color-mix":
        return _mixed(arguments(match[2], ","), depth)
    if match[1] == "contrast-color":
        ground = paint_of(match[2].strip(), depth + 1)
        is_dark = ground is not None and contrast(WHITE, ground.color) >= contrast(
            BLACK, ground.color
        )
        return None if ground is None else Paint(WHITE if is_dark else BLACK)
    if match[2].startswith("from "):
        return _derived(match[1], arguments(match[2]), depth)
    return _computed(match[1], match[2])


def legacy_paint(value: str) -> Paint | None:
    """The colour of an attribute such as ``bgcolor``, by HTML's rules for legacy colour values."""
    value = value.strip().lower()
    if not value or value == "transparent":
        return None
    if value in _names():
        return _hex_of("#" + _names()[value])
    if re.fullmatch("#[0-9a-f]{3}", value):
        return _hex_of(value)
    digits = "".join(c if c in "0123456789abcdef" else "0" for c in value[:128].removeprefix("#"))
    digits += "0" * (-len(digits) % 3 if digits else 3)
    size = len(digits) // 3
    parts = [digits[at : at + size][-8:] for at in range(0, 3 * size, size)]
    while len(parts[0]) > 2 and all(part[0] == "0" for part in parts):
        parts = [part[1:] for part in parts]
    red, green, blue = (float(int(part[:2], 16)) for part in parts)
    return Paint((red, green, blue))


def covered(ground: Color | None, picture: str, *, is_whole: bool) -> Color | None:
    """The colour of a ground behind a gradient; ``None`` where it is not one, or for another picture.

    ``is_whole`` says that the gradient covers all of it.
    """
    stops = stops_of(picture)
    colors: list[Color] = [] if is_whole or ground is None else [ground]
    for paint in stops:
        if paint is None or (ground is None and paint.alpha < 1):
            return None
        colors.append(paint.color if ground is None else paint.over(ground))
    if not stops or (ground is None and not is_whole):
        return None
    return colors[0] if all(contrast(colors[0], c) < _ONE_COLOR for c in colors) else None


def stops_of(picture: str) -> list[Paint | None]:
    """The colours of a gradient, ``None`` for one that is not known; empty for another picture."""
    match = _FUNCTION.fullmatch(picture)
    if match is None or "gradient" not in match[1]:
        return []
    return [paint for part in arguments(match[2], ",") for paint in _stops(part)]


def _stops(part: str) -> list[Paint | None]:
    """The colour of a part of a gradient, ``[None]`` if it is not known, and none of an angle or place."""
    words = arguments(part)
    return [
        paint_of(word)
        for word in words
        if is_color_word(word)
        or word == "currentcolor"
        or (word.endswith(")") and not word.startswith(("calc(", "min(", "max(", "clamp(")))
    ]


def covers(size: str) -> bool:
    """Whether a picture of this ``background-size``, or ``background``, covers all of its element."""
    parts = arguments(size, "/")
    words = arguments(parts[-1])[:2]
    lengths = [pixels(word) for word in words]
    if len(parts) == 1 and not all(
        length is not None or word in _SIZE_WORDS
        for word, length in zip(words, lengths, strict=True)
    ):
        return True
    return all(word in {"auto", "cover", "contain", "100%"} for word in words)


@lru_cache(4096)
def contrast(one: Color, other: Color) -> float:
    """WCAG's contrast ratio of two colours, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: Color) -> float:
    parts = (min(255.0, max(0.0, part)) / 255 for part in color)
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _hex_of(value: str) -> Paint | None:
    match = _HEX.fullmatch(value)
    digits = match[1] if match else ""
    if len(digits) in {3, 4}:
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) not in {6, 8}:
        return None
    red, green, blue, alpha = (int((digits + "ff")[at : at + 2], 16) for at in (0, 2, 4, 6))
    return Paint((float(red), float(green), float(blue)), alpha / 255)


def _mixed(parts: list[str], depth: int) -> Paint | None:
    paints, shares = [], []
    for part in parts[1:]:
        words = arguments(part)
        share = [number(word, 1.0) for word in words if word.endswith("%")]
        color = [word for word in words if not word.endswith("%")]
        paint = paint_of(color[0], depth + 1) if len(color) == 1 else None
        if paint is None:
            return None
        paints.append(paint)
        shares.append(share[0] if share else None)
    if len(paints) != 2:
        return None
    first, second = shares
    first = first if first is not None else 0.5 if second is None else 1 - second
    second = second if second is not None else 1 - first
    if first + second <= 0:
        return None
    portion = first / (first + second)
    alpha = paints[0].alpha * portion + paints[1].alpha * (1 - portion)
    return Paint(
        Paint(paints[0].color, portion).over(paints[1].color), alpha * min(1, first + second)
    )


def _computed(name: str, inside: str) -> Paint | None:
    body, *alphas = arguments(inside, "/")
    parts = arguments(body, ",") if "," in body else arguments(body)
    space = parts.pop(0) if name == "color" and parts else ""
    if len(parts) == 4 and not alphas and name.rstrip("a") in {"rgb", "hsl"}:
        alphas = [parts.pop()]
    convert = SPACES.get(space or name.removesuffix("a") if name != "color" else f"color {space}")
    if convert is None or len(parts) != 3 or len(alphas) > 1:
        return None
    full = FULL.get(name, (1.0, 1.0, 1.0))
    values = [_part(part, most) for part, most in zip(parts, full, strict=True)]
    alpha = _part(alphas[0], 1.0) if alphas else 1.0
    if alpha is None or None in values:
        return None
    one, two, three = (value for value in values if value is not None)
    try:
        color = convert(one, two, three)
    except (OverflowError, ValueError):  # components beyond all measure
        return None
    red, green, blue = (min(255.0, max(0.0, 255 * part)) for part in color)
    return Paint((red, green, blue), min(1.0, max(0.0, alpha)))


def _derived(name: str, words: list[str], depth: int) -> Paint | None:
    """A colour derived from another (`rgb(from …)`): where channels stay as they are, or are all stated."""
    words = arguments(" ".join(words).replace("/", " / "))
    origin = paint_of(words[1], depth + 1) if len(words) > 4 else None
    channels, alphas = words[2:5], words[5:]
    if origin is None or len(alphas) not in {0, 2}:
        return None
    alpha = origin.alpha if not alphas or alphas[1] == "alpha" else _part(alphas[1], 1.0)
    if name.removesuffix("a") == "rgb":
        values = dict(zip("rgb", origin.color, strict=True))
        channels = [str(values.get(channel, channel)) for channel in channels]
    elif channels == list(name.removesuffix("a").removeprefix("ok")):
        channels = [str(part) for part in origin.color]
        name = "rgb"
    paint = _computed(name, " ".join(channels))
    return None if paint is None or alpha is None else Paint(paint.color, min(1.0, max(0.0, alpha)))


def _part(text: str, full: float) -> float | None:
    """A component; ``full`` is what 100 % of it stands for."""
    if text == "none":
        return 0.0
    return number(text, full)
