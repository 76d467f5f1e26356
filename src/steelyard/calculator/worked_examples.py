"""The worked examples that ship: the field's, Azure's, and the support bot in three price worlds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import ConfigError, closest
from steelyard.packaged import packaged

EXAMPLES = ("field", "azure", "bot-2023", "bot-2026", "bot-machine")


def worked_example(name: str) -> Mapping[str, Any]:
    """What the example's file holds. Raises `ConfigError` for a name that is none."""
    if name not in EXAMPLES:
        names = ", ".join(EXAMPLES)
        raise ConfigError(f"unknown example {name!r}{closest(name, EXAMPLES)}; known: {names}")
    data: Mapping[str, Any] = packaged(f"calculator/data/{name}.yaml")
    return data
