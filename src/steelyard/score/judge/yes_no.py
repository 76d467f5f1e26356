"""A judge's yes or no, read from what it wrote; what leaves any doubt is nothing."""

from __future__ import annotations

import re

from steelyard.folding import plain

_WORD = r"[\"'`*_(\[]{0,4}(?P<word>yes|no)[\"'`*_)\]]{0,4}"
_TAGS = r"(?:final\s+)?(?:verdict|answer|judge?ment|decision|conclusion|result)"
_ALONE = re.compile(rf"(?:#+\s*)?{_WORD}\s*[.!]?\s*", re.I)
_OPENING = re.compile(rf"{_WORD}\s*[.,:;!-]\s+(?=\S)", re.I)
_TAGGED = re.compile(
    rf"[\"'`*_#\s{{]*{_TAGS}[\"'`*_]{{0,4}}\s*[:=][*_]{{0,3}}\s*{_WORD}\s*[.!}}]*\s*", re.I
)
_DOUBT = re.compile(
    r"\b(?:but|however|except|although|though|actually|wait|part(?:ly|ially)|mostly|unless|correction"
    r"|(?-i:YES|NO))\b",
    re.I,
)


def read_yes_no(text: str) -> str | None:
    """Return YES or NO where ``text`` says one and not the other; else ``None``.

    It says it in a line of its own, the first or the last; behind a word such as *verdict*; or, without
    these, as its first word, where nothing takes it back. ``No claim is missing`` says neither.
    """
    lines = [plain(line).strip() for line in text.splitlines() if line.strip(" \t`")]
    ends = (0, len(lines) - 1)
    matches = [
        _TAGGED.fullmatch(line) or (_ALONE.fullmatch(line) if place in ends else None)
        for place, line in enumerate(lines)
    ]
    words = {match["word"].upper() for match in matches if match is not None}
    if not words and lines and (opening := _OPENING.match(lines[0])) is not None:
        rest = "\n".join([lines[0][opening.end() :], *lines[1:]])
        return None if _DOUBT.search(rest) else opening["word"].upper()
    return words.pop() if len(words) == 1 else None
