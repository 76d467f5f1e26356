"""Plain text and Markdown: as they are, without what a reader does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steelyard.retrieve.documents.base import (
    DocumentRefusedError,
    HiddenText,
    ParsedText,
    capped,
)
from steelyard.retrieve.documents.characters import cleaned, merged, without
from steelyard.retrieve.documents.markdown_html import COMMENT, LEFT_OUT, HiddenSpan, hidden_pieces
from steelyard.retrieve.documents.markdown_lines import MOST_FENCES
from steelyard.words import counted

_WORD = re.compile(r"\w")


def read_plain(
    text: str, most_hidden: int, *, is_markdown: bool, keep_hidden: bool = False
) -> ParsedText:
    """Read a text; ``removed`` are the spans of ``text`` that are gone.

    In Markdown, HTML elements that are not shown are hidden, too; comments, scripts and style sheets are
    left out and counted. Raises `DocumentRefusedError` for more than ``most_hidden`` hidden characters, and
    for more than `MOST_FENCES`.
    """
    clean = cleaned(text, most_hidden, keep=keep_hidden)
    if not is_markdown:
        return ParsedText(clean.text, clean.hidden, removed=clean.removed)
    if text.count("```") + text.count("~~~") > MOST_FENCES:
        raise DocumentRefusedError(f"holds more than {MOST_FENCES:,} fences of code: split it")
    pieces = list(hidden_pieces(text))
    hidden = (*clean.hidden, *_listed(text, pieces))
    spans = clean.removed
    if keep_hidden:
        return ParsedText(without(text, spans), capped(hidden), removed=spans)
    spans = merged((*spans, *((piece.start, piece.end) for piece in pieces)))
    return ParsedText(without(text, spans), capped(hidden), removed=spans, notes=_notes(pieces))


def _notes(pieces: list[HiddenSpan]) -> tuple[str, ...]:
    notes = [piece.note for piece in pieces if piece.note]
    names = ((COMMENT, "comment"), (LEFT_OUT, "script, style sheet or template"))
    for kind, name in names:
        count = sum(piece.kind == kind for piece in pieces)
        if count:
            several = "scripts, style sheets or templates" if kind == LEFT_OUT else f"{name}s"
            notes.append(f"{counted(count, name, several)} left out")
    return tuple(notes)


def _listed(text: str, pieces: list[HiddenSpan]) -> Iterator[HiddenText]:
    line, place = 1, 0
    for piece in pieces:
        line += text.count("\n", place, piece.start)
        place = piece.start
        words = " ".join(piece.text.split())
        if _WORD.search(words) and piece.kind not in {COMMENT, LEFT_OUT}:
            yield HiddenText(piece.kind, words, None, f"line {line}")
