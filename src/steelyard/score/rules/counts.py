"""Rules about how many: words, sentences, paragraphs, items of lists."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Annotated

from pydantic import Field, model_validator

from steelyard.score.rules.base import Reply, Rule

Count = Annotated[int, Field(ge=0)]
_NUMBERED = re.compile(
    r"(?:[*_#>\s]*)(?:step\s+)?\(?\d{1,3}(?:[.):]|\s?[-–—])[*_]*(?=\s|$)", re.IGNORECASE
)
_BULLET = re.compile(r"[-*•‣◦▪–+]\s+\S")


class CountBounds(Rule):
    """From ``min`` to ``max``, either of which may be left out where there is a sensible other."""

    min: Count = 1
    max: Count | None = None

    @model_validator(mode="after")
    def _check_order(self) -> CountBounds:
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max} is below min {self.min}")
        return self

    @abstractmethod
    def _count(self, reply: Reply) -> int: ...

    def is_kept(self, reply: Reply) -> bool:
        count = self._count(reply)
        return self.min <= count and (self.max is None or count <= self.max)


class NumberedList(CountBounds):
    """Lines that begin with a number (``1.``, ``2)``, ``Step 3:``): how many there are."""

    def _count(self, reply: Reply) -> int:
        return sum(_NUMBERED.match(line) is not None for line in reply.lines)


class BulletList(CountBounds):
    """Lines that begin with a bullet (``-``, ``*``, ``•``): how many there are."""

    def _count(self, reply: Reply) -> int:
        return sum(_BULLET.match(line) is not None for line in reply.lines)


class _Length(CountBounds):
    min: Count = 0

    @model_validator(mode="after")
    def _check_given(self) -> _Length:
        if not self.min and self.max is None:
            raise ValueError("set min or max")
        return self


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
