"""Which language a text is in, where the text says enough; and words that mix alphabets."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from steelyard.errors import MissingExtraError
from steelyard.extras import require

SURE = 0.8
"""Probability from which a guess counts. With it 12,151 of the 13,083 messages of banking77 and 4,382
of the 5,574 of sms_spam, all English, are told, and none is taken for another language."""

CERTAIN = 0.95
"""Probability from which a language counts apart from those it is easily confused with."""

LETTERS = 20
FEWER_LETTERS = 8  # for scripts that say more with a letter, and name the language by themselves
LEAST_SHARE = 0.6  # of letters among the characters that are no space: below it is code or data
MOST_CHARACTERS = 300

_NO_LANGUAGE = "zxx"
_ASIDE = re.compile(r"```.*?```|`[^`]*`|https?://\S+|www\.\S+|\S+@\S+\.\S+|<[^>]{1,80}>", re.DOTALL)
_CONFUSED = re.compile(r"[A-Za-z][\u0370-\u03ff\u0400-\u04ff]|[\u0370-\u03ff\u0400-\u04ff][A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")

# Letters of one alphabet that print like letters of another.
_LOOKS_LATIN = frozenset("АВЕЅІЈКМНОРСТУХаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧο")  # Cyrillic, then Greek
_LOOKS_OTHER = frozenset("ABEZHIKMNOPTYXSJCaeopcyxsij")


class Guess(NamedTuple):
    """A language by its code, and how probable it and those it is confused with are together."""

    code: str
    probability: float
    is_certain: bool


@lru_cache(maxsize=1)
def _table() -> dict[str, Any]:
    text = files("steelyard.data").joinpath("data/languages.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text))


@lru_cache(maxsize=1)
def _groups() -> dict[str, tuple[str, ...]]:
    return {code: tuple(group) for group in _table()["alike"] for code in group}


def named(code: str) -> str:
    """The language's English name, or its code."""
    return str(_table()["names"].get(code, code))


def is_same(a: Guess, b: Guess) -> bool:
    """Whether two guesses may be the same language."""
    if a.code == b.code:
        return True
    alike = b.code in _groups().get(a.code, ())
    return alike and not (a.is_certain and b.is_certain)


@lru_cache(maxsize=1)
def identifier() -> Any:
    """Load the language identifier, about a second. Raises `MissingExtraError`.

    py3langid: naive Bayes over byte n-grams. Lui and Baldwin (2012), ACL demonstrations, 25-30. It
    unpacks its model into the system's temporary folder, which may have no room for it.
    """
    langid = require("py3langid.langid", "data")
    try:
        return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    except OSError as error:
        raise MissingExtraError(
            f"the language model cannot be unpacked ({error.strerror or error}): free some space in "
            "the temporary folder"
        ) from None


def guess(text: str) -> Guess | None:
    """Name the language of ``text``; ``None`` where it is too short, unclear, or hardly words."""
    plain = _ASIDE.sub(" ", text[:MOST_CHARACTERS])
    if not _says_enough(plain):
        return None
    ranked = dict(identifier().rank(plain))
    code = next(iter(ranked))
    together = sum(ranked.get(each, 0.0) for each in _groups().get(code, (code,)))
    if together < SURE or code == _NO_LANGUAGE:
        return None
    return Guess(code, together, ranked[code] >= CERTAIN)


def _says_enough(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    if letters < FEWER_LETTERS or letters < LEAST_SHARE * len("".join(text.split())):
        return False
    return letters >= LETTERS or sum(character > "\u036f" for character in text) > letters / 2


def mixed_words(text: str) -> list[str]:
    """Words in two alphabets that would read as a word of one: "раyment" with a Cyrillic ра.

    The letters of the alphabet with fewer in the word must all have a twin in the other, so that
    "SMSка" does not count.
    """
    if text.isascii() or _CONFUSED.search(text) is None:
        return []
    return [word for word in _WORD.findall(text) if _CONFUSED.search(word) and _is_disguised(word)]


def _is_disguised(word: str) -> bool:
    other = [letter for letter in word if _script(letter) in ("CYRILLIC", "GREEK")]
    latin = [letter for letter in word if _script(letter) == "LATIN"]
    if len(word) < 3:  # units: kΩ, μm
        return False
    if len(other) <= len(latin) and _LOOKS_LATIN.issuperset(other):
        return True
    return len(latin) <= len(other) and _LOOKS_OTHER.issuperset(latin)


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]
