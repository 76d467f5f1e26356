"""What of an answer stands in passages: its numbers, its names, its words. No model is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from steelyard.retrieve.index.terms import NO_STEMMING, Tokenizer, fold

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,:]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?\Z")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WITHIN_NAME = " -&"
# A letter of a script with spaces between words: 3章 is no code.
_L = r"[^\W\d_\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7af\uf900-\ufaff]"
_A = rf"(?:\d|{_L})"
_N = r"\d{1,30}(?:[.,]\d{1,30}){0,4}"
_CODE = re.compile(
    rf"(?<!{_A})(?:{_L}{{1,30}}[-‐‑]?\d|\d{{1,30}}(?:[-‐‑./,]\d{{1,30}}){{0,4}}{_L}){_A}*"
    rf"(?:[-‐‑]\d{_A}*|[-‐‑]{_L}{{1,3}}(?!{_A})|(?<=\d)[./:]\d{_A}*)*"
)
_HYPHEN_IN_CODE = re.compile(r"(?<!\d)-|-(?!\d)")
_PAIRS = (
    re.compile(rf"(?<!{_A})(?P<word>{_L}{{1,12}})[ -](?P<number>{_N})(?!{_A})"),
    re.compile(rf"(?<![\w.,])(?P<number>{_N})[ -](?P<word>{_L}{{1,12}})(?!{_A})"),
)
_LETTERS = re.compile(f"{_L}+")


class Support(NamedTuple):
    """The shares of an answer that passages hold, in [0, 1]; ``None`` of what it does not have.

    Codes of letters and digits (``P5``, ``E-22``, ``12kg``) are among the names.
    """

    numbers: float | None
    names: float | None
    tokens: float | None


def support(answer: str, passages: Sequence[str]) -> Support:
    """Look up an answer's numbers, names and words in ``passages``; case and accents do not count.

    A code has to stand there as a whole; a blank or hyphen between its letters and digits does not count.
    """
    basis = _basis("\n".join(passages))
    rest = _CODE.sub(" ; ", answer)
    words = [term for term in _terms(rest) if term.isalpha() and term not in function_words()]
    pairs = _pairs(answer)
    numbers = (
        number in basis.numbers or not basis.codes.isdisjoint(pairs.get(number, ()))
        for number in numbers_in(answer)
    )
    names = [_row(name) in basis.row for name in names_in(rest)]
    return Support(
        numbers=_share(numbers),
        names=_share([*names, *(code in basis.codes for code in codes_in(answer))]),
        tokens=_share(word in basis.terms for word in dict.fromkeys(words)),
    )


def numbers_in(text: str) -> list[str]:
    """The numbers of a text, each once, without commas between thousands."""
    numbers = (
        number.replace(",", "") if _THOUSANDS.match(number) else number
        for number in _NUMBER.findall(fold(text))
    )
    return list(dict.fromkeys(numbers))


def names_in(text: str) -> list[str]:
    """The capitalised words of a text, those in a row together, each once.

    A function word does not open a name, so that ``The Rhine`` is ``Rhine``. The first word of a sentence
    may be no name: one that the passages hold in small letters counts as held.
    """
    names: list[list[str]] = []
    end: int | None = None  # of the name that may go on
    for match in _WORD.finditer(text):
        word = match[0]
        goes_on = end is not None and not text[end : match.start()].strip(_WITHIN_NAME)
        if word[:1].isupper() and goes_on:
            names[-1].append(word)
        elif word[:1].isupper() and fold(word) not in function_words():
            names.append([word])
        else:
            end = None
            continue
        end = match.end()
    return list(dict.fromkeys(" ".join(name) for name in names))


def codes_in(text: str) -> list[str]:
    """The codes of a text, letters and digits in one, each once: ``p5``, ``e22`` for ``E-22``, ``12kg``."""
    return list(dict.fromkeys(map(_code, _CODE.findall(text))))


def _code(text: str) -> str:
    return _HYPHEN_IN_CODE.sub("", fold(text))


def _pairs(text: str) -> dict[str, list[str]]:
    """By number the codes that it would be with the word before or behind it: ``12 kg`` as ``12kg``."""
    pairs: dict[str, list[str]] = {}
    for pattern in _PAIRS:
        for match in pattern.finditer(fold(text)):
            pairs.setdefault(match["number"], []).append(re.sub("[ -]", "", match[0]))
    return pairs


class _Basis(NamedTuple):
    terms: frozenset[str]
    numbers: frozenset[str]
    codes: frozenset[str]
    row: str


@lru_cache(maxsize=64)
def _basis(text: str) -> _Basis:
    codes = codes_in(text)
    units = [letters for code in codes for letters in _LETTERS.findall(code)]
    pairs = [code for some in _pairs(text).values() for code in some]
    return _Basis(
        terms=frozenset([*_terms(text), *units]),
        numbers=frozenset(numbers_in(text)),
        codes=frozenset([*codes, *pairs]),
        row=_row(text),
    )


def _row(text: str) -> str:
    """The words of a text, one blank between two and at both ends."""
    return f" {' '.join(_WORD.findall(fold(text)))} "


@cache
def _tokenizer() -> Tokenizer:
    return Tokenizer(NO_STEMMING)


def _terms(text: str) -> list[str]:
    return _tokenizer()(text)


@cache
def function_words() -> frozenset[str]:
    """English words that say nothing alone; in other languages every word counts."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


def _share(are_held: Iterable[bool]) -> float | None:
    every = list(are_held)
    return sum(every) / len(every) if every else None
