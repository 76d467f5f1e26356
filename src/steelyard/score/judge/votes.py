"""Votes: what one says, and how they add up: to win, tie or loss in both orders, or to a mark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steelyard.core import Completion
from steelyard.score.judge.options import TIE, A, B, JudgeOptions
from steelyard.score.judge.reading import read_judgement
from steelyard.score.judge.yes_no import read_yes_no

JudgeOutcome = Literal["win", "tie", "loss"]
Vote = Mapping[str, float]
"""How likely each word is: one word that was said, or the model's own probabilities."""

_WITHHELD = ("refusal", "content_filter", "tool_calls")
"""What ends a completion whose text, where it has one, is no judgement."""
_WHOLE = re.compile(r".*(?:[.!?;]\s|\n)", re.DOTALL)
"""What stands of an answer that was cut: its whole sentences and lines."""

NEUTRAL = 0.5
"""What a reply scores where the judge failed: its failure is not the arm's."""
_WORTH: Mapping[JudgeOutcome, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0}


@dataclass(frozen=True)
class Judgement:
    """The judge's opinion of one reply; ``score`` is in [0, 1].

    ``outcome`` is for comparisons: the reply against the reference. ``flipped`` says that the two
    orders named opposite winners, which counts as a tie. ``mark`` is for ratings. ``failed`` says that
    no judgement could be read: the score is then 0.5.
    """

    score: float
    outcome: JudgeOutcome | None = None
    mark: float | None = None
    flipped: bool = False
    failed: bool = False


FAILED = Judgement(NEUTRAL, failed=True)
SAME = Judgement(_WORTH["tie"], "tie")
"""A reply that is the reference: there is nothing to choose between."""


def read_vote(completion: Completion | None, options: JudgeOptions) -> Vote | None:
    """Return what one answer says; ``None`` where it cannot be read.

    Probabilities are read where they add to the word that was said: for marks and yes or no, and in place of
    further votes, which only sample them.
    """
    if completion is None or completion.finish_reason in _WITHHELD:
        return None
    probabilities = completion.probabilities
    if (
        probabilities
        and completion.failure is None
        and (options.mode != "compare" or options.votes > 1)
    ):
        return _tempered({word: probabilities.get(word, 0.0) for word in options.choices}, options)
    if completion.is_cut and options.reasoning:
        return None  # cut off before its verdict
    text = completion.text
    if completion.is_cut:  # "B is better" may have gone on: in tone, but
        whole = _WHOLE.match(text)
        text = whole[0] if whole else ""
    is_support = options.mode == "support"
    word = read_yes_no(text) if is_support else read_judgement(text, options.choices)
    return None if word is None else {word: 1.0}


def _tempered(probabilities: Mapping[str, float], options: JudgeOptions) -> Vote | None:
    """Probabilities at the judge's temperature; models report them at 1."""
    power = 1 / options.temperature if options.temperature > 0 else 1.0
    largest = max(probabilities.values())
    if largest <= 0:
        return None
    weights = {word: (share / largest) ** power for word, share in probabilities.items()}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}


def is_sampled(vote: Vote | None) -> bool:
    """Whether more votes would add information: it was one word, not all probabilities."""
    return vote is None or len(vote) < 2


def compared(first: Sequence[Vote | None], second: Sequence[Vote | None]) -> Judgement:
    """Judge a reply by the votes with it shown as A (``first``) and as B (``second``).

    The two orders cancel a judge's liking for a place (Zheng et al. 2023, NeurIPS, "Judging
    LLM-as-a-Judge"): opposite winners in them are a tie.
    """
    one, other = _order(first, A, B), _order(second, B, A)
    if one is None or other is None:
        return FAILED
    (one_said, one_score), (other_said, other_score) = one, other
    if {one_said, other_said} == {"win", "loss"}:
        return Judgement(_WORTH["tie"], "tie", flipped=True)
    worth = _WORTH[one_said] + _WORTH[other_said]
    outcome: JudgeOutcome = "tie" if worth == 1 else "win" if worth > 1 else "loss"
    return Judgement((one_score + other_score) / 2, outcome)


def _order(
    votes: Sequence[Vote | None], ours: str, theirs: str
) -> tuple[JudgeOutcome, float] | None:
    """What most votes of one order say, and their mean worth; ``None`` without a readable vote."""
    shares = mean_vote(votes)
    if shares is None:
        return None
    win, tie, loss = (shares.get(word, 0.0) for word in (ours, TIE, theirs))
    outcome: JudgeOutcome = (
        "win" if win > max(tie, loss) else "loss" if loss > max(win, tie) else "tie"
    )
    return outcome, win + _WORTH["tie"] * tie


def rated(votes: Sequence[Vote | None], scale: int) -> Judgement:
    """Judge a reply by its expected mark (G-Eval: Liu et al. 2023, EMNLP), on a scale from 1."""
    shares = mean_vote(votes)
    if shares is None:
        return FAILED
    mark = sum(int(word) * share for word, share in shares.items())
    return Judgement((mark - 1) / (scale - 1), mark=mark)


def mean_vote(votes: Sequence[Vote | None]) -> Vote | None:
    """The mean of the readable votes."""
    readable = [vote for vote in votes if vote is not None]
    words = dict.fromkeys(word for vote in readable for word in vote)
    if not readable:
        return None
    return {word: sum(vote.get(word, 0.0) for vote in readable) / len(readable) for word in words}
