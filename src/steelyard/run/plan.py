"""What a run is going to do, decided and shown before anything is spent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from steelyard.core import Price, Split
from steelyard.errors import ConfigError, StorageError
from steelyard.model import ModelSpec
from steelyard.model.prices import machine_price, price_for
from steelyard.score import Materials, Metric, MetricSpec, build_metric
from steelyard.stats import Detectable, detectable_difference
from steelyard.strategy import STRATEGIES, Brief, StrategySpec, auto, build_strategy
from steelyard.task import Prepared, Task, load_task, prepare

REFERENCES = ("majority", "tfidf_linear", "nearest_neighbour")
"""The cheap references: they run whatever else is asked for."""

SEEDS = 2**32
"""Seeds lie below this, the most that every library in use takes."""

_LOCAL = ("torch", "transformers", "peft", "gguf")


@dataclass(frozen=True)
class RunOptions:
    """What the command line may change about a task's run.

    ``model`` is text such as ``hf:NAME``; ``max_cost`` is in the model's price currency and holds
    for hosted models only; ``no_cache`` starts the run folder afresh.
    """

    strategies: tuple[str, ...] | None = None
    model: str | None = None
    seed: int = 0
    skip_bad_rows: bool = False
    no_cache: bool = False
    max_cost: Decimal | None = None


@dataclass(frozen=True)
class Plan:
    """One run, decided. ``left_out`` pairs each strategy that is not run with the reason."""

    prepared: Prepared
    brief: Brief
    model: ModelSpec
    specs: tuple[StrategySpec, ...]
    left_out: tuple[tuple[str, str], ...]
    metrics: tuple[Metric, ...]
    model_price: Price
    machine_price: Price
    options: RunOptions

    @property
    def task(self) -> Task:
        """The task with its labels filled in."""
        return self.prepared.task

    @property
    def split(self) -> Split:
        """The examples."""
        return self.prepared.split

    @property
    def seed(self) -> int:
        """The one seed."""
        return self.options.seed

    @property
    def detectable(self) -> Detectable | None:
        """The smallest difference the test split shows; ``None`` if items do not score 0 or 1."""
        if not (self.metrics[0].binary and self.metrics[0].decomposable):
            return None
        ways = 2 if self.brief.constrainable else 1  # constrained and free
        arms = sum(ways if STRATEGIES.get(spec.name).needs_model else 1 for spec in self.specs)
        return detectable_difference(len(self.split.test), comparisons=max(1, arms - 1))

    @property
    def identity(self) -> dict[str, Any]:
        """What every measurement depends on: a run folder belongs to one identity.

        Traffic, prices and constraints are not in it: changing them re-weighs what was measured.
        """
        task = self.task
        examples = json.dumps([[asdict(example) for example in part] for part in self.split])
        return {
            "task": [task.instruction, task.output.model_dump(mode="json"), list(task.rules)],
            "temperature": task.temperature,
            "metric": [metric.model_dump(mode="json") for metric in task.metric_configs],
            "max_output_tokens": task.max_output_tokens,
            "examples": hashlib.sha256(examples.encode()).hexdigest(),
            "model": replace(self.model, max_in_flight=None).to_dict() | _weights(self.model),
            "strategies": [[spec.name, dict(spec.options)] for spec in self.specs],
            "seed": self.seed,
        } | ({"constrained": "json"} if self.brief.schema is not None else {})


def make_plan(task: Task | Path | str, options: RunOptions) -> Plan:
    """Load, check, read and split the task, and choose its strategies; nothing is spent.

    Raises `ConfigError` and `DataError` for every mistake that can be seen now.
    """
    if not 0 <= options.seed < SEEDS:
        raise ConfigError(f"the seed must be from 0 to {SEEDS - 1}, not {options.seed}")
    task = _overridden(task if isinstance(task, Task) else load_task(task), options)
    model = ModelSpec(**task.model.to_spec())
    prices = task.model_dump(mode="python", exclude_none=True)["prices"]
    priced = price_for(model.provider, model.name, prices, base_url=model.base_url)
    _check_cap(options, model, priced)
    _check_names(task)
    prepared = prepare(task, seed=options.seed, skip_bad_rows=options.skip_bad_rows)
    metrics = build_metrics(prepared, model)
    specs, left_out = _choose(prepared, model.provider)
    for spec in specs:
        build_strategy(spec)
    return Plan(
        prepared=prepared,
        brief=Brief(
            task.instruction,
            task.output.kind,
            prepared.labels,
            task.primary_metric,
            task.max_output_tokens,
            _schema_text(task),
            task.temperature,
        ),
        model=model,
        specs=specs,
        left_out=left_out,
        metrics=metrics,
        model_price=priced,
        machine_price=machine_price(prices),
        options=options,
    )


def build_metrics(prepared: Prepared, model: ModelSpec) -> tuple[Metric, ...]:
    """Build the task's metrics. Raises `ConfigError` for what they do not know or lack."""
    task = prepared.task
    materials = Materials(
        kind=task.output.kind,
        labels=prepared.labels,
        instruction=task.instruction,
        schema=_schema_text(task),
        rules=task.rules,
        judge=None if task.judge is None else task.judge.model_dump(mode="json"),
        folder=task.folder,
        model=model,
    )
    specs = [MetricSpec(config.name, config.options) for config in task.metric_configs]
    return tuple(build_metric(spec, materials) for spec in specs)


def _schema_text(task: Task) -> str | None:
    """The answer's JSON schema as text, keys in the order in which they are written."""
    schema = task.output.model_dump(mode="json")["json_schema"]
    return None if schema is None else json.dumps(schema, ensure_ascii=False)


def _overridden(task: Task, options: RunOptions) -> Task:
    changes: dict[str, Any] = {}
    if options.strategies is not None:
        automatic = options.strategies == ("auto",)
        changes["strategies"] = "auto" if automatic else list(options.strategies)
    if options.model is not None:
        changes["model"] = _model_override(task, options.model)
    return task.updated(**changes) if changes else task


def _model_override(task: Task, model: str) -> str | dict[str, Any]:
    """Return the model asked for; one of the task's own provider keeps its endpoint and key."""
    provider, _, name = (part.strip() for part in model.partition(":"))
    here = Path(name).expanduser()
    if provider == "hf" and name and here.is_dir():
        return f"hf:{here.resolve()}"
    same = bool(name) and provider == task.model.provider
    return task.model.to_dict() | {"name": name} if same else model


def _weights(model: ModelSpec) -> dict[str, str]:
    """Return a digest of a local folder's file names, sizes and times: other weights show in it."""
    folder = Path(model.name).expanduser()
    if model.provider != "hf" or not folder.is_dir():
        return {}
    states = {path.relative_to(folder).as_posix(): path.stat() for path in _files_in(folder)}
    listed = [[name, state.st_size, state.st_mtime_ns] for name, state in sorted(states.items())]
    return {"files": hashlib.sha256(json.dumps(listed).encode()).hexdigest()}


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _check_names(task: Task) -> None:
    for spec in () if task.strategies == "auto" else task.strategies:
        STRATEGIES.get(spec.name)


def _check_cap(options: RunOptions, model: ModelSpec, price: Price) -> None:
    if options.max_cost is None or price.machine_hour is not None:
        return
    if price.input is None or price.output is None:
        raise ConfigError(f"--max-cost needs the price of {model.name}: {price.source}")


def _choose(
    prepared: Prepared, provider: str
) -> tuple[tuple[StrategySpec, ...], tuple[tuple[str, str], ...]]:
    task = prepared.task
    extras = {"local"} if all(find_spec(name) for name in _LOCAL) else set()
    train = len(prepared.split.train)
    chosen = auto(task.output.kind, train, task.documents is not None, provider, extras)
    if task.strategies == "auto":
        return tuple(chosen.specs), tuple(chosen.left_out)
    asked = [StrategySpec(spec.name, spec.options) for spec in task.strategies]
    names = {spec.name for spec in asked}
    always = [spec for spec in chosen.specs if spec.name in REFERENCES and spec.name not in names]
    specs = (*always, *asked)
    running = {spec.name for spec in specs}
    others = [spec.name for spec in chosen.specs if spec.name not in running]
    left_out = [(name, "not asked for") for name in others]
    left_out += [(name, why) for name, why in chosen.left_out if name not in running]
    return specs, tuple(left_out)


def check_identity(kept: Mapping[str, Any] | None, plan: Plan, folder: Path) -> None:
    """Refuse a run folder that another run made, saying what differs. Raises `StorageError`."""
    identity = json.loads(json.dumps(plan.identity))
    if kept is None or dict(kept) == identity:
        return
    different = [name for name in identity if kept.get(name) != identity[name]]
    shown = ", ".join(_difference(name, kept.get(name), identity[name]) for name in different)
    raise StorageError(
        f"{folder} holds a run of other input ({shown}): choose another --out, "
        "or throw that run away with --no-cache"
    )


def _difference(name: str, before: Any, now: Any) -> str:
    if name in ("seed", "max_output_tokens"):
        return f"{name} {before}, now {now}"
    if name == "model" and (before or {}).get("name") == now["name"]:
        same = before.get("files") == now.get("files")
        return f"the {'settings' if same else 'files'} of its model"
    if name == "model":
        return f"model {(before or {}).get('name')}, now {now['name']}"
    return f"its {name} differ{'s' if name in ('task', 'metric') else ''}"


def describe(plan: Plan, folder: Path) -> str:
    """Return what a person should read before the arms start: data, what can be seen, the plan."""
    split, task = plan.split, plan.task
    lines = [
        f"{task.name}: {len(split.train)} train, {len(split.dev)} dev, {len(split.test)} test "
        f"examples; {plan.brief.kind} output, metric {task.primary_metric}",
        f"audit: {_audit_text(plan.prepared.audit)}",
        *(f"note: {warning}" for warning in plan.prepared.audit["warnings"]),
        f"can be told apart: {detectable_text(plan)}",
        f"model: {plan.model.name} ({plan.model.provider})",
        f"strategies: {', '.join(spec.name for spec in plan.specs)}",
        *(f"left out: {name} ({why})" for name, why in plan.left_out),
        *_about_cap(plan),
        f"run folder: {folder}",
    ]
    return "\n".join(lines)


def _audit_text(audit: Mapping[str, Any]) -> str:
    duplicates = audit["duplicates"]
    counts = {
        "repeated rows": duplicates["normalised"]["rows"],
        "near-duplicates": duplicates["near"]["rows"],
        "inputs with conflicting outputs": audit["conflicts"]["inputs"] or 0,
        "rows left out": audit["skipped"]["count"],
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items())


def _about_cap(plan: Plan) -> list[str]:
    if plan.options.max_cost is None:
        return []
    if plan.model_price.machine_hour is not None:
        return ["--max-cost holds for hosted models only: this one runs on this machine"]
    return [f"stops before it costs more than {plan.options.max_cost} {plan.model_price.currency}"]


def detectable_text(plan: Plan) -> str:
    """Say in words which difference the test split can show."""
    found = plan.detectable
    if found is None:
        return f"depends on the spread of {plan.metrics[0].name}, seen after the run"
    if found.difference is None:
        return found.reason or "nothing"
    return (
        f"differences from {100 * found.difference:.0f} points up on {found.n} test examples "
        f"(power {found.power:.0%}, if arms differ on {found.discordant:.0%} of them)"
    )


def names_of(specs: Sequence[StrategySpec]) -> list[str]:
    """Return one name for each strategy; a second ``few_shot`` becomes ``few_shot-2``."""
    seen: dict[str, int] = {}
    names = []
    for spec in specs:
        seen[spec.name] = seen.get(spec.name, 0) + 1
        names.append(spec.name if seen[spec.name] == 1 else f"{spec.name}-{seen[spec.name]}")
    return names
