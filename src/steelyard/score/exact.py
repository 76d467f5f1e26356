"""Whether texts are the same, and how many words they share."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from steelyard.core import OutputKind
from steelyard.score.base import Materials, refuse_options
from steelyard.score.text import ReferenceMetric, names_option

_WORD = re.compile(r"\w+")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_SIGN = re.compile(r"(?<![\w.,])[-+](?=\.?\d)|(?<=\d)[.,/:\-](?=\d)|(?<![\w.,])\.(?=\d)")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_INSIDE = re.compile(r"(?<=\w)['.](?=\w)|(?<=\b\w)\.(?!\w)")
_MEANT = frozenset("%#&@")
_APOSTROPHES = str.maketrans("’‘ʼ−", "'''-")
IGNORED = ("case", "punctuation", "articles", "accents")


class ExactMatch(ReferenceMetric):
    """Whether the answer equals the reference, but for case and runs of white space."""

    name = "exact_match"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("label", "json", "text")
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the normalised texts are equal."""
        return float(normalise(output) == normalise(reference))


class NormalisedMatch(ReferenceMetric):
    """Whether answer and reference say the same but for how they are written.

    Unicode forms (NFKC) and white space never count; ``ignore`` lists what else does not: ``case``
    and ``punctuation`` unless it is given, further ``articles`` (English, as SQuAD drops them:
    Rajpurkar et al., 2016) and ``accents``. See `plain` for what punctuation stays.
    """

    name = "normalised_match"
    binary = True

    def __init__(self, ignore: frozenset[str] = frozenset({"case", "punctuation"})) -> None:
        self._ignore = ignore

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Read ``ignore``. Raises `ConfigError`."""
        refuse_options(cls.name, options, ("ignore",))
        return cls(names_option(cls.name, options, "ignore", ("case", "punctuation"), IGNORED))

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the normalised texts are equal; of mere punctuation, when it is the same."""
        said, wanted = plain(output, self._ignore), plain(reference, self._ignore)
        if not said and not wanted:
            return float(normalise(output) == normalise(reference))
        return float(said == wanted)


class TokenF1(ReferenceMetric):
    """F1 between the words of answer and reference, as bags. Rajpurkar et al. (2016), SQuAD.

    Unlike SQuAD's, no articles are dropped: they mean something in other languages.
    """

    name = "token_f1"

    def score_answer(self, output: str, reference: str) -> float:
        """Twice the words shared over the words of both."""
        said, wanted = Counter(words(output)), Counter(words(reference))
        if not said and not wanted:
            return float(normalise(output) == normalise(reference))
        return 2 * (said & wanted).total() / (said.total() + wanted.total())


def normalise(text: str) -> str:
    """Fold case and collapse white space."""
    return " ".join(text.casefold().split())


def plain(text: str, ignore: frozenset[str]) -> str:
    """The text in one Unicode form (NFKC), without what is to be ignored, single spaced.

    Apostrophes and the stops of abbreviations go (``U.S.`` is ``US``), other punctuation parts words
    (``well-known`` is ``well known``). What carries meaning stays: ``%``, ``#``, ``&``, ``@``, currency
    and other symbols, and the sign and point of a number; commas between thousands go.
    """
    text = unicodedata.normalize("NFKC", text).translate(_APOSTROPHES)
    if "case" in ignore:
        text = text.casefold()
    if "accents" in ignore:
        apart = unicodedata.normalize("NFD", text)
        kept = "".join(c for c in apart if unicodedata.category(c) != "Mn")
        text = unicodedata.normalize("NFC", kept)
    if "punctuation" in ignore:
        text = _without_punctuation(text)
    if "articles" in ignore:
        text = _ARTICLE.sub(" ", text)
    return " ".join(text.split())


def _without_punctuation(text: str) -> str:
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    kept = {found.start() for found in _SIGN.finditer(text)}
    dropped = {found.start() for found in _INSIDE.finditer(text)} - kept
    pieces = []
    for place, character in enumerate(text):
        if place in dropped:
            continue
        is_mark = unicodedata.category(character)[0] == "P" and character not in _MEANT
        pieces.append(" " if is_mark and place not in kept else character)
    return "".join(pieces)


def words(text: str) -> list[str]:
    """The words of a text, case folded, without punctuation."""
    return _WORD.findall(text.casefold())
