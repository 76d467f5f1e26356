"""Turn pydantic's validation errors into one line a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from steelyard.config.source import Lines
from steelyard.errors import ConfigError
from steelyard.words import shortened

SHOWN = 5
WIDTH = 60


def explain(error: ValidationError, where: str, lines: Lines) -> ConfigError:
    """Build the `ConfigError` for ``where`` (a file name), naming line, key and value."""
    problems = list(
        dict.fromkeys(_problem(item, lines) for item in error.errors(include_url=False))
    )
    text = "; ".join(problems[:SHOWN])
    more = len(problems) - SHOWN
    count = f"{len(problems)} problems: " if len(problems) > 1 else ""
    separator = ": " if count or not text.startswith("line ") else " "
    return ConfigError(
        f"{where}{separator}{count}{text}" + (f"; and {more} more" if more > 0 else "")
    )


def _problem(item: Mapping[str, Any], lines: Lines) -> str:
    path = _known_path(item["loc"], lines)
    context = item.get("ctx") or {}
    key = context.get("key")
    line = lines.get((*path, key)) if key is not None else None
    line = line or next(
        (lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None
    )
    dotted = ".".join(str(part) for part in path)
    prefix = f"line {line}: " if line else ""
    return " ".join(f"{prefix}{_message(item, dotted, context)}".split())


def _message(item: Mapping[str, Any], dotted: str, context: Mapping[str, Any]) -> str:
    kind = item["type"]
    if kind == "missing":
        return f"missing key {dotted!r}: add it"
    if kind == "unknown_key":
        return f"{context['text']}" + (f" (in {dotted})" if dotted else "")
    if kind == "value_error":
        return f"{dotted}: {context['error']}" if dotted else str(context["error"])
    if kind in {"model_type", "dict_type"}:
        return f"{dotted} must be a mapping of keys, not {shortened(repr(item['input']), WIDTH)}"
    text = item["msg"]
    return f"{dotted}: {text[0].lower()}{text[1:]}, not {shortened(repr(item['input']), WIDTH)}"


def _known_path(location: tuple[str | int, ...], lines: Lines) -> tuple[str | int, ...]:
    """Drop the parts pydantic adds for unions: they are not keys of the file."""
    path: tuple[str | int, ...] = ()
    location = tuple(part for part in location if not str(part).startswith("<"))
    for position, part in enumerate(location):
        last = position == len(location) - 1
        if (*path, part) in lines or last or not lines:
            path = (*path, part)
    return path
