"""Metrics and strategies that a task names, checked against what their classes state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.config.explain import Place
from steelyard.config.options import read_options
from steelyard.core import FAMILIES, OutputKind
from steelyard.errors import ConfigError, closest
from steelyard.families import METRICS, STRATEGIES
from steelyard.task.sections import MetricConfig, StrategyConfig

_CUSTOM = "custom"


def metric_class(name: str) -> Any:
    """Return the class of the metric called ``name``; a colon makes it the user's own function."""
    if name.endswith(".py"):
        raise ConfigError(
            f"metric {name!r} names a file: add the function that scores, {name}:FUNCTION"
        )
    if name == _CUSTOM:
        raise ConfigError(
            "metric custom needs a function of yours: write metric: scorers.py:my_function"
        )
    return METRICS.get(_CUSTOM if ":" in name else name)


def metric_options(name: str, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a metric's options, the function among them where it is the user's own."""
    return {**options, "function": name} if ":" in name else options


def check_metric(metric: MetricConfig, kind: OutputKind, place: Place) -> None:
    """Raise `ConfigError` for an unknown metric, one that is not for ``kind``, and unfit options.

    The user's own function is not loaded.
    """
    try:
        metric_type = metric_class(metric.name)
        if kind not in metric_type.kinds:
            raise ConfigError(_unfit(metric.name, metric_type.kinds, kind))
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None
    options = metric_options(metric.name, metric.options)
    options_place = place._replace(path=(*place.path, "options"))
    read_options(f"metric {metric.name}", metric_type.options_type, options, options_place)


def check_strategy(strategy: StrategyConfig, place: Place) -> None:
    """Raise `ConfigError` for an unknown strategy and unfit options."""
    try:
        strategy_type = STRATEGIES.get(strategy.name)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None
    options_place = place._replace(path=(*place.path, "options"))
    read_options(
        f"strategy {strategy.name}", strategy_type.options_type, strategy.options, options_place
    )


def check_approach(name: str, place: Place) -> None:
    """Raise `ConfigError` for what is neither a strategy nor a family of them."""
    if name not in STRATEGIES and name not in FAMILIES:
        near = closest(name, {*STRATEGIES, *FAMILIES})
        raise ConfigError(f"{place}: {name!r} is no strategy and no family of them{near}")


def metrics_for(kind: OutputKind) -> dict[str, Any]:
    """Return the classes of the metrics that are for ``kind``, by name; not the user's own."""
    types = {name: METRICS.get(name) for name in METRICS if name != _CUSTOM}
    return {name: metric_type for name, metric_type in types.items() if kind in metric_type.kinds}


def _unfit(name: str, kinds: tuple[OutputKind, ...], kind: OutputKind) -> str:
    return (
        f"metric {name} is for output.kind: {' or '.join(kinds)}, and the task's is {kind}; "
        f"those for {kind}: {', '.join(metrics_for(kind))}, or FILE.py:FUNCTION"
    )
