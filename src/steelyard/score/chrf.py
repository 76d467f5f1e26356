"""chrF: how many short runs of characters two texts share. Good for languages with rich endings."""

from __future__ import annotations

import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from steelyard.config.options import Options
from steelyard.score.base import ReferenceMetric
from steelyard.score.text import normalise


class ChrfOptions(Options):
    """The longest n-grams that are counted; ``word_order: 2`` makes it chrF++."""

    char_order: int = Field(default=6, ge=1, le=10)
    word_order: int = Field(default=0, ge=0, le=10)
    beta: float = Field(default=2.0, ge=0, lt=1e9)


class NgramCounts(NamedTuple):
    """N-grams of one length: those of the answer, of the reference, in both."""

    answer: int
    reference: int
    shared: int


class Chrf(ReferenceMetric):
    """F over character n-grams of one to six, white space left out, recall counting twice.

    Popović (2015), "chrF: character n-gram F-score for automatic MT evaluation", and (2017) "chrF++:
    words helping character n-grams" with ``word_order: 2``. Precision and recall are averaged over the
    orders for which both texts have n-grams, and then make F, as sentence-level chrF2 of the
    package ``sacrebleu`` does, over 100; case counts. Over many answers it is the mean of theirs,
    where sacrebleu's corpus level adds up n-grams.
    """

    name = "chrf"
    title = "chrF"
    options_type = ChrfOptions
    config: ChrfOptions

    def score_answer(self, output: str, reference: str) -> float:
        """F over the n-grams of one pair; texts without any score 1 when they are the same."""
        output, reference = (unicodedata.normalize("NFC", text) for text in (output, reference))
        texts = ("".join(output.split()), "".join(reference.split()))
        counts = ngram_counts(*texts, self.config.char_order)
        if self.config.word_order:
            counts += ngram_counts(_words(output), _words(reference), self.config.word_order)
        if not any(count.answer or count.reference for count in counts):
            return float(normalise(output) == normalise(reference))
        counts = [count for count in counts if count.answer and count.reference]
        if not counts:
            return 0.0
        precision = sum(count.shared / count.answer for count in counts) / len(counts)
        recall = sum(count.shared / count.reference for count in counts) / len(counts)
        beta2 = self.config.beta**2
        below = beta2 * precision + recall
        return min(1.0, (1 + beta2) * precision * recall / below) if below else 0.0


def ngram_counts(answer: Sequence[str], reference: Sequence[str], order: int) -> list[NgramCounts]:
    """Count n-grams of 1..``order`` characters of a text, or items of a list."""
    counts = []
    for n in range(1, order + 1):
        a, b = (
            Counter(zip(*(text[i:] for i in range(n)), strict=False))
            for text in (answer, reference)
        )
        shared = sum(min(a[gram], b[gram]) for gram in a.keys() & b.keys())
        counts.append(NgramCounts(a.total(), b.total(), shared))
    return counts


def _words(text: str) -> list[str]:
    """The words; a mark at either end of a word is one of its own."""
    words: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in string.punctuation:
            words += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in string.punctuation:
            words += [word[0], word[1:]]
        else:
            words.append(word)
    return words
