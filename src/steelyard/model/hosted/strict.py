"""What a JSON schema needs so that an endpoint can hold answers to it in strict mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from steelyard.packaged import packaged

_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_VALUES = ("enum", "const", "default", "examples")


def strict_troubles(schema: Mapping[str, Any]) -> list[str]:
    """Say, place by place, why ``schema`` is not one for strict mode; an empty list if it is."""
    troubles = list(_troubles(schema, ""))
    if schema.get("type") != "object":
        troubles.insert(0, "the whole schema is no object")
    return troubles


def _troubles(part: Any, place: str) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _troubles(each, place)
    if not isinstance(part, Mapping):
        return
    here = place or "the whole schema"
    for word in sorted(_refused() & part.keys()):
        yield f"{here} uses {word}"
    if part.get("type") == "object" or "properties" in part:
        named, needed = part.get("properties", {}), part.get("required", [])
        if part.get("additionalProperties") is not False:
            yield f"{here} lacks additionalProperties: false"
        optional = sorted(set(named) - set(needed))
        if optional:
            yield f"{here} does not require {', '.join(optional)}"
    for key, value in part.items():
        if key in _MAPS and isinstance(value, Mapping):
            for name, inner in value.items():
                yield from _troubles(inner, f"{place}.{name}".lstrip("."))
        elif key not in _VALUES:
            yield from _troubles(value, place)


@cache
def _refused() -> frozenset[str]:
    """The keywords that strict mode does not take; see ``data/strict.json``."""
    return frozenset(packaged("model/hosted/data/strict.json")["refused"])
