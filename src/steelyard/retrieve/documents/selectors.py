"""Selectors of style sheets: how strong they are, and which elements of a page they match."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.retrieve.documents.css_values import arguments

_NAMES = re.compile(r"([.#])((?:[\w-]|[^\x00-\x7f])+)")
_INNER = re.compile(r":([\w-]+)\(([^()]*)\)")
_STRING = re.compile(r"\[[^\]]*\]")
_PARTS = re.compile(r"(#[\w-]+)|(\.[\w-]+|\[[^\]]*\]|:[\w-]+)|(?<![\w#.:\[-])([a-zA-Z][\w-]*)")
_NEVER = re.compile(
    r":(?:target|current|past|future|playing|buffering|seeking|stalled|muted|blank|focus-visible|focus-within|target-within|popover-open|modal|user-valid|user-invalid|fullscreen"
    r"|autofill|-webkit-autofill|host(?:-context)?(?:\([^()]*\))?)(?![\w-])"
)
"""States that no page is in when it opens, and that the parser does not know."""
_ALWAYS = re.compile(r":lang\([^()]*\)|:defined(?![\w-])|:scope(?![\w-])")
"""What may hold."""
_LANGUAGE = re.compile(r""":lang\(\s*["']?([a-z]{2,8}(?:-[a-z0-9]+)*)["']?\s*\)""", re.IGNORECASE)
_DRAWN = re.compile(r"::|:(?:before|after|first-line|first-letter)(?![\w-])")
_BESIDE = re.compile(r"::?(?:before|after)\s*\Z", re.IGNORECASE)
_FIRST_LINE = re.compile(r"::?first-line\s*\Z", re.IGNORECASE)
_REWRITTEN = (
    (re.compile(r":dir\(\s*rtl\s*\)"), ":is([dir=rtl i], [dir=rtl i] *)"),
    (re.compile(r":dir\(\s*ltr\s*\)"), ":not(:is([dir=rtl i], [dir=rtl i] *))"),
    (re.compile(r":open(?![\w-])"), "[open]"),
)
_ALIAS = re.compile(r":(?:-webkit-any|-moz-any|matches)\(")
_MOST_NESTED = 20


class Selector:
    """One selector without commas at its top."""

    def __init__(self, text: str) -> None:
        text = _ALIAS.sub(":is(", _NEVER.sub(":hover", text.strip()))
        for pattern, plain in _REWRITTEN if ":" in text else ():
            text = pattern.sub(plain, text)
        self.text = text

    @cached_property
    def is_certain(self) -> bool:
        """Whether it is read whole; one that browsers refuse ends the whole list that it stands in."""
        return not _ALWAYS.search(self.text) and (self.is_drawn or _is_readable(self.text))

    @property
    def is_drawn(self) -> bool:
        """Whether it stands for what is drawn beside an element, not for an element."""
        return _DRAWN.search(self.text) is not None

    @property
    def first_line(self) -> Selector | None:
        """The selector of the elements whose ``::first-line`` it stands for, if so."""
        text = _FIRST_LINE.sub("", self.text)
        return None if text == self.text else Selector(text or "*")

    @property
    def origin(self) -> Selector | None:
        """The selector of the elements that ``::before`` or ``::after`` draws in, if it ends so."""
        text = _BESIDE.sub("", self.text)
        return None if text == self.text else Selector(text or "*")

    @cached_property
    def specificity(self) -> tuple[int, int, int]:
        """Ids, classes and tags: the greater one wins."""
        return specificity(self.text)


class Selectors:
    """Finds the elements of one page."""

    def __init__(self, tree: Any, *, is_quirky: bool = False) -> None:
        self._tree, self._is_quirky = tree, is_quirky
        self._names: set[tuple[str, str]] = set()
        for node in tree.css("[class], [id]"):
            attributes = node.attributes
            self._names |= {(".", name) for name in (attributes.get("class") or "").split()}
            self._names.add(("#", attributes.get("id") or ""))
        if is_quirky:  # capitals do not count there
            self._names = {(mark, name.lower()) for mark, name in self._names}

    def nodes(self, selector: Selector) -> Sequence[Any]:
        """The elements that a selector matches; none where it cannot be read."""
        # an element may be in any language where nothing around states one
        text = _LANGUAGE.sub(
            r":is([lang|=\1 i], [lang|=\1 i] *, :not([lang], [lang] *))", selector.text
        )
        text = _ALWAYS.sub("", text)
        if selector.is_drawn or not self._may_match(text):
            return ()
        try:
            nodes: Sequence[Any] = self._tree.css(text or "*")
        except Exception as error:
            if type(error).__name__ != "SelectolaxError":
                raise
            return ()
        return nodes

    def _may_match(self, text: str) -> bool:
        """Whether the page has the classes and ids that it needs: most rules of a page match nothing."""
        if "\\" in text:
            return True
        for _ in range(_MOST_NESTED):
            shorter = _INNER.sub("", text)
            if shorter == text:
                break
            text = shorter
        text = _STRING.sub("", text.lower() if self._is_quirky else text)
        return "(" in text or self._names.issuperset(_NAMES.findall(text))


@lru_cache(1)
def _empty_page() -> Any:
    return require("selectolax.lexbor", "documents").LexborHTMLParser("<p>")


@lru_cache(4096)
def _is_readable(text: str) -> bool:
    try:
        _empty_page().css(text)
    except MissingExtraError:  # Markdown is read without the parser of pages
        return True
    except Exception as error:
        if type(error).__name__ != "SelectolaxError":
            raise
        return False
    return True


@lru_cache(4096)
def specificity(text: str) -> tuple[int, int, int]:
    """Ids, classes and tags of a selector; of a list in brackets, those of its strongest member."""
    for _ in range(_MOST_NESTED):
        shorter = _INNER.sub(_strongest, text)
        if shorter == text:
            break
        text = shorter
    return _rank(_PARTS.findall(text))


def _strongest(match: re.Match[str]) -> str:
    if match[1] == "where":
        return ""
    is_counted = match[1] in {"nth-child", "nth-last-child"}
    inside = match[2].partition(" of ")[2] if is_counted else match[2]
    if match[1] not in {"is", "not", "has"} and not inside.strip():
        return ".x"
    if match[1] not in {"is", "not", "has"} and not is_counted:
        return ".x"
    parts = max((_PARTS.findall(part) for part in arguments(inside, ",")), key=_rank)
    whole = "".join(f"{part[0] or part[1]}" or f" {part[2]}" for part in parts)
    return f".x{whole}" if is_counted else whole


def _rank(parts: list[tuple[str, str, str]]) -> tuple[int, int, int]:
    return (
        sum(bool(part[0]) for part in parts),
        sum(bool(part[1]) for part in parts),
        sum(bool(part[2]) for part in parts),
    )
