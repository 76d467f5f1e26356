"""Whether a search still gained when it ended: from the calls of a board to the statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from steelyard.strategy.optimise.board import AnswerBoard, BoardCall
from steelyard.strategy.optimise.design import Design
from steelyard.strategy.optimise.late_gain import FEWEST_BEFORE, late_gain
from steelyard.strategy.optimise.search import SearchPart
from tests.strategy.optimise.test_race import board, knows

__all__ = ["board"]
EVERYTHING = SearchPart(tuple(range(40)), (), ())
PARTED = SearchPart(tuple(range(30)), tuple(range(30, 40)), ())
EARLY = [knows(100, 109), knows(101, 110), knows(102, 111), knows(103, 112)]


def course(
    made: AnswerBoard, designs: Sequence[Design], part: SearchPart = EVERYTHING
) -> dict[str, Any]:
    for design in designs:
        assert made.ask(design, part.search, "moves")
    return stated(made, part)


def stated(made: AnswerBoard, part: SearchPart = EVERYTHING) -> dict[str, Any]:
    """The statement, its prompts called by their instructions alone."""
    gain = late_gain(made, part, 0).to_dict()
    return gain | {
        name: gain[name].partition(" · ")[0] for name in ("before", "after") if name in gain
    }


@pytest.mark.parametrize(
    ("late", "trend", "difference", "after"),
    [
        pytest.param([knows(100, 135), knows(104, 113)], "gaining", 0.65, "100 to 135", id="far"),
        pytest.param([knows(100, 110), knows(104, 113)], "flat", 0.025, "100 to 110", id="by one"),
        pytest.param([knows(104, 113), knows(105, 114)], "flat", 0.0, None, id="only level"),
        pytest.param([knows(100, 101), knows(100, 102)], "flat", 0.0, None, id="worse"),
    ],
)
def test_the_end_is_compared_with_what_was_best_before_the_last_third(
    board: Callable[..., AnswerBoard],
    late: list[Design],
    trend: str,
    difference: float,
    after: str | None,
) -> None:
    gain = course(board(), [*EARLY, *late])
    assert (gain["trend"], gain["items"], gain.get("after")) == (trend, 40, after)
    assert gain["difference"] == pytest.approx(difference)
    assert gain["before"] == "100 to 109"
    if after is None:
        assert gain["reason"] == "nothing that it tried late scored higher"
        assert "low" not in gain and "high" not in gain
    else:
        assert gain["low"] <= gain["difference"] <= gain["high"]
        assert (gain["low"] > 0) == (trend == "gaining")


def test_what_was_finished_late_is_late_though_it_began_before(
    board: Callable[..., AnswerBoard],
) -> None:
    made, best = board(), knows(100, 135)
    made.ask(best, EVERYTHING.search[:10], "screen")
    gain = course(made, [*EARLY, knows(104, 113), best])
    assert (gain["trend"], gain["after"]) == ("gaining", "100 to 135")


@pytest.mark.parametrize(("both", "items"), [(True, 40), (False, 30)])
def test_held_back_items_count_where_both_answered_them(
    board: Callable[..., AnswerBoard], both: bool, items: int
) -> None:
    made, best = board(), knows(100, 128)
    designs = [*EARLY, best, knows(104, 113)]
    course(made, designs, PARTED)
    for design in [best, *EARLY[:both]]:
        made.ask(design, PARTED.held_back, "held_back")
    gain = stated(made, PARTED)
    assert (gain["items"], gain["after"]) == (items, "100 to 128")
    assert gain["difference"] == pytest.approx(19 / items)


@pytest.mark.parametrize(
    ("designs", "part", "reason"),
    [
        ([], EVERYTHING, "none of its prompts had met all 40 searched dev items before"),
        (EARLY[:1], EVERYTHING, "none of its prompts had met"),
        (EARLY[:3], EVERYTHING, "only 2 of its prompts had met all 40 searched dev items before"),
        (EARLY, SearchPart(tuple(range(19)), (), ()), "too few dev items: 19"),
    ],
)
def test_too_little_cannot_tell(
    board: Callable[..., AnswerBoard], designs: list[Design], part: SearchPart, reason: str
) -> None:
    gain = course(board(), designs, part)
    assert gain["trend"] == "unknown"
    assert reason in gain["reason"]
    assert "difference" not in gain


class CoinBoard:
    """Prompts that are all right on 80 % of items, drawn anew for each; every call costs the same."""

    def __init__(self, rng: np.random.Generator, prompts: int, items: int) -> None:
        designs = [knows(0, number) for number in range(prompts)]
        self.scores = {
            design.key: (rng.random(items) < 0.8).astype(np.float64) for design in designs
        }
        self.course = [
            BoardCall(design, tuple(range(items)), "moves", number)
            for number, design in enumerate(designs, start=1)
        ]
        self.examples = [SimpleNamespace(group=None)] * items
        context = SimpleNamespace(metric=SimpleNamespace(name="accuracy"))
        self.factory = SimpleNamespace(evaluator=SimpleNamespace(context=context))

    def missing(self, design: Design, items: Sequence[int]) -> list[int]:
        return []

    def worth(self, design: Design, items: Sequence[int]) -> Any:
        return self.scores[design.key][list(items)]

    def score(self, design: Design, items: Sequence[int]) -> float:
        return float(self.worth(design, items).mean())


@pytest.mark.parametrize("prompts", [9, 36])
def test_equal_prompts_are_rarely_said_to_gain(prompts: int) -> None:
    rng = np.random.default_rng(11)
    part = SearchPart(tuple(range(84)), (), ())
    trends = [
        late_gain(CoinBoard(rng, prompts, 84), part, 0).trend  # type: ignore[arg-type]
        for _ in range(300)
    ]
    assert "unknown" not in trends
    assert trends.count("gaining") / 300 <= 0.02
    assert prompts // 3 >= FEWEST_BEFORE
