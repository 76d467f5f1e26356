"""Rules about the words of a reply: anywhere in it, and how it begins and ends."""

from __future__ import annotations

from functools import cache, cached_property

from pydantic import Field, field_validator, model_validator

from steelyard.packaged import packaged
from steelyard.score.reading import folded, words
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.patterns import Pattern, all_patterns, as_pattern

_DATA = "score/rules/data/replies.yaml"


class _Wording(Rule):
    """``words`` are whole words or phrases in any case (``/…/``: a regex); ``patterns`` are regexes."""

    words: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _compile(self) -> _Wording:
        if not self._compiled:
            raise ValueError("give words or patterns")
        return self

    @cached_property
    def _compiled(self) -> tuple[Pattern, ...]:
        return all_patterns(self.words, self.patterns)


class Contains(_Wording):
    """Every one of the words and patterns is there; with ``any``, one of them is enough."""

    any: bool = False

    def is_kept(self, reply: Reply) -> bool:
        hits = (pattern.is_in(reply.text) for pattern in self._compiled)
        return any(hits) if self.any else all(hits)


class Never(_Wording):
    """None of the words and patterns is there."""

    def is_kept(self, reply: Reply) -> bool:
        return not any(pattern.is_in(reply.text) for pattern in self._compiled)


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
        return self._compiled.is_in(reply.text) == self.must


_AT_ENDS = " \"'*_`#>~()[]"
_LONGEST_GREETING = 5  # words


class _OneSentence(Rule):
    """Some of the words (``/…/``: a regex) or patterns is in one sentence of the reply."""

    any_of: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _compile(self) -> _OneSentence:
        if not self._compiled:
            raise ValueError("give any_of or patterns")
        return self

    @cached_property
    def _compiled(self) -> tuple[Pattern, ...]:
        return all_patterns(self.any_of, self.patterns)

    def _is_in(self, sentence: str) -> bool:
        return any(pattern.is_in(sentence) for pattern in self._compiled)


class FirstSentence(_OneSentence):
    """The first sentence has one of the words; a separate greeting (``Hi Ann!``) is skipped."""

    def is_kept(self, reply: Reply) -> bool:
        return self._is_in(first_sentence(reply.sentences))


class LastSentence(_OneSentence):
    """The last sentence has one of the words."""

    def is_kept(self, reply: Reply) -> bool:
        return bool(reply.sentences) and self._is_in(reply.sentences[-1])


class Acknowledges(FirstSentence):
    """The first sentence acknowledges: it thanks, regrets, understands (English, a list of words).

    ``any_of`` adds words of your own.
    """

    @cached_property
    def _compiled(self) -> tuple[Pattern, ...]:
        words = (*packaged(_DATA)["acknowledging"], *self.any_of)
        return all_patterns(words, self.patterns)


class _Edge(Rule):
    text: tuple[str, ...]

    @field_validator("text")
    @classmethod
    def _not_empty(cls, text: tuple[str, ...]) -> tuple[str, ...]:
        if not text or not all(_bare(line) for line in text):
            raise ValueError("text is empty; write what the reply must begin or end with")
        return text


class StartsWith(_Edge):
    """The reply begins with ``text`` (one of a list), whatever the case, quotes and Markdown marks."""

    def is_kept(self, reply: Reply) -> bool:
        return _bare(reply.text).startswith(tuple(_bare(line) for line in self.text))


class EndsWith(_Edge):
    """The reply ends with ``text`` (one of a list), whatever the case, quotes and Markdown marks."""

    def is_kept(self, reply: Reply) -> bool:
        return _bare(reply.text).endswith(tuple(_bare(line) for line in self.text))


def first_sentence(sentences: list[str]) -> str:
    """The first sentence that is more than a greeting; else the first; empty where there is none."""
    proper = (sentence for sentence in sentences if not _is_greeting(sentence))
    return next(proper, sentences[0] if sentences else "")


def _is_greeting(sentence: str) -> bool:
    heard = words(sentence.casefold())
    return 0 < len(heard) <= _LONGEST_GREETING and heard[0] in _greetings()


def _bare(text: str) -> str:
    return folded(text).strip(_AT_ENDS)


@cache
def _greetings() -> frozenset[str]:
    return frozenset(packaged(_DATA)["greetings"])
