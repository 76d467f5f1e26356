"""Which declarations of a page's style sheets and attributes hold for an element, and what they hide."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from steelyard.retrieve.documents.style import (
    LEAST_CONTRAST,
    ROOT_PIXELS,
    TINY_PIXELS,
    WHITE,
    Color,
    StyleRule,
    color_of,
    contrast,
    declarations_in,
    hides,
    pixels,
    rules_in,
)

MOST_RULES = 5_000
"""Of one page; the style sheets of whole frameworks have fewer that matter."""
_NAMES = re.compile(r"([.#])((?:[\w-]|[^\x00-\x7f])+)")
_NEGATED = re.compile(r":(?:not|is|where|has)\([^()]*\)")
_SIZE = re.compile(r"(?:^|\s)((?:\d+\.?\d*|\.\d+)(?:px|pt|em|rem|%))(?:/|\s|$)")
_SIZES = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
}
_COLOR_WORD = re.compile(r"#[0-9a-f]{3,8}|(?:rgb|hsl)a?\([^()]*\)|[a-z]+")


class TextLook(NamedTuple):
    """How text looks at one place of a page: what is inherited, and why it is not seen, if so.

    ``background`` is ``None`` where it cannot be known; ``is_final`` means that nothing inside is seen.
    """

    color: Color = (0.0, 0.0, 0.0)
    background: Color | None = WHITE
    pixels: float = ROOT_PIXELS
    is_visible: bool = True
    is_transparent: bool = False
    kind: str | None = None
    is_final: bool = False


class Styles:
    """The style sheets of one page."""

    def __init__(self, tree: Any) -> None:
        self.is_open = any(
            "stylesheet" in (link.attributes.get("rel") or "").lower() for link in tree.css("link")
        )
        """Whether rules are in files that are not read."""
        self._matched: dict[int, list[tuple[tuple[int, int, int], int, StyleRule]]] = defaultdict(
            list
        )
        self.notes: tuple[str, ...] = ()
        sheets = [node.text_content or node.text(deep=True) for node in tree.css("style")]
        rules = [rule for sheet in sheets for rule in rules_in(sheet or "")]
        if len(rules) > MOST_RULES:
            self.notes = (f"only the first {MOST_RULES:,} rules of its style sheets were applied",)
        if rules:
            self._match(tree, rules[:MOST_RULES])

    def _match(self, tree: Any, rules: Iterable[StyleRule]) -> None:
        names = _names_in(tree)
        for order, rule in enumerate(rules):
            needed = _NAMES.findall(_NEGATED.sub("", rule.selector))
            if not names.issuperset(needed):
                continue
            try:
                nodes = tree.css(rule.selector)
            except Exception as error:
                if type(error).__name__ != "SelectolaxError":
                    raise
                continue
            for node in nodes:
                self._matched[node.mem_id].append((rule.specificity, order, rule))

    def values(self, node: Any, attributes: dict[str, str | None]) -> dict[str, str]:
        """The declared values of an element, the strongest of each property."""
        values: dict[str, str] = {}
        strong: set[str] = set()
        matched = self._matched.get(node.mem_id, ())
        for _, _, rule in sorted(matched, key=lambda match: match[:2]):
            _apply(values, strong, rule.declarations)
        _apply(values, strong, declarations_in(attributes.get("style") or ""))
        return values

    def look(self, node: Any, outer: TextLook) -> TextLook:
        """How text directly inside ``node`` looks, ``outer`` being that around it."""
        attributes = node.attributes
        if not attributes and node.mem_id not in self._matched:
            return outer
        values = self.values(node, attributes)
        color, is_transparent = _color(values, attributes, outer)
        inner = outer._replace(
            color=color,
            background=self._background(values, attributes, outer),
            pixels=_pixels(values, outer),
            is_visible=values.get("visibility", "visible" if outer.is_visible else "") == "visible",
            is_transparent=is_transparent,
        )
        if outer.is_final:
            return inner
        final = _hidden_by(attributes) or hides(values)
        return inner._replace(kind=final or _unseen(inner), is_final=final is not None)

    def _background(
        self, values: dict[str, str], attributes: dict[str, str | None], outer: TextLook
    ) -> Color | None:
        value = (
            values.get("background-color") or values.get("background") or attributes.get("bgcolor")
        )
        if values.get("background-image", "none") != "none" or "url(" in (value or ""):
            return None
        if not value:
            is_known = not (self.is_open and (attributes.get("class") or attributes.get("id")))
            return outer.background if is_known else None
        for word in _COLOR_WORD.findall(value.lower()):
            color = color_of(word)
            if isinstance(color, tuple):
                return color
            if color == "transparent" or word in {"none", "inherit", "initial", "unset"}:
                return outer.background
        return None


def _names_in(tree: Any) -> set[tuple[str, str]]:
    """The classes and ids of a page, as selectors mark them."""
    names: set[tuple[str, str]] = set()
    for node in tree.css("[class], [id]"):
        attributes = node.attributes
        names |= {(".", name) for name in (attributes.get("class") or "").split()}
        names.add(("#", attributes.get("id") or ""))
    return names


def _apply(values: dict[str, str], strong: set[str], declared: dict[str, tuple[str, bool]]) -> None:
    for name, (value, is_important) in declared.items():
        if is_important or name not in strong:
            values[name] = value
            if name == "background":
                values.pop("background-color", None)
        if is_important:
            strong.add(name)


def _hidden_by(attributes: dict[str, str | None]) -> str | None:
    if "hidden" in attributes:
        return "hidden_attribute"
    return "aria_hidden" if (attributes.get("aria-hidden") or "").lower() == "true" else None


def _color(
    values: dict[str, str], attributes: dict[str, str | None], outer: TextLook
) -> tuple[Color, bool]:
    value = values.get("color") or (attributes.get("color") or "").lower()
    color = color_of(value) if value else None
    if color == "transparent":
        return outer.color, True
    if isinstance(color, tuple):
        return color, False
    return outer.color, outer.is_transparent


def _pixels(values: dict[str, str], outer: TextLook) -> float:
    value = values.get("font-size")
    if value is None:
        match = _SIZE.search(values.get("font", ""))
        value = match[1] if match else ""
    if value in _SIZES:
        return _SIZES[value]
    size = pixels(value, outer.pixels) if value else None
    return outer.pixels if size is None else size


def _unseen(look: TextLook) -> str | None:
    if not look.is_visible:
        return "visibility_hidden"
    if look.pixels <= TINY_PIXELS:
        return "tiny"
    if look.is_transparent:
        return "transparent"
    is_known = look.background is not None
    if is_known and contrast(look.color, look.background or WHITE) < LEAST_CONTRAST:
        return "same_color"
    return None


def kind_of_element(attributes: dict[str, str | None]) -> str | None:
    """How an element alone is hidden by its attributes, on a white page; ``None`` where it is seen."""
    values = {
        name: value for name, (value, _) in declarations_in(attributes.get("style") or "").items()
    }
    final = _hidden_by(attributes) or hides(values)
    if final is not None:
        return final
    color, is_transparent = _color(values, attributes, TextLook())
    is_visible = values.get("visibility", "visible") == "visible"
    background = color_of(values.get("background-color") or values.get("background") or "")
    return _unseen(
        TextLook(
            color=color,
            background=background if isinstance(background, tuple) else WHITE,
            pixels=_pixels(values, TextLook()),
            is_visible=is_visible,
            is_transparent=is_transparent,
        )
    )
