"""The style sheets of a page, and how text looks in each of its elements."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from steelyard.retrieve.documents.cascade import (
    MOST_RULES,
    Priority,
    cascaded,
    page_rules,
    selectors_in,
)
from steelyard.retrieve.documents.css_boxes import hides
from steelyard.retrieve.documents.css_effects import opacity_of, scale_of
from steelyard.retrieve.documents.css_media import applies
from steelyard.retrieve.documents.css_sheet import Declarations
from steelyard.retrieve.documents.selectors import Selectors
from steelyard.retrieve.documents.text_look import (
    ARIA_HIDDEN,
    STYLED,
    forgiven,
    look_of,
    passed_on,
    unseen,
)
from steelyard.retrieve.documents.text_paint import Element, TextLook

_MOST_BESIDE = 1_000
_SHORT_LINE = 60
_LEFT_TO_RIGHT = re.compile("[A-Za-z\u00c0-\u024f\u0370-\u052f]{2}")
"""Words that nobody writes from right to left, as some old scripts were."""
_LETTERS = re.compile(r"[^\W\d_]{2}")


class Styles:
    """The style sheets of one page."""

    def __init__(self, tree: Any, *, is_quirky: bool = False) -> None:
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
        self._page = page_rules(sheets, is_open=self.is_open, is_quirky=is_quirky)
        rules = list(islice(selectors_in(sheets, is_quirky=is_quirky), MOST_RULES + 1))
        if len(rules) > MOST_RULES:
            self.notes = (f"only the first {MOST_RULES:,} rules of its style sheets were applied",)
        self._first_lines: dict[int, list[tuple[Priority, Declarations]]] = defaultdict(list)
        matcher = Selectors(tree, is_quirky=is_quirky)
        for order, (selector, declarations, layer) in enumerate(rules[:MOST_RULES]):
            strength = (layer, selector.specificity, order)
            for node in matcher.nodes(selector):
                self._matched[node.mem_id].append((strength, declarations))
            if (line := selector.first_line) is not None:
                for node in matcher.nodes(line):
                    self._first_lines[node.mem_id].append((strength, declarations))
            if (origin := selector.origin) is not None and _draws_ground(declarations):
                self._grounded |= {node.mem_id for node in matcher.nodes(origin)}
        self._absent = _replaced(tree)
        self._places: dict[int, int] = {}
        self._columns: dict[int, set[int]] = defaultdict(set)
        """Of a table the columns that are taken away, from 0."""
        ends: dict[int, int] = defaultdict(int)
        for group in tree.css("colgroup"):
            self._collapse(group, ends)

    def _collapse(self, group: Any, ends: dict[int, int]) -> None:
        """Note the columns that a ``<colgroup>`` or its ``<col>`` take away; ``ends`` are of those before."""
        table = group.parent.mem_id if group.parent is not None else 0
        is_whole = self._collapses(group)
        for node in list(islice(group.iter(), _MOST_BESIDE)) or [group]:
            start, ends[table] = ends[table], min(ends[table] + _span(node, "span"), _MOST_BESIDE)
            if is_whole or self._collapses(node):
                self._columns[table] |= set(range(start, ends[table]))

    def _collapses(self, node: Any) -> bool:
        return self.values(node, node.attributes, TextLook())[0].get("visibility") == "collapse"

    def _is_absent(self, node: Any) -> bool:
        """Whether an element is not displayed for what stands around it."""
        if node.mem_id in self._absent:
            return True
        if not self._columns or node.tag not in {"td", "th"}:
            return False
        table = node.parent
        while table is not None and table.tag != "table":
            table = table.parent
        columns = self._columns.get(table.mem_id, ()) if table is not None else ()
        return bool(columns) and self._place(node) in columns

    def values(
        self, node: Any, attributes: Mapping[str, str | None], outer: TextLook
    ) -> tuple[dict[str, str], Mapping[str, str]]:
        """The values of an element, the strongest of each property, and the variables within it."""
        matched = self._matched.get(node.mem_id, ())
        ordered = sorted(matched, key=lambda match: match[0])
        levels = [(strength[0], declarations) for strength, declarations in ordered]
        return cascaded(levels, attributes, outer.variables, self._page)

    def page(self, tree: Any) -> TextLook:
        """How text looks on the page before any element within its body has a say."""
        first = TextLook(variables=self._page.initial)
        first = first._replace(color=None) if self.is_open else first
        return self.look(tree.root, first) if tree.root is not None else first

    def look(self, node: Any, outer: TextLook) -> TextLook:
        """How text directly inside ``node`` looks, ``outer`` being that around it."""
        attributes, tag = node.attributes, node.tag
        is_matched = node.mem_id in self._matched or node.mem_id in self._grounded
        if self._is_absent(node):
            return outer._replace(kind="not_displayed", is_final=True)
        if not (attributes or is_matched or tag in STYLED or node.mem_id in self._first_lines):
            return passed_on(outer)
        values, variables = self.values(node, attributes, outer)
        frame = outer.frame
        place = self._place(node) if frame.rows or frame.columns else 0
        element = Element(tag, attributes, values, place)
        if self.forgives:
            element = forgiven(element)
        inner = look_of(element, outer, is_open=self.is_open)
        inner = inner._replace(variables=variables)
        if node.mem_id in self._grounded and not inner.is_final:
            inner = inner._replace(background=None)
            inner = inner._replace(kind=unseen(inner))
        if inner.kind is None and node.mem_id in self._first_lines:
            inner = inner._replace(kind=self._first_line(node, inner))
        if inner.letters.is_turned and not _LEFT_TO_RIGHT.search(node.text(deep=True) or ""):
            inner = inner._replace(letters=inner.letters._replace(is_turned=False))
            inner = inner if inner.is_final else inner._replace(kind=unseen(inner))
        if (
            inner.kind != ARIA_HIDDEN
            or outer.is_final
            or _LETTERS.search(node.text(deep=True) or "")
        ):
            return inner
        # a number or a sign that is drawn, and not read out
        return inner._replace(kind=unseen(inner), is_final=False)

    def _place(self, node: Any) -> int:
        """How many elements, or columns of a table, stand before one beside it.

        Elements are looked at in order, so that it is counted from one that was looked at before.
        """
        count = 0
        for before in _before(node, _MOST_BESIDE):
            count += _span(before, "colspan")
            if before.mem_id in self._places:
                count += self._places[before.mem_id]
                break
        self._places[node.mem_id] = count
        return count

    def _first_line(self, node: Any, look: TextLook) -> str | None:
        """Why an element of no more than a line is not seen by what ``::first-line`` says of it."""
        if len(node.text(deep=True) or "") > _SHORT_LINE:
            return None
        levels = [(s[0], d) for s, d in sorted(self._first_lines[node.mem_id], key=lambda m: m[0])]
        values, _ = cascaded(levels, {}, look.variables, self._page)
        return look_of(Element("span", {}, values), look, is_open=self.is_open).kind


def _before(node: Any, most: int) -> Iterator[Any]:
    """The elements before one in the element around, the nearest first."""
    for _ in range(most):
        node = node.prev
        if node is None:
            return
        if node.is_element_node:
            yield node


def _span(node: Any, name: str) -> int:
    value = node.attributes.get(name) or "1"
    return int(value) if value.isascii() and value.isdigit() and len(value) < 4 else 1


def _replaced(tree: Any) -> frozenset[int]:
    """Elements in whose place others are shown: parts of ``<maction>`` but the first, and shadow trees."""
    nodes: list[Any] = []
    for action in tree.css("maction"):
        nodes += [node for node in action.iter() if next(_before(node, 1), None) is not None]
    for template in tree.css("template[shadowrootmode]"):
        if template.parent is not None and "<slot" not in (template.html or ""):
            nodes.append(template.parent)
    return frozenset(node.mem_id for node in nodes)


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
