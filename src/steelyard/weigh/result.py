"""``result.json``, schema version 1. Its names are a contract; what is ``null`` has a reason."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from steelyard._version import __version__
from steelyard.core import Price
from steelyard.data import Audit
from steelyard.errors import StorageError
from steelyard.planning.jobs import EndedArm
from steelyard.planning.plan import Plan
from steelyard.score.validity import validity
from steelyard.strategy import Arm, traits_of
from steelyard.weigh.conclude import MeasuredArm, Weighed
from steelyard.weigh.constraint import price_of_constraint
from steelyard.weigh.details import details
from steelyard.weigh.measure import outcomes

SCHEMA_VERSION = 1
_PACKAGES = ("torch", "transformers", "peft", "gguf", "aiohttp", "scikit-learn", "scipy", "numpy")
_NOT_PROBED = "no forgetting probes in this run"
_TIMED_KEYS = frozenset({"cost", "crossover", "created", "cost_to_own", "flips", "reasons"})


@dataclass(frozen=True)
class Circumstances:
    """What a result states of its run: when it began, its models by tag, the audit of its data.

    ``ended`` are the arms without figures, ``judge`` what is told of the judge.
    """

    created: str
    models: Mapping[str, Mapping[str, Any]]
    audit: Audit
    ended: Sequence[EndedArm] = ()
    judge: Mapping[str, Any] | None = None


def build_result(
    plan: Plan,
    arms: Sequence[MeasuredArm],
    weighed: Weighed,
    winner: Mapping[str, Any],
    circumstances: Circumstances,
) -> dict[str, Any]:
    """Put everything together; plain JSON data without NaN."""
    records = {measured.arm.name: measured.records for measured in arms}
    labels = plan.data.labels
    result = {
        "schema_version": SCHEMA_VERSION,
        "created": circumstances.created,
        "task": _task(plan),
        "seed": plan.seed,
        "versions": versions(),
        "machine": {**_machine(), **_of_models(plan, circumstances.models)},
        "split": _split(plan),
        "audit": {**_audit(plan), **_findings(circumstances.audit)},
        "arms": [_arm(measured, weighed, plan) for measured in arms],
        "reference": weighed.reference,
        "comparisons": [asdict(comparison) for comparison in weighed.comparisons],
        "crossover": dict(weighed.crossover),
        "verdict": asdict(weighed.verdict),
        "winner": dict(winner),
        "left_out": [each._asdict() for each in plan.left_out],
        "constraint": price_of_constraint(
            arms, plan.metrics[0], plan.split.test, plan.brief.schema, plan.seed
        ),
        "judge": circumstances.judge,
        "ended": [each._asdict() for each in circumstances.ended],
        "skipped_rows": [row.bad._asdict() for row in plan.data.unusable],
        "prices": _prices(plan),
        **details(plan.split.test, records, labels, _first(weighed)),
    }
    return dict(plain(result))


def _first(weighed: Weighed) -> str | None:
    """The arm that is recommended, or that leads."""
    verdict = weighed.verdict
    return verdict.arm or verdict.details.get("leading")


def plain(value: Any) -> Any:
    """Turn tuples, decimals and numpy numbers into what JSON holds; NaN raises `ValueError`."""
    return json.loads(json.dumps(value, allow_nan=False, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"result.json cannot hold a {type(value).__name__}")


def _machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
    }


def _of_models(plan: Plan, known: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of the one model as they are, those of several by tag."""
    if len(plan.models) == 1:
        return dict(known.get(plan.models[0].tag, {}))
    facts = {tag: dict(each) for tag, each in known.items() if each}
    return {"models": facts} if facts else {}


def _task(plan: Plan) -> dict[str, Any]:
    task = plan.task
    return {
        "name": task.name,
        "fingerprint": task.fingerprint,
        "instruction": task.instruction,
        "kind": plan.brief.kind,
        "labels": list(plan.data.labels),
        "metric": plan.metrics[0].name,
        "metrics": [metric.name for metric in plan.metrics],
        "model": plan.model.name,
        "provider": plan.model.provider,
        "models": [
            {"name": model.spec.name, "provider": model.spec.provider, "tag": model.tag}
            for model in plan.models
        ],
        "traffic": {**task.traffic.model_dump(mode="json"), "assumed": task.traffic_is_assumed},
        "constraints": task.constraints.model_dump(mode="json", exclude_none=True),
    }


def _split(plan: Plan) -> dict[str, Any]:
    split = plan.split
    sizes = {"train": len(split.train), "dev": len(split.dev), "test": len(split.test)}
    return {**plan.data.split_report, **sizes, "test_opened": 1}


def _audit(plan: Plan) -> dict[str, Any]:
    found = plan.detectable
    reason = f"not known before the run for {plan.metrics[0].name}"
    shown = {"difference": None, "reason": reason} if found is None else asdict(found)
    return {**plan.overview, "detectable": shown}


def _findings(audit: Audit) -> dict[str, Any]:
    """What the checks said, without their seconds: the same data gives the same result."""
    found = audit.to_dict()
    timeless = [
        (name, {key: value for key, value in said.items() if key != "seconds"})
        for name, said in found["checks"].items()
    ]
    kept = {key: found[key] for key in ("rows", "findings", "mistakes")}
    return {**kept, "checks": dict(timeless)}


def _arm(measured: MeasuredArm, weighed: Weighed, plan: Plan) -> dict[str, Any]:
    arm = measured.arm
    cost = weighed.costs[arm.name].to_dict()
    gap = {} if measured.gap is not None else {"generalisation_gap_reason": measured.gap_reason}
    return {
        "name": arm.name,
        "strategy": arm.strategy,
        "model": arm.model_name,
        "model_tag": _tags(arm, plan),
        "options": arm.options | arm.fit.to_options(),
        "quality": dict(measured.quality),
        "other_qualities": [dict(quality) for quality in measured.more_qualities],
        "outcomes": outcomes(measured.records),
        "validity": _validity(measured, plan),
        "tokens": dict(measured.tokens),
        "latency_seconds": dict(measured.latency),
        "fit": {
            "seconds": measured.fit_seconds,
            "examples": len(plan.split.train) + len(plan.split.dev),
            "requests": _fit_requests(measured),
            "cost": cost["upfront"],
        },
        "cost": cost,
        **measured.blocks,
        "generalisation_gap": measured.gap,
        **gap,
        "forgetting": None,
        "forgetting_reason": _NOT_PROBED
        if traits_of(arm.strategy).tunes
        else "no weights were changed",
        "breaks": list(weighed.breaks[arm.name]),
    }


def _tags(arm: Arm, plan: Plan) -> str | None:
    """The tag of the model behind an arm; of several, joined by plus signs."""
    # A tuned model is the task's with an adapter.
    specs = [replace(spec, adapter=None) for spec in arm.specs]
    return " + ".join(model.tag for model in plan.models if model.spec in specs) or None


def _validity(measured: MeasuredArm, plan: Plan) -> dict[str, Any]:
    """The share of answers that fit the task's JSON schema."""
    if plan.brief.schema is None:
        return {"value": None, "reason": "the task has no output.schema"}
    said = [record.answer.output for record in measured.records]
    return asdict(validity(said, plan.brief.schema))


def _fit_requests(measured: MeasuredArm) -> dict[str, Any]:
    asked = measured.search.values()
    return {
        "input_tokens": sum(usage.input_tokens for usage in asked),
        "output_tokens": sum(usage.output_tokens for usage in asked),
    }


def _prices(plan: Plan) -> list[dict[str, Any]]:
    listed = [_price(model.spec.name, model.price) for model in plan.models]
    listed += [_price(f"{model.spec.name} ({model.tag})", model.price) for model in plan.helpers]
    if any(model.price.machine_hour is None for model in plan.models):
        listed.append(_price("machine", plan.machine_price))
    return listed


def _price(name: str, price: Price) -> dict[str, Any]:
    return {"name": name, **asdict(price)}


def versions() -> dict[str, str]:
    """Return the versions of Steelyard, Python and the packages that decide figures."""
    found = {"steelyard": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_result(folder: Path | str) -> dict[str, Any]:
    """Read a run folder's ``result.json``. Raises `StorageError` when there is none to read."""
    path = Path(folder).expanduser() / "result.json"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        found = result["schema_version"]
    except FileNotFoundError:
        raise StorageError(
            f"no {path}: give the folder of a finished run, or run it again to finish it"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is no result of a run ({error}): run the task again") from None
    if found != SCHEMA_VERSION:
        raise StorageError(
            f"{path} has schema version {found!r}, this Steelyard reads {SCHEMA_VERSION}: "
            "run the task again"
        )
    return dict(result)


def strip_timings(value: Any) -> Any:
    """Return a result without what depends on the clock: seconds, and the money made from them."""
    if isinstance(value, Mapping):
        return {
            key: strip_timings(inner)
            for key, inner in value.items()
            if key not in _TIMED_KEYS and not key.endswith("seconds")
        }
    return [strip_timings(inner) for inner in value] if isinstance(value, list) else value
