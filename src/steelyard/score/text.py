"""What metrics that hold a text against a reference have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from steelyard.core import Example, OutputKind
from steelyard.errors import ConfigError, closest
from steelyard.score.base import Metric
from steelyard.words import counted


class ReferenceMetric(Metric):
    """A metric that compares texts with reference outputs, and so needs them."""

    kinds: ClassVar[tuple[OutputKind, ...]] = ("text",)

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse examples without a reference. Raises `ConfigError`."""
        lacking = [example for example in examples if not example.output.strip()]
        if not lacking:
            return
        rows = counted(len(lacking), "example")
        raise ConfigError(
            f"metric {self.name} compares with reference outputs, which {rows} of "
            f"{len(examples):,} lack (the first: {lacking[0].source or lacking[0].id}): add outputs, "
            "or set metric: rules"
        )


def number_option(
    metric: str, options: Mapping[str, Any], name: str, default: float, low: float = 0.0
) -> float:
    """The number under ``name``, at least ``low``. Raises `ConfigError` for what is none."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < 1e9:
        raise ConfigError(f"metric {metric}: {name} must be a number from {low:g}, not {value!r}")
    return float(value)


def whole_option(
    metric: str, options: Mapping[str, Any], name: str, default: int, low: int, high: int
) -> int:
    """The whole number under ``name``, in ``low``..``high``. Raises `ConfigError` for others."""
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ConfigError(
            f"metric {metric}: {name} must be a whole number from {low} to {high}, not {value!r}"
        )
    return value


def flag_option(metric: str, options: Mapping[str, Any], name: str) -> bool:
    """The flag under ``name``, false unless given. Raises `ConfigError` for what is none."""
    value = options.get(name, False)
    if not isinstance(value, bool):
        raise ConfigError(f"metric {metric}: {name} must be true or false, not {value!r}")
    return value


def names_option(
    metric: str,
    options: Mapping[str, Any],
    name: str,
    default: Sequence[str],
    known: Sequence[str],
) -> frozenset[str]:
    """The list of names under ``name``, each ``known``. Raises `ConfigError` for others."""
    value = options.get(name, list(default))
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple):
        raise ConfigError(f"metric {metric}: {name} must be a list of names, not {value!r}")
    for each in given:
        if each not in known:
            raise ConfigError(
                f"metric {metric}: unknown {name} {each!r}{closest(str(each), known)}; known: "
                f"{', '.join(known)}"
            )
    return frozenset(given)
