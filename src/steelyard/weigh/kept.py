"""What a run folder has measured before and this run was not asked for: it stays, and is weighed too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from steelyard.config.records import read_kept
from steelyard.families import STRATEGIES
from steelyard.model import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.model.prices import price_of
from steelyard.planning.jobs import Job, runs_once
from steelyard.planning.plan import Plan
from steelyard.result.run import StoppedArm
from steelyard.store.database import Store
from steelyard.strategy import StrategySpec, traits_of

_DIGESTS = ("files", "extras")
"""What an identity says of a model beside its fields: of its weights, and of the headers it is sent."""


def with_kept(plan: Plan, identity: Mapping[str, Any], store: Store, folder: Path) -> Plan:
    """Add to ``plan`` the jobs of the folder's ``identity`` that were measured to their end.

    They are not asked again, so one whose consistency was measured with other settings, or whose fit
    followed another list of models, is left out; so is one whose saved arm is gone.
    """
    mine = {job.key for job in plan.jobs}
    kept = tuple(
        job
        for job in _jobs(plan, identity)
        if job.key not in mine and _is_measured(job, plan, store, folder)
    )
    names = {job.strategy.name for job in kept}
    left_out = tuple(entry for entry in plan.left_out if entry.strategy not in names)
    return replace(plan, kept=kept, left_out=left_out)


def _jobs(plan: Plan, identity: Mapping[str, Any]) -> Iterator[Job]:
    models = _models(plan, identity)
    measured = identity.get("strategies", {})
    strategies = read_kept(dict[str, tuple[str, dict[str, Any]]], measured, "strategies")
    for name, (strategy, options) in strategies.items():
        if strategy not in STRATEGIES:  # of a package that is no longer installed
            continue
        spec = StrategySpec(strategy, options)
        if not traits_of(strategy).needs_model:
            yield Job(spec, name)
        elif "models" not in identity or runs_once(spec):
            yield Job(spec, name, plan.models[0])
        else:
            yield from (Job(spec, name, model, model.tag) for model in models)


def _models(plan: Plan, identity: Mapping[str, Any]) -> list[PlannedModel]:
    """The models that the folder has known, those of the plan as they are there."""
    known = {model.tag: model for model in plan.models}
    models = read_kept(dict[str, dict[str, Any]], identity.get("models", {}), "models")
    for tag, saved in models.items():
        if tag not in known:
            fields = {k: v for k, v in saved.items() if k not in _DIGESTS}
            spec: ModelSpec = read_kept(ModelSpec, fields, f"model {tag}")
            known[tag] = PlannedModel(
                tag, spec, price_of(spec, plan.prices, when=plan.task.price_time)
            )
    return [m for m in known.values() if m.price.currency == plan.model_price.currency]


def _is_measured(job: Job, plan: Plan, store: Store, folder: Path) -> bool:
    fitted = store.step(f"fit:{job.key}", {"arms": list[str]})
    if fitted is None or fitted.get("models", []) != job.followed(plan.models):
        return False
    finished = [arm for arm in fitted["arms"] if stopped_before(store, arm) is None]
    ends = [(store.step(f"measured:{arm}"), arm) for arm in finished]
    return bool(fitted["arms"]) and all(
        end == settings_of(plan) and (folder / "arms" / arm / "arm.json").is_file()
        for end, arm in ends
    )


def stopped_before(store: Store, arm: str) -> StoppedArm | None:
    """What an arm had shown that an earlier run of the folder stopped on dev, and none has tested since."""
    if store.step(f"measured:{arm}") is not None or store.step(f"stopped:{arm}") is None:
        return None
    return StoppedArm.model_validate(store.step(f"stopped:{arm}"))


def settings_of(plan: Plan) -> dict[str, Any]:
    """What an arm's figures depend on beside the run's identity; kept as its step ``measured``."""
    config = plan.task.consistency
    return {"consistency": config.model_dump(mode="json") if config else False}
