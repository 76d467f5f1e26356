"""Choosing among trainings by the task's metric, then by the loss; and what is to be said of a choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from steelyard.stats.selection import cheapest
from steelyard.train.base import DevScore


class TuningCandidate(NamedTuple):
    """A rate or an epoch by its ``name``, the loss on dev in nats, and where dev was answered the score."""

    name: str
    loss: float
    score: DevScore | None


@dataclass(frozen=True)
class TuningChoice:
    """The place of the choice, and whether another one has the lowest loss or the best metric."""

    place: int
    note: str | None = None


def best_of(candidates: Sequence[TuningCandidate]) -> TuningChoice:
    """Choose the candidate of the lowest loss that is within one standard error of the best metric.

    See `cheapest`. Where one has no score, the loss alone decides.
    """
    order = sorted(range(len(candidates)), key=lambda place: candidates[place].loss)
    scores = [score for place in order if (score := candidates[place].score) is not None]
    if len(scores) < len(order):
        return TuningChoice(order[0])
    totals = [score.total for score in scores]
    place = cheapest(totals, [np.array(score.items) for score in scores])
    return TuningChoice(order[place], _disagreement([candidates[one] for one in order], place))


def best_first(candidates: Sequence[TuningCandidate]) -> list[int]:
    """The places of all candidates: the choice (`best_of`) first, then that among the others, and so on."""
    left, order = list(range(len(candidates))), list[int]()
    while left:
        order.append(left.pop(best_of([candidates[place] for place in left]).place))
    return order


def _disagreement(ordered: Sequence[TuningCandidate], place: int) -> str | None:
    """Say where the lowest loss, which is the first of ``ordered``, does not come with the best metric."""
    totals = [0.0 if one.score is None else one.score.total for one in ordered]
    top = max(range(len(totals)), key=lambda one: (totals[one], -one))
    if ordered[0].score is None or totals[top] <= totals[0]:
        return None
    lowest, best, metric = ordered[0], ordered[top], ordered[0].score.metric
    why = "" if place == top else ", within one standard error of the best"
    return (
        f"loss and metric disagree on dev: {lowest.name} has the lowest loss "
        f"({lowest.loss:.3f}, with {metric} {totals[0]:.3f}), {best.name} the best {metric} "
        f"({totals[top]:.3f}, with a loss of {best.loss:.3f}); {ordered[place].name} was taken{why}"
    )


def last_gain(candidates: Sequence[TuningCandidate]) -> str | None:
    """Say what got better from the last but one to the last, with both figures; ``None``: nothing.

    What three digits do not show is nothing. Of a single one it is not known, and taken to be so: the text
    is empty.
    """
    if len(candidates) < 2:
        return ""
    before, last = candidates[-2:]
    losses = [f"{one.loss:.3f}" for one in (before, last)]
    if last.loss < before.loss and losses[0] != losses[1]:
        return f"loss {losses[0]}, then {losses[1]}"
    if before.score is None or last.score is None or last.score.total <= before.score.total:
        return None
    return f"{last.score.metric} {before.score.total:.3f}, then {last.score.total:.3f}"
