"""The user's words and regular expressions: compiled once, searched within a time limit.

A pattern with nested repeats, such as ``(a|a)*$``, can take longer than anyone waits. The package
``regex`` reads what ``re`` reads and stops by the clock, in whatever thread it runs. A search that
takes over a second decides nothing: whether that reply keeps the rule is unknown. A pattern that comes
to that `MOST_TIMEOUTS` times is given up, so that it cannot hold up a whole run.
"""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Sequence

import regex

from steelyard.score.reading import UNSPACED

log = logging.getLogger("steelyard")

SECONDS = 1.0
MOST_TIMEOUTS = 3
_ALIKE = {"'": "['’‘]", "’": "['’‘]", '"': '["“”]', "-": "[-‐‑‒–—−]"}


class PatternTimeoutError(Exception):
    """A search took longer than `SECONDS`, or the pattern was given up."""


class Pattern:
    """A regular expression with a time limit. ``source`` is as the user wrote it."""

    def __init__(self, source: str, expression: str, *, ignore_case: bool) -> None:
        self.source = source
        self._timeouts = 0
        try:
            self._compiled = regex.compile(expression, regex.IGNORECASE if ignore_case else 0)
        except regex.error as error:
            raise ValueError(f"{source!r} is not a regular expression: {error}") from None

    def is_in(self, text: str) -> bool:
        """Raises `PatternTimeoutError`."""
        if self._timeouts >= MOST_TIMEOUTS:
            raise PatternTimeoutError
        try:
            composed = unicodedata.normalize("NFC", text)
            return self._compiled.search(composed, timeout=SECONDS) is not None
        except TimeoutError:
            self._timeouts += 1
            self._warn(len(text))
            raise PatternTimeoutError from None

    def _warn(self, length: int) -> None:
        advice = "write it without nested repeats"
        if self._timeouts == 1:
            log.warning(
                "the pattern %r took over %g s on a reply of %d characters, which is left out of its "
                "rule's figure; %s",
                self.source,
                SECONDS,
                length,
                advice,
            )
        if self._timeouts == MOST_TIMEOUTS:
            log.warning(
                "the pattern %r took over %g s on %d replies and is given up: no later reply is in its "
                "rule's figure; %s",
                self.source,
                SECONDS,
                MOST_TIMEOUTS,
                advice,
            )


def as_pattern(source: str, *, ignore_case: bool = True) -> Pattern:
    """A regular expression. Raises `ValueError` for anything else."""
    if not source:
        raise ValueError("the pattern is empty and would match every reply")
    return Pattern(source, source, ignore_case=ignore_case)


def as_words(text: str) -> Pattern:
    """A word or phrase as whole words, whatever its case, spacing, quotes and dashes.

    A text between slashes, ``/refunds?/``, is a regular expression. Raises `ValueError`.
    """
    phrase = " ".join(unicodedata.normalize("NFC", text).split())
    if len(phrase) > 2 and phrase[0] == phrase[-1] == "/":
        return as_pattern(phrase[1:-1])
    if not phrase:
        raise ValueError("a word is empty; remove it")
    inner = r"\s+".join(
        "".join(_ALIKE.get(character, regex.escape(character)) for character in word)
        for word in phrase.split()
    )
    before = rf"(?<![\w--[{UNSPACED}]])" if _is_bounded(phrase[0]) else ""
    after = rf"(?![\w--[{UNSPACED}]])" if _is_bounded(phrase[-1]) else ""
    return Pattern(text, f"(?V1){before}{inner}{after}", ignore_case=True)


def all_patterns(words: Sequence[str], sources: Sequence[str]) -> tuple[Pattern, ...]:
    """`as_words` of ``words``, then `as_pattern` of ``sources``."""
    return (*map(as_words, words), *map(as_pattern, sources))


def _is_bounded(character: str) -> bool:
    is_word = character.isalnum() or character == "_"
    return is_word and regex.match(f"[{UNSPACED}]", character) is None
