"""What is known of a way in words: its advantages, its limits, ten dimensions, the rules about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from steelyard.advice.choices import WAYS
from steelyard.errors import ConfigError, closest
from steelyard.packaged import packaged
from steelyard.rules_of_thumb import ThumbRule, thumb_rules
from steelyard.strategy import STRATEGIES, traits_of


@dataclass(frozen=True)
class WayFacts:
    """A way in words. ``dimensions`` are ten, by their titles, in the order of every table."""

    way: str
    name: str
    about: str
    advantages: tuple[str, ...]
    limits: tuple[str, ...]
    dimensions: Mapping[str, str]

    @property
    def rules(self) -> tuple[ThumbRule, ...]:
        """The rules of thumb that speak about it."""
        return tuple(rule for rule in thumb_rules().values() if rule.way == self.way)


@cache
def way_facts(way: str) -> WayFacts:
    """What is known of ``way``. Raises `ConfigError` for an unknown one."""
    data = packaged("advice/data/ways.yaml")
    name = way.strip().lower().replace("-", "_").replace(" ", "_")
    if name in STRATEGIES and name not in WAYS:
        name = traits_of(name).family
    name = data["also"].get(name, name)
    if name not in WAYS:
        raise ConfigError(f"unknown way {way!r}{closest(name, WAYS)}; known: {', '.join(WAYS)}")
    facts = data["ways"][name]
    titles = data["dimensions"]
    return WayFacts(
        name,
        facts["name"],
        facts["about"],
        tuple(facts["advantages"]),
        tuple(facts["limits"]),
        {titles[key]: facts["dimensions"][key] for key in titles},
    )
