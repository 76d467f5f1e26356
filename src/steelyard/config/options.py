"""Options of a member of a family: a class states them, one function reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, TypeVar, get_origin

from pydantic import AfterValidator, ConfigDict, Field, ValidationError, model_validator

from steelyard.config.explain import Place, explain
from steelyard.config.section import Section
from steelyard.errors import closest

Item = TypeVar("Item")
Several = Annotated[tuple[Item, ...], Field(min_length=1)]
"""A list that must not be empty."""


def one_of(what: str, names: Callable[[], Iterable[str]]) -> AfterValidator:
    """Allow only the texts of ``names``; ``what`` names the value in the message."""

    def check(value: str) -> str:
        choices = list(names())
        if value not in choices:
            raise ValueError(
                f"unknown {what} {value!r}{closest(value, choices)}; known: {', '.join(choices)}"
            )
        return value

    return AfterValidator(check)


class Options(Section):
    """Options of a metric, a rule, a strategy or a fake model; each default lives once, on its field.

    Values are not converted, except whole numbers where any number will do. A single item is read as
    a list of one.
    """

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _make_tuples(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        lists = {
            name
            for field_name, field in cls.model_fields.items()
            if get_origin(field.annotation) is tuple
            for name in (field_name, field.alias)
        }
        return {key: _as_tuple(item) if key in lists else item for key, item in value.items()}


def _as_tuple(value: Any) -> Any:
    if isinstance(value, Mapping) or value is None:
        return value
    return tuple(value) if isinstance(value, list | tuple) else (value,)


SectionT = TypeVar("SectionT", bound=Section)


def read_options(
    owner: str, schema: type[SectionT], options: Mapping[str, Any], place: Place | None = None
) -> SectionT:
    """Read ``options`` of ``owner`` (``strategy few_shot``) as its class states them.

    Raises `ConfigError` for unknown names and unfit values, with the line where ``place`` knows it.
    """
    try:
        return schema.model_validate(dict(options), context={"noun": "option"})
    except ValidationError as error:
        if place is None:
            raise explain(error, options, Place(owner, {})) from None
        raise explain(error, options, place, owner) from None
