"""IFEval: forms that can be detected: bullets, highlights, sections, JSON, titles."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Annotated

from pydantic import Field

from steelyard.packaged import packaged
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.ifeval.base import Some

_STARRED = re.compile(r"\*[^*]")
_HIGHLIGHT = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|\*(?P<plain>[^*\n]+)\*")
_TITLE = re.compile(r"<<([^\n]{1,300}?)>>")
_FENCE = re.compile(r"\A```(?:json)?|```\Z", re.IGNORECASE)


class NumberBulletLists(Rule):
    """Exactly so many bullet points in Markdown: lines that begin with ``*`` or ``-``."""

    num_bullets: Some

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        found = sum(bool(_STARRED.match(line)) or line.startswith("-") for line in reply.lines)
        return found == self.num_bullets


class ConstrainedResponse(Rule):
    """One of the given answers is in the reply: "My answer is yes.", no, or maybe."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether one is."""
        return any(answer in reply.text for answer in _answers())


class NumberHighlights(Rule):
    """At least so many highlighted stretches: ``*…*`` or ``**…**``."""

    num_highlights: Some

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        found = _HIGHLIGHT.finditer(reply.text)
        count = sum(bool((each["bold"] or each["plain"]).strip()) for each in found)
        return count >= self.num_highlights


class MultipleSections(Rule):
    """At least so many sections, each marked with this word and a number (``Section 1``)."""

    section_spliter: Annotated[str, Field(min_length=1)]
    num_sections: Some

    def is_kept(self, reply: Reply) -> bool:
        """Whether there are."""
        marker = rf"{re.escape(self.section_spliter.strip())}\s?\d+"
        return len(re.findall(marker, reply.text)) >= self.num_sections


class JsonFormat(Rule):
    """The whole reply is JSON; a code fence around it is allowed."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        try:
            json.loads(_FENCE.sub("", reply.text).strip())
        except (ValueError, RecursionError):
            return False
        return True


class Title(Rule):
    """There is a title in double angular brackets: ``<<title>>``."""

    def is_kept(self, reply: Reply) -> bool:
        """Whether there is."""
        return any(title.strip() for title in _TITLE.findall(reply.text))


@cache
def _answers() -> tuple[str, ...]:
    return tuple(packaged("score/rules/data/ifeval.yaml")["constrained_answers"])
