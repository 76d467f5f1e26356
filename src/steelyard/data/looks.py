"""What the cells of a column look like, whatever its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MOST_LABELS = 200
LABEL_CHARACTERS = 80
FEWEST_WORDS, FEWEST_ROWS = 3, 20
_LEAST_DISTINCT = 0.5
_FEWEST_NESTED_WORDS = 2
_LONGEST_INDEX = 18
_KEY = re.compile(
    r"(?:https?://|www\.)\S+|\S+@\S+\.\w+|(?=\S*\d)[0-9a-f]{8,}(?:-[0-9a-f]+)*"
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ,].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnLook:
    """What the cells of a column look like: how many are filled, differ, are numbers, and their words.

    ``nested_words`` are those of a text inside lists and objects, -1 where there are none; both are
    means. ``keys`` are numbers, links, dates, addresses and hashes; ``is_rising``, whole numbers that rise.
    """

    rows: int
    filled: int
    distinct: int
    numbers: int
    characters: float
    words: float
    nested_words: float
    fractions: int
    truths: int
    keys: int
    is_rising: bool

    @property
    def is_label(self) -> bool:
        """Few values that come again and again, and neither numbers nor dates or links."""
        return self.is_few and self.numbers < self.filled and not self.is_stamp

    @property
    def is_stamp(self) -> bool:
        """Dates, links, addresses or hashes, and not numbers alone."""
        return self.filled > 0 and self.keys == self.filled > self.numbers

    @property
    def is_few(self) -> bool:
        few = 2 <= self.distinct <= min(MOST_LABELS, self.filled // 2)
        return few and self.characters <= LABEL_CHARACTERS

    @property
    def is_truth(self) -> bool:
        return self.truths == self.filled

    @property
    def is_text(self) -> bool:
        return self.words >= FEWEST_WORDS and self.distinct > _LEAST_DISTINCT * self.filled

    @property
    def holds_text(self) -> bool:
        """Whether there is text, be it inside lists or objects."""
        differs = self.distinct > _LEAST_DISTINCT * self.filled
        return self.is_text or (differs and self.nested_words >= FEWEST_WORDS)

    @property
    def is_key(self) -> bool:
        """Numbers, links, dates, addresses or hashes that mostly differ: no text."""
        differs = self.distinct > _LEAST_DISTINCT * self.filled
        return self.filled > 1 and differs and self.keys == self.filled

    @property
    def points(self) -> bool:
        """Lists or objects of ids, numbers and single words: they point to a text, and hold none."""
        return not self.words and 0 <= self.nested_words < _FEWEST_NESTED_WORDS

    @property
    def is_constant(self) -> bool:
        return self.distinct == 1 and self.rows >= FEWEST_ROWS

    @property
    def is_empty(self) -> bool:
        return not self.filled and self.rows >= FEWEST_ROWS

    @property
    def is_index(self) -> bool:
        """Whole numbers that rise from row to row."""
        return self.is_rising and self.filled >= FEWEST_ROWS

    @property
    def is_measure(self) -> bool:
        """Numbers, and not all of them whole: a score, and no count or key."""
        return self.fractions > 0 and self.numbers == self.filled

    @property
    def is_new(self) -> bool:
        """Values that mostly differ, as answers may and keys do."""
        return self.filled > 0 and self.distinct > 1


def column_look(body: Sequence[Mapping[str, Any]], name: str) -> ColumnLook:
    """Look at the cells that ``body`` has under a name; ``None`` and no text fill none."""
    values = [fields.get(name) for fields in body]
    texts = [str(value).strip() for value in values if value is not None and value != ""]
    count = max(len(texts), 1)
    nested = [value for value in values if isinstance(value, list | dict)]
    return ColumnLook(
        len(values),
        len(texts),
        len(set(texts)),
        sum(map(_is_number, texts)),
        sum(map(len, texts)) / count,
        sum(len(value.split()) for value in values if isinstance(value, str)) / count,
        sum(map(_words_inside, nested)) / count if nested else -1,
        sum("." in text and _is_number(text) for text in texts),
        sum(isinstance(value, bool) for value in values),
        sum(_KEY.fullmatch(text) is not None or _is_number(text) for text in texts),
        all(text.isdecimal() and len(text) <= _LONGEST_INDEX for text in texts)
        and all(int(a) < int(b) for a, b in pairwise(texts)),
    )


def _words_inside(value: Any) -> float:
    """The mean number of words of what lists and objects hold; a number has none."""
    counts, waiting = [0], [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            counts.append(len(item.split()))
        elif isinstance(item, list | dict):
            waiting.extend(item.values() if isinstance(item, dict) else item)
        elif item is not None:
            counts.append(0)
    return sum(counts) / max(len(counts) - 1, 1)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
