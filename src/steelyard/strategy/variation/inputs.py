"""The same input typed differently: with typos, or in another case."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import cache

import numpy as np

from steelyard.packaged import packaged

CASES = ("lower case", "upper case", "sentence case")
TYPO_EVERY = (30, 60, 15)
"""Characters to a typo, in the order in which the rates are tried."""
_SHORTEST = 3
_WORD = re.compile(r"(?<!\S)\S+")
_CORE = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE = re.compile(r"(?:\A|[.!?]\s+|\n\s*)[^\W\d_]")


def words_of(*texts: str) -> frozenset[str]:
    """The words of ``texts``, case folded: what a change has to leave alone."""
    return frozenset(word.casefold() for text in texts for word in re.findall(r"\w+", text))


def mistyped(
    text: str, every: int, rng: np.random.Generator, protected: Collection[str] = frozenset()
) -> str:
    """Return ``text`` with about one typo in ``every`` characters, one at least, one in a word at most.

    A typo drops a letter, doubles it, swaps it with the next one, or hits a neighbour on a QWERTY
    keyboard (letters of other alphabets have none here): the slips that Belinkov and Bisk (2018, ICLR)
    call natural. First letters stay, and so do words of fewer than three letters, those with
    a digit or a sign inside (numbers, codes, addresses), and those in ``protected`` (case folded).
    """
    places = [match.span() for match in _WORD.finditer(text)]
    spans = [
        core for start, end in places if (core := _core(text, start, end, protected)) is not None
    ]
    if not spans:
        return text
    weights = np.array([end - start for start, end in spans], dtype=np.float64)
    count = min(len(spans), max(1, round(len(text) / every)))
    drawn = rng.choice(len(spans), size=count, replace=False, p=weights / weights.sum())
    for start, end in sorted((spans[place] for place in drawn), reverse=True):
        text = text[:start] + _slip(text[start:end], rng) + text[end:]
    return text


def _core(text: str, start: int, end: int, protected: Collection[str]) -> tuple[int, int] | None:
    """The span of a word without the punctuation around it; ``None`` for one that stays."""
    match = _CORE.search(text, start, end)
    letters = None if match is None else match[0].replace("'", "").replace("’", "")
    if match is None or not letters or not letters.isalpha() or len(letters) < _SHORTEST:
        return None
    context = text[start : match.start()] + text[match.end() : end]
    plain = not any(sign.isalnum() or sign in "@/\\_<>{}[]=#$%&|~^*+" for sign in context)
    words = {match[0].casefold(), *words_of(match[0])}
    return match.span() if plain and not words & set(protected) else None


def _slip(word: str, rng: np.random.Generator) -> str:
    """Return ``word`` with one typo after its first letter."""
    ways: tuple[Callable[[str, int, np.random.Generator], str], ...]
    ways = (_drop, _double, _transpose, _neighbour)
    for way in rng.permutation(len(ways)):
        for place in rng.permutation(np.arange(1, len(word))):
            changed = ways[way](word, int(place), rng)
            if changed != word:
                return changed
    return word


def _drop(word: str, place: int, rng: np.random.Generator) -> str:
    return word[:place] + word[place + 1 :]


def _double(word: str, place: int, rng: np.random.Generator) -> str:
    return word[: place + 1] + word[place:]


def _transpose(word: str, place: int, rng: np.random.Generator) -> str:
    """Swap a letter with the one after it, or the last one with the one before."""
    place = min(place, len(word) - 2)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def _neighbour(word: str, place: int, rng: np.random.Generator) -> str:
    near = _keyboard().get(word[place].lower(), "")
    if not near:
        return word
    hit = near[int(rng.integers(len(near)))]
    return word[:place] + (hit.upper() if word[place].isupper() else hit) + word[place + 1 :]


@cache
def _keyboard() -> Mapping[str, str]:
    return dict(packaged("strategy/data/keyboard.json"))


def in_case(text: str, case: str, protected: Collection[str] = frozenset()) -> str:
    """Return ``text`` in one of `CASES`; words in ``protected`` (case folded) stay as they are."""
    starts = {match.end() - 1 for match in _SENTENCE.finditer(text)}

    def changed(match: re.Match[str]) -> str:
        word = match[0]
        if word.casefold() in protected:
            return word
        if case == "upper case":
            return word.upper()
        lower = word.lower()
        opens = case == "sentence case" and match.start() in starts
        return lower[0].upper() + lower[1:] if opens else lower

    return re.sub(r"\w+", changed, text)
