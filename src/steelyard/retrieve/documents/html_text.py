"""HTML to text that reads like Markdown, and the texts on a page that nobody sees.

The tree is walked without recursion: pages nest as deeply as they like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from steelyard.extras import require
from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    HiddenText,
    ParsedText,
    capped,
)
from steelyard.retrieve.documents.page_styles import Styles
from steelyard.retrieve.documents.text_paint import TextLook

_LEFT_OUT = frozenset(
    "script style template noscript head svg iframe object embed canvas audio video select datalist textarea "
    "input button map progress meter noframes noembed -comment img title".split()
)
_BLOCKS = frozenset(
    "p div section article main header footer nav aside address figure figcaption blockquote form fieldset "
    "legend dl dt dd details summary hr ul ol li table caption thead tbody tfoot tr pre body html center "
    "h1 h2 h3 h4 h5 h6 menu dialog hgroup search".split()
)
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu"})
_CLOSE = frozenset({"li", "dt", "tr", "tbody", "thead", "tfoot"})
"""Blocks with no empty line between them."""
MOST_DEPTH = 10_000
"""The parser's time grows with the square of the depth: 100,000 take it 16 s."""
_NESTING = re.compile(
    r"<(/?)(?:div|span|a|b|i|u|s|em|strong|font|small|big|center|section|article|table|ul|ol|dl|blockquote"
    r"|form|nav|main|aside|header|footer|pre|code|tt|sub|sup|label|button|object|svg|g)\b",
    re.IGNORECASE,
)
_DOCTYPE = re.compile(
    r"(?:\s|\ufeff|<\?[^>]*>|<!--(?:(?!-->).){0,10000}-->)*+<!doctype\s+html", re.I | re.S
)
_SPACE = re.compile("[ \t\n\r\f\u00a0]+")
_WORD = re.compile(r"\w")
_IN_CELLS = "table, h1, h2, h3, h4, ul, ol, pre, blockquote, p + p, div + div"
_MOST_SKIP_LINK = 60


@dataclass
class _Unseen:
    """The pieces of one hidden text, in the element where it begins."""

    kind: str
    where: str
    is_skip_link: bool
    pieces: list[str] = field(default_factory=list)


@dataclass
class _Place:
    """An element that the walk is in."""

    node: Any
    tag: str
    look: TextLook
    unseen: _Unseen | None


class _Page:
    """Takes pieces of text and breaks between blocks; holds the text so far."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.inline: list[str] = []
        self.lists: list[int | None] = []
        self.cells: list[str] | None = None
        self.prefix = ""
        self.pre = 0

    def text(self, piece: str) -> None:
        self.inline.append(piece if self.pre else _SPACE.sub(" ", piece))

    def flush(self, gap: bool = True) -> None:
        """End the block at work; a ``gap`` is an empty line before the next one."""
        joined = "".join(self.inline)
        self.inline.clear()
        if self.cells is not None:
            self.inline.append(f"{joined} " if joined.strip() else "")
            return
        lines = joined.split("\n") if self.pre else [_SPACE.sub(" ", x) for x in joined.split("\v")]
        whole = "\n".join(line if self.pre else line.strip() for line in lines).strip("\n")
        if whole.strip():
            self.lines.append(self.prefix + whole)
            self.prefix = " " * len(self.prefix) if self.prefix.strip("# ") else ""
        elif self.prefix.strip("#"):
            return  # a list item whose text stands in a block inside
        if gap and self.lines and self.lines[-1]:
            self.lines.append("")

    def whole(self) -> str:
        self.flush()
        return "\n".join(self.lines).strip("\n") + "\n" if any(self.lines) else ""


def read_html(source: str, *, keep_hidden: bool = False) -> ParsedText:
    """Read a page: headings, lists, tables row by row, code; scripts, templates and images left out."""
    if _depth(source) > MOST_DEPTH:
        raise DocumentRefusedError(f"nests more than {MOST_DEPTH:,} elements in each other")
    lexbor = require("selectolax.lexbor", "documents")
    try:
        tree = lexbor.LexborHTMLParser(source)
    except lexbor.SelectolaxError:  # all that it says of memory that ran out
        raise MemoryError from None
    styles = Styles(tree, is_quirky=_DOCTYPE.match(source) is None)
    walk = _Walk(styles, keep_hidden)
    body = tree.body
    if body is not None:
        walk.through(body, styles.page(tree))
        if walk.unseen and not walk.has_seen:
            styles.forgives = True  # hidden until a script or an animation shows the page
            walk = _Walk(styles, keep_hidden)
            walk.through(body, styles.page(tree))
    node = tree.css_first("head title") or tree.css_first("title")
    title = " ".join((node.text() or "").split()) if node is not None else ""
    text = walk.page.whole()
    if title and text and tree.css_first("h1") is None:
        text = f"# {title}\n\n{text}"
    metadata = (("title", title),) if title else ()
    return ParsedText(text, capped(walk.hidden()), metadata=metadata, notes=styles.notes)


def _depth(source: str) -> int:
    """How deeply elements may nest whose end tags must not be left out."""
    depth = most = 0
    for match in _NESTING.finditer(source):
        depth = max(0, depth - 1) if match[1] else depth + 1
        most = max(most, depth)
    return most


class _Walk:
    """One pass over the tree, in the order of the text."""

    def __init__(self, styles: Styles, keep_hidden: bool) -> None:
        self.page, self.styles, self.keep_hidden = _Page(), styles, keep_hidden
        self.unseen: list[_Unseen] = []
        self.has_seen = False
        """Whether any text so far is seen."""
        self.layout: list[bool] = []  # of each table around: whether it only places blocks

    def hidden(self) -> list[HiddenText]:
        """What was hidden and has a letter or digit; links that skip to the page's text are lawful."""
        texts = [(item, " ".join("".join(item.pieces).split())) for item in self.unseen]
        return [
            HiddenText(item.kind, text, None, item.where)
            for item, text in texts
            if _WORD.search(text) and not (item.is_skip_link and len(text) <= _MOST_SKIP_LINK)
        ]

    def through(self, body: Any, look: TextLook) -> None:
        """Walk over a body that looks as ``look`` says before its own rules."""
        stack = [self._entered(body, look, None)]
        node = body.child
        while stack:
            if node is None:
                place = stack.pop()
                self._left(place.tag)
                node = place.node.next if stack else None
            elif node.is_text_node:
                self._text(node.text_content or "", stack[-1])
                node = node.next
            elif (tag := node.tag) is None or tag in _LEFT_OUT or not node.is_element_node:
                node = node.next
            elif tag == "br":
                self.page.text("\n" if self.page.pre else "\v")
                node = node.next
            else:
                stack.append(self._entered(node, stack[-1].look, stack[-1].unseen))
                node = node.child

    def _entered(self, node: Any, outer: TextLook, unseen: _Unseen | None) -> _Place:
        look = self.styles.look(node, outer)
        if look.kind is None:
            unseen = None
        elif unseen is None or look.kind != outer.kind or (look.is_final and not outer.is_final):
            unseen = _Unseen(look.kind, _named(node), _is_skip_link(node))
            self.unseen.append(unseen)
        tag = node.tag
        if tag in _BLOCKS:
            self._block(tag, node)
            if unseen is not None:
                unseen.pieces.append(" ")
        return _Place(node, tag, look, unseen)

    def _text(self, text: str, place: _Place) -> None:
        if place.unseen is not None:
            place.unseen.pieces.append(text)
            if not self.keep_hidden:
                return
        elif not self.has_seen:
            self.has_seen = _WORD.search(text) is not None
        self.page.text(text)

    def _block(self, tag: str, node: Any) -> None:
        page = self.page
        page.flush(gap=tag not in {*_CLOSE, *_LISTS, "dd"})
        if tag in _HEADINGS:
            page.prefix = _HEADINGS[tag]
        elif tag in _LISTS:
            page.lists.append(_first_number(node) if tag == "ol" else None)
        elif tag == "li":
            page.prefix = self._bullet()
        elif tag == "table":
            self.layout.append(any(c.css_first(_IN_CELLS) is not None for c in node.css("td")))
        elif tag == "tr" and self.layout and not self.layout[-1]:
            page.cells = []
        elif tag == "pre" and page.cells is None:
            page.lines.append("```")
            page.pre += 1

    def _bullet(self) -> str:
        lists = self.page.lists
        indent = "  " * max(0, min(len(lists), 10) - 1)
        if not lists or lists[-1] is None:
            return f"{indent}- "
        lists[-1] += 1
        return f"{indent}{lists[-1] - 1}. "

    def _left(self, tag: str) -> None:
        page = self.page
        if tag in {"td", "th"}:
            if page.cells is None:
                page.flush()
            else:
                page.cells.append(_SPACE.sub(" ", "".join(page.inline).replace("\v", " ")).strip())
                page.inline.clear()
        if tag not in _BLOCKS:
            return
        if tag == "tr" and page.cells is not None:
            cells, page.cells = page.cells, None
            page.inline.clear()
            if any(cells):
                page.lines.append(f"| {' | '.join(cells)} |")
            return
        if tag in _LISTS and page.lists:
            page.lists.pop()
        page.flush(gap=tag not in _CLOSE and not page.lists)
        if tag in _LISTS:
            return
        if tag == "table" and self.layout:
            self.layout.pop()
        elif tag == "pre" and page.pre:
            page.pre -= 1
            if page.lines and not page.lines[-1]:
                page.lines.pop()
            page.lines += ["```", ""]
        if tag in _HEADINGS or tag == "li":
            page.prefix = ""


def _first_number(node: Any) -> int:
    start = node.attributes.get("start") or "1"
    return int(start) if start.isascii() and start.isdigit() and len(start) < 7 else 1


def _named(node: Any) -> str:
    """An element as a person finds it: ``<div class="x">``."""
    attributes = node.attributes
    pairs = [
        f'{name}="{attributes[name]}"' for name in ("id", "class", "style") if attributes.get(name)
    ]
    return f"<{' '.join([node.tag or '', *pairs])[:120]}>"


def _is_skip_link(node: Any) -> bool:
    """Whether it is a link within the page, or holds nothing else."""
    if node.tag != "a":
        only = node.first_child
        if only is None or only.tag != "a" or only.next is not None:
            return False
        node = only
    return (node.attributes.get("href") or "").startswith("#")
