"""A second planted set: tricks of CSS and Markdown that hide a phrase, and clean texts that look alike.

Each row of the files has a name, the page or text, the phrase it hides and the phrase that must stay.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steelyard.retrieve.documents.base import ParsedText
from steelyard.retrieve.documents.html_text import read_html
from steelyard.retrieve.documents.plain import read_plain

Row = dict[str, Any]
HERE = Path(__file__).parent
NOT_JUDGED = {
    "covered by the next box",
    "covered by a box pulled up",
    "translate:-300%",
    "transform:rotate(180deg);transform-origin:0 -5000px",
    "offset-path:path('M-9999 0L-9998 0');offset-rotate:0deg",
    "color:#fff;background:url(data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7)",
}
"""Tricks that are not seen through: what other boxes and pictures draw, shifts by a box's size, and paths."""
TAKEN_FOR_HIDDEN = {"a placed child of a box of no height"}


def rows(file: str) -> list[Row]:
    return [json.loads(line) for line in (HERE / file).read_text(encoding="utf-8").splitlines()]


def of_page(row: Row) -> ParsedText:
    html = row["html"]
    if not html.startswith("<html"):  # else a page without a document type
        html = f"<!doctype html><html><body><p>Before.</p>{html}<p>After.</p></body></html>"
    return read_html(html)


def of_markdown(row: Row) -> ParsedText:
    return read_plain(f"Before.\n\n{row['text']}\n\nAfter.\n", 100, is_markdown=True)


SETS: list[tuple[str, Callable[[Row], ParsedText], int, int]] = [
    ("tricks.jsonl", of_page, 300, 160),
    ("tricks_markdown.jsonl", of_markdown, 60, 25),
]


@pytest.mark.parametrize(("file", "read", "hidden", "clean"), SETS)
def test_what_tricks_hide_is_left_out(
    file: str, read: Callable[[Row], ParsedText], hidden: int, clean: int
) -> None:
    tricks = [row for row in rows(file) if row["hidden"]]
    missed = {row["name"] for row in tricks if row["hidden"] in read(row).text}
    assert len(tricks) >= hidden
    assert missed - NOT_JUDGED == set()
    assert len(missed) < 0.05 * len(tricks)


@pytest.mark.parametrize(("file", "read", "hidden", "clean"), SETS)
def test_what_is_left_out_as_hidden_is_listed(
    file: str, read: Callable[[Row], ParsedText], hidden: int, clean: int
) -> None:
    unlisted = set()
    for row in rows(file):
        parsed = read(row)
        if row["hidden"] and row["hidden"] not in parsed.text:
            texts = [item.text for item in parsed.hidden]
            if not any(row["hidden"] in text for text in texts):
                unlisted.add(row["name"])
    no_text = {name for name in unlisted if name.startswith("no text") or "comment" in name}
    others = unlisted - no_text
    assert others - {"progress", "meter", "select", "svg", "a title of a page"} == set()


@pytest.mark.parametrize(("file", "read", "hidden", "clean"), SETS)
def test_clean_texts_stay_and_are_not_listed(
    file: str, read: Callable[[Row], ParsedText], hidden: int, clean: int
) -> None:
    wrong = set()
    seen = [row for row in rows(file) if row["stays"]]
    for row in seen:
        parsed = read(row)
        listed = any(row["stays"] in item.text for item in parsed.hidden)
        if listed or row["stays"] not in parsed.text or "After." not in parsed.text:
            wrong.add(row["name"])
    assert sum(row["hidden"] is None for row in seen) >= clean
    assert wrong - TAKEN_FOR_HIDDEN == set()
    assert len(wrong) < 0.01 * len(seen)
