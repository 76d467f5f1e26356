"""Whether a search still gained when it ended, or had reached a plateau."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from steelyard.seeds import fit_generator
from steelyard.stats import compare
from steelyard.strategy.optimise.board import AnswerBoard, BoardCall
from steelyard.strategy.optimise.design import Design
from steelyard.strategy.optimise.search import SearchPart

LAST = 1 / 3
FEWEST_ITEMS = 20
"""With fewer dev items that both prompts answered, no trend is stated."""
FEWEST_BEFORE = 3
"""So many prompts must have met all of the searched part before; see `late_gain`."""
_AFTER_THE_SEARCH = ("held_back", "free")


@dataclass(frozen=True)
class LateComparison:
    """The best prompt at the end less the best before the last ``share`` of the tokens spent.

    ``difference`` is in the mean score of ``items`` dev examples that both answered, from ``low`` to
    ``high`` at 95 %; 0 without an interval where nothing tried late scored higher.
    """

    trend: Literal["gaining", "flat", "unknown"]
    share: float = LAST
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    items: int = 0
    before: str | None = None
    after: str | None = None
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def late_gain(board: AnswerBoard, part: SearchPart, seed: int) -> LateComparison:
    """Compare the search's best prompt with its best before the last third of what it spent.

    Best by the score on the searched part, among prompts that met all of it; the paired difference is
    over these items and, where both answered it, the held-back part. "gaining": its lower limit is above
    0. Both prompts are the maximum of many on the same items, so the difference is biased, upwards where
    more were tried late than before, and it says nothing beyond dev. With equal prompts the interval
    excluded 0 in under 1 % of simulated searches (24 before, 12 late) and in about 5 % from
    `FEWEST_BEFORE` prompts before on (30 late), but in 19 % after a single one: then nothing is
    stated. Each item's score stands alone: of a metric that is no mean of items it is only a part.
    """
    calls = [call for call in board.course if call.stage not in _AFTER_THE_SEARCH]
    if len(part.search) < FEWEST_ITEMS:
        return LateComparison("unknown", reason=f"too few dev items: {len(part.search)}")
    until = (1 - LAST) * calls[-1].spent if calls else 0.0
    early = _complete((call for call in calls if call.spent <= until), part.search)
    if len(early) < FEWEST_BEFORE:
        met = f"only {len(early)}" if early else "none"
        why = f"{met} of its prompts had met all {len(part.search)} searched dev items before"
        return LateComparison("unknown", reason=why)
    before = _best(board, early, part.search)
    after = _best(board, _complete(calls, part.search), part.search)
    if after.key == before.key:
        why = "nothing that it tried late scored higher"
        return LateComparison(
            "flat", difference=0.0, items=len(part.search), before=before.name, reason=why
        )
    return _compared(board, before, after, part, seed)


def _compared(
    board: AnswerBoard, before: Design, after: Design, part: SearchPart, seed: int
) -> LateComparison:
    is_partial = any(board.missing(design, part.held_back) for design in (before, after))
    items = part.search if is_partial else (*part.search, *part.held_back)
    test = compare(
        board.worth(after, items),
        board.worth(before, items),
        (after.name, before.name),
        board.factory.evaluator.context.metric.name,
        fit_generator(seed, "optimise/late_gain"),
        clusters=[board.examples[item].group for item in items],
    )
    return LateComparison(
        "gaining" if test.low > 0 else "flat",
        difference=test.difference,
        low=test.low,
        high=test.high,
        items=len(items),
        before=before.name,
        after=after.name,
    )


def _complete(asked: Iterable[BoardCall], items: Sequence[int]) -> list[Design]:
    """The designs that had met all ``items`` by the end of these calls, in the order they did."""
    met: dict[Hashable, set[int]] = {}
    complete: dict[Hashable, Design] = {}
    for call in asked:
        answered = met.setdefault(call.design.key, set())
        answered.update(call.items)
        if answered.issuperset(items):
            complete.setdefault(call.design.key, call.design)
    return list(complete.values())


def _best(board: AnswerBoard, designs: Sequence[Design], items: Sequence[int]) -> Design:
    """The highest score; among equals the first to have it."""
    return max(designs, key=lambda design: board.score(design, items))
