"""Models whose skill depends on the prompt, and one that remembers what it was asked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from steelyard.core import Completion, Request
from steelyard.model.base import Model, OnDone
from tests.strategy.samples import TOPICS

MAGIC = "Money words mean BILLING."


def said(request: Request) -> str:
    """The whole prompt as one text."""
    return "\n".join(message.content for message in request.messages)


def asked(request: Request) -> str:
    """The last input in the prompt."""
    return [line for line in said(request).splitlines() if line.rstrip("=> ")[-1:].isdigit()][-1]


def keen(request: Request) -> str:
    """Right more often with glosses, with the magic words, and with shots."""
    text, query = said(request), asked(request)
    labels = list(TOPICS)
    right = next(label for label, words in TOPICS.items() if any(w in query for w in words))
    shots = min(8, text.count("please") + text.count("really"))
    skill = 30 + 25 * ("typical of its texts" in text) + 45 * (MAGIC in text) + 3 * shots
    lucky = zlib.crc32(query.split()[-1].encode()) % 100 < skill
    return right if lucky else labels[labels.index(right) - 1]


class Remembering(Model):
    """Answers what it knows from memory, as a run's recorder does, and gives up after ``patience``."""

    def __init__(self, inner: Model, patience: int | None = None) -> None:
        self.inner = inner
        self.patience = patience
        self.memory: dict[Request, Completion] = {}
        self.asked = 0

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    @property
    def local(self) -> bool:
        return self.inner.local

    def count_tokens(self, text: str) -> int | None:
        return self.inner.count_tokens(text)

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        known = frozenset(i for i, request in enumerate(requests) if request in self.memory)

        def keep(done: Sequence[tuple[int, Completion]]) -> None:
            self.asked += len(done)
            self.memory.update({requests[index]: completion for index, completion in done})
            if self.patience is not None and self.asked >= self.patience:
                raise KeyboardInterrupt

        if len(known) < len(requests):
            self.inner.generate(requests, keep, known)
        if on_done is not None:
            on_done([(index, self.memory[request]) for index, request in enumerate(requests)])
        return [self.memory[request] for request in requests]
