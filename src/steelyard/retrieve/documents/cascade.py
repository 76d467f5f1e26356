"""Which declarations of a page's style sheets and attributes hold for an element, and what they hide."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from steelyard.retrieve.documents.css_colors import (
    BLACK,
    LEAST_CONTRAST,
    WHITE,
    Color,
    Paint,
    contrast,
    is_color_word,
    legacy_paint,
    paint_of,
)
from steelyard.retrieve.documents.css_media import applies
from steelyard.retrieve.documents.css_sheet import Declarations, declarations_of, rules_in
from steelyard.retrieve.documents.css_values import ROOT_PIXELS, arguments
from steelyard.retrieve.documents.selectors import Selector, Selectors
from steelyard.retrieve.documents.style import (
    TINY_PIXELS,
    declared,
    font_pixels,
    hides,
    opacity_of,
    scale_of,
    substituted,
)

MOST_RULES = 5_000
"""Of one page; the style sheets of whole frameworks have fewer that matter."""
LEAST_ALPHA = 0.05
_LETTERS = re.compile(r"[^\W\d_]{2}")
ARIA_HIDDEN = "aria_hidden"
_PICTURE = re.compile(r"(?:url|image|gradient|paint|element|cross-fade)(?:-set)?\(")
_UNKNOWN = re.compile(r"(?:var|env|attr|if)\(")
_WHOLE = frozenset({"html", "body"})
_INHERITED = frozenset({"inherit", "currentcolor", "unset", "revert", "revert-layer"})
_GROUNDED = frozenset("body table thead tbody tfoot tr td th".split())
"""Elements whose ``bgcolor`` counts."""
_NOT_DISPLAYED = frozenset("rp annotation annotation-xml dialog".split())


class TextLook(NamedTuple):
    """How text looks at one place of a page: what is inherited, and why it is not seen, if so.

    A colour is ``None`` where it cannot be known; ``fill`` stands in for it where one is set. ``scale`` and
    ``opacity`` are products over all elements around. ``is_final`` means that nothing inside is seen.
    """

    color: Paint | None = Paint(BLACK)
    background: Color | None = WHITE
    pixels: float = ROOT_PIXELS
    scale: float = 1.0
    opacity: float = 1.0
    fill: tuple[Paint | None] | None = None
    variables: Mapping[str, str] = {}
    is_visible: bool = True
    kind: str | None = None
    is_final: bool = False


class Styles:
    """The style sheets of one page."""

    def __init__(self, tree: Any) -> None:
        self.is_open = any(
            "stylesheet" in (link.attributes.get("rel") or "").lower() for link in tree.css("link")
        )
        """Whether rules are in files that are not read."""
        self._matched: dict[int, list[tuple[tuple[int, int, int], int, Declarations]]] = (
            defaultdict(list)
        )
        self.notes: tuple[str, ...] = ()
        sheets = [
            node.text_content or node.text(deep=True) for node in tree.css("style") if _counts(node)
        ]
        rules = list(islice(selectors_in(sheets), MOST_RULES + 1))
        if len(rules) > MOST_RULES:
            self.notes = (f"only the first {MOST_RULES:,} rules of its style sheets were applied",)
        matcher = Selectors(tree)
        for order, (selector, declarations) in enumerate(rules[:MOST_RULES]):
            for node in matcher.nodes(selector):
                self._matched[node.mem_id].append((selector.specificity, order, declarations))

    def values(
        self, node: Any, attributes: Mapping[str, str | None], outer: TextLook
    ) -> tuple[dict[str, str], Mapping[str, str]]:
        """The values of an element, the strongest of each property, and the variables within it."""
        matched = self._matched.get(node.mem_id, ())
        levels = [level[2] for level in sorted(matched, key=lambda match: match[:2])]
        return cascaded(levels, attributes.get("style"), outer.variables)

    def page(self, tree: Any) -> TextLook:
        """How text looks on the page before any element within its body has a say."""
        first = TextLook(color=None) if self.is_open else TextLook()
        return self.look(tree.root, first) if tree.root is not None else first

    def look(self, node: Any, outer: TextLook) -> TextLook:
        """How text directly inside ``node`` looks, ``outer`` being that around it."""
        attributes, tag = node.attributes, node.tag
        if not attributes and node.mem_id not in self._matched and tag not in _NOT_DISPLAYED:
            return outer
        values, variables = self.values(node, attributes, outer)
        inner = look_of(Element(tag, attributes, values), outer, is_open=self.is_open)
        inner = inner._replace(variables=variables)
        if (
            inner.kind != ARIA_HIDDEN
            or outer.is_final
            or _LETTERS.search(node.text(deep=True) or "")
        ):
            return inner
        # a number or a sign that is drawn, and not read out
        return inner._replace(kind=_unseen(inner), is_final=False)


def _counts(node: Any) -> bool:
    """Whether a ``<style>`` holds CSS for a screen, and is not for browsers without scripts only."""
    attributes, parent = node.attributes, node.parent
    if (attributes.get("type") or "text/css").strip().lower() != "text/css":
        return False
    if parent is not None and parent.tag in {"noscript", "template"}:
        return False
    return applies(f"@media {(attributes.get('media') or '').strip().lower()}") is not False


def selectors_in(sheets: Iterable[str | None]) -> Iterator[tuple[Selector, Declarations]]:
    """The selectors of style sheets, each with what it declares that matters here.

    Of rules that may apply or not only those count that hide on their own.
    """
    for sheet in sheets:
        for rule in rules_in(sheet or ""):
            declarations = declared(rule.declarations)
            if not declarations:
                continue
            selectors = [Selector(text) for text in rule.selectors]
            is_certain = rule.is_certain and all(s.is_certain for s in selectors)
            if is_certain or hides({name: value for name, (value, _) in declarations.items()}):
                for selector in selectors:
                    yield selector, declarations


def cascaded(
    levels: Iterable[Declarations], style: str | None, outer: Mapping[str, str]
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The values of ``levels``, weakest first, and of a ``style`` attribute, with variables filled in."""
    raw: dict[str, str] = {}
    strong: set[str] = set()
    for level in levels:
        _apply(raw, strong, level)
    if style:
        _apply(raw, strong, declared(declarations_of(style)))
    local = {name: value for name, value in raw.items() if name.startswith("--")}
    variables = outer
    if local:
        every = {**outer, **local}
        variables = {**outer, **{name: substituted(value, every) for name, value in local.items()}}
    values = {
        name: substituted(value, variables).lower()
        for name, value in raw.items()
        if not name.startswith("--")
    }
    return values, variables


class Element(NamedTuple):
    """An element with the values that hold for it."""

    tag: str
    attributes: Mapping[str, str | None]
    values: Mapping[str, str]


def look_of(element: Element, outer: TextLook, *, is_open: bool = False) -> TextLook:
    """How text directly inside an element looks; ``is_open`` where rules are in files that are not read."""
    values, attributes = element.values, element.attributes
    background = _background(element, outer, is_open)
    fill = values.get("-webkit-text-fill-color")
    color = _color(element, outer)
    inner = outer._replace(
        color=color,
        fill=outer.fill if fill is None or fill in {"inherit", "unset"} else (_paint(fill, color),),
        background=background,
        pixels=_pixels(values, outer),
        scale=outer.scale * scale_of(values),
        opacity=outer.opacity * (1.0 if element.tag in _WHOLE else opacity_of(values)),
        is_visible=_is_visible(values, outer),
    )
    if outer.is_final:
        return inner
    if element.tag in _WHOLE:  # hidden until a script or an animation shows the page
        return inner._replace(is_visible=True)
    final = _hidden_by(attributes) or hides(values)
    if final is None and "display" not in values and _is_closed(element):
        final = "not_displayed"
    return inner._replace(kind=final or _unseen(inner), is_final=final is not None)


def _is_closed(element: Element) -> bool:
    """Whether browsers show an element not at all, or not before it is opened."""
    if element.tag == "dialog":
        return "open" not in element.attributes
    return element.tag in _NOT_DISPLAYED or "popover" in element.attributes


def _background(element: Element, outer: TextLook, is_open: bool) -> Color | None:
    attributes, values = element.attributes, element.values
    image, value = values.get("background-image", ""), values.get("background-color", "")
    if _PICTURE.search(f"{image} {value}") or "background" in attributes:
        return None
    if not value and element.tag in _GROUNDED and attributes.get("bgcolor"):
        paint = legacy_paint(attributes.get("bgcolor") or "")
        return outer.background if paint is None else paint.color
    if not value:
        is_known = not (is_open and (attributes.get("class") or attributes.get("id")))
        return outer.background if is_known else None
    if _UNKNOWN.search(value):
        return None
    for word in arguments(value):
        if is_color_word(word) or word.endswith(")"):
            paint = paint_of(word)
            if paint is None:
                return None
            if paint.alpha >= 1 or outer.background is None:
                return (
                    paint.color if paint.alpha >= 1 else None if paint.alpha else outer.background
                )
            return paint.over(outer.background)
    return outer.background


def _apply(values: dict[str, str], strong: set[str], declarations: Declarations) -> None:
    for name, (value, is_important) in declarations.items():
        if is_important or name not in strong:
            values[name] = value
        if is_important:
            strong.add(name)


def _hidden_by(attributes: Mapping[str, str | None]) -> str | None:
    if "hidden" in attributes:
        return "hidden_attribute"
    return ARIA_HIDDEN if (attributes.get("aria-hidden") or "").lower() == "true" else None


def _color(element: Element, outer: TextLook) -> Paint | None:
    value = element.values.get("color")
    if value is None:
        name = {"font": "color", "body": "text"}.get(element.tag, "")
        paint = legacy_paint(element.attributes.get(name) or "")
        return outer.color if paint is None else paint
    return outer.color if value in _INHERITED else _paint(value, outer.color)


def _paint(value: str, current: Paint | None) -> Paint | None:
    if value in {"initial", "canvastext"}:
        return Paint(BLACK)
    return current if value == "currentcolor" else paint_of(value)


def _is_visible(values: Mapping[str, str], outer: TextLook) -> bool:
    value = values.get("visibility", "inherit")
    return outer.is_visible if value in _INHERITED else value not in {"hidden", "collapse"}


def _pixels(values: Mapping[str, str], outer: TextLook) -> float:
    value = values.get("font-size")
    size = font_pixels(value, outer.pixels) if value else None
    return outer.pixels if size is None else size


def _unseen(look: TextLook) -> str | None:
    if not look.is_visible:
        return "visibility_hidden"
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
