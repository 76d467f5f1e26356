"""What a rule is, what it reads, and where to find one by its type."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple
from unicodedata import normalize

from pydantic import ConfigDict, model_validator

from steelyard.config.explain import Place
from steelyard.config.options import Options, read_options
from steelyard.errors import ConfigError
from steelyard.registry import Registry
from steelyard.score import reading

RESERVED = frozenset({"all", "each"})
"""Names of parts that are about the rules together; no rule may have one."""

REPEATED = "#"
"""Before the number of a rule that an example has several of."""


class Reply:
    """A reply, read once for all rules. ``text`` is in NFC, without white space at its ends."""

    def __init__(self, text: str) -> None:
        self.text = normalize("NFC", text).strip()

    @cached_property
    def lines(self) -> list[str]:
        """The lines that are not blank, stripped."""
        return [line.strip() for line in self.text.splitlines() if line.strip()]

    @cached_property
    def words(self) -> list[str]:
        return reading.words(self.text)

    @cached_property
    def sentences(self) -> list[str]:
        """The sentences; a blank line ends one."""
        return reading.sentences(self.text)

    @cached_property
    def paragraphs(self) -> list[str]:
        """The parts between blank lines."""
        return reading.paragraphs(self.text)

    @cached_property
    def folded(self) -> str:
        """The text with case, white space and kinds of quotes made one."""
        return reading.folded(self.text)


class Rule(Options):
    """A check of a reply; its fields are the keys of its mapping, except ``type`` and ``name``."""

    model_config = ConfigDict(strict=False)  # rows of data sets give whole numbers as floats

    @model_validator(mode="before")
    @classmethod
    def _compose(cls, fields: Any) -> Any:
        """Put the rule's texts in the form that a `Reply` is read in."""
        if not isinstance(fields, Mapping):
            return fields
        return {name: _composed(value) for name, value in fields.items()}

    @abstractmethod
    def is_kept(self, reply: Reply) -> bool:
        """Whether the reply keeps the rule.

        Raises `PatternTimeoutError` where a pattern of the user's does not end.
        """


def _composed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_composed(item) for item in value]
    return normalize("NFC", value) if isinstance(value, str) else value


class NamedRule(NamedTuple):
    """A rule under the name that its figures have."""

    name: str
    rule: Rule


_HOME = "steelyard.score.rules"
RULES: Registry[type[Rule]] = Registry(
    "type",
    {
        "first_sentence": f"{_HOME}.wording:FirstSentence",
        "last_sentence": f"{_HOME}.wording:LastSentence",
        "acknowledges": f"{_HOME}.wording:Acknowledges",
        "starts_with": f"{_HOME}.wording:StartsWith",
        "ends_with": f"{_HOME}.wording:EndsWith",
        "contains": f"{_HOME}.wording:Contains",
        "never": f"{_HOME}.wording:Never",
        "regex": f"{_HOME}.wording:Regex",
        "numbered_list": f"{_HOME}.counts:NumberedList",
        "bullet_list": f"{_HOME}.counts:BulletList",
        "words": f"{_HOME}.counts:Words",
        "sentences": f"{_HOME}.counts:Sentences",
        "paragraphs": f"{_HOME}.counts:Paragraphs",
        "characters": f"{_HOME}.counts:Characters",
        "language": f"{_HOME}.form:Language",
        "case": f"{_HOME}.form:LetterCase",
        "valid_json": f"{_HOME}.form:ValidJson",
        "no_markdown": f"{_HOME}.form:NoMarkdown",
        "keywords:existence": f"{_HOME}.ifeval:Existence",
        "keywords:frequency": f"{_HOME}.ifeval:Frequency",
        "keywords:forbidden_words": f"{_HOME}.ifeval:ForbiddenWords",
        "keywords:letter_frequency": f"{_HOME}.ifeval:LetterFrequency",
        "language:response_language": f"{_HOME}.ifeval:ResponseLanguage",
        "length_constraints:number_sentences": f"{_HOME}.ifeval:NumberSentences",
        "length_constraints:number_paragraphs": f"{_HOME}.ifeval:NumberParagraphs",
        "length_constraints:number_words": f"{_HOME}.ifeval:NumberWords",
        "length_constraints:nth_paragraph_first_word": f"{_HOME}.ifeval:ParagraphFirstWord",
        "detectable_content:number_placeholders": f"{_HOME}.ifeval:NumberPlaceholders",
        "detectable_content:postscript": f"{_HOME}.ifeval:Postscript",
        "detectable_format:number_bullet_lists": f"{_HOME}.ifeval:NumberBulletLists",
        "detectable_format:constrained_response": f"{_HOME}.ifeval:ConstrainedResponse",
        "detectable_format:number_highlighted_sections": f"{_HOME}.ifeval:NumberHighlights",
        "detectable_format:multiple_sections": f"{_HOME}.ifeval:MultipleSections",
        "detectable_format:json_format": f"{_HOME}.ifeval:JsonFormat",
        "detectable_format:title": f"{_HOME}.ifeval:Title",
        "combination:two_responses": f"{_HOME}.ifeval:TwoResponses",
        "combination:repeat_prompt": f"{_HOME}.ifeval:RepeatPrompt",
        "startend:end_checker": f"{_HOME}.ifeval:EndChecker",
        "startend:quotation": f"{_HOME}.ifeval:Quotation",
        "change_case:capital_word_frequency": f"{_HOME}.ifeval:CapitalWordFrequency",
        "change_case:english_capital": f"{_HOME}.ifeval:EnglishCapital",
        "change_case:english_lowercase": f"{_HOME}.ifeval:EnglishLowercase",
        "punctuation:no_comma": f"{_HOME}.ifeval:NoComma",
    },
)


def build_rules(
    rules: Iterable[Mapping[str, Any] | str], where: str, place: Place | None = None
) -> tuple[NamedRule, ...]:
    """Build a task's rules from plain data; ``where`` is what messages call their list.

    ``place`` says where that list was written.
    A rule without a ``name`` is called by its type, a second one by that and a number. Raises
    `ConfigError` for the first that cannot be built, by its place from 1.
    """
    built: list[NamedRule] = []
    for position, data in enumerate(rules):
        at = place._replace(path=(*place.path, position)) if place else None
        named = _build(data, f"{where}[{position + 1}]", at)
        names = {rule.name for rule in built}
        if named.name in names and _has_name(data):
            raise ConfigError(
                f"{f'{at}: ' if at else ''}{where}[{position + 1}]: two rules are called "
                f"{named.name!r}; rename one"
            )
        built.append(named._replace(name=_free(named.name, "-", names)))
    return tuple(built)


def build_own_rules(
    rules: Iterable[Mapping[str, Any] | str], where: str, task_names: Collection[str]
) -> tuple[NamedRule, ...]:
    """Build the rules of one example, next to task rules whose names are ``task_names``.

    Several of one name are kept apart by `REPEATED`, and are one part in the figures. Raises
    `ConfigError` as `build_rules` does.
    """
    built: list[NamedRule] = []
    for place, data in enumerate(rules, 1):
        named = _build(data, f"{where}[{place}]")
        name = f"{named.name} (own)" if named.name in task_names else named.name
        built.append(named._replace(name=_free(name, REPEATED, {rule.name for rule in built})))
    return tuple(built)


def _build(rule: Mapping[str, Any] | str, where: str, place: Place | None = None) -> NamedRule:
    data = {"type": rule} if isinstance(rule, str) else rule
    kind, name = data.get("type"), data.get("name", data.get("type"))
    at = f"{place}: {where}" if place else where
    if not isinstance(kind, str):
        raise ConfigError(f"{at}: a rule needs a type, such as {{type: never, words: […]}}")
    if not isinstance(name, str) or not name.strip() or name.strip() in RESERVED or "#" in name:
        raise ConfigError(f"{at}: a rule cannot be called {name!r}; choose another name")
    label = f"{where} ({kind})" if name == kind else f"{where} ({name}, {kind})"
    keys = {key: value for key, value in data.items() if key not in {"type", "name"}}
    try:
        rule_type = RULES.get(kind)
    except ConfigError as error:
        raise ConfigError(f"{at}: {error}") from None
    return NamedRule(name.strip(), read_options(label, rule_type, keys, place))


def _has_name(data: Mapping[str, Any] | str) -> bool:
    return not isinstance(data, str) and "name" in data


def _free(name: str, mark: str, used_names: Collection[str]) -> str:
    """``name``, or with a number behind ``mark`` where it is taken."""
    numbered = (f"{name}{mark}{number}" for number in range(2, len(used_names) + 3))
    return next(candidate for candidate in (name, *numbered) if candidate not in used_names)
