"""Style sheets taken apart: rules with their selectors, blocks within blocks, and declarations.

After CSS Syntax Level 3 and CSS Nesting: strings, comments, escapes and brackets are read as browsers read
them, so that what stands in a string is no rule. Linear in the text, and without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from steelyard.retrieve.documents.css_media import applies
from steelyard.retrieve.documents.css_values import arguments

_STRING = r'"(?:[^"\\\n]|\\.)*+(?:"|(?=\n)|\Z)|' r"'(?:[^'\\\n]|\\.)*+(?:'|(?=\n)|\Z)"
_TOKEN = re.compile(
    rf"\\.|{_STRING}|/\*.*?(?:\*/|\Z)|url\(\s*+(?![\"'])[^)]*+\)?|<!--|-->|[{{}}();\[\]]",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \t\n\r\f]?|([^\n]))")
_AMPERSAND = re.compile(rf"({_STRING}|\[[^\]]*\])|&", re.DOTALL)
_CUSTOM = re.compile(r"\s*--[^\s:{}]+\s*:")
_DESCRIBED = re.compile(r"@(?:property|font-face)(?![\w-])", re.IGNORECASE)
_KEYFRAMES = re.compile(r"@(?:-webkit-|-moz-)?keyframes\s")
_LAYER = re.compile(r"\s*@layer(?![\w-])([^{}]*)", re.IGNORECASE)
_NUMBERS = count()
_OPENING, _CLOSING = {"(": ")", "[": "]", "{": "}"}, ")]}"
_COMMENT = "/**/"
_MOST_SELECTOR, _MOST_LAYERS = 2_000, 20

Declarations = dict[str, tuple[str, bool]]
"""Values by property, in lower case, and whether ``!important`` stands behind."""


class StyleRule(NamedTuple):
    """A list of selectors with what it declares; of ``@property`` and ``@font-face`` its head is one.

    ``is_certain`` says whether it applies in every browser on a desktop screen. Of a frame of an animation
    ``keyframes`` is its name, in lower case, with the number of the ``@keyframes`` in the sheet. ``layer``
    names the layers (`@layer`) around, outermost first; a rule without selectors is a layer's first mention.
    """

    selectors: tuple[str, ...]
    declarations: tuple[tuple[str, str], ...]
    is_certain: bool = True
    keyframes: tuple[str, int] | None = None
    layer: tuple[str, ...] = ()


@dataclass
class _Block:
    """A block that is being read: where its rules apply, and its declarations so far."""

    selectors: tuple[str, ...]
    is_rule: bool
    """Whether it may hold declarations."""
    applies: bool | None = True
    declarations: list[tuple[str, str]] = field(default_factory=list)
    keyframes: tuple[str, int] | None = None
    layer: tuple[str, ...] = ()

    def rule(self) -> Iterator[StyleRule]:
        declared, self.declarations = self.declarations, []
        if declared and self.selectors and self.applies is not False:
            yield StyleRule(
                self.selectors, tuple(declared), self.applies is True, self.keyframes, self.layer
            )


def rules_in(sheet: str) -> Iterator[StyleRule]:
    """The rules that apply on a desktop screen, or may, in order."""
    return _Sheet().rules(sheet)


def declarations_of(text: str) -> tuple[tuple[str, str], ...]:
    """The declarations of a ``style`` attribute, in order."""
    block = _Block(("*",), True)
    for _ in _Sheet(block).rules(text):
        pass
    return tuple(block.declarations)


def unescaped(text: str) -> str:
    """A name or value whose escapes are the characters that they stand for."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if match[2]:
        return match[2]
    code = int(match[1], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


class _Sheet:
    """One pass over the tokens that matter: what opens, closes and separates."""

    def __init__(self, block: _Block | None = None) -> None:
        self._blocks = [block or _Block((), False)]
        self._is_attribute = block is not None
        self._brackets: list[str] = []  # open within the item at work
        self._pieces: list[str] = []
        self._keyframes = 0

    def rules(self, sheet: str) -> Iterator[StyleRule]:
        place = 0
        for match in _TOKEN.finditer(sheet):
            self._pieces.append(sheet[place : match.start()])
            place = match.end()
            yield from self._token(match[0])
        self._pieces.append(sheet[place:])
        yield from self._item()
        while len(self._blocks) > 1:  # what is open at the end counts as closed
            yield from self._blocks.pop().rule()

    def _token(self, token: str) -> Iterator[StyleRule]:
        if token.startswith("/*"):
            self._pieces.append(_COMMENT)
        elif token in {"<!--", "-->"} and len(self._blocks) == 1 and not self._is_attribute:
            self._pieces.append(" ")
        elif self._brackets:
            self._pieces.append(token)
            if token in _OPENING:
                self._brackets.append(_OPENING[token])
            elif token == self._brackets[-1]:
                self._brackets.pop()
        elif token == "{":
            yield from self._open()
        elif token == "}" and len(self._blocks) > 1:
            yield from self._item()
            yield from self._blocks.pop().rule()
        elif token == ";" and self._ends_item():
            yield from self._item()
        else:
            self._pieces.append(token)
            if token in _OPENING:
                self._brackets.append(_OPENING[token])

    def _ends_item(self) -> bool:
        """Between rules at the top a ``;`` ends ``@import`` and its like only."""
        if len(self._blocks) > 1 or self._is_attribute:
            return True
        pieces = (piece.strip() for piece in self._pieces)
        return next((p for p in pieces if p and p != _COMMENT), "").startswith("@")

    def _item(self) -> Iterator[StyleRule]:
        """A declaration ends, or the names of layers do."""
        text, self._pieces = "".join(self._pieces), []
        if (match := _LAYER.match(text.replace(_COMMENT, " "))) and not self._is_attribute:
            for name in match[1].split(","):
                yield StyleRule((), (), layer=self._layer(name))
            return
        name, mark, value = text.replace(_COMMENT, " ").partition(":")
        if mark and self._blocks[-1].is_rule:
            self._blocks[-1].declarations.append((unescaped(name.strip()), value.strip()))

    def _layer(self, name: str) -> tuple[str, ...]:
        """The names of a layer that the block at work mentions; one without a name is like no other."""
        names = unescaped(name).strip().split(".") if name.strip() else [f" {next(_NUMBERS)}"]
        return (*self._blocks[-1].layer, *names)[:_MOST_LAYERS]

    def _open(self) -> Iterator[StyleRule]:
        outer, raw = self._blocks[-1], "".join(self._pieces)
        if _CUSTOM.match(raw) or self._is_attribute:  # a value that is a block
            self._pieces.append("{")
            self._brackets.append("}")
            return
        yield from outer.rule()  # what it declares so far comes before what is nested in it
        head, self._pieces = raw.replace(_COMMENT, "").strip(), []
        if head.startswith("@"):
            word = unescaped(re.sub(r"\s+", " ", head)).lower()
            if match := _KEYFRAMES.match(word):
                self._keyframes += 1
                name = word[match.end() :].strip("\"' ")
                block = _Block((), False, outer.applies, keyframes=(name, self._keyframes))
                self._blocks.append(block)
                return
            if _DESCRIBED.match(head):
                self._blocks.append(_Block((head,), True, outer.applies))
                return
            holds, layer = _joined(outer.applies, applies(word)), outer.layer
            if (names := _LAYER.match(head)) and holds is not False:
                layer = self._layer(names[1])
                yield StyleRule((), (), layer=layer)
            self._blocks.append(_Block(outer.selectors, outer.is_rule, holds, layer=layer))
        else:
            selectors = _nested(arguments(head, ","), outer.selectors if outer.is_rule else ())
            holds = outer.applies if selectors else False
            self._blocks.append(
                _Block(selectors, True, holds, keyframes=outer.keyframes, layer=outer.layer)
            )


def _joined(outer: bool | None, inner: bool | None) -> bool | None:
    return False if outer is False or inner is False else None if None in (outer, inner) else True


def _nested(selectors: list[str], parents: tuple[str, ...]) -> tuple[str, ...]:
    """Selectors as they read outside of the rule of ``parents`` that they stand in.

    None where one is longer than any that a person writes: each level can double it.
    """
    parent = f":is({', '.join(parents)})" if parents else ":root"
    whole = []
    size = 0
    for selector in selectors:
        if "&" in selector:
            selector = _AMPERSAND.sub(lambda match: match[1] or parent, selector[:_MOST_SELECTOR])
        elif parents:
            selector = f"{parent} {selector}"
        size += len(selector)
        whole.append(selector)
    return tuple(whole) if size <= _MOST_SELECTOR * (1 if parents else len(whole)) else ()
