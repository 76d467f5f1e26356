"""One form for texts that are written differently and are the same to a reader."""

from __future__ import annotations

import re
import unicodedata

_LOOKS = frozenset(
    "<wide> <narrow> <compat> <font> <initial> <medial> <final> <isolated> <noBreak> <sub>".split()
)
"""Compatibility forms that only look different. A fraction, a circle or a power (``10²``) says more."""
_RAISED = re.compile(r"(?<=[^\W\d_])[⁰¹²³⁴-⁹]+")
"""The exponent of a unit: ``m²`` is ``m2`` to everyone."""
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_SINGLE, _DOUBLE = "‘’‚‛′ʼ´", "“”„‟″«»"
_SAME = str.maketrans(
    _DASHES + _SINGLE + _DOUBLE, "-" * len(_DASHES) + "'" * len(_SINGLE) + '"' * len(_DOUBLE)
)
_UNSEEN = re.compile(
    "[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\ufeff]"
)


def plain(text: str) -> str:
    """Fold Unicode forms, dashes, quotes and white space; what is not seen is dropped. Case stays."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", _UNSEEN.sub("", text))
        text = _RAISED.sub(lambda raised: unicodedata.normalize("NFKC", raised[0]), text)
        text = "".join(map(_seen, text)) if not text.isascii() else text
        text = unicodedata.normalize("NFC", text).translate(_SAME)
    return " ".join(text.split())


def folded(text: str) -> str:
    """Fold what `plain` does, case, and the letters that case is made of in Turkish: I, İ, ı and i.

    Two words that differ only there become one, so whoever folds must look for such pairs.
    """
    text = unicodedata.normalize("NFC", plain(text).casefold())
    return text if text.isascii() else text.replace("i\u0307", "i").replace("ı", "i")


def _seen(character: str) -> str:
    if character < "\u00a0" or unicodedata.decomposition(character).partition(" ")[0] not in _LOOKS:
        return character
    return unicodedata.normalize("NFKC", character)
