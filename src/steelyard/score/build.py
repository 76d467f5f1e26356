"""Metrics by name: finding their classes, reading their options, naming them apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from typing import Any

from steelyard.config.options import read_options
from steelyard.errors import ConfigError
from steelyard.score.base import Metric
from steelyard.task import Task
from steelyard.task.members import metric_class, metric_options

_LONGEST = 40


def build_metric(
    name: str,
    options: Mapping[str, Any] | None = None,
    task: Task | None = None,
    used_names: Set[str] = frozenset(),
) -> Metric:
    """Build the metric called ``name``, for ``task`` where there is one, under a name not yet used.

    A colon makes it the user's own function: ``scorers.py:score`` or ``package.module:score``. Raises
    `ConfigError` for an unknown name or option, and for what the task lacks.
    """
    kind: type[Metric] = metric_class(name)
    settings = metric_options(name, options or {})
    parsed = read_options(f"metric {name}", kind.options_type, settings)
    return kind(parsed, task, _free_name(kind.name_with(parsed), options or {}, used_names))


def build_metrics(task: Task) -> tuple[Metric, ...]:
    """Build the task's metrics, each with a name of its own: scores are kept by name.

    The second of a name is called by its options where they are short, ``numeric (tolerance 5 %)``,
    else numbered, ``numeric-2``. Raises `ConfigError` for one listed twice with the same options.
    """
    metrics: list[Metric] = []
    for place, config in enumerate(task.metric_configs):
        if config in task.metric_configs[:place]:
            raise ConfigError(
                f"metric: {config.name} is listed twice with the same options; remove one"
            )
        used_names = {metric.name for metric in metrics}
        metrics.append(build_metric(config.name, config.options, task, used_names))
    return tuple(metrics)


def _free_name(name: str, options: Mapping[str, Any], used_names: Set[str]) -> str:
    if name not in used_names:
        return name
    settings = ", ".join(f"{option} {_plain(value)}" for option, value in options.items())
    is_short = 0 < len(settings) <= _LONGEST and "/" not in settings
    numbered = (f"{name}-{number}" for number in range(2, len(used_names) + 3))
    names = (f"{name} ({settings})" if is_short else f"{name}-2", *numbered)
    return next(free for free in names if free not in used_names)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)
