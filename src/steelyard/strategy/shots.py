"""Which solved examples a prompt shows, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from steelyard.errors import DataError
from steelyard.label_sets import has_label
from steelyard.retrieve.tfidf import Tfidf
from steelyard.strategy.formats import Shot

CHOICES = ("random", "diverse", "typical")
"""``typical``: nearest to the centre of the label's texts; ``diverse``: far from those before it."""
ORDERS = ("drawn", "short_first", "long_first", "by_label", "reversed")
"""``drawn`` lets the labels alternate. Order alone can move accuracy widely (Lu et al. 2022)."""
_FEATURES = "word"
_MOST = 128
"""So many shots are spread out; what a prompt never reaches keeps its place."""


def shot_sequence(
    shots: Sequence[Shot], labels: Sequence[str], choice: str, rng: np.random.Generator
) -> list[Shot]:
    """Order ``shots`` by ``choice`` so that every prefix holds the labels as evenly as it can.

    Texts are compared by the TF-IDF cosine of their inputs. ``diverse`` is farthest-first traversal
    (Gonzalez 1985), begun at the most typical text. Without ``labels`` all shots are of one kind.
    """
    if choice == "random":
        return balanced_sequence(shots, labels, rng)
    matrix = vectors([shot.input for shot in shots])
    pick = farthest_first if choice == "diverse" else typical_first
    kinds = [np.array(members) for members in by_label(shots, labels) if members]
    queues = [members[pick(matrix[members])].tolist() for members in kinds]
    return [shots[place] for place in in_rounds(queues, rng)]


def balanced_sequence(
    shots: Sequence[Shot], labels: Sequence[str], rng: np.random.Generator
) -> list[Shot]:
    """Order ``shots`` at random so that every prefix holds the labels as evenly as it can.

    Each round gives one shot of every label that has some left, in a new order. Without ``labels``
    it is a plain shuffle. A longer prefix extends a shorter one.
    """
    shuffled = [shots[index] for index in rng.permutation(len(shots))]
    if not labels:
        return shuffled
    return [shuffled[place] for place in in_rounds(by_label(shuffled, labels), rng)]


def by_label(shots: Sequence[Shot], labels: Sequence[str]) -> list[list[int]]:
    """The places of each label's shots; one that has several is with each of them.

    Those that have none (the empty set) come last. Without labels all are of one kind.
    """
    places = range(len(shots))
    if not labels:
        return [list(places)]
    groups = [[i for i in places if has_label(shots[i].output, label)] for label in labels]
    rest = sorted(set(places).difference(*groups))
    return [*groups, rest] if rest else groups


def in_rounds(queues: Sequence[Sequence[int]], rng: np.random.Generator) -> list[int]:
    """Take one place of every queue that has some left, round by round, each in a new order.

    A place that is in several queues is taken once.
    """
    taken = (
        queues[place][turn]
        for turn in range(max((len(queue) for queue in queues), default=0))
        for place in rng.permutation(len(queues))
        if turn < len(queues[place])
    )
    return list(dict.fromkeys(taken))


def ordered(shots: Sequence[Shot], order: str) -> tuple[Shot, ...]:
    """Return the same ``shots`` in one of `ORDERS`; sorts are stable."""
    if order == "reversed":
        return tuple(reversed(shots))
    if order in ("short_first", "long_first"):
        return tuple(sorted(shots, key=lambda s: len(s.input), reverse=order == "long_first"))
    if order == "by_label":
        first = {shot.output: place for place, shot in reversed(list(enumerate(shots)))}
        return tuple(sorted(shots, key=lambda shot: first[shot.output]))
    return tuple(shots)


def vectors(texts: Sequence[str]) -> sparse.csr_matrix:
    """Return the texts' TF-IDF rows; texts without a word are all alike."""
    try:
        return Tfidf.fit(texts, _FEATURES).transform(texts)
    except DataError:
        return sparse.csr_matrix((len(texts), 1))


def typical_first(matrix: sparse.csr_matrix) -> list[int]:
    """Rows by falling similarity to their centre; ties in the given order."""
    return [int(i) for i in np.argsort(-_to_centre(matrix), kind="stable")]


def farthest_first(matrix: sparse.csr_matrix) -> list[int]:
    """Rows so that each is least similar to its nearest among those before it."""
    if not matrix.shape[0]:
        return []
    places = [int(np.argmax(_to_centre(matrix)))]
    nearest = _cosines(matrix, places[0])
    while len(places) < min(_MOST, matrix.shape[0]):
        nearest[places[-1]] = np.inf
        places.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, _cosines(matrix, places[-1]))
    used_places = set(places)
    return [*places, *(row for row in range(matrix.shape[0]) if row not in used_places)]


def _to_centre(matrix: sparse.csr_matrix) -> NDArray[Any]:
    centre = np.asarray(matrix.mean(axis=0)).ravel()
    return np.asarray(np.round(matrix @ centre, 12))


def _cosines(matrix: sparse.csr_matrix, row: int) -> NDArray[Any]:
    return np.asarray(np.round((matrix @ matrix[row].T).toarray().ravel(), 12))
