"""Turn pydantic's validation errors into one line a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from steelyard.config.source import Lines
from steelyard.errors import ConfigError, closest
from steelyard.words import shortened

SHOWN = 5
WIDTH = 60


def explain(
    error: ValidationError,
    where: str,
    lines: Lines,
    above: tuple[str | int, ...] = (),
    owner: str = "",
) -> ConfigError:
    """Build the `ConfigError` for ``where`` (a file name), naming line, key and value.

    ``above`` are the keys that lead to what was validated; ``owner`` is named in their stead.
    """
    items = [item for item in error.errors(include_url=False) if not _is_echo(item)]
    problems = list(dict.fromkeys(_problem(item, lines, above, owner) for item in items))
    text = "; ".join(problems[:SHOWN])
    more = len(problems) - SHOWN
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    separator = ": " if count or not text.startswith("line ") else " "
    return ConfigError(
        f"{where}{separator}{count}{text}" + (f"; and {more} more" if more > 0 else "")
    )


def _is_echo(item: Mapping[str, Any]) -> bool:
    """Whether a list is called empty whose items were refused one by one."""
    return item["type"] == "too_short" and len(item["input"]) > 0


def _problem(
    item: Mapping[str, Any], lines: Lines, above: tuple[str | int, ...], owner: str
) -> str:
    path = _known_path((*above, *item["loc"]), lines)
    context = item.get("ctx") or {}
    key = context.get("key")
    line = line_of(path if key is None else (*path, key), lines)
    inner = _known_path(item["loc"], {}) if owner else path
    dotted = ".".join(str(part) for part in inner)
    prefix = (f"line {line}: " if line else "") + (f"{owner}: " if owner else "")
    return " ".join(f"{prefix}{_message(item, dotted, context)}".split())


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


def _message(item: Mapping[str, Any], dotted: str, context: Mapping[str, Any]) -> str:
    kind, value = item["type"], item["input"]
    if kind == "missing":
        return f"missing key {dotted!r}: add it"
    if kind == "unknown_key":
        return f"{context['text']}" + (f" (in {dotted})" if dotted else "")
    if kind == "value_error":
        return f"{dotted}: {context['error']}" if dotted else str(context["error"])
    if kind == "too_short":
        return f"{dotted} must not be empty"
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(
            **{name: _plain(bound) for name, bound in context.items()}
        )
        names = re.findall(r"'([^']*)'", expected)
        return f"{dotted} must be {expected}, not {_shown(value)}{closest(str(value), names)}"
    text = item["msg"]
    return f"{dotted}: {text[0].lower()}{text[1:]}, not {_shown(value)}"


def line_of(path: tuple[str | int, ...], lines: Lines) -> int | None:
    """The line of a key, or of the nearest one above it that has one."""
    path = _known_path(path, lines)
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _known_path(location: tuple[str | int, ...], lines: Lines) -> tuple[str | int, ...]:
    """Drop the parts pydantic adds for unions: they are not keys of the file."""
    path: tuple[str | int, ...] = ()
    location = tuple(part for part in location if not str(part).startswith("<"))
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if (*path, part) in lines or last or not lines:
            path = (*path, part)
    return path


def _plain(bound: Any) -> str:
    return f"{bound:g}" if isinstance(bound, float) else str(bound)


def _shown(value: object) -> str:
    return shortened(repr(value), WIDTH)
