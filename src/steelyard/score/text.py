"""Metrics that compare the words of two texts."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from steelyard import folding
from steelyard.config.options import Options
from steelyard.core import OutputKind
from steelyard.layout import has_layout, laid_out
from steelyard.output_kinds import KINDS
from steelyard.score.base import ReferenceMetric
from steelyard.score.reading import tokens

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_SIGN = re.compile(r"(?<![\w.,])[-+](?=\.?\d)|(?<=\d)[.,/:\-](?=\d)|(?<![\w.,])\.(?=\d)")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_INSIDE = re.compile(r"(?<=\w)['.](?=\w)|(?<=\b\w)\.(?!\w)")
_WORD = re.compile(r"\S+")
_FREE_FORM = re.compile(
    r"\s*(?:<[\w!?/]|(?:select|insert\s+into|update|delete\s+from|create|alter|with\s+\w+\s+as)\b)",
    re.IGNORECASE,
)
"""How SQL and markup begin."""
_MEANT = frozenset("%#&@")


class ExactMatch(ReferenceMetric):
    """Whether the answer equals the reference, but for case, white space and what reads the same.

    Unicode forms, kinds of dashes and of quotes, and marks that are not seen do not count. White space
    counts, but for that at the ends of lines, where it is the `is_laid_out` reference's layout.
    """

    name = "exact_match"
    title = "Exact match"
    kinds: ClassVar[tuple[OutputKind, ...]] = tuple(KINDS)
    binary = True
    compares_final_answers: ClassVar[bool] = True

    def score_answer(self, output: str, reference: str) -> float:
        fold = as_laid_out if is_laid_out(reference) else normalise
        return float(fold(output) == fold(reference))


class NormalisedMatchOptions(Options):
    """What does not count: ``articles`` are English, as SQuAD drops them (Rajpurkar et al., 2016)."""

    ignore: tuple[Literal["case", "punctuation", "articles", "accents"], ...] = (
        "case",
        "punctuation",
    )


class NormalisedMatch(ReferenceMetric):
    """Whether answer and reference say the same but for how they are written.

    Unicode forms, dashes, quotes and white space never count. See `plain` for what punctuation stays.
    """

    name = "normalised_match"
    title = "Normalised match"
    binary = True
    options_type = NormalisedMatchOptions
    config: NormalisedMatchOptions
    compares_final_answers: ClassVar[bool] = True

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the normalised texts are equal; of mere punctuation, when it is the same."""
        answer, expected = (plain(text, self.config.ignore) for text in (output, reference))
        if not answer and not expected:
            return float(normalise(output) == normalise(reference))
        return float(answer == expected)


class TokenF1(ReferenceMetric):
    """F1 between the words of answer and reference, as bags. Rajpurkar et al. (2016), SQuAD.

    Unlike SQuAD's, no articles are dropped: they mean something in other languages. Where letters
    are written without spaces (Chinese, Japanese, Thai, …) each counts as a word.
    """

    name = "token_f1"
    title = "Token F1"
    compares_final_answers: ClassVar[bool] = True

    def score_answer(self, output: str, reference: str) -> float:
        answer, expected = (Counter(tokens(folding.plain(text))) for text in (output, reference))
        if not answer and not expected:
            return float(normalise(output) == normalise(reference))
        return 2 * (answer & expected).total() / (answer.total() + expected.total())


class RougeLOptions(Options):
    """``beta`` above 1 weighs recall more."""

    beta: float = Field(default=1.0, ge=0, lt=1e9)


class RougeL(ReferenceMetric):
    """The F measure over the longest common subsequence of words.

    Lin (2004), "ROUGE: A Package for Automatic Evaluation of Summaries", sentence level. Words are
    case-folded runs of letters and digits, unstemmed, so that English texts score as ``rougeL`` of
    the package ``rouge-score`` without its stemmer.
    """

    name = "rouge_l"
    title = "ROUGE-L"
    options_type = RougeLOptions
    config: RougeLOptions

    def score_answer(self, output: str, reference: str) -> float:
        """F over the words in common; texts without words score 1 when they are the same."""
        answer, expected = tokens(output), tokens(reference)
        if not answer and not expected:
            return float(normalise(output) == normalise(reference))
        common, beta2 = longest_common(answer, expected), self.config.beta**2
        # (1 + b2) P R / (R + b2 P) with P = common / answer and R = common / wanted
        return (1 + beta2) * common / (len(answer) + beta2 * len(expected))


def longest_common(a: Sequence[str], b: Sequence[str]) -> int:
    """The length of the longest common subsequence.

    One row of the table is one integer, a bit for each word of ``a``: Hyyrö (2004), "Bit-parallel
    LCS-length computation revisited".
    """
    places: dict[str, int] = {}
    for place, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(a)) - 1
    row = full
    for word in b:
        if same := row & places.get(word, 0):
            row = (row + same | row - same) & full
    return len(a) - row.bit_count()


def normalise(text: str) -> str:
    """Fold Unicode forms, dashes, quotes and case, and collapse white space."""
    return folding.plain(folding.plain(text).casefold())


def as_laid_out(text: str) -> str:
    """Fold what `normalise` does, but keep lines, their indentation and the spaces in them."""
    return _WORD.sub(lambda word: normalise(word[0]), laid_out(text).replace("\u00a0", " "))


def plain_as_laid_out(text: str) -> str:
    """Fold as `folding.plain`, but keep the layout of a text that has one."""
    if not has_layout(text):
        return folding.plain(text)
    spaced = laid_out(text).replace("\u00a0", " ")
    return _WORD.sub(lambda word: folding.plain(word[0]), spaced)


def is_laid_out(text: str) -> bool:
    """Whether a text has indented lines, and is no JSON, SQL or markup, in which they say nothing."""
    if not has_layout(text) or _FREE_FORM.match(text) is not None:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def plain(text: str, ignore: Collection[str]) -> str:
    """The text in one Unicode form, without what is to be ignored, single spaced.

    Apostrophes and the stops of abbreviations go (``U.S.`` is ``US``), other punctuation parts words
    (``well-known`` is ``well known``). What carries meaning stays: ``%``, ``#``, ``&``, ``@``, currency
    and other symbols, and the sign and point of a number; commas between thousands go.
    """
    text = folding.plain(text)
    if "case" in ignore:
        text = text.casefold()
    if "accents" in ignore:
        decomposed = unicodedata.normalize("NFD", text)
        letters = "".join(c for c in decomposed if unicodedata.category(c) != "Mn")
        text = unicodedata.normalize("NFC", letters)
    if "punctuation" in ignore:
        text = _without_punctuation(text)
    if "articles" in ignore:
        text = _ARTICLE.sub(" ", text)
    return " ".join(text.split())


def _without_punctuation(text: str) -> str:
    text = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    signs = {match.start() for match in _SIGN.finditer(text)}
    dropped = {match.start() for match in _INSIDE.finditer(text)} - signs
    pieces = []
    for place, character in enumerate(text):
        if place in dropped:
            continue
        is_mark = unicodedata.category(character)[0] == "P" and character not in _MEANT
        pieces.append(" " if is_mark and place not in signs else character)
    return "".join(pieces)
