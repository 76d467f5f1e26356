"""How passages are searched: plain data, saved with every index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from steelyard.errors import ConfigError, closest
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.terms import LANGUAGES, NO_STEMMING
from steelyard.retrieve.index.windows import SearchText

Legs = Literal["bm25", "dense", "rrf", "convex"]
LEGS: tuple[Legs, ...] = get_args(Legs)
"""The simplest first."""
_MOST_SENTENCES = 50


@dataclass(frozen=True)
class FinderSettings:
    """What scores passages: terms (``bm25``), meaning (``dense``), or both.

    ``rrf`` adds reciprocal ranks, ``convex`` normalised scores, ``weight`` parts of ``dense`` in it. The
    meaning of a passage is that of its windows of so many sentences as ``windows`` says (0: all that fit
    into one), the best of which counts. ``language`` is stemmed. ``fields`` are the metadata that a
    passage is searched by along with its text. Raises `ConfigError` for anything else.
    """

    legs: Legs = "convex"
    weight: float = 0.5
    windows: tuple[int, ...] = (3,)
    language: str = "english"
    fields: tuple[str, ...] = ("heading",)

    def __post_init__(self) -> None:
        languages = (NO_STEMMING, *LANGUAGES)
        if self.legs not in LEGS:
            raise ConfigError(
                f"unknown legs {self.legs!r}{closest(self.legs, LEGS)}; known: {', '.join(LEGS)}"
            )
        if self.language not in languages:
            raise ConfigError(
                f"unknown language {self.language!r}{closest(self.language, languages)}; "
                f"known: {', '.join(languages)}"
            )
        if not 0 < self.weight < 1:
            raise ConfigError(
                f"the weight of dense must be between 0 and 1, not {self.weight}; for one leg alone "
                "choose legs: bm25 or dense"
            )
        if not self.windows or not all(0 <= size <= _MOST_SENTENCES for size in self.windows):
            raise ConfigError(
                f"windows must be numbers of sentences from 0 to {_MOST_SENTENCES}, not {self.windows}"
            )

    def searched(self, passage: Passage) -> SearchText:
        """Return what ``passage`` is searched by."""
        values = [value for name in self.fields for key, value in passage.metadata if key == name]
        return SearchText("\n".join(values), passage.text)

    @property
    def needs_encoder(self) -> bool:
        return self.legs != "bm25"

    def __str__(self) -> str:
        return f"convex, {self.weight:g} of it dense" if self.legs == "convex" else self.legs
