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


class Support(NamedTuple):
    """The shares of an answer that passages hold, in [0, 1]; ``None`` of what it does not have."""

    numbers: float | None
    names: float | None
    tokens: float | None


def support(answer: str, passages: Sequence[str]) -> Support:
    """Look up an answer's numbers, names and words in ``passages``; case and accents do not count."""
    basis = _basis("\n".join(passages))
    words = [term for term in _terms(answer) if term.isalpha() and term not in function_words()]
    return Support(
        numbers=_share(number in basis.numbers for number in numbers_in(answer)),
        names=_share(_row(name) in basis.row for name in names_in(answer)),
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


class _Basis(NamedTuple):
    terms: frozenset[str]
    numbers: frozenset[str]
    row: str


@lru_cache(maxsize=64)
def _basis(text: str) -> _Basis:
    return _Basis(frozenset(_terms(text)), frozenset(numbers_in(text)), _row(text))


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
