"""Which strategies run on which model, and why others are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from steelyard.data.dataset import Dataset
from steelyard.errors import ConfigError
from steelyard.model.planned import PlannedModel
from steelyard.planning.jobs import LeftOut
from steelyard.strategy import (
    Selection,
    StrategySpec,
    TaskFacts,
    auto,
    build_strategy,
    traits_of,
)


class RunStrategies(NamedTuple):
    """The strategies of a run in order, and those left out; see `jobs_of` for the models."""

    specs: tuple[StrategySpec, ...]
    left_out: tuple[LeftOut, ...]


def choose(
    data: Dataset,
    task: TaskFacts,
    models: Sequence[PlannedModel],
    *,
    lenient: bool = False,
) -> RunStrategies:
    """Choose by the task's ``strategies`` for each model.

    A strategy is left out on the models that it cannot be fitted on. Raises `ConfigError` when it
    was asked for by name and fits no model, unless ``lenient`` (the models are not those that it
    was asked for with), or not the task.
    """
    selections = [auto(task, model.spec) for model in models]
    automatic = _union([selection.specs for selection in selections])
    if data.task.strategies == "auto":
        return RunStrategies(
            automatic, _merged(selections, models, {spec.name for spec in automatic})
        )
    asked_for = [StrategySpec(spec.name, spec.options) for spec in data.task.strategies]
    named = asked_for
    if lenient:
        named = [spec for spec in named if _runs_on_some(spec, task, models)] or named
    names = {spec.name for spec in named}
    references = [spec for spec in automatic if traits_of(spec.name).is_reference]
    specs = (*(spec for spec in references if spec.name not in names), *named)
    decided = {spec.name for spec in (*specs, *asked_for)}
    others = [spec.name for spec in automatic]
    others += [name for selection in selections for name, _ in selection.left_out]
    left_out = [
        LeftOut(name, "not among the task's strategies")
        for name in dict.fromkeys(others)
        if name not in decided
    ]
    dropped = {spec.name for spec in asked_for} - names
    left_out += [one for one in _merged(selections, models, set()) if one.strategy in dropped]
    left_out += _impossible(named, task, models)
    for spec in named:
        build_strategy(spec).check(task, models)
    return RunStrategies(specs, tuple(left_out))


def _union(selections: Sequence[Sequence[StrategySpec]]) -> tuple[StrategySpec, ...]:
    """Every strategy that is selected for some model, in the order of the first that has it."""
    by_name = {spec.name: spec for specs in selections for spec in specs}
    order = max(selections, key=len)
    names = dict.fromkeys([*(spec.name for spec in order), *by_name])
    return tuple(by_name[name] for name in names)


def _merged(
    selections: Sequence[Selection], models: Sequence[PlannedModel], running: set[str]
) -> tuple[LeftOut, ...]:
    """One entry where a strategy runs nowhere for one reason, else one for each model it lacks."""
    reasons: dict[str, dict[str, str]] = {}
    for selection, model in zip(selections, models, strict=True):
        for name, reason in selection.left_out:
            reasons.setdefault(name, {})[model.tag] = reason
    merged: list[LeftOut] = []
    for name, by_model in reasons.items():
        if name not in running and len(set(by_model.values())) == 1:
            merged.append(LeftOut(name, next(iter(by_model.values()))))
        else:
            merged += [LeftOut(name, reason, tag) for tag, reason in by_model.items()]
    return tuple(merged)


def _runs_on_some(spec: StrategySpec, task: TaskFacts, models: Sequence[PlannedModel]) -> bool:
    """Whether the traits of one of ``models`` allow fitting a strategy on it."""
    strategy = build_strategy(spec)
    of_task = strategy.refusal(task)
    return any(strategy.refusal(task, model.spec) == of_task for model in models)


def _impossible(
    named: Sequence[StrategySpec], task: TaskFacts, models: Sequence[PlannedModel]
) -> tuple[LeftOut, ...]:
    """Where strategies that were asked for cannot run; an error if that is everywhere."""
    left_out: dict[LeftOut, None] = {}
    for spec in named:
        strategy = build_strategy(spec)
        strategy.require_fit(task)
        reasons = {model.tag: strategy.refusal(task, model.spec) for model in models}
        refusals = {tag: reason for tag, reason in reasons.items() if reason is not None}
        if refusals and len(refusals) == len(models):
            on = ", ".join(f"{model.spec.provider}:{model.spec.name}" for model in models)
            raise ConfigError(
                f"strategy {spec.name} cannot run on {on}: {next(iter(refusals.values()))}; "
                f"remove {spec.name} from strategies, or choose a model that it can run on"
            )
        left_out |= {LeftOut(spec.name, reason, tag): None for tag, reason in refusals.items()}
    return tuple(left_out)
