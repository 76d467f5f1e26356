"""How fast a model answers, before it is asked: as a former run here measured, or assumed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from steelyard.core import Usage
from steelyard.files import read_json
from steelyard.model import provider_of
from steelyard.model.planned import PlannedModel
from steelyard.model.provider_facts import Pace
from steelyard.planning.identity import identity_of
from steelyard.planning.plan import Plan
from steelyard.store.database import Store
from steelyard.strategy.record import FitRecord

_MADE_UP = "simulated by the fake model"
_IN_BATCHES = "unknown in advance: each step is a batch, answered within a day"
_UNKNOWN = "unknown until a first run"


def pace_of(plan: Plan, model: PlannedModel, folder: Path | None) -> Pace:
    """Return a model's pace: measured where ``folder`` holds a run of it, else a stated assumption."""
    measured = None if folder is None else _measured(plan, model, folder)
    return measured or _assumed(model)


def _assumed(model: PlannedModel) -> Pace:
    provider = provider_of(model.spec)
    if provider.has_simulated_time:
        return Pace(_MADE_UP)
    if model.spec.batch:
        return Pace(_IN_BATCHES, is_known=False, training_seconds=None)
    pace = provider.pace or Pace(_UNKNOWN, is_known=False, training_seconds=None)
    return replace(pace, at_once=min(pace.at_once, model.spec.max_in_flight or pace.at_once))


def _measured(plan: Plan, model: PlannedModel, folder: Path) -> Pace | None:
    """Read the pace from a run folder's database; no run is begun there."""
    is_simulated = provider_of(model.spec).has_simulated_time
    store = None if is_simulated or model.spec.batch else Store.of_former_run(folder)
    if store is None:
        return None
    try:
        run = store.run()
        if run is None or not _holds(run.identity, plan, model):
            return None
        keys = [job.key for job in plan.jobs if job.model == model]
        arms = [
            arm
            for key in keys
            for arm in (store.step(f"fit:{key}", {"arms": list[str]}) or {}).get("arms", [])
        ]
        phases = [*(f"fit:{key}" for key in keys), *(f"test:{arm}" for arm in arms)]
        usage = store.usage(*phases) if phases else None
    finally:
        store.close()
    trained = _trained(folder, arms) or _assumed(model).training_seconds
    return _pace_from(usage, trained, model, folder) if usage and usage.requests else None


def _pace_from(usage: Usage, trained: float | None, model: PlannedModel, folder: Path) -> Pace:
    if not provider_of(model.spec).is_local:
        seconds = usage.machine_seconds / usage.requests
        at_once = _assumed(model).at_once
        source = f"measured in {folder}: {seconds:.2f} s a request, {at_once} at a time"
        return Pace(source, request_seconds=seconds, at_once=at_once)
    tokens = usage.input_tokens - usage.cached_tokens + usage.output_tokens
    seconds = usage.machine_seconds / max(tokens, 1)
    source = f"measured in {folder}: {1 / max(seconds, 1e-9):,.0f} tokens a second"
    return Pace(
        source,
        input_seconds=seconds,
        output_seconds=seconds,
        training_seconds=trained,
        keeps_shared=True,
    )


def _holds(identity: Mapping[str, Any], plan: Plan, model: PlannedModel) -> bool:
    """Whether a folder's run asked this very model under this very tag."""
    now = identity_of(plan)
    if ("models" in identity) != ("models" in now):
        return False
    if "models" in now:
        before = now["models"].get(model.tag)  # one that is asked beside the task's has none
        return before is not None and bool(identity["models"].get(model.tag) == before)
    return bool(identity.get("model") == now["model"])


def _trained(folder: Path, arms: Sequence[str]) -> float | None:
    """Seconds a trained token, where a former fit trained."""
    for arm in arms:
        place = folder / "arms" / arm / "arm.json"
        try:
            training = FitRecord.take_from(dict(read_json(place)["options"])).training
        except (OSError, ValueError, LookupError, TypeError):  # a run says that it is damaged
            continue
        if training is not None and training.tokens:
            return training.seconds / training.tokens
    return None
