"""What one answer of a judge counts as."""

from __future__ import annotations

import pytest

from steelyard.core import Completion
from steelyard.score.judge.options import JudgeOptions
from steelyard.score.judge.votes import read_vote

COMPARE = JudgeOptions()
REASONED = JudgeOptions(reasoning=True)
RATE = JudgeOptions(mode="rate")


@pytest.mark.parametrize(
    ("options", "completion", "vote"),
    [
        (COMPARE, Completion("Reply B is worse, reply A is better.", "stop"), {"A": 1.0}),
        (COMPARE, Completion("B. It names the", "length"), {"B": 1.0}),
        (COMPARE, Completion("B\n\nIt names", "length"), {"B": 1.0}),
        (COMPARE, Completion("Reply A is better", "length"), None),  # in tone, but
        (COMPARE, Completion("A", "length"), None),  # and B are equal
        (RATE, Completion("Score: 1", "length"), None),  # 1.5
        (COMPARE, Completion("A is not better", "stop"), None),
        (REASONED, Completion("Reply A is better.", "length"), None),  # before its verdict
        (REASONED, Completion("Reply A is better.\nVerdict: A", "stop"), {"A": 1.0}),
        (RATE, Completion("Score: 7/10", "stop"), None),
        (RATE, Completion("4", "stop"), {"4": 1.0}),
        (COMPARE, None, None),
    ],
)
def test_a_vote_is_what_is_said_or_nothing(
    options: JudgeOptions, completion: Completion | None, vote: dict[str, float] | None
) -> None:
    assert read_vote(completion, options) == vote
