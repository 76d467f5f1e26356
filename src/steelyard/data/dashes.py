"""A lone dash where all other rows have a word: no label, as where SNLI's annotators disagreed."""

from __future__ import annotations

from collections.abc import Sequence

DASHES = frozenset({"-", "--", "–", "—"})
NO_WORD = " stands where other rows have a word: no label"


def words_among(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels without a lone dash, where there are two others and all are words."""
    words = tuple(label for label in labels if label not in DASHES)
    are_words = all(label[0].isalpha() and len(label) > 1 for label in words)
    return words if len(words) > 1 and are_words else tuple(labels)
