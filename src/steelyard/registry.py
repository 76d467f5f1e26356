"""A family of implementations found by name and imported only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Generic, TypeVar, cast

from steelyard.errors import ConfigError, closest

T = TypeVar("T")


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
            known = ", ".join(self._targets)
            raise ConfigError(
                f"unknown {self._kind} {name!r}{closest(name, self._targets)}; known: {known}"
            )
        module, _, attribute = self._targets[name].partition(":")
        return cast(T, getattr(import_module(module), attribute))
