"""What the rows of a data set ask, and which of them ask the same or nearly the same."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property

from steelyard.core import Example
from steelyard.data.likeness.near import NearPair, near_pairs
from steelyard.data.likeness.normalise import asked_text, exact_key, normalised_key

_LOG = logging.getLogger(__name__)


class RowLikeness:
    """Rows and their likeness, each figure computed once, when it is first asked for.

    Split, leaks, checks and the figures of a result share one object for the same rows, so that the
    search for near pairs, the dearest of all, is made once.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = tuple(examples)
        self._subsets: dict[tuple[int, ...], RowLikeness] = {}

    def subset(self, indices: Sequence[int]) -> RowLikeness:
        """Return the likeness among the rows of these indices; this very object for all rows."""
        places = tuple(indices)
        if places == tuple(range(len(self.examples))):
            return self
        if places not in self._subsets:
            self._subsets[places] = RowLikeness([self.examples[index] for index in places])
        return self._subsets[places]

    @cached_property
    def order(self) -> list[int]:
        """Indices by id: an order that does not depend on how the rows stand in their files."""
        rows = self.examples
        return sorted(range(len(rows)), key=lambda index: (rows[index].id, rows[index].source))

    @cached_property
    def texts(self) -> list[str]:
        """What each row asks, normalised, without system messages."""
        return [asked_text(example) for example in self.examples]

    @cached_property
    def exact_keys(self) -> list[str]:
        """Equal for rows that ask the very same."""
        return [exact_key(example) for example in self.examples]

    @cached_property
    def normalised_keys(self) -> list[str]:
        """Equal for rows that ask the same but for case, punctuation and spaces."""
        return [normalised_key(example) for example in self.examples]

    @cached_property
    def pairs_in_order(self) -> list[NearPair]:
        """Near pairs as places in `order`; see `near_pairs` for which are listed."""
        _LOG.debug("searching %d rows for near pairs", len(self.examples))
        return near_pairs([self.texts[index] for index in self.order])

    @cached_property
    def near(self) -> list[NearPair]:
        """Near pairs as indices of rows; a text that repeats stands under its first row."""
        first: dict[str, int] = {}
        for index, text in enumerate(self.texts):
            first.setdefault(text, index)
        pairs = []
        for pair in self.pairs_in_order:
            a, b = (first[self.texts[self.order[place]]] for place in (pair.a, pair.b))
            pairs.append(NearPair(min(a, b), max(a, b), pair.similarity))
        return sorted(pairs, key=lambda pair: (-pair.similarity, pair))
