"""The rules of the ``<style>`` elements of Markdown, for its HTML and for the elements of its own marks."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from steelyard.retrieve.documents.base import DocumentRefusedError
from steelyard.retrieve.documents.cascade import (
    MOST_RULES,
    Layer,
    Priority,
    cascaded,
    page_rules,
    selectors_in,
)
from steelyard.retrieve.documents.css_sheet import Declarations
from steelyard.retrieve.documents.markdown_code import CodeSpans, blocks_in
from steelyard.retrieve.documents.markdown_elements import ELEMENTS
from steelyard.retrieve.documents.text_look import look_of
from steelyard.retrieve.documents.text_paint import Element, TextLook

_STYLE = re.compile(r"<style\b[^<>]{0,1000}>(.*?)(</style|\Z)", re.IGNORECASE | re.DOTALL)
_LAST = re.compile(r"[^\s>+~]+$")
_NAME = re.compile(r"(^[a-zA-Z][\w-]*)|([.#][\w-]+)")
_CONDITION = re.compile(r"\[[^\]]*\]|:[\w-]+(?:\([^()]*\))?")
_STATE = re.compile(
    r":(?:hover|active|focus|visited|checked|empty|disabled|invalid|indeterminate)(?![\w-])"
)
_PATH = re.compile(r"\s*([>+~])\s*|\s+")
_MOST_SHEETS, _MOST_OPEN_SHEET = 500_000, 50_000
"""Characters of style sheets, and of one that never ends: it may be the name of a tag in a sentence."""


def _outside_code(text: str) -> Iterator[re.Match[str]]:
    """The style sheets of a text that are not shown as code."""
    code = [block for block in blocks_in(text) if block.is_code]
    starts = [block.start for block in code]
    spans = CodeSpans(text)
    for match in _STYLE.finditer(text):
        at = bisect_right(starts, match.start()) - 1
        in_block = at >= 0 and match.start() < code[at].end
        if not in_block and not spans.holds(text, match.start()):
            yield match


class _OwnRule(NamedTuple):
    """A rule for elements of Markdown's own, whose last tag is ``tag`` (any where it is empty)."""

    strength: Priority
    tag: str
    ancestors: tuple[str, ...]
    declarations: Declarations


class MarkdownRules:
    """The rules of the ``<style>`` elements of a text.

    An element need fit the last part of a selector only: what stands around it is not looked at.
    """

    def __init__(self, text: str) -> None:
        sheets = [
            match[1] if match[2] else match[1][:_MOST_OPEN_SHEET]
            for match in (_outside_code(text) if "<style" in text.lower() else ())
        ]
        if sum(map(len, sheets)) > _MOST_SHEETS:
            raise DocumentRefusedError(
                f"holds more than {_MOST_SHEETS:,} characters of style sheets"
            )
        self._by_name: dict[str, list[tuple[Priority, frozenset[str], Declarations]]] = defaultdict(
            list
        )
        self.page = page_rules(sheets)
        variables: dict[str, str] = dict(self.page.initial)
        self.variables: Mapping[str, str] = variables
        self._own: list[_OwnRule] = []
        self._looks: dict[tuple[str, ...], TextLook] = {(): TextLook()}
        rules = islice(selectors_in(sheets), MOST_RULES)
        for order, (selector, declarations, layer) in enumerate(rules):
            if selector.is_drawn:
                continue
            if _STATE.search(re.sub(r":not\([^()]*\)", "", selector.text)):
                continue
            plain = _CONDITION.sub("", selector.text)
            last = _LAST.search(plain)
            names = (
                frozenset("".join(pair) for pair in _NAME.findall(last[0])) if last else frozenset()
            )
            name = min(names, default="*")
            strength = (layer, (0, 0, len(names)), order)
            self._by_name[name].append((strength, names, declarations))
            self._add_own(selector.text, plain, layer, order, declarations)
            variables.update(
                {key: value for key, (value, _) in declarations.items() if key[:2] == "--"}
            )

    def __bool__(self) -> bool:
        return bool(self._by_name)

    def of(
        self, tag: str, attributes: Mapping[str, str | None]
    ) -> list[tuple[Layer, Declarations]]:
        """What the rules declare for an element, the last one of equal strength behind."""
        if not self._by_name:
            return []
        names = {tag, f"#{attributes.get('id')}"}
        names |= {f".{name}" for name in (attributes.get("class") or "").split()}
        fitting = [
            rule
            for name in (*names, "*")
            for rule in self._by_name.get(name, ())
            if names.issuperset(rule[1])
        ]
        return [(rule[0][0], rule[2]) for rule in sorted(fitting, key=lambda rule: rule[0])]

    def _add_own(
        self, text: str, plain: str, layer: Layer, order: int, declarations: Declarations
    ) -> None:
        """Remember a rule that is for elements without classes and attributes."""
        is_of_link = re.fullmatch(r"(.*\s)?a(?:\[[^\]]*\])*", text) is not None
        if "." in plain or "#" in plain or ("[" in text and not is_of_link):
            return
        pieces = _PATH.split(plain.strip())
        tags, signs = [tag.lower().strip("*|") for tag in pieces[::2]], pieces[1::2]
        beside = [sign in {"+", "~"} for sign in signs]
        ancestors = tuple(
            tag for tag, is_beside in zip(tags, beside, strict=False) if tag and not is_beside
        )
        if not tags[-1] or tags[-1] in ELEMENTS:
            strength = (layer, (0, 0, len([tag for tag in tags if tag])), order)
            self._own.append(_OwnRule(strength, tags[-1], ancestors, declarations))

    @property
    def has_own(self) -> bool:
        """Whether any rule is for elements of Markdown's own."""
        return bool(self._own)

    def own_look(self, path: tuple[str, ...]) -> TextLook:
        """How text looks in an element of Markdown's own whose tags, outermost first, are ``path``."""
        if path not in self._looks:
            outer, tag = self.own_look(path[:-1]), path[-1]
            names = {tag, ""} | ({"s"} if tag == "del" else set())
            above = {"html", "body", ":root", *path[:-1]}
            fitting = [r for r in self._own if r.tag in names and above.issuperset(r.ancestors)]
            fitting.sort(key=lambda rule: rule.strength)
            levels = [(rule.strength[0], rule.declarations) for rule in fitting]
            attributes: dict[str, str | None] = {"href": ""} if tag == "a" else {}
            values, _ = cascaded(levels, attributes, self.variables, self.page)
            self._looks[path] = look_of(Element(tag, attributes, values), outer)
        return self._looks[path]
