"""Asking the judge: all questions in few calls, and unreadable answers once more."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from steelyard.core import Completion, Message, Request
from steelyard.errors import MissingExtraError, ModelError, SteelyardError
from steelyard.model.base import Model
from steelyard.model.phase import during
from steelyard.model.thoughts import why_unanswered, without_thoughts
from steelyard.score.judge.options import JudgeOptions
from steelyard.score.judge.prompts import asked_again
from steelyard.score.judge.votes import Vote, is_sampled, read_vote
from steelyard.words import counted

JudgePrompt = tuple[Message, ...]

log = logging.getLogger("steelyard")

PHASE = "judge"
"""Requests to a judge have an account of their own, whichever phase needs the judgement."""

_SHOWN = 80
_CHOICE_TOKENS = 16
_PLAIN_TOKENS = 64
_REASONED_TOKENS = 400
_ROOM_TOKENS = 8192
"""What an answer may take that is asked for again because the first was cut: the judge reasons."""


def ask(
    model: Model, options: JudgeOptions, questions: Sequence[JudgePrompt]
) -> list[list[Vote | None]]:
    """Return each question's votes; ``None`` for one that could not be read, asked twice.

    A model that tells the probabilities of its words is asked once: its votes would only sample
    them. Only models on this machine tell them, so others are asked for all votes at once. Raises
    `SteelyardError` where the model fails: the arm that is judged did answer, and must not end for it.
    """
    if not questions:
        return []
    with _judging():
        return _votes(model, options, questions)


@contextmanager
def _judging() -> Iterator[None]:
    try:
        with during(PHASE):
            yield
    except (ModelError, MissingExtraError) as error:
        raise SteelyardError(f"the judge could not be asked: {error}") from error


def _votes(
    model: Model, options: JudgeOptions, questions: Sequence[JudgePrompt]
) -> list[list[Vote | None]]:
    at_once = 1 if model.local else options.votes
    votes = [(place, vote) for place in range(len(questions)) for vote in range(at_once)]
    cast = dict(zip(votes, _cast(model, options, questions, votes), strict=True))
    further = [
        (place, vote)
        for place in range(len(questions))
        for vote in range(at_once, options.votes)
        if is_sampled(cast[place, 0])
    ]
    cast |= dict(zip(further, _cast(model, options, questions, further), strict=True))
    return [
        [cast[place, vote] for vote in range(options.votes) if (place, vote) in cast]
        for place in range(len(questions))
    ]


def _cast(
    model: Model,
    options: JudgeOptions,
    questions: Sequence[JudgePrompt],
    votes: Sequence[tuple[int, int]],
) -> list[Vote | None]:
    """Ask for ``votes``, pairs of a question's place and the number of the vote."""
    requests = [_request(options, questions[place], vote) for place, vote in votes]
    completions = _answers(model, requests)
    answers = [read_vote(completion, options) for completion in completions]
    unread = [index for index, answer in enumerate(answers) if answer is None]
    again = _answers(
        model, [_once_more(options, requests[index], completions[index]) for index in unread]
    )
    for index, completion in zip(unread, again, strict=True):
        answers[index] = read_vote(completion, options)
    lost = [completion for completion in again if read_vote(completion, options) is None]
    if lost:
        votes_lost = f"{counted(len(lost), 'vote')} of {len(votes)}"
        log.warning("the judge failed on %s, the last one with: %s", votes_lost, _why(lost[-1]))
    return answers


def _why(completion: Completion | None) -> str:
    if completion is None:
        return "no answer"
    reason = completion.failure or why_unanswered(completion)
    return reason or f"the answer {completion.text[:_SHOWN]!r}"


def _answers(model: Model, requests: Sequence[Request]) -> list[Completion | None]:
    answers = model.generate(requests) if requests else []
    return [None if answer is None else without_thoughts(answer) for answer in answers]


def _request(options: JudgeOptions, question: JudgePrompt, vote: int) -> Request:
    """The request of one vote: the same today and tomorrow, and so in the store."""
    return Request(
        messages=question,
        max_output_tokens=_REASONED_TOKENS if options.reasoning else _CHOICE_TOKENS,
        choices=() if options.reasoning else options.choices,
        temperature=options.temperature,
        seed=_seed(question, vote) if options.temperature > 0 else None,
    )


def _once_more(options: JudgeOptions, request: Request, unread: Completion | None) -> Request:
    """Ask in plainer words, for free text: an endpoint may have refused the form of the first.

    One that was cut gets room for its reasoning.
    """
    is_cut = unread is not None and unread.is_cut
    plain = _REASONED_TOKENS if options.reasoning else _PLAIN_TOKENS
    return Request(
        messages=asked_again(options, request.messages),
        max_output_tokens=_ROOM_TOKENS if is_cut else plain,
        temperature=request.temperature,
        seed=request.seed,
        nonce="again",
    )


def _seed(question: JudgePrompt, vote: int) -> int:
    """A seed for each vote on each question, in 31 bits, which every endpoint takes."""
    text = "\0".join(chain.from_iterable(question))
    digest = hashlib.sha256(f"{vote}\0{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4]) & 0x7FFFFFFF
