"""Options of a strategy: a frozen dataclass is the schema, and the only home of each default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from steelyard.errors import ConfigError, closest

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def parse_options(
    strategy: str, schema: type[T], options: Mapping[str, Any], others: Sequence[str] = ()
) -> T:
    """Build ``schema`` from ``options``. Unknown names and wrong types raise `ConfigError`.

    A default says its option's type; lists become tuples, and an item stands for a list of one.
    ``others`` are options that the strategy reads by itself: they are only named as known.
    """
    defaults = {field.name: field.default for field in fields(schema)}
    for name in options:
        if name not in defaults:
            names = [*others, *defaults]
            raise ConfigError(
                f"strategy {strategy}: unknown option {name!r}{closest(name, names)}; "
                f"known: {', '.join(names) or 'none'}"
            )
    values = {name: _coerce(strategy, name, options[name], defaults[name]) for name in options}
    return schema(**values)


def check_known(what: str, names: Iterable[str], members: Iterable[str]) -> None:
    """Raise `ConfigError` with the closest match for the first name that is not ``known``."""
    allowed = list(members)
    for name in names:
        if name not in allowed:
            hint = closest(name, allowed)
            raise ConfigError(f"unknown {what} {name!r}{hint}; known: {', '.join(allowed)}")


def _coerce(strategy: str, name: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple):
        items = tuple(value) if isinstance(value, list | tuple) else (value,)
        kind = type(default[0]) if default else str
        if not items and default:
            raise ConfigError(f"strategy {strategy}: option {name} must not be empty")
        return tuple(_scalar(strategy, name, item, kind) for item in items)
    return _scalar(strategy, name, value, type(default))


def _scalar(strategy: str, name: str, value: Any, kind: type[Any]) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ConfigError(
            f"strategy {strategy}: option {name} must be of type {kind.__name__}, got {value!r}"
        )
    if kind in (int, float) and value < 0:
        raise ConfigError(f"strategy {strategy}: option {name} must not be negative, got {value!r}")
    return value
