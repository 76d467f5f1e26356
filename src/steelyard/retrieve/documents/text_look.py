"""How text looks inside an element by the values that hold for it, and why it is not seen, if so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

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
from steelyard.retrieve.documents.css_values import ROOT_PIXELS, arguments
from steelyard.retrieve.documents.style import (
    TINY_PIXELS,
    font_pixels,
    hides,
    indent_of,
    is_far_indent,
    opacity_of,
    scale_of,
)

LEAST_ALPHA = 0.05
ARIA_HIDDEN = "aria_hidden"
_PICTURE = re.compile(r"[a-z-]*(?:url|image|gradient|paint|element|cross-fade)(?:-set)?\(")
_NO_PICTURE = re.compile(r"""url\(\s*["']?(?:#|about:blank|data:,?)?["']?\s*\)""")
_UNKNOWN = re.compile(r"(?:var|env|attr|if)\(")
_WHOLE = frozenset({"html", "body"})
_PENDING = frozenset({"display", "visibility", "content-visibility", "opacity", "filter"})
"""Properties that hide whole pages until a script or an animation shows them."""
_INHERITED = frozenset({"inherit", "currentcolor", "unset", "revert", "revert-layer"})
_OF_BOXES = frozenset(
    "width height max-width max-height overflow-x overflow-y text-indent line-height".split()
)
"""Properties that do nothing to elements in a line of text."""
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span "
    "strike strong sub sup time tt u var".split()
)
_GROUNDED = frozenset("body table thead tbody tfoot tr td th".split())
"""Elements whose ``bgcolor`` counts."""
NOT_DISPLAYED = frozenset("rp annotation annotation-xml mphantom dialog".split())
"""Elements that browsers do not show, ``<dialog>`` until it is opened."""


class TextLook(NamedTuple):
    """How text looks at one place of a page: what is inherited, and why it is not seen, if so.

    A colour is ``None`` where it cannot be known; ``fill`` stands in for it where one is set. ``scale`` and
    ``opacity`` are products over all elements around, ``indent`` is in pixels. ``is_in_line`` is false where
    elements inside are items of a flex box or grid. ``is_final`` means that nothing inside is seen.
    """

    color: Paint | None = Paint(BLACK)
    background: Color | None = WHITE
    pixels: float = ROOT_PIXELS
    scale: float = 1.0
    opacity: float = 1.0
    indent: float = 0.0
    is_in_line: bool = True
    link: Paint | None = Paint((0.0, 0.0, 238.0))
    fill: tuple[Paint | None] | None = None
    variables: Mapping[str, str] = {}
    is_visible: bool = True
    kind: str | None = None
    is_final: bool = False


class Element(NamedTuple):
    """An element with the values that hold for it."""

    tag: str
    attributes: Mapping[str, str | None]
    values: Mapping[str, str]


def forgiven(element: Element) -> Element:
    """An element of a whole page as it looks once a script or an animation shows it."""
    if element.tag not in _WHOLE:
        return element
    values = {name: value for name, value in element.values.items() if name not in _PENDING}
    attributes = {
        name: value
        for name, value in element.attributes.items()
        if name not in {"hidden", "aria-hidden"}
    }
    return Element(element.tag, attributes, values)


def _applied(element: Element, outer: TextLook) -> Element:
    """An element with the values that do something to its kind of box."""
    values = element.values
    if element.tag in _WHOLE:  # what overflows there belongs to the window
        dropped = frozenset({"overflow-x", "overflow-y"})
    elif outer.is_in_line and _is_inline(element.tag, values):
        dropped = _OF_BOXES
    else:
        return element
    return element._replace(values={k: v for k, v in values.items() if k not in dropped})


def _is_inline(tag: str, values: Mapping[str, str]) -> bool:
    if "display" in values:
        return values["display"] in {"inline", "contents"} and _is_in_flow(values)
    return tag in _INLINE and _is_in_flow(values)


def _is_in_flow(values: Mapping[str, str]) -> bool:
    is_placed = values.get("position") in {"absolute", "fixed"}
    return not is_placed and values.get("float", "none") == "none"


def look_of(element: Element, outer: TextLook, *, is_open: bool = False) -> TextLook:
    """How text directly inside an element looks; ``is_open`` where rules are in files that are not read."""
    element = _applied(element, outer)
    values, attributes = element.values, element.attributes
    background = _background(element, outer, is_open)
    fill = values.get("-webkit-text-fill-color")
    fill = "currentcolor" if fill == "initial" else fill
    color = _color(element, outer)
    if values.get("background-clip") == "text":  # it fills the letters
        ink = color if fill is None else _paint(fill, color)
        if ink is not None and ink.alpha < 1:
            color, fill = None if background is None else Paint(background), "currentcolor"
        background = outer.background
    if is_open and element.tag in _WHOLE:  # a ground for it may be set in such a file
        color = None
    inner = outer._replace(
        color=color,
        fill=outer.fill if fill is None or fill in {"inherit", "unset"} else (_paint(fill, color),),
        link=_link(element, outer),
        background=background,
        pixels=_pixels(values, outer),
        scale=outer.scale * scale_of(values),
        opacity=outer.opacity * opacity_of(values),
        indent=indent_of(values, outer.indent),
        is_in_line=not any(word in values.get("display", "") for word in ("flex", "grid", "box")),
        is_visible=_is_visible(values, outer),
    )
    if outer.is_final:
        return inner
    is_plain = values.get("display", "revert") in {"revert", "revert-layer"}
    final = _hidden_by(attributes, is_plain or is_open) or hides(values)
    if final is None and is_plain and _is_closed(element):
        final = "not_displayed"
    return inner._replace(kind=final or unseen(inner), is_final=final is not None)


def _is_closed(element: Element) -> bool:
    """Whether browsers show an element not at all, or not before it is opened."""
    if element.tag == "dialog":
        return "open" not in element.attributes
    return element.tag in NOT_DISPLAYED or "popover" in element.attributes


def _background(element: Element, outer: TextLook, is_open: bool) -> Color | None:
    """The colour below the text, with the pictures over it; ``None`` where it cannot be known."""
    attributes, values = element.attributes, element.values
    image = values.get("background-image", "")
    if _UNKNOWN.search(image) or (element.tag in _GROUNDED and attributes.get("background")):
        return None
    ground = _ground(element, outer, is_open)
    is_whole = covers(values.get("background-size", ""))
    for layer in reversed(arguments(image, ",")):
        for word in arguments(layer):
            if _PICTURE.match(word) and not _NO_PICTURE.fullmatch(word):
                ground = covered(ground, word, is_whole=is_whole)
    return ground


def _ground(element: Element, outer: TextLook, is_open: bool) -> Color | None:
    attributes, values = element.attributes, element.values
    value = values.get("background-color", "")
    if not value and element.tag in _GROUNDED and attributes.get("bgcolor"):
        paint = legacy_paint(attributes.get("bgcolor") or "")
        return outer.background if paint is None else paint.color
    if not value:
        is_known = not (is_open and (attributes.get("class") or attributes.get("id")))
        return outer.background if is_known else None
    if _UNKNOWN.search(value):
        return None
    for word in arguments(arguments(value, ",")[-1]):
        if _PICTURE.match(word) or not (is_color_word(word) or word.endswith(")")):
            continue
        paint = paint_of(word)
        if paint is None:
            return None
        if paint.alpha >= 1 or outer.background is None:
            return paint.color if paint.alpha >= 1 else None if paint.alpha else outer.background
        return paint.over(outer.background)
    return outer.background


def _hidden_by(attributes: Mapping[str, str | None], is_plain: bool) -> str | None:
    """``is_plain`` says that no rule of the page sets how it is displayed: any would win."""
    is_searched = (attributes.get("hidden") or "").lower() == "until-found"
    if "hidden" in attributes and (is_plain or is_searched):
        return "hidden_attribute"
    return ARIA_HIDDEN if (attributes.get("aria-hidden") or "").lower() == "true" else None


def _color(element: Element, outer: TextLook) -> Paint | None:
    value = element.values.get("color")
    if value is None:
        if element.tag == "a" and "href" in element.attributes:
            return outer.link if outer.color is not None else None
        name = {"font": "color", "body": "text"}.get(element.tag, "")
        paint = legacy_paint(element.attributes.get(name) or "")
        return outer.color if paint is None else paint
    return outer.color if value in _INHERITED else _paint(value, outer.color)


def _link(element: Element, outer: TextLook) -> Paint | None:
    name = "link" if element.tag == "body" else ""
    return legacy_paint(element.attributes.get(name) or "") or outer.link


def _paint(value: str, current: Paint | None) -> Paint | None:
    if value in {"initial", "canvastext"}:
        return Paint(BLACK)
    return current if value == "currentcolor" else paint_of(value)


def _is_visible(values: Mapping[str, str], outer: TextLook) -> bool:
    value = values.get("visibility", "inherit")
    return outer.is_visible if value in _INHERITED else value not in {"hidden", "collapse"}


def _pixels(values: Mapping[str, str], outer: TextLook) -> float:
    value = values.get("font-size")
    if value == "initial":
        return ROOT_PIXELS
    size = font_pixels(value, outer.pixels) if value else None
    return outer.pixels if size is None else size


def unseen(look: TextLook) -> str | None:
    """Why text that looks so is not seen, by what elements inside may undo."""
    if not look.is_visible:
        return "visibility_hidden"
    if is_far_indent(look.indent):
        return "off_screen"
    if look.pixels * look.scale <= TINY_PIXELS:
        return "tiny"
    if look.opacity <= LEAST_ALPHA:
        return "transparent"
    paint = look.color if look.fill is None else look.fill[0]
    if paint is None or look.background is None:  # or letters cut out of a picture
        return None
    if paint.alpha <= LEAST_ALPHA:
        return "transparent"
    ink = Paint(paint.color, paint.alpha * look.opacity).over(look.background)
    return "same_color" if contrast(ink, look.background) < LEAST_CONTRAST else None
