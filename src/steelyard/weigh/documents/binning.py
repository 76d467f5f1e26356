"""The bin of one answer: why it is wrong, or right with a wrong citation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from steelyard.result.documents import BINS, AnswerBin, AnswerBins

RIGHT_FROM = 0.5
"""From this score on an answer is right by a metric that grades; by a binary one only 1 is."""


class AnswerFacts(NamedTuple):
    """What decides the bin of an answer.

    ``lost_at`` is where its evidence was lost, ``None`` where all of it was in the prompt (or where the
    example names none). ``oracle_right``: whether the same model was right with the evidence alone,
    ``None`` where that is not known.
    """

    is_right: bool
    answerable: bool = True
    has_evidence: bool = True
    lost_at: AnswerBin | None = None
    is_refusal: bool = False
    is_failed: bool = False
    is_cut: bool = False
    cites_wrongly: bool = False
    oracle_right: bool | None = None


def bin_of(facts: AnswerFacts) -> AnswerBin | None:
    """Return the bin of an answer; ``None`` where it is right and cites nothing wrong.

    A wrong answer to an unanswerable question that is a refusal all the same, in words that the metric
    does not take, has the wrong format.
    """
    if facts.is_right:
        is_placed = facts.answerable and facts.has_evidence
        return "wrong_citation" if is_placed and facts.cites_wrongly else None
    if not facts.answerable:
        answered = not facts.is_failed and not facts.is_refusal
        return "not_in_documents" if answered else "wrong_format"
    if facts.lost_at is not None:
        return facts.lost_at
    if facts.is_refusal:
        return "wrongly_refused"
    if facts.is_failed or facts.is_cut:
        return "wrong_format"
    return "not_read" if facts.has_evidence else "unplaced"


def count_bins(answers: Sequence[AnswerFacts], right_from: float) -> AnswerBins:
    """Count the bins of an arm's answers; they add up to the wrong ones and those that cite wrongly."""
    bins = [bin_of(facts) for facts in answers]
    counts = Counter(name for name in bins if name is not None)
    unread = [
        facts.oracle_right
        for facts, name in zip(answers, bins, strict=True)
        if name == "not_read" and facts.oracle_right is not None
    ]
    is_split = bool(unread) or not counts["not_read"]
    return AnswerBins(
        n=len(answers),
        right_from=right_from,
        model=unread.count(False) if is_split else None,
        distraction=unread.count(True) if is_split else None,
    ).updated(**{name: counts[name] for name in BINS})
