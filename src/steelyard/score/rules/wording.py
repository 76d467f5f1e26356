"""Rules about words and patterns anywhere in a reply."""

from __future__ import annotations

from functools import cached_property

from pydantic import Field, model_validator

from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.patterns import (
    Pattern,
    PatternTimeoutError,
    all_patterns,
    all_words,
    as_pattern,
)


class _Wording(Rule):
    """``words`` are whole words or phrases in any case (``/…/``: a regex); ``patterns`` are regexes."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _compile(self) -> _Wording:
        if not self._wanted:
            raise ValueError("give words or patterns")
        return self

    @cached_property
    def _wanted(self) -> tuple[Pattern, ...]:
        return (*all_words(self.words), *all_patterns(self.patterns))


class Contains(_Wording):
    """Every one of the words and patterns is there; with ``any``, one of them is enough."""

    any: bool = False

    def is_kept(self, reply: Reply) -> bool:
        try:
            hits = (pattern.is_in(reply.text) for pattern in self._wanted)
            return any(hits) if self.any else all(hits)
        except PatternTimeoutError:
            return False


class Never(_Wording):
    """None of the words and patterns is there."""

    def is_kept(self, reply: Reply) -> bool:
        try:
            return not any(pattern.is_in(reply.text) for pattern in self._wanted)
        except PatternTimeoutError:
            return False


class Regex(Rule):
    """A regular expression is found, or, with ``must: false``, is not. Case counts unless ignored."""

    pattern: str
    must: bool = True
    ignore_case: bool = Field(default=False)

    @model_validator(mode="after")
    def _compile(self) -> Regex:
        _ = self._compiled
        return self

    @cached_property
    def _compiled(self) -> Pattern:
        return as_pattern(self.pattern, ignore_case=self.ignore_case)

    def is_kept(self, reply: Reply) -> bool:
        try:
            return self._compiled.is_in(reply.text) == self.must
        except PatternTimeoutError:
            return False
