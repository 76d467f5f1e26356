"""Passages, and the protocol of an index over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, Self


class TextSpan(NamedTuple):
    """A stretch of a document: ``document[start:end]``, in characters.

    ``page`` counts from 1, in documents that have pages.
    """

    document: str
    start: int
    end: int
    page: int | None = None


class Passage(NamedTuple):
    """A text to find.

    ``output`` is its answer where it is a solved example; ``span`` says where it stands where it is part
    of a document, and ``metadata`` holds what is known of that document, as pairs of name and value.
    """

    text: str
    output: str = ""
    span: TextSpan | None = None
    metadata: tuple[tuple[str, str], ...] = ()


class Hit(NamedTuple):
    """A passage for a text; a higher ``score`` is better."""

    passage: Passage
    score: float


class Retriever(Protocol):
    """An index of passages, saved as data and loaded without rebuilding it.

    A saved arm says by ``name`` which class loads its index.
    """

    name: ClassVar[str]

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most ``k`` passages for each text, the best first."""
        ...

    def save(self, folder: Path) -> None:
        """Write the index to ``folder``, which exists."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        ...
