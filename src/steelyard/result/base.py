"""What every record of ``result.json`` is: frozen, checked when it is read, plain JSON when written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


def _is_none(value: object) -> bool:
    return value is None


Omitted = Annotated[T | None, Field(exclude_if=_is_none)]
"""A field that is left out of the file where there is nothing to say."""


class ResultPart(BaseModel):
    """A part of ``result.json``.

    Every field has a default, so that a file whose writer did not know a field can still be read; the
    JSON schema, made for what is written, requires them. Unknown fields of a newer file are ignored.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        json_schema_serialization_defaults_required=True,
    )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; a NaN raises `ValueError`."""
        return dict(json.loads(json.dumps(self.model_dump(), allow_nan=False, default=_plain)))

    def updated(self, **fields: Any) -> Self:
        return self.model_copy(update=fields)


class OpenPart(ResultPart):
    """A part that keeps the fields it does not know: what they are depends on how they came about."""

    model_config = ConfigDict(extra="allow")


def _plain(value: Any) -> Any:
    """Turn decimals, sets and numpy numbers into what JSON holds."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"result.json cannot hold a {type(value).__name__}")
