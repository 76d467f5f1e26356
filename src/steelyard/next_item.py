"""Where a model goes on after its answer with a next item of its own: ``Question: …``, ``Human:``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

_MOST = 20
_KNOWN = r"(?:(?:next|new|another) )?(?:question|q|problem|human|user|instruction|input|query)[ \t]?#?\d{0,4}"
_HEADING = re.compile(
    r"^[#* \t]{0,8}(?P<words>[^\W\d_]{1,30}(?:[ \-][^\W\d_]{1,30}){0,2})[ \t]?[#№]?\d{0,6}[* \t]{0,4}[:：]",
    re.MULTILINE,
)
_OF_ANSWERS = re.compile(
    r"\b(?:answers?|labels?|outputs?|responses?|repl(?:y|ies)|categor(?:y|ies)|class(?:es)?|results?|solutions?"
    r"|reason(?:ing|s)?|explanations?|thoughts?|steps?|notes?|final|conclusion|format|a)\b",
    re.IGNORECASE,
)
"""Headings that answers have too."""


def next_items(text: str, question: str = "") -> Iterator[int]:
    """Yield the places after its beginning where ``text`` goes on to a next item, at most 20.

    Such begin a line: with a word that questions begin with, or with a heading of ``question``, the text that
    was asked (``Ticket 7: …``), whatever its number.
    """
    for begin in islice(_pattern(_headings(question)).finditer(text), _MOST):
        if text[: begin.start()].strip():
            yield begin.start()


def _headings(question: str) -> tuple[str, ...]:
    words = {heading["words"].lower() for heading in _HEADING.finditer(question)}
    return tuple(sorted(word for word in words if not _OF_ANSWERS.search(word)))[:_MOST]


@lru_cache(maxsize=256)
def _pattern(headings: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join([_KNOWN, *(rf"{re.escape(words)}[ \t]?[#№]?\d{{0,6}}" for words in headings)])
    marks = r"[#>*_ \t]{0,6}"
    return re.compile(
        rf"\n{marks}(?:{words})[ \t]{{0,3}}[*_]{{0,3}}[:：]"
        rf"|\n#{{1,6}} ?(?:{_KNOWN})[ \t]{{0,3}}(?=\n)|\n(?:user|human)[ \t]{{0,3}}\n",
        re.IGNORECASE,
    )
