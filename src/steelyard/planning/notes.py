"""What a plan says of a task that is allowed, and seldom meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from steelyard.errors import ConfigError, closest
from steelyard.families import PROVIDERS
from steelyard.model import ModelSpec, check_schema
from steelyard.model.config import endpoints
from steelyard.model.prices import HOUR, LABEL, MACHINE
from steelyard.strategy import StrategySpec, traits_of
from steelyard.task import Task
from steelyard.task.members import metric_class
from steelyard.task.prices import deployment
from steelyard.words import counted


def notes_on(task: Task, schema: str | None, models: Sequence[ModelSpec]) -> tuple[str, ...]:
    """What to say of ``task`` and its ``schema`` (JSON text) with these models.

    Raises `ConfigError` for a schema that a model cannot be held to, and a model that its vendor has ended.
    """
    _check_ends(task, models)
    return (*_unused(task), *_about_schema(schema, models))


def _check_ends(task: Task, models: Sequence[ModelSpec]) -> None:
    today = datetime.now(UTC).date()
    for spec in models:
        ends = deployment(task.prices, (spec.name, _full_name(spec))).ends
        if ends is not None and ends <= today:
            raise ConfigError(
                f"prices.{spec.name}.ends: its vendor ended it on {ends}: choose another model, or correct it"
            )


def _unused(task: Task) -> list[str]:
    """Sections that nothing reads: that is allowed, and seldom meant."""
    sections = {metric_class(config.name).section for config in task.metric_configs}
    notes = []
    if task.judge is not None and "judge" not in sections:
        notes.append("judge: not used, because judge is not one of the metrics; add it to metric")
    if task.rules and "rules" not in sections:
        rules = counted(len(task.rules), "rule")
        notes.append(
            f"{rules} in rules: not checked, because rules is not one of the metrics; add it to metric"
        )
    return notes


def unused_prices(task: Task, models: Sequence[ModelSpec]) -> tuple[str, ...]:
    """Prices of none of ``models``, all that a run may ask: no sum holds them."""
    unpriced = [spec for spec in models if not {spec.name, _full_name(spec)} & task.prices.keys()]
    names = [name for spec in unpriced for name in (spec.name, _full_name(spec))]
    known = {name for spec in models for name in (spec.name, _full_name(spec), spec.tuned_key)}
    known |= {MACHINE, LABEL, HOUR, *PROVIDERS, *endpoints()}
    return tuple(
        f"prices: {name} is the name of none of the models, so it is not used{closest(name, names)}"
        for name in task.prices
        if name not in known
    )


def retraining_notes(task: Task, specs: Sequence[StrategySpec]) -> tuple[str, ...]:
    """That ``retrain_days`` changes nothing where no strategy tunes a model."""
    days = task.traffic.retrain_days
    if days is None or any(traits_of(spec.name).tunes for spec in specs):
        return ()
    return (
        f"traffic.retrain_days {days}: not used, because no strategy of this run tunes a model; leave it "
        "out, or add one that does",
    )


def _full_name(spec: ModelSpec) -> str:
    return f"{spec.provider}:{spec.name}"


def _about_schema(schema: str | None, models: Sequence[ModelSpec]) -> list[str]:
    if schema is None:
        return []
    return list(dict.fromkeys(note for spec in models for note in check_schema(schema, spec)))
