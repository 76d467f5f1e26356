"""A family of implementations found by name and imported only when asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from steelyard.errors import ConfigError, closest

T = TypeVar("T")
MOST_LISTED = 20
FEW = 8
log = logging.getLogger("steelyard")


class Registry(Generic[T]):
    """Map names to members, or to ``module:attribute`` targets that are imported at :meth:`get`.

    Installed packages add members through entry points of ``group``, which are read once, when a name
    is not among ours. Ours win over an entry point of the same name. `ConfigError` is raised where two
    packages offer one name, one offers what cannot be loaded, or a member lacks an attribute of ``states``.
    """

    def __init__(
        self,
        kind: str,
        targets: Mapping[str, str],
        group: str | None = None,
        states: Sequence[str] = (),
    ) -> None:
        self._kind = kind
        self._group = group
        self._states = states
        self._targets: dict[str, str | T] = dict(targets)
        self._packages: dict[str, str] = {}
        self._has_read_packages = group is None

    def __iter__(self) -> Iterator[str]:
        return iter(self._members())

    def __contains__(self, name: object) -> bool:
        return name in self._targets or name in self._members()

    def get(self, name: str) -> T:
        """Return the implementation called ``name``; an unknown name raises `ConfigError`."""
        if name not in self:
            members = self._members()
            raise ConfigError(
                f"unknown {self._kind} {name!r}{closest(name, members)}; {self._names_near(name)}"
            )
        target = self._targets[name]
        if isinstance(target, str):
            module, _, attribute = target.partition(":")
            try:
                target = cast(T, getattr(import_module(module), attribute))
            except Exception as error:
                if name not in self._packages:
                    raise
                raise ConfigError(
                    f"{self._kind} {name!r} of the package {self._packages[name]} cannot be loaded: "
                    f"{type(error).__name__}: {error}; update or uninstall that package"
                ) from error
        class_name = getattr(target, "name", name)
        if isinstance(class_name, str) and class_name != name:
            raise ConfigError(
                f"{self._kind} {name!r} calls itself {class_name!r}: register it under that name"
            )
        missing = [attribute for attribute in self._states if not hasattr(target, attribute)]
        if missing:
            raise ConfigError(
                f"{self._kind} {name!r} does not state its {missing[0]}: set it on the class"
            )
        return target

    def register(self, name: str, target: str | T) -> None:
        """Add a member, or its ``module:attribute``. A name that is taken raises `ConfigError`."""
        if name in self:
            raise ConfigError(
                f"{self._kind} {name!r} is registered twice: {self._targets[name]} and {target}; "
                "rename one"
            )
        self._targets[name] = target

    def remove(self, name: str) -> None:
        """Take a registered member out again; an unknown name raises `KeyError`."""
        del self._targets[name]

    def _members(self) -> Mapping[str, str | T]:
        """Ours and those of installed packages."""
        if not self._has_read_packages:
            self._targets.update(self._of_packages())
            self._has_read_packages = True
        return self._targets

    def _of_packages(self) -> dict[str, str | T]:
        offers: dict[str, str | T] = {}
        for point in entry_points(group=self._group or ""):
            if point.name in self._targets:
                ours = self._targets[point.name]
                log.warning("%s %s is %s; ignored: %s", self._kind, point.name, ours, point.value)
            elif offers.setdefault(point.name, point.value) != point.value:
                raise ConfigError(
                    f"two installed packages offer the {self._kind} {point.name!r}: "
                    f"{offers[point.name]} and {point.value}; uninstall one"
                )
            else:
                self._packages[point.name] = point.dist.name if point.dist else point.value
        return offers

    def _names_near(self, name: str) -> str:
        """Every name there is, or of many the few that are most like ``name``."""
        if len(self._targets) <= MOST_LISTED:
            return f"known: {', '.join(self._targets)}"
        near = get_close_matches(name, self._targets, n=FEW, cutoff=0.0)
        return f"the closest of {len(self._targets)}: {', '.join(near)}"
