"""How high the passages with the evidence stand in an arm's search."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from steelyard.core import Estimate, Example
from steelyard.result.documents import RetrievalFigures
from steelyard.result.figures import Figure
from steelyard.retrieve.base import Passage
from steelyard.retrieve.measures import ndcg_at, reciprocal_rank
from steelyard.stats import mean
from steelyard.weigh.documents.look import ArmPassages

_NDCG_AT = 10
_BY_EVIDENCE = "the evidence that examples name"
_BY_ANSWERS = "answers that stand in a passage word for word: no test example names its evidence"


def measure_ranking(
    look: ArmPassages,
    examples: Sequence[Example],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> RetrievalFigures:
    """Return recall, MRR and nDCG over the answerable examples whose evidence some passage holds.

    Where no example names evidence, a passage that holds the output or an accepted answer stands in for it.
    ``clusters`` are those of the examples.
    """
    if look.not_ranked is not None:
        return unranked(look.not_ranked)
    names_evidence = any(example.evidence and example.answerable for example in examples)
    gold = [_gold(look, example, names_evidence) for example in examples]
    counted = [place for place, pieces in enumerate(gold) if pieces and all(pieces)]
    by = _BY_EVIDENCE if names_evidence else _BY_ANSWERS
    unfindable = sum(bool(pieces) and not all(pieces) for pieces in gold)
    if not counted:
        why = "no passage holds the evidence of a test question"
        return unranked(why).updated(unfindable=unfindable, by=by)
    groups = None if clusters is None else [clusters[place] for place in counted]

    def figure(values: Sequence[float]) -> Figure:
        return Figure.of(mean(values, rng, clusters=groups))

    rankings = [look.questions[place].ranking for place in counted]
    pieces = [gold[place] for place in counted]
    unions = [frozenset[Passage]().union(*some) for some in pieces]
    recalls = [
        figure([_recall(row, some, k) for row, some in zip(rankings, pieces, strict=True)])
        for k in (1, 3, 5)
    ]
    pairs = list(zip(rankings, unions, strict=True))
    return RetrievalFigures(
        recall_at_1=recalls[0],
        recall_at_3=recalls[1],
        recall_at_5=recalls[2],
        mrr=figure([reciprocal_rank(row, some) for row, some in pairs]),
        ndcg=figure([ndcg_at(row, some, _NDCG_AT) for row, some in pairs]),
        n=len(counted),
        unfindable=unfindable,
        by=by,
    )


def _gold(look: ArmPassages, example: Example, by_evidence: bool) -> list[frozenset[Passage]]:
    """For each piece of evidence the passages that hold it; nothing of an example that is not looked at."""
    if not example.answerable:
        return []
    if by_evidence:
        return look.places.held_by(example)
    passages = look.places.passages
    places = look.places.grounds.answering(passages, example)
    return [frozenset(passages[place] for place in places)] if places else []


def _recall(ranking: Sequence[Passage], pieces: Sequence[frozenset[Passage]], k: int) -> float:
    first = set(ranking[:k])
    return sum(bool(first & piece) for piece in pieces) / len(pieces)


def unranked(reason: str) -> RetrievalFigures:
    """No figures of search, and why."""
    nothing = Figure.of(Estimate(None, reason=reason))
    return RetrievalFigures(
        recall_at_1=nothing,
        recall_at_3=nothing,
        recall_at_5=nothing,
        mrr=nothing,
        ndcg=nothing,
        reason=reason,
    )
