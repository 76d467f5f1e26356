"""Whether an endpoint serves what it was asked: the model by its name, the prompt by its length."""

from __future__ import annotations

import re

_VERSION = re.compile(r"[-@:](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{6}|\d{4}|00\d|latest)$")
_FILE = ".gguf"
_LONG_PROMPT = 1000
_MOST_CHARACTERS_PER_TOKEN = 8
_UNLIKE = 2.5
_LEAST_DIFFERENCE = 300


def same_model(requested: str, answering: str) -> bool:
    """Whether an endpoint's name for its model is the one asked for.

    It may have a vendor or a path before it, a date, a version or ``latest`` after it where the other
    has none, and another case. A local server may name the file that it has loaded.
    """
    a, b = _bare(requested), _bare(answering)
    if answering.casefold().endswith(_FILE) and b.startswith(a):
        return True
    return a == b or _VERSION.sub("", b) == a or _VERSION.sub("", a) == b or _untagged(a, b)


def _bare(name: str) -> str:
    return re.split(r"[/\\]", name.strip().rstrip("/\\"))[-1].casefold().removesuffix(_FILE)


def _untagged(a: str, b: str) -> bool:
    """Whether names differ by what stands after a colon in one of them alone."""
    (name, _, tag), (other, _, other_tag) = a.partition(":"), b.partition(":")
    return name == other and not (tag and other_tag)


class PromptCounts:
    """Compares the tokens that an endpoint counts in prompts with the characters it was sent.

    A server whose context is too small drops most of a long prompt without a word: then it counts as
    many tokens for a long prompt as for a short one, or far fewer than any tokenizer makes of it.
    """

    def __init__(self) -> None:
        self._lengths: dict[int, tuple[int, int]] = {}
        self.is_too_low = False

    def add(self, characters: int, tokens: int) -> None:
        """Take in that a prompt of so many characters was counted as so many tokens."""
        shortest, longest = self._lengths.get(tokens, (characters, characters))
        shortest, longest = min(shortest, characters), max(longest, characters)
        self._lengths[tokens] = shortest, longest
        too_long = characters >= _LONG_PROMPT and characters > _MOST_CHARACTERS_PER_TOKEN * tokens
        is_unlike = longest >= _UNLIKE * shortest and longest - shortest >= _LEAST_DIFFERENCE
        self.is_too_low = self.is_too_low or too_long or is_unlike
