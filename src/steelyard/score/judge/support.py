"""Whether passages support an answer: what a judge is asked, and what its words come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from steelyard.core import Example
from steelyard.model.base import Model
from steelyard.score.judge.asking import ask
from steelyard.score.judge.options import NO, YES, JudgeOptions
from steelyard.score.judge.prompts import support_messages
from steelyard.score.judge.votes import mean_vote


@dataclass(frozen=True)
class CitedAnswer:
    """An answer to an example's input, and the passages that are to support it."""

    example: Example
    answer: str
    passages: tuple[str, ...]


def judge_support(
    model: Model, options: JudgeOptions, answers: Sequence[CitedAnswer]
) -> list[bool | None]:
    """Ask of each answer whether its passages support every claim of it.

    The majority of the votes counts. ``None``: no vote could be read, or as many say yes as no; that
    says nothing of the answer. Raises `SteelyardError` where the model fails.
    """
    options = replace(options, mode="support")
    questions = [
        support_messages(options, one.example, one.passages, one.answer) for one in answers
    ]
    shares = [mean_vote(votes) for votes in ask(model, options, questions)]
    return [
        None
        if share is None or share.get(YES, 0.0) == share.get(NO, 0.0)
        else share.get(YES, 0.0) > share.get(NO, 0.0)
        for share in shares
    ]
