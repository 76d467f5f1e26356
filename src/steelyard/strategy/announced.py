"""Where in a model's text the reasoning ends and the answer begins."""

from __future__ import annotations

import json
import re

from steelyard.score.values import answer_line

_MARKER = re.compile(
    r"(?:\bfinal\s+)?\banswer\b(?:\s+is\b)?[*_]*\s*[:：]\s*[*_]*"
    r"|\bthe\s+(?:final\s+|correct\s+)?answer\s+is\b[*_]*\s*[:：]?\s*[*_]*"
    r"|^[^\S\n]*(?P<hashes>####)(?!#)",
    re.IGNORECASE | re.MULTILINE,
)
"""What final answers are announced by: ours, what models write unasked, and GSM8K's."""
_CLOSING = re.compile(r"[*_]+[.!,;:]*$")
_HEADING = re.compile(r"^#{1,6}\s+")
_OPENING = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


def split_reasoned(text: str) -> tuple[str, str] | None:
    """Split a text at its last answer marker into reasoning and answer; ``None`` without one."""
    return next(iter(splits(text)), None)


def splits(text: str) -> list[tuple[str, str]]:
    """Split a text at each of its answer markers into reasoning and answer, the last one first.

    A marker after which nothing stands does not count, nor one inside of JSON, nor a heading of the
    fourth level, which only looks like GSM8K's ``#### 42``.
    """
    markers = list(_MARKER.finditer(text))
    inside = _json_spans(text) if markers else []
    pairs = []
    for marker in reversed(markers):
        answer = unmarked(text[marker.end() :])
        if not answer or any(start < marker.start() < end for start, end in inside):
            continue
        if marker["hashes"] and not _is_answer(text[marker.end() :]):
            continue
        pairs.append((text[: marker.start()].strip(), answer))
    return pairs


def unmarked(text: str) -> str:
    """A text without Markdown's emphasis around it, and without what follows such emphasis."""
    return _CLOSING.sub("", text.strip().strip("*_").strip()).strip()


def last_line(text: str) -> str:
    """The last line that says something, without a heading's marks."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return unmarked(_HEADING.sub("", "".join(lines[-1:])))


def _is_answer(rest: str) -> bool:
    """Whether what follows ``####`` is a number with its unit, or ends the text."""
    return "\n" not in rest.strip() or answer_line(rest.partition("\n")[0]) is not None


def _json_spans(text: str) -> list[tuple[int, int]]:
    """From where to where the objects and arrays in a text go."""
    spans: list[tuple[int, int]] = []
    end = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < end:
            continue
        try:
            _, end = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        spans.append((opening.start(), end))
    return spans
