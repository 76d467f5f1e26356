"""Rules about how long a reply is."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import model_validator

from steelyard.score.rules.base import Reply
from steelyard.score.rules.lists import Count, CountBounds


class _Length(CountBounds):
    min: Count = 0

    @model_validator(mode="after")
    def _check_given(self) -> _Length:
        if not self.min and self.max is None:
            raise ValueError("it bounds nothing: give min or max")
        return self

    @abstractmethod
    def _count(self, reply: Reply) -> int: ...

    def is_kept(self, reply: Reply) -> bool:
        """Whether the length is within the bounds."""
        return self._holds(self._count(reply))


class Words(_Length):
    """Words, as people count them; ``don't`` and ``well-known`` are one each."""

    def _count(self, reply: Reply) -> int:
        return len(reply.words)


class Sentences(_Length):
    """Sentences; each item of a list is one at least."""

    def _count(self, reply: Reply) -> int:
        return len(reply.sentences)


class Paragraphs(_Length):
    """Parts between blank lines."""

    def _count(self, reply: Reply) -> int:
        return len(reply.paragraphs)


class Characters(_Length):
    """Characters, white space at either end left out."""

    def _count(self, reply: Reply) -> int:
        return len(reply.text)
