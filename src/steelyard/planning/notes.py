"""What in a task goes unused, or may not do what it says: told before anything is spent."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.model import ModelSpec, check_schema
from steelyard.task import Task
from steelyard.words import counted


def notes_on(task: Task, schema: str | None, models: Sequence[ModelSpec]) -> tuple[str, ...]:
    """What to say of ``task`` and its ``schema`` (JSON text) with these models.

    Raises `ConfigError` for a schema that a model cannot be held to.
    """
    return (*_unused(task), *_about_schema(schema, models))


def _unused(task: Task) -> list[str]:
    """Sections that no metric reads: that is allowed, and seldom meant."""
    by_rules = [config for config in task.metric_configs if config.name == "rules"]
    notes = []
    if task.judge is not None and "judge" not in task.metrics:
        notes.append("judge: not used, because judge is not one of the metrics; add it to metric")
    if task.rules and not by_rules:
        rules = counted(len(task.rules), "rule")
        notes.append(
            f"{rules} in rules: not checked, because rules is not one of the metrics; add it to metric"
        )
    return notes


def _about_schema(schema: str | None, models: Sequence[ModelSpec]) -> list[str]:
    if schema is None:
        return []
    return list(dict.fromkeys(note for spec in models for note in check_schema(schema, spec)))
