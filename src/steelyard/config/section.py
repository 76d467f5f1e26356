"""A section of user input: frozen data that refuses unknown keys by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from steelyard.config.numbers import TYPED_NUMBER, count_text, number_text
from steelyard.config.units import refuse_units
from steelyard.errors import closest

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _printable(text: str) -> str:
    """Refuse control characters, which no name and no path of a file has."""
    if (found := _CONTROL.search(text)) is not None:
        raise ValueError(
            f"it has the control character {found[0]!r} at place {found.start() + 1}: remove it"
        )
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_printable),
]


def _printable_lines(text: str) -> str:
    _printable(text.replace("\n", " ").replace("\t", " "))
    return text


Template = Annotated[
    str, StringConstraints(min_length=1, max_length=2_000), AfterValidator(_printable_lines)
]
"""Text with places in braces; it may have several lines."""
MOST_MONEY, LEAST_MONEY = Decimal("1e12"), Decimal("1e-12")
MOST_PER_MILLION, MOST_PRICE = Decimal(10) ** 5, Decimal(10) ** 6
"""The dearest that a million tokens, and any one thing, may be: more is a slip."""


def _countable(amount: Decimal) -> Decimal:
    """Refuse money that no figure made of it could hold."""
    if amount > MOST_MONEY:
        raise ValueError(f"{amount:.3g} is too much money: write at most {MOST_MONEY:,.0f}")
    if 0 < amount < LEAST_MONEY:
        raise ValueError(f"{amount:.3g} is too little money: write 0, or at least {LEAST_MONEY:f}")
    return amount


MoneyAmount = Annotated[Decimal, TYPED_NUMBER, Field(ge=0), AfterValidator(_countable)]
"""Money in a task: 0, or from `LEAST_MONEY` to `MOST_MONEY`."""
TokenPrice = Annotated[MoneyAmount, Field(le=MOST_PER_MILLION)]
UnitPrice = Annotated[MoneyAmount, Field(le=MOST_PRICE)]
PositiveMoney = Annotated[Decimal, Field(gt=0), AfterValidator(_countable)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A mapping in ``task.yaml``. Unknown keys are refused with the closest known one.

    Validated with the context ``{"noun": "option"}`` it calls its keys options.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, dict) or cls.model_config.get("extra") == "allow":
            return value
        names = {field.alias or name for name, field in cls.model_fields.items()}
        unknown = [key for key in value if key not in names and key not in cls.model_fields]
        if unknown:
            noun = (info.context or {}).get("noun", "key")
            text = unknown_keys(unknown, sorted(names), noun, cls._hint)
            raise PydanticCustomError("unknown_key", "{text}", {"text": text, "key": unknown[0]})
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _read_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a truth value for a number, and read a number with separators of thousands."""
        if not isinstance(value, bool | str) or info.field_name is None:
            return value
        kinds = set(_kinds_in(cls.model_fields[info.field_name].annotation))
        if not kinds & {int, float, Decimal} or type(value) in kinds:
            return value
        if isinstance(value, str):
            is_count = not kinds & {float, Decimal}
            refuse_units(value, info.field_name, whole=is_count)
            return count_text(value) if is_count else number_text(value)
        kind = "float_type" if kinds & {float, Decimal} else "int_type"
        raise PydanticCustomError(kind, "a number is needed")

    @classmethod
    def _hint(cls, key: str, names: Collection[str]) -> str:
        """The closest key here, else in a section below."""
        below = {
            inner: f"{field.alias or name}.{inner}"
            for name, field in cls.model_fields.items()
            for section in _sections_in(field.annotation)
            for inner in section.model_fields
        }
        near = get_close_matches(key, below, n=1)
        nested = f" (did you mean {below[near[0]]!r}?)" if near else ""
        return closest(key, names) or nested


def unknown_keys(
    keys: Collection[object],
    names: Collection[str],
    noun: str,
    hint: Callable[[str, Collection[str]], str] = closest,
) -> str:
    """Say which ``keys`` are unknown, each with the closest one by ``hint``, and which are known."""
    named = ", ".join(f"{key!r}{hint(str(key), names)}" for key in keys)
    plural = "s" if len(keys) > 1 else ""
    return f"unknown {noun}{plural} {named}; known: {', '.join(names) or 'none'}"


def _sections_in(annotation: Any) -> list[type[Section]]:
    kinds = (kind for kind in _kinds_in(annotation) if isinstance(kind, type))
    return [kind for kind in kinds if issubclass(kind, Section)]


def _kinds_in(annotation: Any) -> list[Any]:
    """The types that a key takes: the annotation itself, or those of a union, annotated or not."""
    if get_origin(annotation) is Annotated:
        return _kinds_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for member in get_args(annotation) for kind in _kinds_in(member)]
    return [annotation]
