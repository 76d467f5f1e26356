"""What two runs were told differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.changes.finished import FinishedRun
from steelyard.changes.records import SettingChange

_SPLIT = ("method", "train", "dev", "test")


def changed_settings(before: FinishedRun, now: FinishedRun) -> tuple[SettingChange, ...]:
    """Return the settings that differ, those of the task first."""
    first, second = _settings(before), _settings(now)
    names = dict.fromkeys([*first, *second])
    return tuple(
        SettingChange(name=name, before=first.get(name), now=second.get(name))
        for name in names
        if first.get(name) != second.get(name)
    )


def _settings(run: FinishedRun) -> dict[str, Any]:
    result, identity = run.result, run.identity
    facts = result.to_dict()
    task = facts["task"]
    _, output, rules = (*identity.get("task", ()), None, None, None)[:3]
    return {
        "task": result.task.name,
        "instruction": result.task.instruction,
        "output": output,
        "rules": rules,
        "labels": task["labels"],
        "seed": result.seed,
        "temperature": identity.get("temperature"),
        "max_output_tokens": identity.get("max_output_tokens"),
        **_models(identity),
        **_named("strategy", identity.get("strategies", {})),
        **_named("split", {name: facts["split"].get(name) for name in _SPLIT}),
        "examples": identity.get("examples"),
        "documents": identity.get("documents"),
        **_named("traffic", task["traffic"]),
        **_named("constraints", task["constraints"]),
        **{f"price of {price['name']}": _amounts(price) for price in facts["prices"]},
        **_named("version of", result.versions),
        **_named("machine", facts["machine"]),
    }


def _models(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The models by tag, or as ``model`` where there is one."""
    if "models" in identity:
        return _named("model", identity["models"])
    return _named("model", identity.get("model") or {})


def _amounts(price: Mapping[str, Any]) -> dict[str, Any]:
    about = ("name", "source", "date", "age_days", "is_stale")
    return {name: value for name, value in price.items() if value is not None and name not in about}


def _named(kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{kind} {name}": value for name, value in settings.items()}
