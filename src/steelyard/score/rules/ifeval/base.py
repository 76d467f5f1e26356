"""What IFEval's instructions share."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

Relation = Literal["at least", "less than", "at most", "more than", "exactly"]
"""The data set has the first two."""

Count = Annotated[int, Field(ge=0)]
Some = Annotated[int, Field(ge=1)]
_WORD = re.compile(r"\w+")


def is_met(count: int, relation: Relation, wanted: int) -> bool:
    """Whether ``count`` stands to ``wanted`` as the relation says."""
    met = {
        "at least": count >= wanted,
        "less than": count < wanted,
        "at most": count <= wanted,
        "more than": count > wanted,
        "exactly": count == wanted,
    }
    return met[relation]


def plain_words(text: str) -> list[str]:
    """Runs of letters and digits: ``don't`` is two, as the data set's counts have it."""
    return _WORD.findall(text)


def ends_empty(parts: list[str]) -> list[str]:
    """The parts between separators without an empty one at either end."""
    kept = parts[1:] if parts and not parts[0].strip() else parts
    return kept[:-1] if kept and not kept[-1].strip() else kept
