"""Answers that refuse: which they are, and whether an arm refuses where it should."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from steelyard.core import Estimate, Example, Record
from steelyard.result.documents import Refusals
from steelyard.result.figures import Figure
from steelyard.score.text import plain
from steelyard.stats import mean

_IGNORED = ("case", "punctuation")
_NEVER = "it refused nothing"
_NONE = "no test question is unanswerable"


def refusal_texts(examples: Iterable[Example]) -> frozenset[str]:
    """References and accepted answers of unanswerable examples, in plain form: what refuses."""
    texts = (
        plain(text, _IGNORED)
        for example in examples
        if not example.answerable
        for text in (example.output, *example.accepted)
    )
    return frozenset(filter(None, texts))


def is_refusal(example: Example, record: Record, texts: frozenset[str], right_from: float) -> bool:
    """Whether an answer refuses: it is one of ``texts``, or answers an unanswerable question rightly.

    A failed answer, or an empty one, refuses nothing.
    """
    output = record.answer.output
    if record.outcome == "failed" or output is None or not output.strip():
        return False
    if plain(output, _IGNORED) in texts:
        return True
    return not example.answerable and record.score >= right_from


def measure_refusals(
    examples: Sequence[Example],
    records: Sequence[Record],
    refused: Sequence[bool],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> Refusals:
    """Count refusals, with the intervals of precision and recall; ``clusters`` are those of the examples."""
    should = [not example.answerable for example in examples]
    failed = [
        record.outcome == "failed" or not (record.answer.output or "").strip() for record in records
    ]
    right = sum(a and b for a, b in zip(should, refused, strict=True))
    failures = sum(a and b for a, b in zip(should, failed, strict=True))

    def share(of: Sequence[bool], right_ones: Sequence[bool], reason: str) -> Figure:
        places = [place for place, counts in enumerate(of) if counts]
        if not places:
            return Figure.of(Estimate(None, reason=reason))
        groups = None if clusters is None else [clusters[place] for place in places]
        return Figure.of(mean([float(right_ones[place]) for place in places], rng, clusters=groups))

    return Refusals(
        precision=share(refused, should, _NEVER),
        recall=share(should, refused, _NONE),
        unanswerable=sum(should),
        refused=right,
        fabricated=sum(should) - right - failures,
        failed=failures,
        wrongly_refused=sum(refused) - right,
    )
