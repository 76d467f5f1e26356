"""Answers in rounds: ask, decide after reasoning, repair, vote. One answer for each example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from steelyard.core import Answer, Completion, Message, Request
from steelyard.model.accounts import in_turn, side_by_side
from steelyard.model.base import Model
from steelyard.model.thoughts import without_thoughts
from steelyard.packaged import packaged
from steelyard.strategy.base import Brief
from steelyard.strategy.formats import fill
from steelyard.strategy.prompt import PromptRecipe
from steelyard.strategy.reading import Reading, canonical, misfit, read_completion, split_reasoned

_NOTHING = "-"
"""Stands for an empty turn."""
OnSettled = Callable[[Sequence[tuple[int, Answer]]], None]


@cache
def wording(name: str) -> Mapping[str, Any]:
    """Return ``data/NAME.json``: the words that prompts are made of."""
    return dict(packaged(f"strategy/data/{name}.json"))


@dataclass
class Attempt:
    """One attempt at an answer: what is asked next, what came back, and the answer once it is settled.

    ``readable`` is the last answer that could be read, in case a repair makes things worse.
    """

    example: int
    request: Request
    completions: list[Completion] = field(default_factory=list)
    reasoning: str | None = None
    repairs: int = 0
    readable: str | None = None
    answer: Answer | None = None


class Rounds:
    """Asks a model for one call of an arm. Each round is one ``generate`` over all open attempts.

    ``request_count`` counts what was sent. An example is settled, once, when all its attempts are.
    """

    def __init__(self, model: Model, model_name: str, brief: Brief, recipe: PromptRecipe) -> None:
        self._model = model
        self._name = model_name
        self._brief = brief
        self._recipe = recipe
        self._on_settled: OnSettled = lambda settled: None
        self._attempts: list[list[Attempt]] = []
        self.request_count = 0

    def run(self, requests: Sequence[Request], on_settled: OnSettled) -> list[Answer]:
        """Answer each request; ``on_settled`` is called with each answer as soon as it stands."""
        self._on_settled = on_settled
        self._attempts = [self._begin(place, request) for place, request in enumerate(requests)]
        answers: dict[int, Answer] = {}
        pending = [attempt for attempts in self._attempts for attempt in attempts]
        while pending:
            self._ask(pending, answers)
            pending = [attempt for attempt in pending if attempt.answer is None]
        return [answers[place] for place in range(len(requests))]

    def _begin(self, example: int, request: Request) -> list[Attempt]:
        """Return an example's attempts: one, or one for each vote, with nonces that differ."""
        if self._is_two_step:
            request = replace(request, choices=(), schema=None)
        if self._recipe.samples == 1:
            return [Attempt(example, request)]
        before = f"{request.nonce}/" if request.nonce else ""
        return [
            Attempt(example, replace(request, nonce=f"{before}vote-{number + 1}"))
            for number in range(self._recipe.samples)
        ]

    @property
    def _is_two_step(self) -> bool:
        return self._recipe.reasoning and self._recipe.decoding == "constrained"

    def _ask(self, pending: Sequence[Attempt], answers: dict[int, Answer]) -> None:
        """Ask one request of each attempt, and settle the examples that this completes."""
        reported: set[int] = set()

        def tell(batch: Sequence[tuple[int, Completion]]) -> None:
            for place, completion in batch:
                reported.add(place)
                self._take(pending[place], completion)
            settled = {}
            for place, _ in batch:
                example = pending[place].example
                attempts = self._attempts[example]
                if example not in answers and all(
                    attempt.answer is not None for attempt in attempts
                ):
                    settled[example] = answers[example] = self._elect(attempts)
            if settled:
                self._on_settled(list(settled.items()))

        completions = self._model.generate([attempt.request for attempt in pending], tell)
        self.request_count += len(pending)
        untold = [(place, c) for place, c in enumerate(completions) if place not in reported and c]
        if untold:
            tell(untold)

    def _take(self, attempt: Attempt, completion: Completion) -> None:
        """Read what came back; settle the attempt, or say what it is asked next."""
        completion = without_thoughts(completion)
        attempt.completions.append(completion)
        recipe, failed = self._recipe, completion.failure is not None
        if self._is_two_step and attempt.reasoning is None and not failed:
            attempt.reasoning = _reasoning_in(completion.text or completion.reasoning)
            attempt.request = self._decision(attempt.request, attempt.reasoning)
            return
        reasoned = recipe.reasoning and attempt.reasoning is None
        asked = attempt.request.messages[-1].content
        reading = read_completion(self._brief, completion, reasoned=reasoned, question=asked)
        complaint = None if failed else self._complaint(reading, completion)
        attempt.readable = attempt.readable if reading[0] is None else reading[0]
        if complaint is not None and attempt.repairs < recipe.repairs:
            attempt.repairs += 1
            attempt.request = self._repair(attempt.request, completion.text, complaint)
            return
        attempt.answer = self._settle(attempt, reading)

    def _complaint(self, reading: Reading, completion: Completion) -> str | None:
        """Say what is wrong with an answer that a repair might fix."""
        if not self._recipe.repairs:
            return None
        output, failure = reading
        if output is None:
            cut = completion.finish_reason == "length"
            return f"it was cut after {completion.output_tokens} tokens" if cut else failure
        return misfit(self._brief, output) if self._brief.kind == "json" else None

    def _settle(self, attempt: Attempt, reading: Reading) -> Answer:
        completion = in_turn(attempt.completions, self._name)
        if attempt.reasoning is not None and len(attempt.completions) > 1:
            text = f"{attempt.reasoning}\nAnswer: {attempt.completions[-1].text}"
            completion = replace(completion, text=text)
            if attempt.completions[0].is_cut:  # it was decided before the reasoning was complete
                completion = replace(completion, finish_reason="length")
        if attempt.readable is not None:
            return Answer(attempt.readable, completion)
        return Answer(None, completion, reading[1])

    def _decision(self, request: Request, reasoning: str) -> Request:
        """Return the request for the answer alone, constrained, after the model's own reasoning.

        It is asked at temperature 0: what varies between votes is the reasoning.
        """
        recipe = self._recipe
        words = wording("reasoning")["decision"][recipe.kind]
        return replace(
            request,
            messages=_continued(request.messages, reasoning, words),
            choices=recipe.choices,
            schema=recipe.schema,
            temperature=0.0,
        )

    def _repair(self, request: Request, reply: str, complaint: str) -> Request:
        words = fill(
            wording("repair")[self._recipe.kind],
            {"error": complaint.rstrip("."), "labels": ", ".join(self._brief.labels)},
        )
        return replace(request, messages=_continued(request.messages, reply, words))

    def _elect(self, attempts: Sequence[Attempt]) -> Answer:
        """Return the answer most attempts give; between equals the first.

        The shares are of all votes asked for: one that failed speaks for nobody.
        """
        answers = [attempt.answer for attempt in attempts if attempt.answer is not None]
        if len(answers) == 1:
            return answers[0]
        votes = [(canonical(self._brief, a.output), a) for a in answers if a.output is not None]
        completions = [answer.completion for answer in answers]
        local = self._model.local
        if not votes:
            completion = next((c for c in completions if c.failure is None), completions[0])
            joined = side_by_side(completions, self._name, completion, None, local=local)
            return Answer(None, joined, answers[0].failure)
        counts = Counter(form for form, _ in votes)
        first = dict(reversed(votes))
        shares = {str(first[form].output): n / len(attempts) for form, n in counts.items()}
        winner = first[counts.most_common(1)[0][0]]
        joined = side_by_side(completions, self._name, winner.completion, shares, local=local)
        return Answer(winner.output, joined)


def _continued(messages: Sequence[Message], reply: str, words: str) -> tuple[Message, ...]:
    """Go on after what a model said; endpoints refuse a turn without text."""
    return (
        *messages,
        Message("assistant", reply if reply.strip() else _NOTHING),
        Message("user", words),
    )


def _reasoning_in(text: str) -> str:
    """The reasoning in a text, without the answer it came to."""
    parts = split_reasoned(text)
    return parts[0] if parts is not None and parts[0] else text.strip()
