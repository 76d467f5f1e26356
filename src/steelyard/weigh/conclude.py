"""From measured arms to money, comparisons and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

import numpy as np

from steelyard.core import Comparison, clusters_of
from steelyard.data.placeholders import placeholder_warning
from steelyard.economics import (
    DAYS_PER_MONTH,
    CostSheet,
    Money,
    Traffic,
    cost_of,
    cost_over_time,
)
from steelyard.economics.course import monthly_parts
from steelyard.planning.plan import Plan
from steelyard.private.redact import hide
from steelyard.result import AuditResult
from steelyard.result.economics import Economics
from steelyard.result.verdict import Crossover, VerdictResult
from steelyard.stats import Family
from steelyard.strategy import traits_of
from steelyard.verdict import Candidate, Case, Limits, Notes, crossover, decide
from steelyard.verdict.limits import apply_limits
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.weigh.break_evens import with_ranges
from steelyard.weigh.documents import DocumentsMeasured, measure_documents
from steelyard.weigh.economics import economics_of
from steelyard.weigh.handover import arm_handover
from steelyard.weigh.measure import compare_all, family_of
from steelyard.weigh.request_money import Prices, request_money
from steelyard.weigh.sheets import sheet_of, upfront_of

_AFTER_REASONS = 2
"""Behind the choice and its rival stands what the bins say."""


@dataclass(frozen=True)
class Weighing:
    """The outcome: costs by arm, the reference arm, comparisons with it, crossover, verdict.

    ``family`` holds the tests of all pairs of arms, ``documents`` what was measured of answers from them.
    """

    costs: Mapping[str, Costs]
    breaks: Mapping[str, list[str]]
    reference: str | None
    family: Family
    comparisons: Sequence[Comparison]
    crossover: Crossover
    verdict: VerdictResult
    economics: Economics
    documents: DocumentsMeasured


def costs_of(measured: MeasuredArm, plan: Plan) -> Costs:
    """Price one arm: tokens where a model has a token price, else machine time as measured.

    What several models were asked is priced by each one's own price.
    """
    fitted = plan.machine_price if measured.model is None else measured.model.price
    models = [model for spec in measured.arm.specs if (model := plan.model_of(spec))]
    price = models[0].price if len(models) == 1 else fitted
    first = () if measured.model is None else (measured.model,)
    machine = plan.machine_price
    prices = Prices((*models, *first, *plan.all_models), price, machine)
    tuned_elsewhere = any(model.spec.tuned_from and model.paid_by_tokens for model in models)
    training = cost_of(measured.training, fitted if tuned_elsewhere else machine)
    request = request_money(measured, prices)
    upfront = upfront_of(measured, plan, prices.of(measured.search), training, request.total)
    whole = sheet_of(measured, upfront, request, models, plan.task)
    sheet = None if whole.unknown else whole
    costs = _over_time(upfront, request.total, sheet, plan.task.traffic.volume)
    return replace(costs, request=request, whole=whole)


def _over_time(
    upfront: Mapping[str, Money], request: Money, sheet: CostSheet | None, traffic: Traffic
) -> Costs:
    """The costs with all that comes by the hour, the month or now and then spread over the requests."""
    nothing = Money(Decimal(0), request.currency)
    if sheet is None or (sheet.is_line and not traffic.growth_per_month):
        month = request * (traffic.requests_per_day * DAYS_PER_MONTH)
        return Costs(upfront, request, month, sheet)
    running = sum(cost_over_time(sheet, traffic).monthly, nothing) * (1 / traffic.requests)
    months = [
        sum(monthly_parts(sheet, traffic, month).values(), nothing)
        for month in range(traffic.months)
    ]
    dearest = max(months, key=lambda month: month.amount or Decimal(0))
    return Costs(upfront, running, months[0], sheet, dearest)


def weigh(arms: Sequence[MeasuredArm], plan: Plan, audit: AuditResult) -> Weighing:
    """Compare, price and decide; ``audit`` is that of the plan's rows. Ceilings are only priced."""
    costs = {measured.arm.name: costs_of(measured, plan) for measured in arms}
    documents = measure_documents(arms, plan, rewrite_of(plan))
    arms = [measured for measured in arms if not traits_of(measured.arm.strategy).is_ceiling]
    candidates = tuple(_candidate(measured, costs[measured.arm.name], plan) for measured in arms)
    reference = reference_arm(candidates)
    records = {measured.arm.name: list(measured.records) for measured in arms}
    test = plan.split.test
    family = family_of(plan.metrics[0], records, test, plan.seed)
    comparisons = compare_all(family, reference)
    case = replace(_case(plan, audit, candidates, comparisons), family=family)
    verdict = decide(case)
    if documents.result is not None:
        reasons = list(verdict.reasons)
        reasons.insert(_AFTER_REASONS, documents.result.sentence)
        verdict = verdict.updated(reasons=tuple(reasons))
    return Weighing(
        costs=costs,
        breaks=_breaks(case),
        reference=reference,
        family=family,
        comparisons=comparisons,
        crossover=with_ranges(
            crossover(case, len(plan.split.train), verdict.arm), arms, costs, case
        ),
        verdict=verdict,
        economics=economics_of(
            arms, costs, case, verdict, reference, is_judged=plan.judge is not None
        ),
        documents=documents,
    )


def rewrite_of(plan: Plan) -> Callable[[str], str]:
    """Marks in place of private values, where some model of the run is not to see them."""
    return hide if any(model.spec.redact for model in plan.all_models) else str


def reference_arm(candidates: Sequence[Candidate]) -> str | None:
    """Return the best prompt-only arm by the metric, or the best of all where there is none."""
    scored = [candidate for candidate in candidates if candidate.quality.value is not None]
    prompting = [candidate for candidate in scored if candidate.prompt_only] or scored
    best = max(prompting, key=lambda candidate: candidate.quality.value or 0.0, default=None)
    return None if best is None else best.name


def _candidate(measured: MeasuredArm, costs: Costs, plan: Plan) -> Candidate:
    handover, _ = arm_handover(measured.arm, measured.records, plan)
    return Candidate(
        name=measured.arm.name,
        strategy=measured.arm.strategy,
        quality=measured.quality.estimate,
        scores=np.array([record.score for record in measured.records], dtype=np.float64),
        upfront=costs.upfront.amount,
        per_request=costs.per_request.amount,
        monthly=(costs.dearest or costs.monthly).amount,
        sheet=costs.sheet,
        latency_p95_seconds=measured.latency.p95,
        latency_p95_low_seconds=measured.latency.p95_low,
        latency_p95_high_seconds=measured.latency.p95_high,
        latency_requests=measured.latency.n,
        failed=measured.failed,
        cut=sum(record.answer.completion.is_cut for record in measured.records),
        cut_early=sum(record.answer.completion.is_cut_early for record in measured.records),
        coverage_shown=None if handover is None else handover.coverage,
    )


def _case(
    plan: Plan,
    audit: AuditResult,
    candidates: tuple[Candidate, ...],
    comparisons: Sequence[Comparison],
) -> Case:
    task, leaks = plan.task, audit.leaks
    groups = clusters_of(plan.split.test)
    return Case(
        candidates=candidates,
        requests_per_day=task.traffic.requests_per_day,
        horizon_days=task.traffic.horizon_days,
        growth_per_month=task.traffic.growth_per_month,
        peak=task.traffic.peak,
        metric=plan.metrics[0].name,
        decomposable=plan.metrics[0].decomposable,
        limits=Limits(**task.constraints.model_dump()),
        comparisons=tuple(comparisons),
        clusters=None if groups is None else tuple(groups),
        notes=Notes(
            leaks=max(leaks["near"].test_count, leaks["group"].test_count),
            conflicts=audit.conflicts.inputs or 0,
            skipped_rows=len(plan.data.unusable),
            left_out=len(plan.data.left_out),
            instruction=placeholder_warning(task),
            old_prices=plan.old_prices,
        ),
        detectable=None if plan.detectable is None else plan.detectable_by(len(candidates)),
        seed=plan.seed,
        price_day=task.price_day,
        currency=plan.model_price.currency,
        error_cost=task.traffic.error_cost,
        label_cost=task.label_price,
        hour_cost=task.hour_price,
    )


def _breaks(case: Case) -> dict[str, list[str]]:
    """Name the constraints that each arm does not keep."""
    broken: dict[str, list[str]] = {candidate.name: [] for candidate in case.candidates}
    for name, value in asdict(case.limits).items():
        if value is not None:
            alone = replace(case, limits=Limits(**{name: value}))
            for arm in apply_limits(alone).dropped:
                broken[arm].append(name)
    return broken
