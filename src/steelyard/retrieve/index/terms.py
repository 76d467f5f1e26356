"""Terms: what a text is searched by. Forms, case and accents are folded; short codes and CJK count.

What a term is, by example:

====================  ==============================================================
``Café``, NFD or NFC  ``cafe``: compatibility forms, case and accents are folded
``X-9``, ``X9``       ``x``, ``9`` and the code ``x9``; ``X9`` only ``x9``
``3.50``, ``1,000``   ``3.50`` and ``1000`` beside their parts
``C++``, ``C#``       ``c++`` beside ``c``
``.NET``, ``AT&T``    ``.net`` beside ``net``; ``at&t`` beside ``at`` and ``t``
``退款政策``           every character and every pair of neighbours; so for Japanese, Korean and Thai
``€``, ``%``, ``☂``   currencies, percent, section and other symbols are terms of their own
====================  ==============================================================
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

import regex

from steelyard.extras import require

LANGUAGES = (
    "arabic armenian basque catalan danish dutch english esperanto estonian finnish french german greek "
    "hindi hungarian indonesian irish italian lithuanian nepali norwegian polish portuguese romanian "
    "russian serbian spanish swedish tamil turkish yiddish"
).split()
"""What Snowball stems; see also `NO_STEMMING`."""
NO_STEMMING = "none"
LONGEST_TERM = 64
"""Characters; a longer run without a space is cut, for it is searched by nobody."""

# Scripts written without spaces, and Hangul, whose words are glued to their particles.
_RUNS = "".join(
    rf"\p{{{script}}}" for script in "Han Hiragana Katakana Hangul Thai Lao Khmer Myanmar".split()
)
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e007f]"
)
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0640\u064b-\u065f\u0670]")
"""Accents, Hebrew points, Arabic vowels. Other scripts' combining signs are letters to their readers."""
_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "þ": "th", "ð": "d"}
    | {"’": "'", "‘": "'", "ʼ": "'"}
    | dict.fromkeys("‐‑‒–−", "-")
)
_PIECE = rf"[[\p{{L}}\p{{N}}\p{{M}}]--[{_RUNS}]]+"
_WORD = r"(?P<word>(?:(?<!\S)\.(?=[a-z]))?{p}(?:[-.,'&/_:@+*]{p})*(?:\+\+|\#|\+(?!\w))?)"
_TERM = regex.compile(
    rf"(?P<run>[{_RUNS}]+)|{_WORD.format(p=_PIECE)}|(?P<symbol>[%§\p{{Sc}}\p{{So}}])",
    regex.VERSION1,
)
_ASCII_TERM = re.compile(rf"{_WORD.format(p='[a-z0-9]+')}|(?P<symbol>[%$])")
"""The same for folded text without other letters, twice as fast."""
_PIECES = regex.compile(_PIECE, regex.VERSION1)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)+")
_POSSESSIVE = re.compile(r"'s?$")
_LONGEST_CODE = 24
"""Characters of a compound that is a term as a whole; a longer one is a path or an address."""


class Tokenizer:
    """Turns a text into its terms; a query and a passage alike.

    Words are stemmed as ``language`` says (Snowball, Porter 2001), codes and numbers are not. Raises
    `MissingExtraError` where the stemmer's package is missing.
    """

    def __init__(self, language: str = "english") -> None:
        self.language = language
        stem = _stemmer(language)
        self._stem = lru_cache(2**16)(stem) if stem is not None else None

    def __call__(self, text: str) -> list[str]:
        """Return the terms of ``text`` in its order; linear in the text."""
        text = fold(text)
        matches = (_ASCII_TERM if text.isascii() else _TERM).finditer(text)
        return [term for match in matches for term in self._terms(match.lastgroup, match[0])]

    def _terms(self, kind: str | None, piece: str) -> Iterable[str]:
        if kind == "run":
            return _grams(piece)
        if kind == "symbol":
            return [piece]
        if piece.isalnum():
            return [self._word(piece)]
        return self._compound(piece)

    def _word(self, word: str) -> str:
        word = word[:LONGEST_TERM]
        if self._stem is None or not word.isalpha():
            return word if word.isascii() else _digits(word)
        return self._stem(word)

    def _compound(self, text: str) -> list[str]:
        """The parts, and the whole where it is a code, a number or a name with a symbol."""
        parts = _PIECES.findall(text)
        if "'" in text:  # dogs', dog's and don't
            text = _POSSESSIVE.sub("", text)
            parts = _PIECES.findall(text)
        terms = [self._word(part) for part in parts]
        if len(text) > _LONGEST_CODE:
            return terms
        whole = _whole(text, parts)
        return [*terms, whole] if whole else terms


def fold(text: str) -> str:
    """Fold compatibility forms, case, accents and dashes; drop what is not seen."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).casefold()
    spread = unicodedata.normalize("NFD", text).replace("и\u0306", "й")  # й is a letter of its own
    return unicodedata.normalize("NFC", _MARKS.sub("", spread)).translate(_LETTERS)


def _whole(text: str, parts: Sequence[str]) -> str:
    """The term for a compound as a whole; empty where its parts say as much."""
    if text.endswith(("+", "#")) or text.startswith("."):
        return text
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    if _NUMBER.fullmatch(text):
        return text
    if "&" in text or "@" in text:
        return text
    has_digit = any(character.isdigit() for character in text)
    if has_digit and len(parts) <= 4:
        return "".join(parts)
    is_short = len(parts) > 1 and all(len(part) <= 2 for part in parts)
    return "".join(parts) if is_short else ""  # e-mail is two words, U.S. is one


def _grams(run: str) -> Iterator[str]:
    yield from run
    for first, second in pairwise(run):
        yield first + second


def _digits(word: str) -> str:
    """Digits of any script as 0 to 9."""
    return "".join(
        str(unicodedata.decimal(character)) if character.isdecimal() else character
        for character in word
    )


def _stemmer(language: str) -> Callable[[str], str] | None:
    if language == NO_STEMMING:
        return None
    stem: Callable[[str], str] = require("Stemmer", "documents").Stemmer(language, 0).stemWord
    return stem
