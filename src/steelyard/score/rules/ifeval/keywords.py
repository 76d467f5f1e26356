"""IFEval: words that must, or must not, be there, and how often."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from steelyard.config.options import Several
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.ifeval.base import Count, Relation, is_met

Word = Annotated[str, Field(min_length=1)]


class Existence(Rule):
    """Each keyword is in the reply, whatever its case; inside a longer word too."""

    keywords: Several[str]

    def is_kept(self, reply: Reply) -> bool:
        """Whether all are there."""
        text = reply.text.casefold()
        return all(keyword.strip().casefold() in text for keyword in self.keywords)


class Frequency(Rule):
    """A keyword is there so many times, whatever its case; inside longer words too."""

    keyword: Word
    frequency: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is there as often as wanted."""
        count = reply.text.casefold().count(self.keyword.strip().casefold())
        return is_met(count, self.relation, self.frequency)


class ForbiddenWords(Rule):
    """None of the words is there as a whole word."""

    forbidden_words: Several[str]

    def is_kept(self, reply: Reply) -> bool:
        """Whether none is there."""
        listed = "|".join(re.escape(word.strip()) for word in self.forbidden_words)
        return re.search(rf"(?<!\w)(?:{listed})(?!\w)", reply.text, re.IGNORECASE) is None


class LetterFrequency(Rule):
    """A letter is there so many times, small and capital alike."""

    letter: Annotated[str, Field(min_length=1, max_length=1)]
    let_frequency: Count
    let_relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is there as often as wanted."""
        count = reply.text.lower().count(self.letter.lower())
        return is_met(count, self.let_relation, self.let_frequency)
