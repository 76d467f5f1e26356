"""Whether an endpoint serves what it was asked: the model by its name, the prompt by its length."""

from __future__ import annotations

import re
from typing import NamedTuple

_VERSION = re.compile(r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|00\d)$")
_LATEST = re.compile(r"[-@:]latest$")
_ROUTE = re.compile(r":(?:free|nitro|floor)$")
_FILE = ".gguf"
_QUANTISED = re.compile(r"[-._](?:i?q\d\w*|b?f16|fp16|f32)(?:-\d{5}-of-\d{5})?$")
_LONG_PROMPT = 1000
_MOST_CHARACTERS_PER_TOKEN = 8
_UNLIKE = 2.5
_LEAST_DIFFERENCE = 300


def same_model(requested: str, answering: str) -> bool:
    """Whether an endpoint's name for its model is the one asked for.

    It may have a vendor or a path before it, another case, and a date or a version after it where
    none, or the latest, was asked for. A local server may name the file that it has loaded.
    """
    a, b = (_LATEST.sub("", _bare(name)) for name in (requested, answering))
    return a in (b, _VERSION.sub("", b))


def _bare(name: str) -> str:
    """The name without vendor or path, route, and end of a file."""
    bare = re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1].casefold()
    if bare.endswith(_FILE):
        return _QUANTISED.sub("", bare.removesuffix(_FILE))
    return _ROUTE.sub("", bare)


class PromptCounts:
    """Compares the tokens that an endpoint counts in prompts with the length of what it was sent.

    A server whose context is too small drops most of a long prompt without a word: then it counts as
    many tokens for a long prompt as for a short one, or far fewer than any tokenizer makes of it.
    """

    def __init__(self) -> None:
        self._spans: dict[int, tuple[_Span, _Span]] = {}
        self.is_too_low = False

    def add(self, text: str, tokens: int) -> None:
        """Take in that a prompt was counted as so many tokens.

        Scripts differ in how many characters, and how many bytes, make a token: both must say so.
        """
        count, size = len(text), len(text.encode(errors="replace"))
        counts, sizes = self._spans.get(tokens, (_Span(count, count), _Span(size, size)))
        counts, sizes = counts.with_(count), sizes.with_(size)
        self._spans[tokens] = counts, sizes
        too_long = count >= _LONG_PROMPT and count > _MOST_CHARACTERS_PER_TOKEN * tokens
        self.is_too_low |= too_long or (counts.is_unlike and sizes.is_unlike)


class _Span(NamedTuple):
    """The shortest and the longest of some texts."""

    shortest: int
    longest: int

    def with_(self, length: int) -> _Span:
        return _Span(min(self.shortest, length), max(self.longest, length))

    @property
    def is_unlike(self) -> bool:
        difference = self.longest - self.shortest
        return self.longest >= _UNLIKE * self.shortest and difference >= _LEAST_DIFFERENCE
