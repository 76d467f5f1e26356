"""What rows ask, and which of them ask the same or nearly the same."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence
from functools import cached_property

from steelyard.core import Example
from steelyard.data.likeness.near import NearPair, near_pairs

_LOG = logging.getLogger(__name__)


class _Folding(dict[int, str]):
    """Maps punctuation, spaces and control characters to a space; filled as characters turn up.

    Marks and symbols stay: dropping them would equate different Hindi words, or two emoji.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        folded = " " if unicodedata.category(character)[0] in "PZC" else character
        self[code] = folded
        return folded


_FOLDING = _Folding()


def normalise(text: str) -> str:
    """Fold compatibility forms (NFKC), case, punctuation and white space.

    A text of punctuation alone keeps it: "?!" and "..." are not the same input.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.translate(_FOLDING).split()) or folded.strip()


def exact_key(example: Example) -> str:
    """The input with the turns before it, as it is."""
    return "\0".join([*(f"{turn.role}:{turn.content}" for turn in example.context), example.input])


def normalised_key(example: Example) -> str:
    """The input with the turns before it, normalised."""
    turns = (f"{turn.role}:{normalise(turn.content)}" for turn in example.context)
    return "\0".join([*turns, normalise(example.input)])


def asked_text(example: Example) -> str:
    """What was asked, normalised and without system messages, which rows tend to share."""
    turns = [turn.content for turn in example.context if turn.role != "system"]
    return normalise("\n".join([*turns, example.input]))


def groups_of(keys: Sequence[str]) -> list[list[int]]:
    """Indices that share a key, for the keys that occur more than once, in order of occurrence."""
    places: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        places.setdefault(key, []).append(index)
    return [indices for indices in places.values() if len(indices) > 1]


class RowLikeness:
    """Rows and their likeness, each figure computed once, when it is first asked for.

    Split, leaks, checks and the figures of a result share one object for the same rows, so that the
    search for near pairs, the most expensive figure, is made once.
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
        """Indices by id: an order that does not depend on the order of rows in their files."""
        rows = self.examples
        return sorted(range(len(rows)), key=lambda index: (rows[index].id, rows[index].source))

    @cached_property
    def texts(self) -> list[str]:
        """What each row asks, normalised, without system messages."""
        return [asked_text(example) for example in self.examples]

    @cached_property
    def exact_keys(self) -> list[str]:
        """Equal for rows that ask exactly the same."""
        return [exact_key(example) for example in self.examples]

    @cached_property
    def normalised_keys(self) -> list[str]:
        """Equal for rows that ask the same apart from case, punctuation and spaces."""
        return [normalised_key(example) for example in self.examples]

    @cached_property
    def pairs_in_order(self) -> list[NearPair]:
        """Near pairs as places in `order`; see `near_pairs` for which are listed."""
        _LOG.debug("searching %d rows for near pairs", len(self.examples))
        return near_pairs([self.texts[index] for index in self.order])

    @cached_property
    def near(self) -> list[NearPair]:
        """Near pairs as indices of rows; a repeated text is listed under its first row."""
        first: dict[str, int] = {}
        for index, text in enumerate(self.texts):
            first.setdefault(text, index)
        pairs = []
        for pair in self.pairs_in_order:
            a, b = (first[self.texts[self.order[place]]] for place in (pair.a, pair.b))
            pairs.append(NearPair(min(a, b), max(a, b), pair.similarity))
        return sorted(pairs, key=lambda pair: (-pair.similarity, pair))
