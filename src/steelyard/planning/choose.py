"""Which strategies run on which model, and why others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NamedTuple

from steelyard.data.prepare import Prepared
from steelyard.errors import ConfigError
from steelyard.planning.jobs import LeftOut, PlannedModel
from steelyard.strategy import Brief, Selection, StrategySpec, auto, build_strategy
from steelyard.strategy.auto import not_on, unfit_for

REFERENCES = ("majority", "tfidf_linear", "nearest_neighbour")
"""The cheap references: they run whatever else is asked for."""

_LOCAL = ("torch", "transformers", "peft", "gguf")


class Chosen(NamedTuple):
    """The strategies of a run in order, and those left out; see `jobs_of` for the models."""

    specs: tuple[StrategySpec, ...]
    left_out: tuple[LeftOut, ...]


def choose(
    prepared: Prepared, brief: Brief, models: Sequence[PlannedModel], *, lenient: bool = False
) -> Chosen:
    """Choose by the task's ``strategies`` for each model.

    A strategy is left out on the models that it cannot be fitted on. Raises `ConfigError` when it
    was asked for by name and fits no model, unless ``lenient`` (the models are not those that it
    was asked for with), or not the task.
    """
    unfit = unfit_for(brief, prepared.split.train)
    selections = [_automatic(prepared, model, unfit) for model in models]
    if prepared.task.strategies == "auto":
        specs = _union([selection.specs for selection in selections])
        return Chosen(specs, _merged(selections, models, {spec.name for spec in specs}))
    asked = [StrategySpec(spec.name, spec.options) for spec in prepared.task.strategies]
    if lenient:
        asked = [spec for spec in asked if _runs_on_some(spec, models)] or asked
    names = {spec.name for spec in asked}
    automatic = _union([selection.specs for selection in selections])
    always = [spec for spec in automatic if spec.name in REFERENCES and spec.name not in names]
    specs = (*always, *asked)
    running = {spec.name for spec in specs}
    left_out = [LeftOut(s.name, "not asked for") for s in automatic if s.name not in running]
    unchosen = {spec.name for spec in automatic} | running
    left_out += [
        each for each in _merged(selections, models, set()) if each.strategy not in unchosen
    ]
    left_out += _impossible(asked, models, unfit)
    specs_of_models = tuple(model.spec for model in models)
    tags = tuple(model.tag for model in models)
    for spec in asked:
        build_strategy(spec).check(brief, prepared.split.train, specs_of_models, tags)
    return Chosen(specs, tuple(left_out))


def _automatic(prepared: Prepared, model: PlannedModel, unfit: Mapping[str, str]) -> Selection:
    task = prepared.task
    extras = {"local"} if all(find_spec(name) for name in _LOCAL) else set()
    train, provider = len(prepared.split.train), model.spec.provider
    return auto(task.output.kind, train, task.documents is not None, provider, extras, unfit)


def _union(each: Sequence[Sequence[StrategySpec]]) -> tuple[StrategySpec, ...]:
    """Every strategy that is chosen for some model, in the order of the first that has it."""
    found = {spec.name: spec for specs in each for spec in specs}
    order = max(each, key=len)
    names = dict.fromkeys([*(spec.name for spec in order), *found])
    return tuple(found[name] for name in names)


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


def _runs_on_some(spec: StrategySpec, models: Sequence[PlannedModel]) -> bool:
    return any(not_on(spec.name, model.spec.provider) is None for model in models)


def _impossible(
    asked: Sequence[StrategySpec], models: Sequence[PlannedModel], unfit: Mapping[str, str]
) -> tuple[LeftOut, ...]:
    """Where strategies that were asked for cannot run; an error if that is everywhere."""
    found: list[LeftOut] = []
    for name in dict.fromkeys(spec.name for spec in asked):
        if name in unfit:
            raise ConfigError(
                f"strategy {name} does not fit this task: {unfit[name]}; leave it out of strategies"
            )
        reasons = {model.tag: not_on(name, model.spec.provider) for model in models}
        cannot = {tag: reason for tag, reason in reasons.items() if reason is not None}
        if cannot and len(cannot) == len(models):
            on = ", ".join(f"{model.spec.provider}:{model.spec.name}" for model in models)
            raise ConfigError(
                f"strategy {name} cannot run on {on}: {next(iter(cannot.values()))}; "
                f"leave {name} out of strategies, or choose a model on this machine"
            )
        found += [LeftOut(name, reason, tag) for tag, reason in cannot.items()]
    return tuple(found)
