"""A model that answers by a script: for tests and rehearsals of what a model might say."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steelyard.core import Completion, Request
from steelyard.model.base import Model, OnDone
from steelyard.model.fake_mind import tokenize

Script = Callable[[Request], str | Completion]
"""Given a request, the text of the answer, or the whole completion."""


class ScriptedModel(Model):
    """Answers what ``script`` says. ``requests`` are those asked so far, ``calls`` in how many calls.

    A text outside a request's choices is passed on for whoever asked to read, as with a hosted model.
    """

    def __init__(self, script: Script, name: str = "scripted", local: bool = True) -> None:
        self._script = script
        self._name = name
        self._local = local
        self.requests: list[Request] = []
        self.calls = 0

    @property
    def name(self) -> str:
        return self._name

    @property
    def fingerprint(self) -> str:
        """The name: two scripts under one name are taken for the same model."""
        return f"scripted:{self._name}"

    @property
    def local(self) -> bool:
        return self._local

    def count_tokens(self, text: str) -> int | None:
        return len(tokenize(text))

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        self.calls += 1
        results: list[Completion | None] = [None] * len(requests)
        for index, request in enumerate(requests):
            if index in skip:
                continue
            self.requests.append(request)
            completion = results[index] = self._answer(request)
            if on_done is not None:
                on_done([(index, completion)])
        return results

    def _answer(self, request: Request) -> Completion:
        reply = self._script(request)
        if isinstance(reply, Completion):
            return reply
        return Completion(
            text=reply,
            finish_reason="choice" if reply in request.choices else "stop",
            input_tokens=sum(len(tokenize(message.content)) for message in request.messages),
            output_tokens=len(tokenize(reply)),
        )
