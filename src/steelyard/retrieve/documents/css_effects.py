"""How an element is drawn as a whole: how much of it is left, how large, turned, masked or recoloured.

After CSS Transforms 2, Filter Effects 1, Masking 1 and Compositing 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from steelyard.retrieve.documents.css_colors import WHITE, Color, stops_of
from steelyard.retrieve.documents.css_values import angle, arguments, number, pixels
from steelyard.retrieve.documents.style import CALL, GLOBAL, stated

LEAST_ALPHA = 0.05
_LEAST_COSINE = 0.02
"""Of a turn out of the page, below which it is seen from the side."""
_SHARP_BLUR = 0.5
"""The radius of a blur, of the size of the letters, from which they are not read."""


class Veil(NamedTuple):
    """Effects that change the colours of an element and all in it, innermost first.

    ``below`` is the ground under the outermost one; ``is_grounded`` says that something inside has a ground.
    """

    steps: tuple[tuple[str, float], ...] = ()
    below: Color | None = WHITE
    is_grounded: bool = False

    def seen(self, ink: Color, ground: Color) -> tuple[Color, Color] | None:
        """How an ink on a ground looks; ``None`` where what is below is not known."""
        if not self.steps:
            return ink, ground
        if self.below is None:
            return None
        ink = self._through(ink, self.below)
        return ink, self._through(ground, self.below) if self.is_grounded else self.below

    def _through(self, color: Color, below: Color) -> Color:
        for name, amount in self.steps:
            if name in _BLENDS:
                blend = _BLENDS[name]
                parts = [blend(a / 255, b / 255) for a, b in zip(color, below, strict=True)]
            else:
                parts = [_FILTERS[name](part / 255, amount) for part in color]
            red, green, blue = (255 * min(1.0, max(0.0, part)) for part in parts)
            color = red, green, blue
        return color


_FILTERS: Mapping[str, Callable[[float, float], float]] = {
    "brightness": lambda part, amount: part * amount,
    "contrast": lambda part, amount: (part - 0.5) * amount + 0.5,
    "invert": lambda part, amount: part * (1 - amount) + (1 - part) * amount,
}
_BLENDS: Mapping[str, Callable[[float, float], float]] = {
    "multiply": lambda ink, below: ink * below,
    "screen": lambda ink, below: ink + below - ink * below,
    "lighten": max,
    "darken": min,
    "difference": lambda ink, below: abs(ink - below),
    "exclusion": lambda ink, below: ink + below - 2 * ink * below,
    "plus-lighter": lambda ink, below: ink + below,
    "color-dodge": lambda ink, below: min(1.0, below / (1 - ink)) if below and ink < 1 else below,
}


def veil_of(values: Mapping[str, str], outer: Veil, below: Color | None) -> Veil:
    """The effects on what is in an element, which lies on ``below``."""
    steps: list[tuple[str, float]] = []
    for name, inside in CALL.findall(values.get("filter", "")):
        amount = number(inside.strip() or "1")
        if name in _FILTERS and amount is not None:
            steps.append((name, min(amount, 1.0) if name == "invert" else amount))
    if (blend := stated(values, "mix-blend-mode")) in _BLENDS:
        steps.append((blend, 1.0))
    if not steps:
        return outer
    if outer.steps:
        return outer._replace(steps=(*steps, *outer.steps)[:20])
    return Veil(tuple(steps), below)


def drawn_away(values: Mapping[str, str], font: float) -> str | None:
    """Why an element is not seen by its mask, its blur or by what replaces it, if so."""
    if stated(values, "content").startswith(("url(", "image-set(")):
        return "not_displayed"
    images, sizes = stated(values, "mask-image"), stated(values, "mask-size")
    if images and images != "none" and all(map(_lets_nothing_through, arguments(images, ","))):
        return "transparent"
    if images not in {"", "none"} and _is_nothing(arguments(sizes, "/")[-1]):
        return "transparent"
    for name, inside in CALL.findall(values.get("filter", "")):
        radius = pixels(inside.strip(), font) if name == "blur" else None
        if radius is not None and radius >= _SHARP_BLUR * font:
            return "blurred"
    return None


def _lets_nothing_through(layer: str) -> bool:
    return any(
        (stops := stops_of(word)) and all(s is not None and s.alpha <= LEAST_ALPHA for s in stops)
        for word in arguments(layer)
    )


def _is_nothing(size: str) -> bool:
    lengths = [pixels(word) for word in arguments(size)[:2]]
    return 0.0 in lengths


def opacity_of(values: Mapping[str, str], outer: float = 1.0) -> float:
    """How much is left of an element: its opacity, with that of its filter; it may inherit ``outer``."""
    value = values.get("opacity", "1")
    share = outer if value == "inherit" else number(value)
    product = 1.0 if share is None else min(1.0, max(0.0, share))
    for name, inside in CALL.findall(values.get("filter", "")):
        share = number(inside.strip()) if name == "opacity" else None
        product *= 1.0 if share is None else min(1.0, max(0.0, share))
    return product


def scale_of(values: Mapping[str, str]) -> float:
    """The smaller factor, across or down, by which an element is drawn larger or smaller, or turned away."""
    across = down = number(values.get("zoom", "1")) or (1.0 if "zoom" not in values else 0.0)
    if values.get("zoom") in GLOBAL | {"normal", "auto", "reset"}:
        across = down = 1.0
    parts = [number(part) for part in arguments(values.get("scale", "none"))]
    if parts and None not in parts:
        across, down = across * (parts[0] or 0.0), down * (parts[min(1, len(parts) - 1)] or 0.0)
    depth, is_back = math.inf, False
    for name, inside in (*_rotations(values), *CALL.findall(values.get("transform", ""))):
        parameters = arguments(inside, ",")
        if name == "perspective":
            depth = pixels(parameters[0]) or math.inf
            factors = 1.0, 1.0
        elif name == "translatez" and depth < math.inf:  # nearer than the eye it is not seen
            away = pixels(parameters[0]) or 0.0
            factors = (depth / (depth - away) if away < depth else 0.0,) * 2
        else:
            factors = _factors(name, parameters)
            is_back ^= name in _TURNS and min(factors) < 0
        across, down = across * factors[0], down * factors[1]
    if is_back and stated(values, "backface-visibility") == "hidden":
        return 0.0
    return min(abs(across), abs(down))


_TURNS = frozenset({"rotatex", "rotatey", "rotate3d"})


def _rotations(values: Mapping[str, str]) -> Sequence[tuple[str, str]]:
    """The property ``rotate`` as a function of ``transform``."""
    words = arguments(stated(values, "rotate"))
    if len(words) == 2 and words[0] in {"x", "y"}:
        return [(f"rotate{words[0]}", words[1])]
    return [("rotate3d", ",".join(words))] if len(words) == 4 else []


def _factors(name: str, parameters: list[str]) -> tuple[float, float]:
    """How a function of `transform` stretches across and down."""
    if name in _TURNS or name.startswith("skew"):
        return _turned(name, parameters)
    parts = [number(part) for part in parameters]
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


def _turned(name: str, parameters: list[str]) -> tuple[float, float]:
    """A turn about an axis in the page, or a slant; of other axes nothing is said."""
    degrees = angle(parameters[-1])
    if degrees is None:
        return 1.0, 1.0
    cosine = math.cos(math.radians(degrees))
    cosine = 0.0 if abs(cosine) < _LEAST_COSINE else cosine
    if name.startswith("skew"):
        return (1.0, 1.0) if cosine else (0.0, 0.0)
    axis = [number(part) for part in parameters[:3]] if name == "rotate3d" else []
    if name == "rotatex" or (len(axis) == 3 and axis[0] and not axis[1] and not axis[2]):
        return 1.0, cosine
    if name == "rotatey" or (len(axis) == 3 and axis[1] and not axis[0] and not axis[2]):
        return cosine, 1.0
    return 1.0, 1.0
