"""What every measurement of a run depends on: a run folder belongs to one identity.

Traffic, prices and constraints are not in it: changing them re-weighs what was measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from steelyard.core import Example
from steelyard.errors import StorageError
from steelyard.files import expanded
from steelyard.model import ModelSpec, provider_of
from steelyard.planning.jobs import names_of
from steelyard.planning.plan import Plan
from steelyard.score import Metric
from steelyard.words import listed

_INPUTS = "inputs"
_JOINED = ("models", "strategies", _INPUTS)
"""Kept by name: others may join or be left out, the same name must say the same."""

_RARE = frozenset({"accepted", "rejected"})
"""Fields of examples that came later: without a value they leave the identity as it was."""


def identity_of(plan: Plan) -> dict[str, Any]:
    """Return a plan's identity as plain JSON data."""
    task = plan.task
    examples = json.dumps([[_fields(example) for example in part] for part in plan.split])
    identity = {
        "task": [task.instruction, task.output.model_dump(mode="json"), list(task.rules)],
        "temperature": task.temperature,
        "metric": [
            config.model_dump(mode="json") | _decided_by(metric)
            for config, metric in zip(task.metric_configs, plan.metrics, strict=True)
        ],
        "max_output_tokens": task.max_output_tokens,
        "examples": hashlib.sha256(examples.encode()).hexdigest(),
        **_models_and_strategies(plan),
        "seed": plan.seed,
    } | ({"constrained": "json"} if plan.brief.schema is not None else {})
    if plan.grounds is not None:
        identity["documents"] = plan.grounds.corpus.fingerprint
    if plan.unlabelled:
        identity[_INPUTS] = {name: one.fingerprint for name, one in plan.unlabelled.items()}
    return dict(json.loads(json.dumps(identity)))


def _fields(example: Example) -> dict[str, Any]:
    """An example as plain data; what most examples lack is only there where they have it."""
    fields = asdict(example)
    fields.pop("cluster")  # it follows from the examples
    return {name: value for name, value in fields.items() if name not in _RARE or value}


def _decided_by(metric: Metric) -> dict[str, str]:
    return {"fingerprint": metric.fingerprint} if metric.fingerprint else {}


def _models_and_strategies(plan: Plan) -> dict[str, Any]:
    models = {model.tag: _model_identity(model.spec) for model in plan.models}
    details = [[spec.name, dict(spec.options)] for spec in plan.specs]
    strategies = dict(zip(names_of(plan.specs), details, strict=True))
    if len(models) == 1:
        return {"model": models[plan.models[0].tag], "strategies": strategies}
    return {"models": models, "strategies": strategies}


def _model_identity(model: ModelSpec) -> dict[str, Any]:
    fields = model.unpaced.to_dict()
    if fields.pop("extra_headers", None):
        fields["extras"] = model.extras_digest  # a header's value is shown nowhere
    return fields | _weights(model)


def _weights(model: ModelSpec) -> dict[str, str]:
    """Return a digest of a local folder's file names, sizes and times: other weights show in it."""
    folder = expanded(model.name)
    if not provider_of(model).may_be_folder or not folder.is_dir():
        return {}
    files = [path for path in folder.rglob("*") if path.is_file()]
    states = {path.relative_to(folder).as_posix(): path.stat() for path in files}
    listed = [[name, state.st_size, state.st_mtime_ns] for name, state in sorted(states.items())]
    return {"files": hashlib.sha256(json.dumps(listed).encode()).hexdigest()}


def check_identity(
    before_run: Mapping[str, Any] | None, plan: Plan, folder: Path
) -> dict[str, Any]:
    """Return what the folder is to keep from now on: ``kept``, with what joins it.

    Refuses a folder that another run made, saying what differs (`StorageError`).
    """
    identity = identity_of(plan)
    if before_run is None:
        return identity
    if _INPUTS in identity or _INPUTS in before_run:  # a run may name no file of inputs
        identity, before_run = {_INPUTS: {}, **identity}, {_INPUTS: {}, **before_run}
    joined = {
        **identity,
        **{name: _joined(before_run.get(name), identity.get(name)) for name in _JOINED},
    }
    joined = {name: value for name, value in joined.items() if value is not None}
    names = [*dict.fromkeys([*joined, *before_run])]
    before = {
        **before_run,
        **{name: _joined(identity.get(name), before_run.get(name)) for name in _JOINED},
    }
    different = [name for name in names if before.get(name) != joined.get(name)]
    if not different:
        return joined
    differences = ", ".join(
        dict.fromkeys(
            _difference(name, before_run.get(name), identity.get(name)) for name in different
        )
    )
    raise StorageError(
        f"{folder} contains a run with different inputs ({differences}): choose another --out, "
        "or discard that run with --no-cache"
    )


def _joined(first: Any, second: Any) -> Any:
    """Both mappings in one, the second's values before the first's; the second alone otherwise."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return {**first, **second}
    return second


def _difference(name: str, before: Any, now: Any) -> str:
    if name in ("seed", "max_output_tokens", "temperature"):
        return f"{name} {before}, now {now}"
    if name in ("model", "models") and (before is None or now is None):
        return "one model against several"
    if name == "model" and not isinstance(before, Mapping):
        return "its model is damaged"
    if name == "model" and before.get("name") == now["name"]:
        same = before.get("files") == now.get("files")
        return f"the {'settings' if same else 'files'} of the model"
    if name == "model":
        return f"model {before.get('name')}, now {now['name']}"
    if name == "strategies" and isinstance(before, Mapping):
        changed = [key for key in now if key in before and before[key] != now[key]]
        return f"the options of {listed(changed)}"
    return f"its {name} differ{'s' if name in ('task', 'metric') else ''}"
