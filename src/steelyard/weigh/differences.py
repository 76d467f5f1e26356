"""Which test examples one arm gets right and another does not, for every two arms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Example, Record
from steelyard.result.differences import Differences, DifferingExample, PairCounts
from steelyard.words import shortened

MOST_EXAMPLES = 100
"""So many differing examples are listed with their texts; the counts are over all of them."""
_INPUT_CHARACTERS = 240
_ANSWER_CHARACTERS = 120

_Scores = Mapping[str, NDArray[np.float64]]
_Pair = tuple[str, str]
_Rewrite = Callable[[str], str]


def differences(
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    first: str | None = None,
    rewrite: _Rewrite = str,
) -> Differences:
    """Count, for any two arms, who is better on how many examples, and list examples that differ.

    ``records`` holds each arm's in the order of ``examples``. The list takes one example of each pair
    in turn, pairs of the arm ``first`` before others, until all are in or `MOST_EXAMPLES` are. Each
    text goes through ``rewrite``, which may hide private values, before it is cut.
    """
    scores = {
        arm: np.array([record.score for record in rows], dtype=np.float64)
        for arm, rows in records.items()
    }
    pairs = sorted(combinations(scores, 2), key=lambda pair: first not in pair)
    table = np.array(list(scores.values())).reshape(len(scores), len(examples))
    return Differences(
        n=len(examples),
        is_graded=not bool(np.isin(table, (0.0, 1.0)).all()),
        differing=int((np.ptp(table, axis=0) > 0).sum()) if pairs else 0,
        pairs=tuple(_counts(scores, *pair) for pair in pairs),
        examples=tuple(
            _example(examples[place], place, records, rewrite) for place in _places(scores, pairs)
        ),
    )


def _counts(scores: _Scores, a: str, b: str) -> PairCounts:
    one, other = scores[a], scores[b]
    alike = one == other
    return PairCounts(
        a=a,
        b=b,
        both_right=int((alike & (one == 1)).sum()),
        a_better=int((one > other).sum()),
        b_better=int((one < other).sum()),
        alike=int((alike & (one != 1)).sum()),
    )


def _places(scores: _Scores, pairs: Sequence[_Pair]) -> list[int]:
    """The examples to list, in their order: the first of every pair, then the second, and so on."""
    chosen: set[int] = set()
    waiting = [iter(np.flatnonzero(scores[a] != scores[b]).tolist()) for a, b in pairs]
    while waiting and len(chosen) < MOST_EXAMPLES:
        waiting = [places for places in waiting if _add_next(chosen, places)]
    return sorted(chosen)


def _add_next(chosen: set[int], places: Iterator[int]) -> bool:
    """Add a pair's next example that is not there yet; false where it has none, or no room is left."""
    place = next((place for place in places if place not in chosen), None)
    if place is None or len(chosen) >= MOST_EXAMPLES:
        return False
    chosen.add(place)
    return True


def _example(
    example: Example, place: int, records: Mapping[str, Sequence[Record]], rewrite: _Rewrite
) -> DifferingExample:
    answers = {arm: rows[place] for arm, rows in records.items()}
    return DifferingExample(
        example_id=example.id,
        input=shortened(rewrite(example.input), _INPUT_CHARACTERS),
        reference=shortened(rewrite(example.output), _ANSWER_CHARACTERS),
        scores={arm: record.score for arm, record in answers.items()},
        outputs={arm: _output(record, rewrite) for arm, record in answers.items()},
    )


def _output(record: Record, rewrite: _Rewrite) -> str | None:
    if record.outcome == "failed":
        return None
    return shortened(rewrite(record.answer.output or ""), _ANSWER_CHARACTERS)
