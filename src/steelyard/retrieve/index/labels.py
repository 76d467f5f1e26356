"""Which passages carry which metadata: so that a filter narrows the search before the best are taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import DataError, closest
from steelyard.retrieve.base import Passage
from steelyard.retrieve.index.lexical import PassageNumbers
from steelyard.words import listed

DOCUMENT = "document"
"""The name of a passage's document, as metadata that every passage of a document has."""
Where = Mapping[str, str | Collection[str]]
"""Names of metadata with the value, or any of the values, that a passage must have."""


@dataclass(frozen=True)
class Labels:
    """Pairs of name and value, sorted, and the passages that carry number p of them.

    These are ``passages[starts[p]:starts[p + 1]]``, ascending; ``size`` is the number of all passages.
    """

    pairs: tuple[tuple[str, str], ...]
    starts: PassageNumbers
    passages: NDArray[np.int32]
    size: int

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> Self:
        places: dict[tuple[str, str], list[int]] = {}
        for place, passage in enumerate(passages):
            for pair in pairs_of(passage):
                places.setdefault(pair, []).append(place)
        pairs = tuple(sorted(places))
        starts = np.concatenate([[0], np.cumsum([len(places[pair]) for pair in pairs])])
        flat = [place for pair in pairs for place in places[pair]]
        return cls(pairs, starts.astype(np.int64), np.array(flat, dtype=np.int32), len(passages))

    def places(self, where: Where) -> PassageNumbers:
        """Return the passages that ``where`` allows, ascending.

        Raises `DataError` for a name that no passage has; a value that none has allows nothing.
        """
        allowed = np.ones(self.size, dtype=bool)
        for name, values in where.items():
            if name not in self._names:
                raise DataError(
                    f"no passage has the metadata {name!r}{closest(name, self._names)}; "
                    f"there is {listed(sorted(self._names)) or 'none'}"
                )
            wanted = [values] if isinstance(values, str) else values
            carries = np.zeros(self.size, dtype=bool)
            for value in wanted:
                carries[self._carriers(name, value)] = True
            allowed &= carries
        return np.flatnonzero(allowed)

    def _carriers(self, name: str, value: str) -> PassageNumbers:
        number = self._numbers.get((name, value))
        if number is None:
            return np.zeros(0, dtype=np.int64)
        return self.passages[self.starts[number] : self.starts[number + 1]].astype(np.int64)

    @cached_property
    def _numbers(self) -> dict[tuple[str, str], int]:
        return {pair: number for number, pair in enumerate(self.pairs)}

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.pairs)


def pairs_of(passage: Passage) -> frozenset[tuple[str, str]]:
    """The metadata of a passage, with its document's name unless that is taken."""
    pairs = frozenset(passage.metadata)
    if passage.span is None or any(name == DOCUMENT for name, _ in pairs):
        return pairs
    return pairs | {(DOCUMENT, passage.span.document)}
