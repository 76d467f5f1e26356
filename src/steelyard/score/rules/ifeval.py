"""The 25 verifiable instructions of IFEval, under their own ids and with the data set's keys.

Zhou, Lu, Mishra, Brahma, Basu, Luan, Zhou and Hou (2023), "Instruction-Following Evaluation for Large
Language Models", arXiv:2311.07911. Written from the paper's descriptions and the data set. Sentences
are told by our own splitter and languages by py3langid, where the authors used nltk and langdetect;
a figure can differ by what these see differently.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from steelyard.config.options import Several
from steelyard.json_text import json_value
from steelyard.languages import is_language
from steelyard.packaged import packaged
from steelyard.score.reading import sentences
from steelyard.score.rules.base import Reply, Rule
from steelyard.score.rules.counts import Count
from steelyard.score.rules.form import LanguageCode, language_code

Relation = Literal["at least", "less than", "at most", "more than", "exactly"]
"""The data set has the first two."""

Some = Annotated[int, Field(ge=1)]
Text = Annotated[str, Field(min_length=1)]
_WORD = re.compile(r"\w+")


def is_met(count: int, relation: Relation, bound: int) -> bool:
    """Whether ``count`` stands to ``bound`` as the relation says."""
    met = {
        "at least": count >= bound,
        "less than": count < bound,
        "at most": count <= bound,
        "more than": count > bound,
        "exactly": count == bound,
    }
    return met[relation]


def plain_words(text: str) -> list[str]:
    """Runs of letters and digits: ``don't`` is two, as the data set's counts have it."""
    return _WORD.findall(text)


def ends_empty(parts: list[str]) -> list[str]:
    """The parts between separators without an empty one at either end."""
    inner = parts[1:] if parts and not parts[0].strip() else parts
    return inner[:-1] if inner and not inner[-1].strip() else inner


class Existence(Rule):
    """Each keyword is in the reply, whatever its case; inside a longer word too."""

    keywords: Several[str]

    def is_kept(self, reply: Reply) -> bool:
        text = reply.text.casefold()
        return all(keyword.strip().casefold() in text for keyword in self.keywords)


class Frequency(Rule):
    """A keyword is there so many times, whatever its case; inside longer words too."""

    keyword: Text
    frequency: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        count = reply.text.casefold().count(self.keyword.strip().casefold())
        return is_met(count, self.relation, self.frequency)


class ForbiddenWords(Rule):
    """None of the words is there as a whole word."""

    forbidden_words: Several[str]

    def is_kept(self, reply: Reply) -> bool:
        listed = "|".join(re.escape(word.strip()) for word in self.forbidden_words)
        return re.search(rf"(?<!\w)(?:{listed})(?!\w)", reply.text, re.IGNORECASE) is None


class LetterFrequency(Rule):
    """A letter is there so many times, small and capital alike."""

    letter: Annotated[str, Field(min_length=1, max_length=1)]
    let_frequency: Count
    let_relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        count = reply.text.lower().count(self.letter.lower())
        return is_met(count, self.let_relation, self.let_frequency)


_DIVIDER = re.compile(r"\s?\*\*\*\s?")
_QUOTES = "\"'“‘"
_FIRST_WORD = re.compile(r"[^\s.,?!'\"”’]*")


class NumberWords(Rule):
    """How many words there are."""

    num_words: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        return is_met(len(plain_words(reply.text)), self.relation, self.num_words)


class NumberSentences(Rule):
    """How many sentences there are; line breaks end none."""

    num_sentences: Count
    relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        count = len(sentences(reply.text, by_line=False))
        return is_met(count, self.relation, self.num_sentences)


class NumberParagraphs(Rule):
    """There are exactly so many paragraphs, parted by ``***``, none of them empty."""

    num_paragraphs: Some

    def is_kept(self, reply: Reply) -> bool:
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
        parts = [part.strip() for part in reply.text.split("\n\n") if part.strip()]
        if len(parts) != self.num_paragraphs:
            return False
        first = parts[self.nth_paragraph - 1].split()[0].lstrip(_QUOTES)
        word = _FIRST_WORD.match(first)
        return word is not None and word[0].lower() == self.first_word.strip().lower()


_PLACEHOLDER = re.compile(r"\[[^\[\]\n]*\]")
_COMMAS = frozenset(",，،、")
_ASTERISKS = "******"
_ANSWERS = 2


class NumberPlaceholders(Rule):
    """At least so many placeholders in square brackets, such as ``[address]``."""

    num_placeholders: Some

    def is_kept(self, reply: Reply) -> bool:
        return len(_PLACEHOLDER.findall(reply.text)) >= self.num_placeholders


class Postscript(Rule):
    """There is a postscript with this marker, such as ``P.S.``; spaces and case do not count."""

    postscript_marker: Text

    def is_kept(self, reply: Reply) -> bool:
        letters = [letter for letter in self.postscript_marker.lower() if letter.isalnum()]
        if not letters:
            return self.postscript_marker.strip() in reply.text
        marker = r"\.\s?".join(map(re.escape, letters))
        return re.search(rf"(?<![\w.]){marker}(?!\w)", reply.text.lower()) is not None


class TwoResponses(Rule):
    """Exactly two different answers, parted by six asterisks."""

    def is_kept(self, reply: Reply) -> bool:
        parts = [part.strip() for part in ends_empty(reply.text.split(_ASTERISKS))]
        return len(parts) == _ANSWERS and all(parts) and parts[0] != parts[1]


class RepeatPrompt(Rule):
    """The reply begins with the request, word for word; case does not count."""

    prompt_to_repeat: Text

    def is_kept(self, reply: Reply) -> bool:
        return reply.text.lower().startswith(self.prompt_to_repeat.strip().lower())


class EndChecker(Rule):
    """The reply ends with this phrase; case and a closing quotation mark do not count."""

    end_phrase: Text

    def is_kept(self, reply: Reply) -> bool:
        return reply.text.strip('"').lower().endswith(self.end_phrase.strip().lower())


class Quotation(Rule):
    """The whole reply is wrapped in double quotation marks."""

    def is_kept(self, reply: Reply) -> bool:
        text = reply.text
        return len(text) > 1 and text[0] == '"' and text[-1] == '"'


class NoComma(Rule):
    """There is no comma, of any script."""

    def is_kept(self, reply: Reply) -> bool:
        return _COMMAS.isdisjoint(reply.text)


_STARRED = re.compile(r"\*[^*]")
_HIGHLIGHT = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|\*(?P<plain>[^*\n]+)\*")
_TITLE = re.compile(r"<<([^\n]{1,300}?)>>")
_FENCE = re.compile(r"\A```(?:json)?|```\Z", re.IGNORECASE)


class NumberBulletLists(Rule):
    """Exactly so many bullet points in Markdown: lines that begin with ``*`` or ``-``."""

    num_bullets: Some

    def is_kept(self, reply: Reply) -> bool:
        count = sum(bool(_STARRED.match(line)) or line.startswith("-") for line in reply.lines)
        return count == self.num_bullets


class ConstrainedResponse(Rule):
    """One of the given answers is in the reply: "My answer is yes.", no, or maybe."""

    def is_kept(self, reply: Reply) -> bool:
        answers = packaged("score/rules/data/ifeval.yaml")["constrained_answers"]
        return any(answer in reply.text for answer in answers)


class NumberHighlights(Rule):
    """At least so many highlighted stretches: ``*…*`` or ``**…**``."""

    num_highlights: Some

    def is_kept(self, reply: Reply) -> bool:
        matches = _HIGHLIGHT.finditer(reply.text)
        count = sum(bool((match["bold"] or match["plain"]).strip()) for match in matches)
        return count >= self.num_highlights


class MultipleSections(Rule):
    """At least so many sections, each marked with this word and a number (``Section 1``)."""

    section_spliter: Text
    num_sections: Some

    def is_kept(self, reply: Reply) -> bool:
        marker = rf"{re.escape(self.section_spliter.strip())}\s?\d+"
        return len(re.findall(marker, reply.text)) >= self.num_sections


class JsonFormat(Rule):
    """The whole reply is JSON; a code fence around it is allowed."""

    def is_kept(self, reply: Reply) -> bool:
        try:
            json_value(_FENCE.sub("", reply.text).strip())
        except ValueError:
            return False
        return True


class Title(Rule):
    """There is a title in double angular brackets: ``<<title>>``."""

    def is_kept(self, reply: Reply) -> bool:
        return any(title.strip() for title in _TITLE.findall(reply.text))


ENGLISH = "en"


class ResponseLanguage(Rule):
    """The whole reply is in one language; with too few letters to tell, it keeps the rule."""

    language: LanguageCode

    def is_kept(self, reply: Reply) -> bool:
        return is_language(reply.text, self.language)


class _English(Rule):
    @model_validator(mode="after")
    def _check_identifier(self) -> _English:
        language_code(ENGLISH)
        return self


class EnglishCapital(_English):
    """The reply is English, in capital letters only."""

    def is_kept(self, reply: Reply) -> bool:
        return reply.text.isupper() and is_language(reply.text, ENGLISH)


class EnglishLowercase(_English):
    """The reply is English, in small letters only."""

    def is_kept(self, reply: Reply) -> bool:
        return reply.text.islower() and is_language(reply.text, ENGLISH)


class CapitalWordFrequency(Rule):
    """So many words are all capitals; ``I`` and ``A`` count."""

    capital_frequency: Count
    capital_relation: Relation = "at least"

    def is_kept(self, reply: Reply) -> bool:
        count = sum(word.isupper() for word in reply.words)
        return is_met(count, self.capital_relation, self.capital_frequency)
