"""Metrics over plain text."""

from __future__ import annotations

import re
from collections import Counter

from steelyard.score.base import Metric

_WORD = re.compile(r"\w+")


class ExactMatch(Metric):
    """Whether the answer equals the reference, but for case and runs of white space."""

    name = "exact_match"
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the normalised texts are equal."""
        return float(normalise(output) == normalise(reference))


class TokenF1(Metric):
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


def words(text: str) -> list[str]:
    """The words of a text, case folded, without punctuation."""
    return _WORD.findall(text.casefold())
