"""IFEval: what is in the reply, and how it begins and ends."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.ifeval.base import Some, ends_empty

Phrase = Annotated[str, Field(min_length=1)]
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*\]")
_COMMAS = frozenset(",，،、")
_ASTERISKS = "******"
_ANSWERS = 2


class NumberPlaceholders(Rule):
    """At least so many placeholders in square brackets, such as ``[address]``."""

    num_placeholders: Some

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        return len(_PLACEHOLDER.findall(reply.text)) >= self.num_placeholders


class Postscript(Rule):
    """There is a postscript with this marker, such as ``P.S.``; spaces and case do not count."""

    postscript_marker: Phrase

    def is_kept(self, reply: Reply) -> bool:
        """Whether there is."""
        letters = [letter for letter in self.postscript_marker.lower() if letter.isalnum()]
        if not letters:
            return self.postscript_marker.strip() in reply.text
        marker = r"\.\s?".join(map(re.escape, letters))
        return re.search(rf"(?<![\w.]){marker}(?!\w)", reply.text.lower()) is not None


class TwoResponses(Rule):
    """Exactly two different answers, parted by six asterisks."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        parts = [part.strip() for part in ends_empty(reply.text.split(_ASTERISKS))]
        return len(parts) == _ANSWERS and all(parts) and parts[0] != parts[1]


class RepeatPrompt(Rule):
    """The reply begins with the request, word for word; case does not count."""

    prompt_to_repeat: Phrase

    def is_kept(self, reply: Reply) -> bool:
        """Whether it does."""
        return reply.text.lower().startswith(self.prompt_to_repeat.strip().lower())


class EndChecker(Rule):
    """The reply ends with this phrase; case and a closing quotation mark do not count."""

    end_phrase: Phrase

    def is_kept(self, reply: Reply) -> bool:
        """Whether it does."""
        return reply.text.strip('"').lower().endswith(self.end_phrase.strip().lower())


class Quotation(Rule):
    """The whole reply is wrapped in double quotation marks."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        text = reply.text
        return len(text) > 1 and text[0] == '"' and text[-1] == '"'


class NoComma(Rule):
    """There is no comma, of any script."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether there is none."""
        return _COMMAS.isdisjoint(reply.text)
