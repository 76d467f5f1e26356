"""Texts that a tokenizer takes for control tokens, such as ``<|im_end|>``, read as the texts they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Protocol

Encode = Callable[[list[str]], list[list[int]]]
"""Token ids of each text, without special tokens around it."""

_TURN_MARK = re.compile(r"<[|｜][^|｜\n]{1,40}[|｜]>")
_BEFORE = "\n"
_PRIVATE_USE = range(0xE000, 0xF900)


class AddedToken(Protocol):
    """A token that a tokenizer finds in a text before it reads the rest."""

    @property
    def content(self) -> str: ...

    @property
    def special(self) -> bool: ...


class ControlTokens:
    """The control tokens of one tokenizer.

    They are its special tokens, and of the others that look like a turn's mark (``<|user|>``); a text of
    one character is none. Tokens for tags that models write (``<think>``, ``<table>``) and for white
    space stay tokens.
    """

    def __init__(self, added: Iterable[AddedToken]) -> None:
        texts = {
            token.content for token in added if token.special or _TURN_MARK.fullmatch(token.content)
        }
        self._texts = sorted((text for text in texts if len(text.strip()) > 1), key=len)[::-1]

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._texts)) or r"(?!)")

    def are_in(self, text: str) -> bool:
        """Whether a tokenizer would find one of them in ``text``."""
        return self._pattern.search(text) is not None

    def through_first(self, text: str) -> str | None:
        """``text`` up to the end of its first control token; ``None`` where it holds none."""
        match = self._pattern.search(text)
        return None if match is None else text[: match.end()]

    def marked(self, text: str, mark: str) -> str:
        """Put ``mark`` behind the first character of each of them: where the text has to be cut."""
        pieces, begin = [], 0
        while match := self._pattern.search(text, begin):
            pieces.append(text[begin : match.start() + 1])
            begin = match.start() + 1
        return mark.join([*pieces, text[begin:]])

    def cut(self, text: str) -> list[str]:
        """Cut ``text`` into pieces that hold none of them."""
        mark = unused_character([text])
        return self.marked(text, mark).split(mark)


def unused_character(texts: Iterable[str]) -> str:
    """Return a private-use character that is in none of ``texts``."""
    used = set().union(*texts)
    return next(chr(code) for code in _PRIVATE_USE if chr(code) not in used)


def encode_cut(encode: Encode, texts: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the token ids of each text, given in the pieces it was cut into.

    A text in one piece has the ids that ``encode`` gives it.
    """
    encoded = encode([pieces[0] for pieces in texts]) if texts else []
    return [
        [*ids, *(token for piece in pieces[1:] for token in _continued(encode, piece))]
        for ids, pieces in zip(encoded, texts, strict=True)
    ]


def _continued(encode: Encode, piece: str) -> list[int]:
    """The ids of a piece that goes on; some tokenizers put a space before what begins a text."""
    before, both = encode([_BEFORE, _BEFORE + piece])
    if both[: len(before)] == before:
        return both[len(before) :]
    return encode([piece])[0]
