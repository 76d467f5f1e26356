"""Rules about the form of a reply: case, language, JSON, plain text."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from steelyard.errors import MissingExtraError
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.json_text import json_value
from steelyard.languages import code_of, is_language
from steelyard.score.rules.base import Reply, Rule

_FENCED = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)
_MARKDOWN = re.compile(
    r"^\s{0,3}#{1,6}\s|^\s*```|\*\*[^\s*][^*\n]*\*\*|__[^\s_][^_\n]*__|`[^`\n]+`|\]\([^\s()]|^\s*[*+]\s"
    r"|^\s*\|.*\|\s*$",
    re.MULTILINE,
)


class LetterCase(Rule):
    """Every letter is small (``lower``) or capital (``upper``), and there is one."""

    model_config = ConfigDict(populate_by_name=False)

    letters: Literal["lower", "upper"] = Field(alias="is")

    def is_kept(self, reply: Reply) -> bool:
        return reply.text.islower() if self.letters == "lower" else reply.text.isupper()


class ValidJson(Rule):
    """The whole reply is JSON, and fits ``schema`` where one is given; ``fence`` allows a code fence."""

    model_config = ConfigDict(populate_by_name=False)

    json_schema: dict[str, Any] | bool | None = Field(default=None, alias="schema")
    fence: bool = False

    @model_validator(mode="after")
    def _check_schema(self) -> ValidJson:
        try:
            _ = self._schema
        except BadSchemaError as error:
            raise ValueError(
                f"schema is not a valid JSON schema: {' '.join(str(error).split())}"
            ) from None
        return self

    @cached_property
    def _schema(self) -> JsonSchema | None:
        return None if self.json_schema is None else JsonSchema(self.json_schema)

    def is_kept(self, reply: Reply) -> bool:
        text = reply.text
        if self.fence and (fenced := _FENCED.fullmatch(text)):
            text = fenced[1]
        try:
            value = json_value(text)
        except ValueError:
            return False
        return self._schema is None or self._schema.is_fitting(value)


class NoMarkdown(Rule):
    """No headings, bold, code, links, tables or starred lists; dashes and numbers are plain text."""

    def is_kept(self, reply: Reply) -> bool:
        return _MARKDOWN.search(reply.text) is None


def language_code(language: str) -> str:
    """The code of a language that can be recognised here. Raises `ValueError`."""
    try:
        return code_of(language)
    except MissingExtraError as error:
        raise ValueError(str(error)) from None


LanguageCode = Annotated[str, AfterValidator(language_code)]


class Language(Rule):
    """The reply is in this language, by its code (``en``) or English name; needs the extra ``data``.

    A reply with too few letters to tell keeps the rule.
    """

    model_config = ConfigDict(populate_by_name=False)

    language: LanguageCode = Field(alias="is")

    def is_kept(self, reply: Reply) -> bool:
        return is_language(reply.text, self.language)
