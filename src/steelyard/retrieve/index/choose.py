"""How a corpus is best searched: every way is tried on dev questions whose passages are known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Comparison
from steelyard.errors import DataError
from steelyard.retrieve.index.fusion import best
from steelyard.retrieve.index.lexical import Scores
from steelyard.retrieve.index.passage_index import PassageIndex, fused
from steelyard.retrieve.index.settings import LEGS, FinderSettings
from steelyard.retrieve.measures import ndcg_at, recall_at, reciprocal_rank
from steelyard.seeds import generator
from steelyard.stats.paired import compare

WEIGHTS = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9)
"""Of the dense leg in `convex`; the first of equals is chosen, so the most even one."""
DEPTH = 50
"""MRR looks at so many passages of a ranking."""
_SAME = 1e-9

Figures = Mapping[str, NDArray[np.float64]]
"""Names of figures with one value per question."""


@dataclass(frozen=True)
class FinderFigures:
    """The means of one way over the dev questions; ``over_bm25`` compares recall@1 with BM25's."""

    settings: FinderSettings
    recall_at_1: float
    recall_at_3: float
    recall_at_5: float
    mrr: float
    ndcg_at_10: float
    questions: int
    over_bm25: Comparison | None = None


class Chosen(NamedTuple):
    """The settings to use, and what each way had, the simplest first."""

    settings: FinderSettings
    table: tuple[FinderFigures, ...]

    @property
    def figures(self) -> FinderFigures:
        return next(row for row in self.table if row.settings == self.settings)


def choose_finder(
    index: PassageIndex | Sequence[PassageIndex],
    questions: Sequence[str],
    gold: Sequence[Collection[int]],
    seed: int,
    *,
    clusters: Sequence[str] | None = None,
) -> Chosen:
    """Choose legs and weight by recall@1, then MRR; of equals the simplest.

    ``gold`` holds the places in the index of the passages that answer each question. Several indexes of
    the same passages, which differ in their windows, are tried side by side. ``clusters`` are the
    paragraphs, or whatever makes questions alike, for the intervals; ``seed`` is for them alone. Dev
    questions flatter the best of many: quote figures of others. Raises `DataError` without questions.
    """
    indexes = [index] if isinstance(index, PassageIndex) else list(index)
    if not questions or len(questions) != len(gold) or not all(gold):
        raise DataError(
            "choosing how to search needs dev questions with the passages that answer them"
        )
    ways: dict[FinderSettings, Figures] = {}
    for place, one in enumerate(indexes):
        more = figures_of_ways(one, questions, gold)
        ways |= {way: figures for way, figures in more.items() if place == 0 or way.needs_encoder}
    ways = dict(sorted(ways.items(), key=lambda way: LEGS.index(way[0].legs)))
    reference = next(iter(ways))
    table = tuple(
        _means(settings, figures, _compared(ways, reference, settings, seed, clusters))
        for settings, figures in ways.items()
    )
    return Chosen(pick(ways), table)


def figures_of_ways(
    index: PassageIndex, questions: Sequence[str], gold: Sequence[Collection[int]]
) -> dict[FinderSettings, Figures]:
    """Return the figures of every question under every way to search ``index``, the simplest first."""
    both = index.varied(_both(index))
    parts: dict[FinderSettings, list[Figures]] = {settings: [] for settings in ways_of(index)}
    start = 0
    for some in index.portions(questions):
        bm25, dense = both.leg_scores(some)
        answers = gold[start : start + len(some)]
        start += len(some)
        for settings, figures in parts.items():
            figures.append(figures_of(fused(settings, bm25, dense), answers))
    return {
        settings: {name: np.concatenate([part[name] for part in figures]) for name in figures[0]}
        for settings, figures in parts.items()
    }


def ways_of(index: PassageIndex) -> list[FinderSettings]:
    """Return the settings under which ``index`` can be searched, the simplest first."""
    bm25 = replace(index.settings, legs="bm25", weight=WEIGHTS[0])
    if index.dense is None:
        return [bm25]
    simple = [replace(bm25, legs=legs) for legs in LEGS[:-1]]
    return [*simple, *(replace(bm25, legs="convex", weight=weight) for weight in WEIGHTS)]


def figures_of(scores: Scores, gold: Sequence[Collection[int]]) -> dict[str, NDArray[np.float64]]:
    """Return the figures of each question by its scores of all passages."""
    rows = [[int(place) for place in best(row, DEPTH)] for row in scores]
    pairs = list(zip(rows, gold, strict=True))
    return {
        "recall_at_1": np.array([recall_at(row, passages, 1) for row, passages in pairs]),
        "recall_at_3": np.array([recall_at(row, passages, 3) for row, passages in pairs]),
        "recall_at_5": np.array([recall_at(row, passages, 5) for row, passages in pairs]),
        "mrr": np.array([reciprocal_rank(row, passages) for row, passages in pairs]),
        "ndcg_at_10": np.array([ndcg_at(row, passages, 10) for row, passages in pairs]),
    }


def pick(ways: Mapping[FinderSettings, Figures]) -> FinderSettings:
    """Return the way with the highest mean recall@1, then MRR; the first of equals."""
    chosen, highest = next(iter(ways)), (-1.0, -1.0)
    for settings, figures in ways.items():
        means = (float(figures["recall_at_1"].mean()), float(figures["mrr"].mean()))
        ahead = means[0] - highest[0]
        if ahead > _SAME or (abs(ahead) <= _SAME and means[1] > highest[1] + _SAME):
            chosen, highest = settings, means
    return chosen


def _both(index: PassageIndex) -> FinderSettings:
    return replace(index.settings, legs="bm25" if index.dense is None else "convex")


def _means(
    settings: FinderSettings, figures: Figures, over_bm25: Comparison | None
) -> FinderFigures:
    means = {name: float(values.mean()) for name, values in figures.items()}
    count = len(figures["mrr"])
    return FinderFigures(settings, **means, questions=count, over_bm25=over_bm25)


def _compared(
    ways: Mapping[FinderSettings, Figures],
    reference: FinderSettings,
    settings: FinderSettings,
    seed: int,
    clusters: Sequence[str] | None,
) -> Comparison | None:
    if settings.legs == "bm25":
        return None
    rng = generator(seed, f"finder {settings}")
    a, b = ways[settings]["recall_at_1"], ways[reference]["recall_at_1"]
    return compare(a, b, (str(settings), str(reference)), "recall@1", rng, clusters=clusters)
