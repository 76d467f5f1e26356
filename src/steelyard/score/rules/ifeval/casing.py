"""IFEval: capital and small letters, and the language of the reply."""

from __future__ import annotations

from pydantic import field_validator, model_validator

from steelyard.errors import MissingExtraError
from steelyard.languages import code_of, is_language
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.ifeval.base import Count, Relation, is_met

ENGLISH = "en"


class ResponseLanguage(Rule):
    """The whole reply is in one language; with too few letters to tell, it keeps the rule."""

    language: str

    @field_validator("language")
    @classmethod
    def _known(cls, language: str) -> str:
        return _code(language)

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        return is_language(reply.text, self.language)


class _English(Rule):
    @model_validator(mode="after")
    def _check_identifier(self) -> _English:
        _code(ENGLISH)
        return self


class EnglishCapital(_English):
    """The reply is English, in capital letters only."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        return reply.text.isupper() and is_language(reply.text, ENGLISH)


class EnglishLowercase(_English):
    """The reply is English, in small letters only."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        return reply.text.islower() and is_language(reply.text, ENGLISH)


class CapitalWordFrequency(Rule):
    """So many words are all capitals; ``I`` and ``A`` count."""

    capital_frequency: Count
    capital_relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are as many as wanted."""
        count = sum(word.isupper() for word in reply.words)
        return is_met(count, self.capital_relation, self.capital_frequency)


def _code(language: str) -> str:
    try:
        return code_of(language)
    except MissingExtraError as error:
        raise ValueError(str(error)) from None
