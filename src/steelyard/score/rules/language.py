"""The rule about the language of a reply."""

from __future__ import annotations

from pydantic import ConfigDict, Field, field_validator

from steelyard.errors import MissingExtraError
from steelyard.languages import code_of, is_language
from steelyard.score.rules.base import Reply, Rule


class Language(Rule):
    """The reply is in this language, by its code (``en``) or English name; needs the extra ``data``.

    A reply with too few letters to tell keeps the rule.
    """

    model_config = ConfigDict(populate_by_name=False)

    wanted: str = Field(alias="is")

    @field_validator("wanted")
    @classmethod
    def _known(cls, wanted: str) -> str:
        try:
            return code_of(wanted)
        except MissingExtraError as error:
            raise ValueError(str(error)) from None

    def is_kept(self, reply: Reply) -> bool:
        """Whether it is."""
        return is_language(reply.text, self.wanted)
