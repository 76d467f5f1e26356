"""Private values replaced by stable placeholders: the same value by the same one, file after file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.private.find import Match, find_private, placeholder_pattern
from steelyard.private.pieces import rewrite, rewrite_value


class PlaceholderBook:
    """Which placeholder stands for which value, numbered by kind in order of appearance.

    Share one book between files (train, dev, test) to keep a value's placeholder the same in all.
    ``regions`` are those whose national phone numbers are known (`regions_of`). The book holds
    digests, not values, and ``counts`` how many were replaced of each kind.
    """

    def __init__(self, regions: Sequence[str] | None = None) -> None:
        self.regions = None if regions is None else tuple(regions)
        self.counts: Counter[str] = Counter()
        self._numbers: dict[bytes, int] = {}
        self._last: Counter[str] = Counter()

    def placeholder(self, match: Match) -> str:
        """Return ``[KIND_n]`` for the value of ``match``."""
        text = f"{match.kind}\0{match.key}".encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(text, digest_size=16).digest()
        if digest not in self._numbers:
            self._last[match.kind] += 1
            self._numbers[digest] = self._last[match.kind]
        return f"[{match.kind.upper()}_{self._numbers[digest]}]"

    def keep_clear(self, text: str) -> None:
        """Give out no number at or below those of placeholders that ``text`` has already."""
        if "[" in text:
            for placeholder in placeholder_pattern().finditer(text):
                kind = placeholder[1].lower()
                self._last[kind] = max(self._last[kind], int(placeholder[2] or 0))


class _Pass:
    """One text or row on its way through: what was replaced in it, in order."""

    def __init__(self, book: PlaceholderBook) -> None:
        self.book = book
        self.kinds: list[str] = []

    def change(self, text: str, hint: str) -> str:
        """Replace until nothing is found, so that a second pass would change nothing."""
        self.book.keep_clear(text)
        while matches := find_private(text, self.book.regions, hint):
            parts, end = [], 0
            for match in matches:
                parts += [text[end : match.start], self.book.placeholder(match)]
                end = match.end
                self.kinds.append(match.kind)
                self.book.counts[match.kind] += 1
            text = "".join([*parts, text[end:]])
        return text


def redact(text: str, book: PlaceholderBook) -> str:
    """Return ``text`` with placeholders such as ``[EMAIL_1]`` in place of private values.

    A second pass changes nothing. A text that is JSON stays valid JSON: only values change, and a
    number that is private becomes a string.
    """
    return rewrite(text, _Pass(book).change)


def redact_fields(
    fields: Mapping[str, Any], book: PlaceholderBook
) -> tuple[dict[str, Any], list[str]]:
    """Redact a raw row: texts, and those within its lists and objects (chat messages); keys stay.

    Returns the new fields and the kinds replaced, one for each replacement, in order.
    """
    run = _Pass(book)
    return rewrite_value(dict(fields), run.change), run.kinds


class Marked(NamedTuple):
    """A text with ``[EMAIL]`` and its like in place of private values, and how many were replaced."""

    text: str
    values: int


def mark_private(text: str, regions: Sequence[str] | None = None) -> Marked:
    """Put marks in place of the private values of ``text``, until none is found; see `find_private`."""
    count = 0

    def change(value: str, hint: str) -> str:
        nonlocal count
        while matches := find_private(value, regions, hint):
            for match in reversed(matches):
                value = f"{value[: match.start]}[{match.kind.upper()}]{value[match.end :]}"
            count += len(matches)
        return value

    return Marked(rewrite(text, change), count)


def hide(text: str) -> str:
    """Return ``text`` with ``[EMAIL]`` and its like in place of private values, for people to see."""
    return mark_private(text).text
