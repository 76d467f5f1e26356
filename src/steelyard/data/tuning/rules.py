"""What providers document about the files they fine-tune on, read from ``data/tuning/NAME.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from steelyard.errors import ConfigError, closest
from steelyard.packaged import packaged

PROVIDERS = ("openai", "azure", "together", "fireworks", "mistral")


@dataclass(frozen=True)
class TuningRule:
    """A documented rule. ``value`` is ``None`` where none was found, and ``reason`` says so.

    ``source`` is the page, ``read`` the day on which it was read. ``then`` says what the provider
    does with rows that break it (``cut``, ``refused`` or ``unknown``).
    """

    value: Any = None
    source: str = ""
    read: str = ""
    then: str = "refused"
    note: str = ""
    reason: str = ""

    @property
    def cited(self) -> str:
        return f"{self.source}, read {self.read}"


@dataclass(frozen=True)
class EndOfTuning:
    """A provider's announcement that fine-tuning ends on ``date`` (ISO)."""

    date: str
    message: str
    source: str
    announced: str
    read: str
    also: str = ""


@dataclass(frozen=True)
class Provider:
    """A provider and its rules by name; every file has all the names."""

    name: str
    title: str
    rules: Mapping[str, TuningRule]
    prices_at: str
    ends: EndOfTuning | None = None

    def value(self, rule: str) -> Any:
        """The rule's value, ``None`` where it is unknown. A rule of another name raises `KeyError`."""
        return self.rules[rule].value

    @property
    def unknown(self) -> dict[str, str]:
        """The rules that were not found, each with the reason."""
        return {name: rule.reason for name, rule in self.rules.items() if rule.value is None}

    @property
    def read(self) -> str:
        """The earliest day on which one of its rules was read."""
        return min(rule.read for rule in self.rules.values() if rule.read)


def get_provider(name: str) -> Provider:
    """Return the rules of ``name``; an unknown one raises `ConfigError`."""
    if name not in PROVIDERS:
        raise ConfigError(
            f"no fine-tuning rules for {name!r}{closest(name, PROVIDERS)}; "
            f"known: {', '.join(PROVIDERS)}"
        )
    return _load(name)


@cache
def _load(name: str) -> Provider:
    contents = packaged(f"data/data/tuning/{name}.yaml")
    return Provider(
        name=name,
        title=contents["title"],
        rules={key: TuningRule(**_dated(rule)) for key, rule in contents["rules"].items()},
        prices_at=contents["prices_at"],
        ends=EndOfTuning(**_dated(contents["ends"])) if contents["ends"] else None,
    )


def _dated(fields: Mapping[str, Any]) -> dict[str, Any]:
    """YAML reads a day as a date; records keep it as ISO text."""
    days = ("read", "date", "announced")
    return {key: str(value) if key in days else value for key, value in fields.items()}
