"""What a run was weighed to be, as the records of ``result.json``."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from steelyard._version import __version__
from steelyard.core import cluster_count, clusters_of
from steelyard.economics import to_number
from steelyard.model.price_age import age_of
from steelyard.model.prices import MACHINE
from steelyard.planning.jobs import EndedArm
from steelyard.planning.plan import Plan
from steelyard.planning.priced import NamedPrice
from steelyard.result import ArmResult, AuditResult, Result
from steelyard.result.arm import Fit, SearchTokens
from steelyard.result.audit import SkippedRow
from steelyard.result.figures import Validity
from steelyard.result.run import (
    ConstraintsResult,
    LeftOutStrategy,
    PriceResult,
    SplitFacts,
    StoppedArm,
    TaskResult,
    TrafficResult,
    UnmeasuredArm,
    WeighedModel,
)
from steelyard.result.steadiness import Handover
from steelyard.result.verdict import JudgeResult, Winner
from steelyard.score.validity import validity
from steelyard.strategy import Arm, traits_of
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.weigh.conclude import Weighing, rewrite_of
from steelyard.weigh.constraint import price_of_constraint
from steelyard.weigh.details import details
from steelyard.weigh.differences import differences
from steelyard.weigh.freshness import changed_fact_results, priced_freshness
from steelyard.weigh.handover import arm_handover, cost_with_people
from steelyard.weigh.hybrid_states import Weighed
from steelyard.weigh.hybrids import hybrid_gains
from steelyard.weigh.measure import lengths, outcomes
from steelyard.weigh.slices import rival_of, slice_table

_PACKAGES = ("torch", "transformers", "peft", "gguf", "aiohttp", "scikit-learn", "scipy", "numpy")
_NOT_PROBED = "forgetting was not probed in this run"


@dataclass(frozen=True)
class Unfinished:
    """Arms without figures: those that ``ended`` because a model failed, and those ``stopped`` on dev."""

    ended: Sequence[EndedArm] = ()
    stopped: Sequence[StoppedArm] = ()


@dataclass(frozen=True)
class Circumstances:
    """What a result states of its run: when it began, its models by tag, the audit of its data.

    ``unfinished`` are the arms without figures, ``judge`` what the judge came to, ``test_opened`` how many
    runs in the folder have looked at new test answers.
    """

    created: str
    models: Mapping[str, Mapping[str, Any]]
    audit: AuditResult
    unfinished: Unfinished = Unfinished()
    judge: JudgeResult | None = None
    test_opened: int = 1


def build_result(
    plan: Plan,
    arms: Sequence[MeasuredArm],
    weighing: Weighing,
    winner: Winner,
    circumstances: Circumstances,
) -> Result:
    """Put everything together."""
    records = {measured.arm.name: measured.records for measured in arms}
    labels, test = plan.data.labels, plan.split.test
    first = weighing.verdict.first_arm
    candidates = [m for m in arms if not traits_of(m.arm.strategy).is_ceiling]
    rival = rival_of(first, weighing.reference, {m.arm.name: m.quality.value for m in candidates})
    pair = (first, rival) if first and rival else None
    return Result(
        created=circumstances.created,
        task=_task(plan),
        seed=plan.seed,
        versions=versions(),
        machine={**_machine(), **_of_models(plan, circumstances.models)},
        split=_split(plan, circumstances.test_opened, weighing.family.design_effect),
        audit=circumstances.audit,
        arms=tuple(_arm(measured, weighing, plan) for measured in arms),
        reference=weighing.reference,
        comparisons=tuple(weighing.comparisons),
        crossover=weighing.crossover,
        verdict=weighing.verdict,
        economics=weighing.economics,
        winner=winner,
        left_out=tuple(LeftOutStrategy(**strategy._asdict()) for strategy in plan.left_out),
        constraint=price_of_constraint(arms, weighing.family, plan.brief.schema),
        hybrids=hybrid_gains(arms, Weighed.of(plan)),
        judge=circumstances.judge,
        changed_facts=changed_fact_results(plan),
        ended=tuple(UnmeasuredArm(**arm._asdict()) for arm in circumstances.unfinished.ended),
        stopped=tuple(circumstances.unfinished.stopped),
        skipped_rows=tuple(SkippedRow(**row.bad._asdict()) for row in plan.data.skipped),
        prices=tuple(_price(one, plan, plan.task.price_day) for one in plan.priced),
        prices_at=None if plan.task.prices_at is None else plan.task.prices_at.isoformat(),
        slices=slice_table(plan.metrics[0], test, records, pair, plan.seed),
        differences=differences(
            test, {m.arm.name: m.records for m in candidates}, first, rewrite_of(plan)
        ),
        documents=weighing.documents.result,
        **details(test, records, labels, first, plan.brief.kind)._asdict(),
    )


def _machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
    }


def _of_models(plan: Plan, by_tag: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The facts of the one model as they are, those of several by tag."""
    if len(plan.models) == 1:
        return dict(by_tag.get(plan.models[0].tag, {}))
    facts = {tag: dict(model) for tag, model in by_tag.items() if model}
    return {"models": facts} if facts else {}


def _task(plan: Plan) -> TaskResult:
    task = plan.task
    traffic, constraints = task.traffic, task.constraints
    return TaskResult(
        name=task.name,
        fingerprint=task.fingerprint,
        instruction=task.instruction,
        kind=plan.brief.kind,
        labels=plan.data.labels,
        metric=plan.metrics[0].name,
        metrics=tuple(metric.name for metric in plan.metrics),
        metric_titles={metric.name: metric.title for metric in plan.metrics},
        parts_about={metric.name: metric.parts_about for metric in plan.metrics},
        model=plan.model.name,
        provider=plan.model.provider,
        models=tuple(
            WeighedModel(name=model.spec.name, provider=model.spec.provider, tag=model.tag)
            for model in plan.weighed_models
        ),
        traffic=TrafficResult(**traffic.model_dump(), assumed=task.traffic_is_assumed),
        constraints=ConstraintsResult(**constraints.model_dump()),
    )


def _split(plan: Plan, test_opened: int, design_effect: float) -> SplitFacts:
    split = plan.split
    facts = {**plan.data.split_report, **dict(zip(split._fields, map(len, split), strict=True))}
    clusters = cluster_count(split.test)
    if clusters < len(split.test):
        facts |= {"test_clusters": clusters, "design_effect": design_effect}
    return SplitFacts.model_validate({**facts, "test_opened": test_opened})


def _arm(measured: MeasuredArm, weighing: Weighing, plan: Plan) -> ArmResult:
    arm = measured.arm
    traits = traits_of(arm.strategy)
    costs = weighing.costs[arm.name]
    handover, not_judged_why = priced_handover(measured, costs, plan)
    return ArmResult(
        name=arm.name,
        strategy=arm.strategy,
        family=traits.family,
        about=traits.about,
        is_tuned=traits.tunes,
        is_ceiling=traits.is_ceiling or None,
        model=arm.model_name,
        model_tag=_tags(arm, plan),
        options=arm.options | arm.fit.to_options(),
        quality=measured.quality,
        other_qualities=tuple(measured.more_qualities),
        outcomes=outcomes(measured.records),
        lengths=lengths(measured.records),
        validity=_validity(measured, plan),
        tokens=measured.tokens,
        latency_seconds=measured.latency,
        fit=_fit(measured, plan, to_number(costs.fitting.amount)),
        cost=costs.record,
        **{**measured.blocks._asdict(), "freshness": priced_freshness(measured, costs, plan)},
        **weighing.documents.of(arm.name)._asdict(),
        handover=handover,
        handover_reason=not_judged_why,
        generalisation_gap=measured.gap,
        forgetting_reason=_NOT_PROBED if traits.tunes else "no weights were changed",
        breaks=tuple(weighing.breaks.get(arm.name, ())),
        measured_before=measured.is_kept,
    )


def priced_handover(
    measured: MeasuredArm, costs: Costs, plan: Plan
) -> tuple[Handover | None, str | None]:
    """Return what can be left to an arm, with the money when people answer the rest, or why not."""
    handover, why = arm_handover(measured.arm, measured.records, plan)
    if handover is None or handover.share is None:
        return handover, why
    cost = cost_with_people(handover.share, costs, plan.task)
    return handover.updated(cost=cost), why


def _fit(measured: MeasuredArm, plan: Plan, cost: float | None) -> Fit:
    requests = SearchTokens(
        input_tokens=sum(usage.input_tokens for usage in measured.search.values()),
        output_tokens=sum(usage.output_tokens for usage in measured.search.values()),
    )
    training, learns = measured.arm.fit.training, traits_of(measured.arm.strategy).learns
    trained_tokens = 0 if training is None else training.tokens
    return Fit(
        seconds=measured.fit_seconds,
        examples=len(plan.split.dev) + (len(plan.split.train) if learns else 0),
        requests=requests,
        tokens=requests.input_tokens + requests.output_tokens + trained_tokens,
        cost=cost,
    )


def _tags(arm: Arm, plan: Plan) -> str | None:
    """The tag of the model behind an arm; of several, joined by plus signs."""
    bases = {spec.base.unpaced for spec in arm.specs}
    tags = [model.tag for model in plan.weighed_models if model.spec.unpaced in bases]
    return " + ".join(tags) or None


def _validity(measured: MeasuredArm, plan: Plan) -> Validity:
    """The share of answers that fit the task's JSON schema."""
    if plan.brief.schema is None:
        return Validity(reason="the task has no output.schema")
    outputs = [record.answer.output for record in measured.records]
    clusters = clusters_of(plan.split.test)
    return Validity(**asdict(validity(outputs, plan.brief.schema, clusters)))


def _price(one: NamedPrice, plan: Plan, day: date) -> PriceResult:
    age = age_of(one.price.date, day)
    by_hour = one.price.machine_hour is not None
    return PriceResult(
        name=one.name,
        **asdict(one.price),
        each=one.each,
        shared=(plan.task.shares_machine or one.name == MACHINE) if by_hour else None,
        age_days=age.days,
        is_stale=age.is_stale or None,
    )


def versions() -> dict[str, str]:
    """Return the versions of Steelyard, Python and the packages that decide figures."""
    versions_used = {"steelyard": __version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions_used[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions_used
