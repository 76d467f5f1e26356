"""Languages: their codes and names, and whether a text is in one. py3langid, from the extra ``data``.

Naive Bayes over byte n-grams: Lui and Baldwin (2012), ACL demonstrations, 25-30.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from steelyard.errors import MissingExtraError, closest
from steelyard.extras import require
from steelyard.packaged import packaged

LETTERS = 20
"""With fewer letters a text hardly tells its language."""

_EVEN_CHANCE = 0.5
"""Of a short text, a language is out when it is less than half as probable as all are on average."""

_MOST_CHARACTERS = 3_000
_NOT_PROSE = re.compile(r"```.*?```|`[^`\n]*`|https?://\S+|\S+@\S+\.\S+|<[^<>\n]{1,80}>", re.DOTALL)


def table() -> dict[str, Any]:
    """``names`` of languages by their codes, and groups that are ``alike`` to the identifier."""
    return dict(packaged("languages.yaml"))


@lru_cache(maxsize=1)
def groups() -> dict[str, tuple[str, ...]]:
    """The languages that each is confused with, itself among them; those that are not left out."""
    return {code: tuple(group) for group in table()["alike"] for code in group}


def named(code: str) -> str:
    """The language's English name, or its code."""
    return str(table()["names"].get(code, code))


@lru_cache(maxsize=1)
def identifier() -> Any:
    """Load the language identifier, about a second. Raises `MissingExtraError`.

    It unpacks its model into the system's temporary folder, which may have no room for it.
    """
    langid = require("py3langid.langid", "data")
    try:
        return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    except OSError as error:
        raise MissingExtraError(
            f"the language model cannot be unpacked ({error.strerror or error}): free some space in "
            "the temporary folder"
        ) from None


def code_of(name: str) -> str:
    """The code of a language given by code or English name, such as ``pt``, ``pt-BR``, ``Portuguese``.

    Raises `ValueError` for an unknown one, `MissingExtraError` without the identifier.
    """
    require("py3langid.langid", "data")
    names = {str(code): str(title).casefold() for code, title in table()["names"].items()}
    folded = name.strip().casefold()
    code = re.split(r"[-_]", folded)[0]
    if code in names:
        return code
    codes = [spelling for spelling, title in names.items() if folded == title]
    if codes:
        return codes[0]
    hint = closest(folded, [*names.values(), *names])
    raise ValueError(f"unknown language {name!r}{hint}: give a code such as en, or its name")


def is_language(text: str, code: str) -> bool:
    """Whether ``text`` is in the language ``code``, or may be.

    It is when that language, or one it is confused with, is the likeliest; capitals are read as
    small letters. A text with fewer than `LETTERS` letters may be, unless its script or its letters
    speak against it.
    """
    plain = _NOT_PROSE.sub(" ", text[:_MOST_CHARACTERS]).lower()
    letters = sum(map(str.isalpha, plain))
    if not letters:
        return True
    alike = groups().get(code, (code,))
    ranked = {str(name): float(probability) for name, probability in identifier().rank(plain)}
    if letters < LETTERS:
        return max(ranked.get(other, 0.0) for other in alike) * len(ranked) >= _EVEN_CHANCE
    return next(iter(ranked)) in alike
