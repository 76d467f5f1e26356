"""Which declarations of a page's style sheets and attributes hold for an element."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from steelyard.retrieve.documents.css_animation import Frames, animated, keyframes_in
from steelyard.retrieve.documents.css_media import applies
from steelyard.retrieve.documents.css_sheet import Declarations, declarations_of, rules_in
from steelyard.retrieve.documents.selectors import Selector, Selectors
from steelyard.retrieve.documents.style import (
    declared,
    hides,
    indent_of,
    is_far_indent,
    opacity_of,
    scale_of,
    substituted,
)
from steelyard.retrieve.documents.text_look import (
    ARIA_HIDDEN,
    NOT_DISPLAYED,
    Element,
    TextLook,
    forgiven,
    look_of,
    unseen,
)

MOST_RULES = 5_000
"""Of one page; the style sheets of whole frameworks have fewer that matter."""
_LETTERS = re.compile(r"[^\W\d_]{2}")


Layer = tuple[int, ...]
"""The place of a layer (`@layer`) in the order of layers: the greater one wins where nothing is important."""
Priority = tuple[Layer, tuple[int, int, int], int]
"""Layer, specificity and order of a rule."""
_NO_LAYER = 1_000_000_000


class Motion(NamedTuple):
    """The keyframes of a page's animations; ``is_open`` where others are in files that are not read."""

    keyframes: Mapping[str, Frames] = {}
    is_open: bool = False


class Styles:
    """The style sheets of one page."""

    def __init__(self, tree: Any) -> None:
        self.is_open = any(
            "stylesheet" in (link.attributes.get("rel") or "").lower() for link in tree.css("link")
        )
        """Whether rules are in files that are not read."""
        self.forgives = False
        """Whether ``<html>`` and ``<body>`` are shown that a script would show."""
        self._matched: dict[int, list[tuple[Priority, Declarations]]] = defaultdict(list)
        self._grounded: set[int] = set()
        """Elements in which ``::before`` or ``::after`` may lie below the text."""
        self.notes: tuple[str, ...] = ()
        sheets = [
            node.text_content or node.text(deep=True) for node in tree.css("style") if _counts(node)
        ]
        self.keyframes = keyframes_in(sheets)
        rules = list(islice(selectors_in(sheets), MOST_RULES + 1))
        if len(rules) > MOST_RULES:
            self.notes = (f"only the first {MOST_RULES:,} rules of its style sheets were applied",)
        matcher = Selectors(tree)
        for order, (selector, declarations, layer) in enumerate(rules[:MOST_RULES]):
            strength = (layer, selector.specificity, order)
            for node in matcher.nodes(selector):
                self._matched[node.mem_id].append((strength, declarations))
            if (origin := selector.origin) is not None and _draws_ground(declarations):
                self._grounded |= {node.mem_id for node in matcher.nodes(origin)}

    def values(
        self, node: Any, attributes: Mapping[str, str | None], outer: TextLook
    ) -> tuple[dict[str, str], Mapping[str, str]]:
        """The values of an element, the strongest of each property, and the variables within it."""
        matched = self._matched.get(node.mem_id, ())
        ordered = sorted(matched, key=lambda match: match[0])
        levels = [(strength[0], declarations) for strength, declarations in ordered]
        motion = Motion(self.keyframes, self.is_open)
        return cascaded(levels, attributes.get("style"), outer.variables, motion)

    def page(self, tree: Any) -> TextLook:
        """How text looks on the page before any element within its body has a say."""
        first = TextLook(color=None) if self.is_open else TextLook()
        return self.look(tree.root, first) if tree.root is not None else first

    def look(self, node: Any, outer: TextLook) -> TextLook:
        """How text directly inside ``node`` looks, ``outer`` being that around it."""
        attributes, tag = node.attributes, node.tag
        is_matched = node.mem_id in self._matched or node.mem_id in self._grounded
        if not attributes and not is_matched and tag not in NOT_DISPLAYED:
            return outer if outer.is_in_line else outer._replace(is_in_line=True)
        values, variables = self.values(node, attributes, outer)
        element = Element(tag, attributes, values)
        if self.forgives:
            element = forgiven(element)
        inner = look_of(element, outer, is_open=self.is_open)
        inner = inner._replace(variables=variables)
        if node.mem_id in self._grounded and not inner.is_final:
            inner = inner._replace(background=None)
            inner = inner._replace(kind=unseen(inner))
        if (
            inner.kind != ARIA_HIDDEN
            or outer.is_final
            or _LETTERS.search(node.text(deep=True) or "")
        ):
            return inner
        # a number or a sign that is drawn, and not read out
        return inner._replace(kind=unseen(inner), is_final=False)


def _draws_ground(declarations: Declarations) -> bool:
    """Whether a rule of ``::before`` or ``::after`` draws a coloured box that text can lie over."""
    values = {name: value.lower() for name, (value, _) in declarations.items()}
    grounds = {values.get("background-color", "none"), values.get("background-image", "none")}
    return (
        values.get("content", "none") not in {"none", "normal"}
        and values.get("position") in {"absolute", "fixed"}
        and not grounds <= {"none", "transparent", "initial", "unset", "inherit"}
        and hides(values) is None
        and opacity_of(values) > 0
        and scale_of(values) > 0
    )


def _counts(node: Any) -> bool:
    """Whether a ``<style>`` holds CSS for a screen, and is not for browsers without scripts only."""
    attributes, parent = node.attributes, node.parent
    if (attributes.get("type") or "text/css").strip().lower() != "text/css":
        return False
    if parent is not None and parent.tag in {"noscript", "template"}:
        return False
    return applies(f"@media {(attributes.get('media') or '').strip().lower()}") is not False


def selectors_in(sheets: Iterable[str | None]) -> Iterator[tuple[Selector, Declarations, Layer]]:
    """The selectors of style sheets, each with what it declares that matters here, and its layer.

    Of rules that may apply or not only those count that hide on their own.
    """
    places: dict[tuple[str, ...], int] = {}  # of layers, in the order of their first mention
    for sheet in sheets:
        for rule in rules_in(sheet or ""):
            prefixes = [rule.layer[: end + 1] for end in range(len(rule.layer))]
            layer = (*(places.setdefault(prefix, len(places)) for prefix in prefixes), _NO_LAYER)
            if rule.keyframes is not None:
                continue
            declarations = declared(rule.declarations)
            if not declarations:
                continue
            selectors = [Selector(text) for text in rule.selectors]
            is_certain = rule.is_certain and all(s.is_certain for s in selectors)
            if is_certain or _takes_away(
                {name: value for name, (value, _) in declarations.items()}
            ):
                for selector in selectors:
                    yield selector, declarations, layer


def _takes_away(values: Mapping[str, str]) -> bool:
    return hides(values) is not None or is_far_indent(indent_of(values, 0.0))


def cascaded(
    levels: Sequence[tuple[Layer, Declarations]],
    style: str | None,
    outer: Mapping[str, str],
    motion: Motion,
) -> tuple[dict[str, str], Mapping[str, str]]:
    """The values of ``levels``, weakest first, and of a ``style`` attribute, with variables filled in."""
    inline = declared(declarations_of(style)) if style else {}
    # what is important in an earlier layer is stronger
    important = sorted(levels, key=lambda level: level[0], reverse=True)
    raw: dict[str, str] = {}
    for declarations in (*(level[1] for level in levels), inline):
        raw.update({name: value for name, (value, strong) in declarations.items() if not strong})
    strong_names: set[str] = set()
    for declarations in (*(level[1] for level in important), inline):
        strong = {name: value for name, (value, strong) in declarations.items() if strong}
        raw.update(strong)
        strong_names |= strong.keys()
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
    if "animation-name" in values:
        _move(values, strong_names, variables, motion)
    return values, variables


def _move(
    values: dict[str, str], strong: set[str], variables: Mapping[str, str], motion: Motion
) -> None:
    """Let animations set what no ``!important`` sets."""
    changes, unknown = animated(values, motion.keyframes, is_open=motion.is_open)
    for name, value in changes.items():
        if name not in strong:
            values[name] = substituted(value, variables).lower()
    for name in unknown - strong:
        values.pop(name, None)
