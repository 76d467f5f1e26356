"""Turn pydantic's validation errors into one line a person can act on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from steelyard.config.source import Lines
from steelyard.errors import ConfigError, closest
from steelyard.words import shortened

Keys = tuple[str | int, ...]
SHOWN = 5
WIDTH = 60


class Place(NamedTuple):
    """Where data was written: a file or its like, the lines of its keys, and the keys above it."""

    where: str
    lines: Lines
    path: Keys = ()

    def __str__(self) -> str:
        line = self.line_of()
        return f"{self.where} line {line}" if line else self.where

    def line_of(self, *keys: str | int) -> int | None:
        """The line of a key, or of the nearest one above it that has one."""
        nearest: Keys = ()
        for key in (*self.path, *keys):
            nearest = (*nearest, key) if (*nearest, key) in self.lines else nearest
        return self.lines[nearest] if nearest else None


def explain(error: ValidationError, data: Any, place: Place, owner: str = "") -> ConfigError:
    """Build the `ConfigError` for ``data``, naming file, line, key and value.

    ``owner`` is whose keys these are (``strategy few_shot``), where the place does not say it.
    """
    items = [item for item in error.errors(include_url=False) if not _is_echo(item)]
    fits: dict[Keys, list[str]] = {}
    for item in items:
        if item["type"] in _EXPECTED:
            fits.setdefault(_written_keys(item, data), []).append(_expected(item))
    problems = []
    for item in items:
        keys = _written_keys(item, data)
        context = item.get("ctx") or {}
        line = place.line_of(*keys, *([context["key"]] if "key" in context else []))
        prefix = (f"line {line}: " if line else "") + (f"{owner}: " if owner else "")
        message = _message(item, ".".join(map(str, keys)), fits.get(keys, []))
        problems.append(" ".join(f"{prefix}{message}".split()))
    problems = list(dict.fromkeys(problems))
    text = "; ".join(problems[:SHOWN])
    more = len(problems) - SHOWN
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    separator = ": " if count or not text.startswith("line ") else " "
    return ConfigError(
        f"{place.where}{separator}{count}{text}" + (f"; and {more} more" if more > 0 else "")
    )


def _is_echo(item: Mapping[str, Any]) -> bool:
    """Whether a list is called empty whose items were refused one by one."""
    return item["type"] == "too_short" and len(item["input"]) > 0


def _written_keys(item: ErrorDetails, data: Any) -> Keys:
    """The keys as they stand in ``data``, without what pydantic adds for unions and lists of one."""
    keys: Keys = ()
    for part in item["loc"]:
        is_key = isinstance(data, Mapping) and part in data
        if is_key or (isinstance(data, list | tuple) and part in range(len(data))):
            keys, data = (*keys, part), data[part]
    return (*keys, item["loc"][-1]) if item["type"] == "missing" else keys


_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "model_type": "a mapping of keys",
    "dict_type": "a mapping of keys",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
}
"""What a value must be, by pydantic's type of error."""


def _expected(item: ErrorDetails) -> str:
    bounds = {name: _plain(bound) for name, bound in (item.get("ctx") or {}).items()}
    return _EXPECTED[item["type"]].format(**bounds)


def _message(item: ErrorDetails, key: str, fits: Sequence[str]) -> str:
    """One sentence about ``key``; ``fits`` are what its value may be."""
    kind, value, context = item["type"], item["input"], item.get("ctx") or {}
    if kind == "missing":
        return f"missing key {key!r}: add it"
    if kind == "unknown_key":
        return f"{context['text']}" + (f" (in {key})" if key else "")
    if kind == "value_error":
        return f"{key}: {context['error']}" if key else str(context["error"])
    if kind == "too_short":
        return f"{key} must not be empty"
    if kind in _EXPECTED:
        expected = " or ".join(dict.fromkeys(fits))
        names = re.findall(r"'([^']*)'", expected)
        return f"{key} must be {expected}, not {as_yaml(value)}{closest(str(value), names)}"
    text = item["msg"]
    return f"{key}: {text[0].lower()}{text[1:]}, not {as_yaml(value)}"


def _plain(bound: Any) -> str:
    # pydantic gives a bound of a Decimal as its repr
    text = f"{bound:g}" if isinstance(bound, float) else str(bound)
    return text.removeprefix("Decimal('").removesuffix("')")


def as_yaml(value: object) -> str:
    """The value as YAML writes it, where Python's spelling differs."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return shortened(repr(value), WIDTH)
