"""What a run is going to do, decided and shown before anything is spent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import comb
from pathlib import Path
from typing import Any

from steelyard.core import Price, Split, cluster_count
from steelyard.data.dataset import Dataset
from steelyard.data.prepare import prepare
from steelyard.data.read import note_task
from steelyard.data.unlabelled import Unlabelled
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec, provider_of
from steelyard.model.planned import PlannedModel
from steelyard.model.prices import MACHINE, embedding_price, machine_price, price_of
from steelyard.planning.choose import choose
from steelyard.planning.detectable import arm_count, detectable_text
from steelyard.planning.documents import grounds_of_task
from steelyard.planning.evidence import evidence_notes
from steelyard.planning.facts import ChangedFacts, changed_facts
from steelyard.planning.jobs import Job, LeftOut, jobs_of, left_out_texts
from steelyard.planning.notes import notes_on, retraining_notes, unused_prices
from steelyard.planning.options import RunOptions
from steelyard.planning.overrides import overridden
from steelyard.planning.priced import (
    NamedPrice,
    check_machine_price,
    check_prices,
    old_prices,
    prices_of_people,
)
from steelyard.planning.redaction import private_references
from steelyard.planning.unlabelled import unlabelled_notes, unlabelled_of
from steelyard.result import AuditResult
from steelyard.retrieve.grounds import Grounds
from steelyard.score import Metric, build_metrics
from steelyard.score.base import ModelMetric
from steelyard.score.judge import Judge
from steelyard.score.validity import refuse_bad_schema, refuse_unmet_schema
from steelyard.seeds import check_seed
from steelyard.stats import Detectable, detectable_difference
from steelyard.strategy import Brief, StrategySpec, TaskFacts, build_strategy, traits_of
from steelyard.task import Task, load_task
from steelyard.verdict.race import FEWEST_ITEMS
from steelyard.words import counted, listed


@dataclass(frozen=True)
class Plan:
    """One run, decided: its strategies, and in ``jobs`` each of them on each model it runs on."""

    data: Dataset
    brief: Brief
    models: tuple[PlannedModel, ...]
    specs: tuple[StrategySpec, ...]
    jobs: tuple[Job, ...]
    left_out: tuple[LeftOut, ...]
    metrics: tuple[Metric, ...]
    machine_price: Price
    options: RunOptions
    more_models: tuple[PlannedModel, ...] = ()
    """Those that strategies ask in addition to the task's: a model that reflects or teaches."""
    notes: tuple[str, ...] = ()
    """What of the task goes unused, or may not do what it says."""
    grounds: Grounds | None = None
    """The task's documents, where it has some, and in ``facts`` what changes in them."""
    unlabelled: Mapping[str, Unlabelled] = field(default_factory=dict)
    """The files of inputs that strategies have answered, by name."""
    facts: ChangedFacts | None = None
    kept: tuple[Job, ...] = ()
    """What the run folder has measured before and this run was not asked for: it is weighed too."""

    @property
    def task(self) -> Task:
        return self.data.task

    @property
    def split(self) -> Split:
        return self.data.split

    @property
    def task_facts(self) -> TaskFacts:
        """What decides whether a strategy can be fitted, and what it learns."""
        train, metric = self.split.train, self.metrics[0]
        return TaskFacts(self.brief, train, self.grounds, self.unlabelled, metric)

    @property
    def model(self) -> ModelSpec:
        return self.models[0].spec

    @property
    def model_price(self) -> Price:
        """The first model's price; all are in one currency."""
        return self.models[0].price

    @property
    def judge(self) -> PlannedModel | None:
        """The model that judges replies, with its price; ``None`` where none does."""
        return _judge_model(self.metrics, self.task)

    def model_of(self, spec: ModelSpec) -> PlannedModel | None:
        """Return the run's model of this spec; a tuned one has its base's tag, and its own price.

        On this machine a tuned model costs what its base costs: the machine's time.
        """
        made_of = spec.base.unpaced
        base = next((model for model in self.all_models if model.spec.unpaced == made_of), None)
        if base is None or spec.tuned_from is None or provider_of(spec).is_local:
            return base
        return _planned(base.tag, spec, self.task)

    @property
    def all_models(self) -> tuple[PlannedModel, ...]:
        """Every model that the run may ask and pay for, or has paid for: the task's first."""
        return (*self.weighed_models, *self.helpers)

    @property
    def weighed_models(self) -> tuple[PlannedModel, ...]:
        """The task's models, and those that only arms kept from earlier runs use."""
        kept = [job.model for job in self.kept if job.model is not None]
        return tuple({model.tag: model for model in (*self.models, *kept)}.values())

    @property
    def helpers(self) -> tuple[PlannedModel, ...]:
        """Models that are not the task's own: the judge, those that reflect and those that teach."""
        judges = () if self.judge is None else (self.judge,)
        return (*judges, *self.more_models)

    @property
    def prices(self) -> dict[str, Any]:
        return self.task.model_prices

    @property
    def priced(self) -> tuple[NamedPrice, ...]:
        """What the run pays, by name: its models, the machine where it is paid beside them, labels, hours."""
        by_name = [NamedPrice(model.spec.name, model.price) for model in self.weighed_models]
        by_name += [NamedPrice(f"{m.spec.name} ({m.tag})", m.price) for m in self.helpers]
        if any(model.price.machine_hour is None for model in self.weighed_models):
            by_name.append(NamedPrice(MACHINE, self.machine_price))
        return (*by_name, *prices_of_people(self.task))

    @property
    def old_prices(self) -> tuple[str, ...]:
        """A sentence for each price that is older than it should be, of the user or of the book."""
        return old_prices(self.priced, self.task.price_day)

    @property
    def seed(self) -> int:
        return self.options.seed

    @property
    def has_race(self) -> bool:
        """Whether arms that dev shows cannot win are to stop before the test.

        Not where dev cannot tell: with few examples, by a metric that is no mean of scores or asks a judge,
        or with a limit on what is known later: latency, and what can be left to an arm.
        """
        metric = self.metrics[0]
        return (
            self.options.race
            and len(self.split.dev) >= FEWEST_ITEMS
            and metric.decomposable
            and not isinstance(metric, ModelMetric)
            and self.task.constraints.max_latency_p95_ms is None
            and self.task.constraints.min_accuracy_at_coverage is None
        )

    @cached_property
    def detectable(self) -> Detectable | None:
        """The smallest difference the test split shows; ``None`` if items do not score 0 or 1."""
        if not (self.metrics[0].binary and self.metrics[0].decomposable):
            return None
        return self.detectable_by(
            sum(
                arm_count(job, self.brief, self.split, self.models, self.specs)
                for job in (*self.jobs, *self.kept)
                if not traits_of(job.strategy.name).is_ceiling
            )
        )

    def detectable_by(self, arms: int) -> Detectable:
        """The smallest difference that the test shows among so many arms."""
        test = self.split.test
        return detectable_difference(
            len(test), comparisons=max(1, comb(arms, 2)), clusters=cluster_count(test)
        )


def make_plan(task: Task | Path | str, options: RunOptions) -> Plan:
    """Load, check, read and split the task, and choose its strategies; nothing is spent.

    Raises `ConfigError` and `DataError` for every mistake that can be seen now.
    """
    check_seed(options.seed)
    task = overridden(task if isinstance(task, Task) else load_task(task), options)
    note_task(task)
    models, machine = _plan_models(task), machine_price(task.model_prices)
    check_prices(models, task.currency, cap=options.max_cost)
    check_machine_price(machine, task.currency)
    data = prepare(task, seed=options.seed, skip_bad_rows=options.skip_bad_rows)
    task, specs_of = data.task, tuple(model.spec for model in models)
    metrics = _checked_metrics(data)
    notes = notes_on(task, _schema_text(task), specs_of)
    notes += private_references(data.split, models)
    if (judge := _judge_model(metrics, task)) is not None:
        check_prices((judge,), task.currency, cap=options.max_cost)
    brief = Brief(
        task.instruction,
        task.output.kind,
        task.output.labels,
        task.primary_metric,
        task.max_output_tokens,
        _schema_text(task),
        task.temperature,
    )
    lenient = options.model is not None and options.strategies is None
    grounds = grounds_of_task(task)
    unlabelled = unlabelled_of(data, skip_bad_rows=options.skip_bad_rows)
    facts = TaskFacts(brief, data.split.train, grounds, unlabelled, metrics[0])
    specs, left_out = choose(data, facts, models, lenient=lenient)
    more = _more_models(specs, models, task)
    check_prices(more, task.currency, cap=options.max_cost)
    helpers = (*more, *([judge] if judge else []))
    asked = (*specs_of, *(one.spec for one in helpers))
    notes += (*unused_prices(task, asked), *evidence_notes(grounds, data.split))
    notes += (*retraining_notes(task, specs), *unlabelled_notes(unlabelled, asked))
    encoding = [spec.name for spec in specs if build_strategy(spec).encoders]
    if options.max_cost is not None and encoding:
        raise ConfigError(
            "--max-cost cannot stop what an endpoint encodes: leave it out, or set encoder: local in "
            f"{listed(encoding)}"
        )
    return Plan(
        data=data,
        brief=brief,
        models=models,
        specs=specs,
        jobs=jobs_of(specs, models, left_out),
        left_out=left_out,
        metrics=metrics,
        machine_price=machine,
        options=options,
        more_models=more,
        notes=notes,
        grounds=grounds,
        unlabelled=unlabelled,
        facts=changed_facts(task, grounds, data.split),
    )


def _more_models(
    specs: Sequence[StrategySpec], models: Sequence[PlannedModel], task: Task
) -> tuple[PlannedModel, ...]:
    """Build every strategy, which checks its options, and price the models it adds to the task's."""
    specs_known = [model.spec for model in models]
    more: list[PlannedModel] = []
    for strategy in [build_strategy(spec) for spec in specs]:
        for spec in strategy.more_models:
            if spec not in specs_known:
                specs_known.append(spec)
                more.append(_planned(f"for {strategy.name}", spec, task))
        for spec in strategy.encoders:
            if spec not in specs_known:
                specs_known.append(spec)
                price = embedding_price(spec, task.model_prices, when=task.price_time)
                more.append(PlannedModel(f"encoder of {strategy.name}", spec, price, True))
    return tuple(more)


def _judge_model(metrics: Sequence[Metric], task: Task) -> PlannedModel | None:
    judge = Judge.among(metrics)
    spec = None if judge is None else judge.options.spec
    if spec is None:
        return None
    return _planned("judge", spec, task)


def _planned(tag: str, spec: ModelSpec, task: Task) -> PlannedModel:
    return PlannedModel(tag, spec, price_of(spec, task.model_prices, when=task.price_time))


def _plan_models(task: Task) -> tuple[PlannedModel, ...]:
    return tuple(
        _planned(tag, ModelSpec(**model.to_spec()), task)
        for tag, model in zip(task.model_tags, task.models, strict=True)
    )


def _checked_metrics(data: Dataset) -> tuple[Metric, ...]:
    """Build the task's metrics. Raises `ConfigError` for examples or a schema that they cannot use."""
    task = data.task
    metrics = build_metrics(task)
    examples = [example for part in data.split for example in part]
    if (schema := _schema_text(task)) is not None:
        refuse_bad_schema(schema)
        refuse_unmet_schema(schema, examples)
    for metric in metrics:
        metric.check(examples)
    return metrics


def _schema_text(task: Task) -> str | None:
    """The answer's JSON schema as text, keys in the order in which they are written."""
    schema = task.output.model_dump(mode="json")["json_schema"]
    return None if schema is None else json.dumps(schema, ensure_ascii=False)


def default_folder(plan: Plan) -> Path:
    """Where a run goes that is given no folder."""
    name = "".join("-" if one in "/\\" or not one.isprintable() else one for one in plan.task.name)
    return Path("runs") / (name.lstrip(".") or "task")


def headlines(plan: Plan, audit: AuditResult) -> list[str]:
    """What is planned for, in a few lines: data, what can be seen of it, models, strategies."""
    split, task = plan.split, plan.task
    return [
        f"{task.name}: {len(split.train)} train, {len(split.dev)} dev, {len(split.test)} test "
        f"examples; {plan.brief.kind} output, metric {task.primary_metric}",
        f"audit: {_audit_text(audit)}",
        *(f"note: {note}" for note in (*audit.warnings, *plan.notes, *plan.old_prices)),
        f"smallest detectable difference: {detectable_text(plan.detectable, task.primary_metric)}",
        *_about_models(plan),
    ]


def describe(plan: Plan, audit: AuditResult, folder: Path, ahead: Sequence[str] = ()) -> str:
    """Return what a person should read before the arms start; ``ahead`` is what it will take."""
    lines = [
        *headlines(plan, audit),
        f"strategies: {', '.join(spec.name for spec in plan.specs)}",
        *about_kept(plan),
        *(f"left out: {text}" for text in left_out_texts(plan.left_out)),
        *ahead,
        *_about_cap(plan),
        f"run folder: {folder}",
    ]
    return "\n".join(lines)


def _about_models(plan: Plan) -> list[str]:
    asks_model = any(job.model is not None for job in plan.jobs)
    aside = (
        "" if asks_model else "; not asked, because no strategy of this run uses a language model"
    )
    if len(plan.models) == 1:
        models = [f"model: {_named(plan.models[0])}{aside}"]
    else:
        models = [f"model {model.tag}: {_named(model)}{aside}" for model in plan.models]
    return models + [f"{model.tag}: {_named(model)}" for model in plan.helpers]


def _named(model: PlannedModel) -> str:
    """A model's name and kind, and the address that the task sends its requests to, where it says so."""
    spec = model.spec
    return f"{spec.name} ({spec.provider})" + (f" at {spec.base_url}" if spec.base_url else "")


def about_kept(plan: Plan) -> list[str]:
    """A line of what was measured before in the folder, where anything was."""
    names = ", ".join(job.key for job in plan.kept)
    return [f"measured before in this folder, and weighed too: {names}"] if names else []


def _audit_text(audit: AuditResult) -> str:
    """Counts as the audit's findings have them."""
    exact = audit.duplicates.exact.rows if audit.duplicates.exact else 0
    counts = [
        f"{counted(exact, 'row repeats', 'rows repeat')} an earlier one exactly",
        f"{counted(audit.near_repeats, 'nearly repeats', 'nearly repeat')} another",
        f"{counted(audit.conflicts.inputs or 0, 'input')} with conflicting outputs",
        f"{counted(audit.skipped.count if audit.skipped else 0, 'row')} left out",
    ]
    return ", ".join(counts)


def _about_cap(plan: Plan) -> list[str]:
    if plan.options.max_cost is None:
        return []
    here = [model.tag for model in plan.all_models if model.price.machine_hour is not None]
    if len(here) == len(plan.all_models):
        runs = "this one runs" if len(here) == 1 else "these run"
        return [f"--max-cost applies to hosted models only; {runs} on this machine"]
    cap = f"stops before it costs more than {plan.options.max_cost} {plan.model_price.currency}"
    return [f"{cap}; not counted, because on this machine: {', '.join(here)}" if here else cap]
