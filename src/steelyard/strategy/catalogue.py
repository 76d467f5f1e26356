"""A strategy built from its name and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from steelyard.families import STRATEGIES
from steelyard.strategy.base import Strategy


class _Named(Protocol):
    """Anything that names a strategy and its options, such as a line of ``task.yaml``."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


def build_strategy(spec: _Named) -> Strategy:
    """Build the strategy that ``spec`` names; unknown names and options raise `ConfigError`."""
    kind: type[Strategy] = STRATEGIES.get(spec.name)
    return kind(**spec.options)
