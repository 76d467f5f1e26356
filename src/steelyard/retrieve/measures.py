"""Figures of a ranking: how much of what was to be found stands how high.

Järvelin & Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques" (2002); relevance is yes or no.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from math import log2


def recall_at(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Return the share of ``gold`` among the first ``k``, in [0, 1].

    ``gold`` must not be empty, here and below: nothing to find has no figure. Raises `ValueError`.
    """
    _check(gold)
    return len(set(ranking[:k]) & set(gold)) / len(set(gold))


def reciprocal_rank(ranking: Sequence[Hashable], gold: Collection[Hashable]) -> float:
    """Return 1 / rank of the first passage of ``gold``, counted from 1; 0 where there is none."""
    _check(gold)
    return next((1 / rank for rank, passage in enumerate(ranking, 1) if passage in gold), 0.0)


def ndcg_at(ranking: Sequence[Hashable], gold: Collection[Hashable], k: int) -> float:
    """Return the discounted cumulated gain of the first ``k`` over that of the best order, in [0, 1].

    A passage that stands in the ranking twice counts once.
    """
    _check(gold)
    ranks = {passage: rank for rank, passage in reversed(list(enumerate(ranking[:k], 1)))}
    gain = sum(1 / log2(rank + 1) for passage, rank in ranks.items() if passage in gold)
    best = sum(1 / log2(rank + 1) for rank in range(1, min(k, len(set(gold))) + 1))
    return gain / best if best else 0.0


def _check(gold: Collection[Hashable]) -> None:
    if not gold:
        raise ValueError("a question without gold passages has no figures of retrieval")
