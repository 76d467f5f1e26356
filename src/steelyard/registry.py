"""A family of implementations found by name and imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Generic, TypeVar, cast

from steelyard.errors import ConfigError, closest

T = TypeVar("T")
MOST_LISTED = 20
FEW = 8


class Registry(Generic[T]):
    """Map names to ``module:attribute`` targets; importing happens at :meth:`get`."""

    def __init__(self, kind: str, targets: Mapping[str, str]) -> None:
        self._kind = kind
        self._targets = dict(targets)

    def __iter__(self) -> Iterator[str]:
        return iter(self._targets)

    def __contains__(self, name: object) -> bool:
        return name in self._targets

    def get(self, name: str) -> T:
        """Return the implementation called ``name``; an unknown name raises `ConfigError`."""
        if name not in self._targets:
            raise ConfigError(
                f"unknown {self._kind} {name!r}{closest(name, self._targets)}; {self._known(name)}"
            )
        module, _, attribute = self._targets[name].partition(":")
        return cast(T, getattr(import_module(module), attribute))

    def _known(self, name: str) -> str:
        """Every name there is, or of many the few that are most like ``name``."""
        if len(self._targets) <= MOST_LISTED:
            return f"known: {', '.join(self._targets)}"
        near = get_close_matches(name, self._targets, n=FEW, cutoff=0.0)
        return f"the closest of {len(self._targets)}: {', '.join(near)}"
