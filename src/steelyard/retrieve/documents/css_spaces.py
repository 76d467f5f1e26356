"""Colour spaces of style sheets: their components as red, green and blue of sRGB, 0 to 1 (CSS Color 4)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

Components = tuple[float, float, float]


def _hsl(hue: float, saturation: float, lightness: float) -> Components:
    share, light = saturation / 100, lightness / 100
    reach = share * min(light, 1 - light)

    def channel(start: float) -> float:
        place = (start + hue / 30) % 12
        return light - reach * max(-1.0, min(place - 3, 9 - place, 1.0))

    return channel(0), channel(8), channel(4)


def _hwb(hue: float, whiteness: float, blackness: float) -> Components:
    white, black = whiteness / 100, blackness / 100
    if white + black >= 1:
        return (white / (white + black),) * 3
    red, green, blue = (part * (1 - white - black) + white for part in _hsl(hue, 100, 50))
    return red, green, blue


def _gamma(part: float) -> float:
    if part <= 0.0031308:
        return 12.92 * part
    return 1.055 * math.pow(part, 1 / 2.4) - 0.055


def _from_xyz(x: float, y: float, z: float) -> Components:
    """From CIE XYZ under D65."""
    return (
        _gamma(3.2409699 * x - 1.5373832 * y - 0.4986108 * z),
        _gamma(-0.9692436 * x + 1.8759675 * y + 0.0415551 * z),
        _gamma(0.0556301 * x - 0.2039770 * y + 1.0569715 * z),
    )


def _lab(light: float, a: float, b: float) -> Components:
    """From CIE Lab; white under D50 comes out as white."""
    y = (light + 16) / 116

    def back(part: float) -> float:
        return part**3 if part > 6 / 29 else 3 * (6 / 29) ** 2 * (part - 4 / 29)

    return _from_xyz(0.95047 * back(y + a / 500), back(y), 1.08883 * back(y - b / 200))


def _oklab(light: float, a: float, b: float) -> Components:
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _gamma(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _gamma(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _gamma(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _polar(convert: Callable[[float, float, float], Components]) -> Callable[..., Components]:
    def converted(light: float, chroma: float, hue: float) -> Components:
        angle = math.radians(hue)
        return convert(light, chroma * math.cos(angle), chroma * math.sin(angle))

    return converted


def _plain(red: float, green: float, blue: float) -> Components:
    return red, green, blue


SPACES: Mapping[str, Callable[[float, float, float], Components]] = {
    "rgb": lambda red, green, blue: (red / 255, green / 255, blue / 255),
    "hsl": _hsl,
    "hwb": _hwb,
    "lab": _lab,
    "lch": _polar(_lab),
    "oklab": _oklab,
    "oklch": _polar(_oklab),
    "color srgb": _plain,
    "color srgb-linear": lambda *parts: (_gamma(parts[0]), _gamma(parts[1]), _gamma(parts[2])),
    "color xyz": _from_xyz,
    "color xyz-d65": _from_xyz,
    "color xyz-d50": lambda x, y, z: _from_xyz(x * 0.95047 / 0.96422, y, z * 1.08883 / 0.82521),
    # Wider than sRGB: read as sRGB, which is exact for greys, white and black.
    **dict.fromkeys(("color display-p3", "color a98-rgb", "color rec2020"), _plain),
    "color prophoto-rgb": _plain,
}
FULL: Mapping[str, Components] = {
    "rgb": (255.0, 255.0, 255.0),
    "rgba": (255.0, 255.0, 255.0),
    **dict.fromkeys(("hsl", "hsla", "hwb"), (360.0, 100.0, 100.0)),
    "lab": (100.0, 125.0, 125.0),
    "lch": (100.0, 150.0, 360.0),
    "oklab": (1.0, 0.4, 0.4),
    "oklch": (1.0, 0.4, 360.0),
}
"""What 100 % of each component stands for."""
