"""Successive halving with racing: many designs meet few examples, few meet many."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.design import Design

ALPHA = 0.05
ETA = 3
"""Each round meets so many times the examples, with one design in so many."""


class RaceSettings(NamedTuple):
    """How a race is run: over ``items`` in this order, ``first`` of them in the first round.

    The best ``keep`` go on at least, unless a test puts them behind the leader.
    """

    items: tuple[int, ...]
    first: int
    keep: int
    stage: str


class Standing(NamedTuple):
    """Where a design stands: its score over the ``items`` it was asked about last."""

    design: Design
    items: int
    score: float


def race(board: AnswerBoard, designs: Sequence[Design], settings: RaceSettings) -> list[Standing]:
    """Return the designs that were asked, best first; empty where the budget allows none.

    Successive halving (Jamieson & Talwalkar 2016): each round meets `ETA` times the examples and
    keeps one design in `ETA`. Racing (Maron & Moore 1994; Birattari et al. 2002) drops more: those
    that a paired sign test puts behind the leader. Where a round costs more than is left, fewer go on.
    """
    alive = list({design.key: design for design in designs}.values())
    standings: dict[Hashable, Standing] = {}
    every = rounds(settings)
    for number, items in enumerate(every):
        # halving spends alike on each round, so the first may not take what the others need
        going = affordable(board, alive, items, 1 / (len(every) - number))
        alive = [design for design in going if board.ask(design, items, settings.stage)]
        for design in alive:
            standings[design.key] = Standing(design, len(items), board.score(design, items))
        alive = survivors(board, alive, items, settings.keep)
    return ranked(board, list(standings.values()))


def rounds(settings: RaceSettings) -> list[tuple[int, ...]]:
    """Return the examples of each round; the last has them all."""
    sizes = []
    size = max(1, settings.first)
    while size < len(settings.items):
        sizes.append(size)
        size *= ETA
    return (
        [settings.items[:size] for size in (*sizes, len(settings.items))] if settings.items else []
    )


def affordable(
    board: AnswerBoard, designs: Sequence[Design], items: Sequence[int], share: float = 1.0
) -> list[Design]:
    """Return those of ``designs``, the first before the others, that can all be asked about ``items``.

    Together they take at most ``share`` of what is left, or it is one alone. What was answered before
    costs nothing.
    """
    designs_within: list[Design] = []
    tokens = questions = 0
    for design in designs:
        more, missing = board.cost(design, items), len(board.missing(design, items))
        part = share if designs_within else 1.0
        prices = round((tokens + more) / part), round((questions + missing) / part)
        if not missing or board.budget.affords(*prices):
            designs_within.append(design)
            tokens, questions = tokens + more, questions + missing
    return designs_within


def survivors(
    board: AnswerBoard, designs: Sequence[Design], items: Sequence[int], keep: int
) -> list[Design]:
    """Return the best part, at least ``keep``, without those behind the leader; best first."""
    standings = [Standing(design, len(items), board.score(design, items)) for design in designs]
    order = [standing.design for standing in ranked(board, standings)]
    going = order[: max(keep, -(-len(order) // ETA))]
    if len(going) < 2:
        return going
    leader = board.worth(going[0], items)
    return [
        going[0],
        *(design for design in going[1:] if not behind(board.worth(design, items), leader)),
    ]


def ranked(board: AnswerBoard, standings: Sequence[Standing]) -> list[Standing]:
    """Order by examples met, then score, then the shorter prompt."""
    return sorted(
        standings,
        key=lambda standing: (
            -standing.items,
            -standing.score,
            board.factory.size(standing.design),
        ),
    )


def behind(worth: NDArray[np.float64], leader: NDArray[np.float64]) -> bool:
    """Whether a paired, one-sided sign test at `ALPHA` puts a design behind the leader.

    Ties are left out; for scores of 0 and 1 it is McNemar's exact test. Assumes independent items;
    the level is not corrected for the number of designs, as a wrong drop only narrows the search.
    """
    from scipy.stats import binom

    worse, better = int(np.sum(worth < leader)), int(np.sum(worth > leader))
    return worse > better and float(binom.sf(worse - 1, worse + better, 0.5)) < ALPHA
