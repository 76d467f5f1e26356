"""IFEval: words, sentences and paragraphs."""

from __future__ import annotations

import re

from pydantic import model_validator

from steelyard.score.reading import sentences
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.ifeval.base import Count, Relation, Some, ends_empty, is_met, plain_words

_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_QUOTES = "\"'“‘"
_FIRST_WORD = re.compile(r"[^\s.,?!'\"”’]*")


class NumberWords(Rule):
    """How many words there are."""

    num_words: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are as many as wanted."""
        return is_met(len(plain_words(reply.text)), self.relation, self.num_words)


class NumberSentences(Rule):
    """How many sentences there are; line breaks end none."""

    num_sentences: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are as many as wanted."""
        count = len(sentences(reply.text, by_line=False))
        return is_met(count, self.relation, self.num_sentences)


class NumberParagraphs(Rule):
    """There are exactly so many paragraphs, parted by ``***``, none of them empty."""

    num_paragraphs: Some

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        parts = ends_empty(_DIVIDER.split(reply.text))
        return len(parts) == self.num_paragraphs and all(part.strip() for part in parts)


class ParagraphFirstWord(Rule):
    """There are exactly so many paragraphs, parted by blank lines, and the nth begins with a word."""

    num_paragraphs: Some
    nth_paragraph: Some
    first_word: str

    @model_validator(mode="after")
    def _check_place(self) -> ParagraphFirstWord:
        if self.nth_paragraph > self.num_paragraphs:
            raise ValueError(
                f"nth_paragraph {self.nth_paragraph} is beyond num_paragraphs {self.num_paragraphs}"
            )
        return self

    def is_kept(self, reply: Reply) -> bool:
        """Whether it does."""
        parts = [part.strip() for part in reply.text.split("\n\n") if part.strip()]
        if len(parts) != self.num_paragraphs:
            return False
        first = parts[self.nth_paragraph - 1].split()[0].lstrip(_QUOTES)
        found = _FIRST_WORD.match(first)
        return found is not None and found[0].lower() == self.first_word.strip().lower()
