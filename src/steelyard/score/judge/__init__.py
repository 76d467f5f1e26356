"""A model as a judge of replies: what it is asked, how its votes count, and whom it agrees with."""

from __future__ import annotations

from steelyard.score.judge.agreement import check_judge, judge_agreement
from steelyard.score.judge.metric import Judge
from steelyard.score.judge.options import JudgeOptions
from steelyard.score.judge.ratings import read_ratings

__all__ = [
    "Judge",
    "JudgeOptions",
    "check_judge",
    "judge_agreement",
    "read_ratings",
]
