"""What a command line says in the place of the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.families import PROVIDERS
from steelyard.files import expanded, real
from steelyard.planning.options import RunOptions
from steelyard.task import Task


def overridden(task: Task, options: RunOptions) -> Task:
    """The task with the strategies and models of ``options``. Raises `ConfigError`."""
    changes: dict[str, Any] = {}
    if options.strategies is not None:
        automatic = options.strategies == ("auto",)
        changes["strategies"] = "auto" if automatic else _strategies_named(task, options.strategies)
    if options.prices_at is not None:
        changes["prices_at"] = options.prices_at
    names = (options.model,) if isinstance(options.model, str) else options.model
    if names:
        models = [_model_override(task, text) for text in names]
        changes["model"] = models[0] if len(models) == 1 else models
    return task.updated(**changes) if changes else task


def _strategies_named(task: Task, names: Sequence[str]) -> list[Any]:
    """Return the strategies of these names with the options that the task gives them, if it does."""
    configs = () if task.strategies == "auto" else task.strategies
    strategies: list[Any] = []
    for name in dict.fromkeys(names):
        strategies += [config.model_dump() for config in configs if config.name == name] or [name]
    return strategies


def _model_override(task: Task, model: str) -> str | dict[str, Any]:
    """Return the model asked for; one of the task's own provider keeps its endpoint and key."""
    provider, _, name = (part.strip() for part in model.partition(":"))
    here = expanded(name)
    if provider in PROVIDERS and PROVIDERS.get(provider).may_be_folder and name and here.is_dir():
        return f"{provider}:{real(here)}"
    of_provider = [
        model_config for model_config in task.models if model_config.provider == provider and name
    ]
    if not of_provider:
        return model
    like = next(
        (model_config for model_config in of_provider if model_config.name == name), of_provider[0]
    )
    config = like.to_dict()
    if like.name != name:
        config.pop("tag", None)
    return config | {"name": name}
