"""What rows mean: shapes by name, and which of them a file's rows have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from steelyard.data.formats.shapes.base import Conversation, Shape, Turn, WrittenRow
from steelyard.registry import Registry

SHAPES: Registry[Shape] = Registry(
    "shape of rows",
    {
        "ifeval": "steelyard.data.formats.shapes.ifeval:SHAPE",
        "preference": "steelyard.data.formats.shapes.preference:SHAPE",
        "logs": "steelyard.data.formats.shapes.logs:SHAPE",
        "openai": "steelyard.data.formats.shapes.chat:SHAPE",
        "sharegpt": "steelyard.data.formats.shapes.sharegpt:SHAPE",
        "alpaca": "steelyard.data.formats.shapes.alpaca:SHAPE",
        "prompt_completion": "steelyard.data.formats.shapes.prompt_completion:SHAPE",
    },
)
"""In the order in which they are tried: the most special first."""

_ROLES = frozenset({"id", "group", "slice", "timestamp", "weight", "rules", "accepted"})
_ALPACA = frozenset({"instruction", "input", "output", "system", "history"})
_IFEVAL = frozenset({"prompt", "instruction_id_list"})
_SHAREGPT = frozenset({"conversations", "conversation"})
ENVELOPE = frozenset({"request", "response", "request_body", "body", "status", "status_code"})
"""Keys of a logged call that were read for the row, whatever else they hold."""

_LOGGED = frozenset({"request", "request_body", "body", "kwargs", "choices", "response"})
_PAIRS = (
    frozenset({"chosen", "rejected"}),
    frozenset({"preferred_output", "non_preferred_output"}),
)


def shape_of(rows: Iterable[Mapping[str, Any]]) -> Shape | None:
    """The shape that most of ``rows`` have; ``None`` when they have none that is known."""
    counts = Counter(name for fields in rows if (name := _name_of(fields)) is not None)
    best = max(SHAPES, key=lambda name: counts[name], default=None)
    return SHAPES.get(best) if best is not None and counts[best] else None


def _name_of(fields: Mapping[str, Any]) -> str | None:
    if fields.keys() >= {"prompt", "completion"} and "messages" not in fields:
        return "prompt_completion"
    return next((name for name in SHAPES if SHAPES.get(name).fits(fields)), None)


@lru_cache(maxsize=1_000)
def known_keys(names: tuple[str, ...]) -> str | None:
    """The shape that field names alone give away; ``None`` for plain columns and for chat."""
    keys = set(names)
    if keys >= _IFEVAL:
        return "ifeval"
    if keys & _SHAREGPT:
        return "sharegpt"
    if keys <= _ALPACA | _ROLES and keys >= {"instruction", "output"}:
        return "alpaca"
    if any(keys >= pair for pair in _PAIRS):
        return "preference"
    if "messages" in keys:
        return "logs" if keys & {"response", "choices"} else "openai"
    return "logs" if len(keys & _LOGGED) > 1 else None


__all__ = [
    "ENVELOPE",
    "SHAPES",
    "Conversation",
    "Shape",
    "Turn",
    "WrittenRow",
    "known_keys",
    "shape_of",
]
