"""Names for metrics that a task lists twice, with other options."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.errors import ConfigError
from steelyard.score.base import Metric, MetricSpec

_LONGEST = 40


def name_apart(specs: Sequence[MetricSpec], metrics: Sequence[Metric]) -> None:
    """Rename each metric whose name an earlier one has: scores are kept by name.

    It is called by its options where they are short, ``numeric (tolerance 5 %)``, else numbered,
    ``numeric-2``. ``metrics`` are those that ``specs`` name. Raises `ConfigError` for one listed
    twice with the same options.
    """
    taken: set[str] = set()
    for place, (spec, metric) in enumerate(zip(specs, metrics, strict=True)):
        if spec in specs[:place]:
            raise ConfigError(
                f"metric: {spec.name} is listed twice with the same options: remove one"
            )
        if metric.name in taken:
            metric.name = _free_name(metric.name, spec.options, taken)
        taken.add(metric.name)


def _free_name(name: str, options: Mapping[str, Any], taken: set[str]) -> str:
    said = ", ".join(f"{option} {_plain(value)}" for option, value in options.items())
    told = f"{name} ({said})" if 0 < len(said) <= _LONGEST and "/" not in said else f"{name}-2"
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(each for each in (told, *numbered) if each not in taken)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
