"""ROUGE-L: how much of two texts stands in the same order in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from steelyard.score.base import Materials, refuse_options
from steelyard.score.exact import normalise
from steelyard.score.reading import tokens
from steelyard.score.text import ReferenceMetric, number_option


class RougeL(ReferenceMetric):
    """The F measure over the longest common subsequence of words.

    Lin (2004), "ROUGE: A Package for Automatic Evaluation of Summaries", sentence level. Words are
    case-folded runs of letters and digits, unstemmed, so that English texts score as ``rougeL`` of
    the package ``rouge-score`` without its stemmer. ``beta`` above 1 weighs recall more.
    """

    name = "rouge_l"

    def __init__(self, beta: float = 1.0) -> None:
        self._beta2 = beta * beta

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Read ``beta``. Raises `ConfigError`."""
        refuse_options(cls.name, options, ("beta",))
        return cls(number_option(cls.name, options, "beta", 1.0))

    def score_answer(self, output: str, reference: str) -> float:
        """F over the words in common; texts without words score 1 when they are the same."""
        said, wanted = tokens(output), tokens(reference)
        if not said and not wanted:
            return float(normalise(output) == normalise(reference))
        common = longest_common(said, wanted)
        # (1 + b2) P R / (R + b2 P) with P = common / said and R = common / wanted
        return (1 + self._beta2) * common / (len(said) + self._beta2 * len(wanted))


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
