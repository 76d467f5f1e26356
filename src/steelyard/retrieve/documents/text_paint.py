"""The colours of text and of what it lies on, as elements set them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from steelyard.retrieve.documents.css_boxes import BoxContext
from steelyard.retrieve.documents.css_colors import (
    BLACK,
    LEAST_CONTRAST,
    WHITE,
    Color,
    Paint,
    contrast,
    covered,
    covers,
    is_color_word,
    legacy_paint,
    paint_of,
)
from steelyard.retrieve.documents.css_effects import Veil
from steelyard.retrieve.documents.css_letters import Letters
from steelyard.retrieve.documents.css_values import ROOT_PIXELS, arguments, pixels
from steelyard.retrieve.documents.style import stated

_PICTURE = re.compile(r"[a-z-]*(?:url|image|gradient|paint|element|cross-fade)(?:-set)?\(")
_NO_PICTURE = re.compile(r"""url\(\s*["']?(?:#|about:blank|data:,?)?["']?\s*\)""")
_UNKNOWN = re.compile(r"(?:var|env|attr|if)\(")
_LIGHT_DARK = re.compile(r"light-dark\([^(),]*(?:\([^()]*\))?,\s*((?:[^()]|\([^()]*\))*)\)")
_MARK: Color = (255.0, 255.0, 0.0)
_FILLING = 20.0
"""The spread in pixels from which a shadow within an element fills it."""
INHERITED = frozenset({"inherit", "currentcolor", "unset", "revert", "revert-layer"})
_GROUNDED = frozenset("body table thead tbody tfoot tr td th".split())
"""Elements whose ``bgcolor`` counts."""
_DARK_GROUND: Color = (18.0, 18.0, 18.0)
"""The ground of a page that asks for a dark scheme."""


class TextLook(NamedTuple):
    """How text looks at one place of a page: what is inherited, and why it is not seen, if so.

    A colour is ``None`` where it cannot be known; ``fill`` stands in for it where one is set. ``scale`` and
    ``opacity`` are products over all elements around, ``own_opacity`` is of the last, ``indent`` in pixels.
    ``is_in_line`` is false where elements inside are items of a flex box or grid. ``is_on_ground`` says that
    what is stacked below the text lies under a ground. ``is_final`` means that nothing inside is seen.
    """

    color: Paint | None = Paint(BLACK)
    background: Color | None = WHITE
    pixels: float = ROOT_PIXELS
    scale: float = 1.0
    opacity: float = 1.0
    own_opacity: float = 1.0
    indent: float = 0.0
    is_in_line: bool = True
    link: Paint | None = Paint((0.0, 0.0, 238.0))
    fill: tuple[Paint | None] | None = None
    letters: Letters = Letters()
    frame: BoxContext = BoxContext()
    veil: Veil = Veil()
    is_dark: bool = False
    is_on_ground: bool = False
    variables: Mapping[str, str] = {}
    is_visible: bool = True
    kind: str | None = None
    is_final: bool = False


class Element(NamedTuple):
    """An element with the values that hold for it, and its place among the elements beside it."""

    tag: str
    attributes: Mapping[str, str | None]
    values: Mapping[str, str]
    place: int = 0


def schemed(element: Element, outer: TextLook) -> TextLook:
    """The look around with the scheme of colours that an element sets: the root sets the page's."""
    scheme = arguments(element.values.get("color-scheme", ""))
    if not scheme or not {"dark", "light", "normal"} & set(scheme):
        return outer
    is_dark = "dark" in scheme and "light" not in scheme
    if element.tag == "html" and is_dark and outer.background == WHITE:
        return outer._replace(is_dark=True, color=Paint(WHITE), background=_DARK_GROUND)
    return outer._replace(is_dark=is_dark)


def background_of(
    element: Element, outer: TextLook, is_open: bool, color: Paint | None
) -> Color | None:
    """The colour below the text, with the pictures over it; ``None`` where it cannot be known."""
    attributes, values = element.attributes, element.values
    image = values.get("background-image", "")
    if _UNKNOWN.search(image) or (element.tag in _GROUNDED and attributes.get("background")):
        return None
    ground = _ground(element, outer, is_open, color)
    is_whole = covers(values.get("background-size", ""))
    for layer in reversed(arguments(image, ",")):
        for word in arguments(layer):
            if _PICTURE.match(word) and not _NO_PICTURE.fullmatch(word):
                ground = covered(ground, word, is_whole=is_whole)
    return _shaded(values, ground)


def _shaded(values: Mapping[str, str], ground: Color | None) -> Color | None:
    """The ground with the shadows that fall into the element, if they fill it."""
    for shadow in reversed(arguments(stated(values, "box-shadow"), ",")):
        words = arguments(shadow)
        lengths = [length for word in words if (length := pixels(word)) is not None]
        if "inset" not in words or len(lengths) < 4 or lengths[3] < _FILLING:
            continue
        colors = [word for word in words if is_color_word(word) or word.endswith(")")]
        paint = paint_of(colors[-1]) if colors else None
        if paint is None or (ground is None and paint.alpha < 1):
            return None
        ground = paint.color if ground is None else paint.over(ground)
    return ground


def _ground(element: Element, outer: TextLook, is_open: bool, color: Paint | None) -> Color | None:
    attributes, values = element.attributes, element.values
    value = values.get("background-color", "")
    if not value and element.tag in _GROUNDED and attributes.get("bgcolor"):
        paint = legacy_paint(attributes.get("bgcolor") or "")
        return outer.background if paint is None else paint.color
    if not value and element.tag == "mark":
        return None if is_open else _MARK
    if not value:
        is_known = not (is_open and (attributes.get("class") or attributes.get("id")))
        return outer.background if is_known else None
    if _UNKNOWN.search(value):
        return None
    for word in arguments(arguments(value, ",")[-1]):
        is_text = word == "currentcolor"
        if _PICTURE.match(word) or not (is_text or is_color_word(word) or word.endswith(")")):
            continue
        paint = color if is_text else paint_in(word, color, outer.is_dark)
        if paint is None:
            return None
        if paint.alpha >= 1 or outer.background is None:
            return paint.color if paint.alpha >= 1 else None if paint.alpha else outer.background
        return paint.over(outer.background)
    return outer.background


def color_of(element: Element, outer: TextLook) -> Paint | None:
    """The colour of the text in an element; ``None`` where it cannot be known."""
    value = element.values.get("color")
    if value is None:
        if element.tag == "a" and "href" in element.attributes:
            return outer.link if outer.color is not None else None
        if element.tag == "mark":
            return Paint(BLACK)
        name = {"font": "color", "body": "text"}.get(element.tag, "")
        paint = legacy_paint(element.attributes.get(name) or "")
        return outer.color if paint is None else paint
    return outer.color if value in INHERITED else paint_in(value, outer.color, outer.is_dark)


def link_of(element: Element, outer: TextLook) -> Paint | None:
    """The colour of links in an element."""
    name = "link" if element.tag == "body" else ""
    return legacy_paint(element.attributes.get(name) or "") or outer.link


def paint_in(value: str, current: Paint | None, is_dark: bool) -> Paint | None:
    """A colour; ``current`` is that of the text, ``is_dark`` the scheme of colours."""
    if value in {"initial", "canvastext"}:
        return Paint(WHITE if is_dark else BLACK)
    if is_dark and value == "canvas":
        return Paint(_DARK_GROUND)
    if is_dark and "light-dark(" in value:
        return paint_of(_LIGHT_DARK.sub(r"\1", value))
    if value != "currentcolor" and "currentcolor" in value and current is not None:
        red, green, blue = current.color
        value = value.replace("currentcolor", f"rgb({red} {green} {blue} / {current.alpha})")
    return current if value == "currentcolor" else paint_of(value)


def is_legible(paint: Paint, look: TextLook) -> bool:
    """Whether a colour is told from the ground that it is painted on; it is where that is not known."""
    if look.background is None:
        return True
    ink = Paint(paint.color, paint.alpha * look.opacity).over(look.background)
    seen = look.veil.seen(ink, look.background)
    return seen is None or contrast(*seen) >= LEAST_CONTRAST
