"""How text looks inside an element by the values that hold for it, and why it is not seen, if so."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.retrieve.documents.css_boxes import (
    BoxContext,
    frame_of,
    hides,
    indent_of,
    is_far_indent,
)
from steelyard.retrieve.documents.css_colors import Paint
from steelyard.retrieve.documents.css_effects import (
    LEAST_ALPHA,
    drawn_away,
    opacity_of,
    scale_of,
    veil_of,
)
from steelyard.retrieve.documents.css_letters import LEAST_SPACING, letters_of
from steelyard.retrieve.documents.css_values import ROOT_PIXELS, number
from steelyard.retrieve.documents.style import TINY_PIXELS, font_pixels, stated
from steelyard.retrieve.documents.text_paint import (
    INHERITED,
    Element,
    TextLook,
    background_of,
    color_of,
    is_legible,
    link_of,
    paint_in,
    schemed,
)

ARIA_HIDDEN = "aria_hidden"
_WHOLE = frozenset({"html", "body"})
_PENDING = frozenset({"display", "visibility", "content-visibility", "opacity", "filter"})
"""Properties that hide whole pages until a script or an animation shows them."""
_OF_BOXES = frozenset(
    "width height max-width max-height overflow-x overflow-y text-indent contain".split()
)
"""Properties that do nothing to elements in a line of text."""
_PASSED_ON = frozenset(
    "color -webkit-text-fill-color font-size visibility text-indent letter-spacing line-height text-shadow "
    "-webkit-text-stroke direction -webkit-text-security font-size-adjust size-adjust color-scheme "
    "display".split()
)
"""What an element without a box (`display: contents`) still says of the text in it."""
_INLINE = frozenset(
    "a abbr acronym b bdi bdo big cite code del dfn em font i ins kbd label mark nobr q s samp small span "
    "strike strong sub sup time tt u var".split()
)
NOT_DISPLAYED = frozenset("rp annotation annotation-xml mphantom dialog".split())
"""Elements that browsers do not show, ``<dialog>`` until it is opened."""
STYLED = NOT_DISPLAYED | {"mark", "bdo"}
"""Elements that browsers give a look of their own."""


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
    if element.tag == "bdo":
        values = {"unicode-bidi": "bidi-override", **values}
        element = element._replace(values=values)
    if values.get("display") == "contents":
        return element._replace(values={k: v for k, v in values.items() if k in _PASSED_ON})
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
    outer = schemed(element, outer)
    color = color_of(element, outer)
    background = background_of(element, outer, is_open, color)
    is_grounded = background is not outer.background
    fill = values.get("-webkit-text-fill-color")
    fill = "currentcolor" if fill == "initial" else fill
    if values.get("background-clip") == "text":  # it fills the letters
        ink = color if fill is None else paint_in(fill, color, outer.is_dark)
        if ink is not None and ink.alpha < 1:
            color, fill = None if background is None else Paint(background), "currentcolor"
        background = outer.background
    if is_open and element.tag in _WHOLE:  # a ground for it may be set in such a file
        color = None
    size = _pixels(values, outer)
    veil = outer.veil if element.tag in _WHOLE else veil_of(values, outer.veil, outer.background)
    is_dark = outer.is_dark
    inner = outer._replace(
        color=color,
        fill=outer.fill
        if fill is None or fill in {"inherit", "unset"}
        else (paint_in(fill, color, is_dark),),
        link=link_of(element, outer),
        background=background,
        pixels=size,
        scale=outer.scale * scale_of(values),
        own_opacity=opacity_of(values, outer.own_opacity),
        opacity=outer.opacity * opacity_of(values, outer.own_opacity),
        letters=letters_of(
            values,
            outer.letters,
            size,
            attributes.get("dir"),
            lambda value: paint_in(value, color, is_dark),
        ),
        frame=frame_of(values, outer.frame),
        veil=veil._replace(is_grounded=veil.is_grounded or is_grounded),
        is_on_ground=_is_on_ground(element, outer, is_grounded and background is not None),
        indent=indent_of(values, outer.indent),
        is_in_line=not any(word in values.get("display", "") for word in ("flex", "grid", "box")),
        is_visible=_is_visible(values, outer),
    )
    if outer.is_final:
        return inner
    is_plain = values.get("display", "revert") in {"revert", "revert-layer"}
    final = _hidden_by(attributes, is_plain or is_open) or hides(values, outer.frame, element.place)
    final = final or drawn_away(values, size) or _sinks(values, outer)
    if final is None and is_plain and _is_closed(element):
        final = "not_displayed"
    return inner._replace(kind=final or unseen(inner), is_final=final is not None)


def passed_on(outer: TextLook) -> TextLook:
    """How text looks in an element that nothing is said of."""
    frame = frame_of({}, outer.frame)
    if outer.is_in_line and outer.own_opacity == 1 and frame == outer.frame:
        return outer
    return outer._replace(is_in_line=True, own_opacity=1.0, frame=frame)


def _makes_stack(values: Mapping[str, str]) -> bool:
    """Whether what is stacked inside stays above the element's own ground (CSS 2, appendix E)."""
    position = stated(values, "position")
    return (
        (position != "" and number(values.get("z-index", "")) is not None)
        or position in {"fixed", "sticky"}
        or stated(values, "isolation") == "isolate"
        or opacity_of(values) < 1
        or any(
            stated(values, name) not in {"", "none", "normal", "auto"}
            for name in (
                "transform",
                "filter",
                "mix-blend-mode",
                "mask-image",
                "clip-path",
                "contain",
            )
        )
        or "will-change" in values
    )


def _is_on_ground(element: Element, outer: TextLook, has_ground: bool) -> bool:
    if element.tag in _WHOLE:  # its ground is the page's, below all
        return False
    return not _makes_stack(element.values) and (has_ground or outer.is_on_ground)


def _sinks(values: Mapping[str, str], outer: TextLook) -> str | None:
    """Whether it is stacked below the ground of an element around."""
    is_placed = stated(values, "position") not in {"", "static"}
    below = (number(values.get("z-index", "")) or 0.0) < 0
    return "covered" if is_placed and below and outer.is_on_ground else None


def _is_closed(element: Element) -> bool:
    """Whether browsers show an element not at all, or not before it is opened."""
    if element.tag == "dialog":
        return "open" not in element.attributes
    return element.tag in NOT_DISPLAYED or "popover" in element.attributes


def _hidden_by(attributes: Mapping[str, str | None], is_plain: bool) -> str | None:
    """``is_plain`` says that no rule of the page sets how it is displayed: any would win."""
    is_searched = (attributes.get("hidden") or "").lower() == "until-found"
    if "hidden" in attributes and (is_plain or is_searched):
        return "hidden_attribute"
    return ARIA_HIDDEN if (attributes.get("aria-hidden") or "").lower() == "true" else None


def _is_visible(values: Mapping[str, str], outer: TextLook) -> bool:
    value = values.get("visibility", "inherit")
    return outer.is_visible if value in INHERITED else value not in {"hidden", "collapse"}


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
    if look.pixels * look.scale * look.letters.size <= TINY_PIXELS:
        return "tiny"
    if look.letters.are_dots:
        return "masked"
    if look.letters.is_turned:
        return "bidi_override"
    if look.letters.spacing < LEAST_SPACING or (look.letters.is_flat and _is_cut(look.frame)):
        return "clipped"
    if look.opacity <= LEAST_ALPHA:
        return "transparent"
    paint = look.color if look.fill is None else look.fill[0]
    if paint is None or look.background is None:  # or letters cut out of a picture
        return None
    edges = (*look.letters.edges, *look.letters.shadows)
    if any(edge is None or is_legible(edge, look) for edge in edges):
        return None
    if paint.alpha <= LEAST_ALPHA:
        return "transparent"
    return None if is_legible(paint, look) else "same_color"


def _is_cut(frame: BoxContext) -> bool:
    """Whether a box around cuts off what overflows, and has no height of its own."""
    return frame.cuts and frame.height is None
