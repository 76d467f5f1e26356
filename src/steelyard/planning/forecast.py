"""``steelyard.plan``: what a run will ask, cost and take at most, before anything is spent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from steelyard.core import Usage
from steelyard.economics import Money, cost_of
from steelyard.model import provider_of
from steelyard.model.planned import PlannedModel
from steelyard.model.provider_facts import Pace
from steelyard.planning.audit import audit_plan
from steelyard.planning.detectable import run_facts
from steelyard.planning.helpers import judge_line, other_model_lines
from steelyard.planning.jobs import Job
from steelyard.planning.lengths import Lengths, lengths_of
from steelyard.planning.options import RunOptions
from steelyard.planning.outlook import Outlook, PlanLine
from steelyard.planning.pace import pace_of
from steelyard.planning.plan import Plan, default_folder, make_plan
from steelyard.planning.probes import (
    GAP_EXAMPLES,
    RESCORE_EXAMPLES,
    RESCORE_WHOLE_BELOW,
    consistency_requests,
    timing_requests,
)
from steelyard.progress import Display
from steelyard.strategy import build_strategy, traits_of
from steelyard.strategy.forecasting import whole
from steelyard.strategy.outlook import Forecast
from steelyard.task import Task


def plan(
    task: Task | Path | str,
    out: Path | str | None = None,
    *,
    strategies: Sequence[str] | None = None,
    model: str | Sequence[str] | None = None,
    seed: int = 0,
    skip_bad_rows: bool = False,
    no_cache: bool = False,
    max_cost: Decimal | None = None,
    race: bool = True,
    prices_at: date | str | None = None,
) -> Outlook:
    """Say what `steelyard.run` with the same arguments would ask, cost and take; nothing is asked.

    Figures are upper bounds. Where ``out`` (default: ``runs/NAME`` here) holds a former run, it tells
    how fast the models are, unless ``no_cache`` would throw it away. Raises a `SteelyardError` for
    every mistake that the run would stop at before it asks.
    """
    options = RunOptions(
        strategies, model, seed, skip_bad_rows, no_cache, max_cost, race, prices_at
    )
    planned = make_plan(task, options)
    folder = Path(out) if out is not None else default_folder(planned)
    outlook = look_ahead(planned, None if no_cache else folder)
    return replace(outlook, audit=audit_plan(planned, Display()))


def look_ahead(plan: Plan, folder: Path | None = None) -> Outlook:
    """Forecast a plan; a former run in ``folder`` tells how fast its models are. Nothing is asked."""
    lengths = {
        model.tag: lengths_of(plan.split, plan.brief, model.spec, plan.unlabelled)
        for model in plan.models
    }
    paces = {model.tag: pace_of(plan, model, folder) for model in plan.models}
    forecasts = [(job, _forecast(job, plan, lengths)) for job in plan.jobs]
    lines = [_line(job, forecast, plan, paces) for job, forecast in forecasts]
    asking = [(job, forecast) for job, forecast in forecasts if job.model is not None and forecast]
    again = [_again(job, forecast, plan, paces) for job, forecast in asking]
    dearest = max(again, key=lambda line: (line.cost.amount or 0, line.seconds or 0), default=None)
    everything = (*lines, *([dearest] if dearest else []))
    for job, forecast in forecasts:
        for line, pace in other_model_lines(plan, job, forecast, folder):
            assert line.model is not None
            paces.setdefault(line.model.tag, pace)
            everything = (*everything, _priced_as(line.model, line, pace))
    judged = judge_line(plan, everything, folder)
    if judged is not None:
        line, paces["judge"] = judged
        assert line.model is not None
        everything = (*everything, _priced_as(line.model, line, paces["judge"]))
    return Outlook(plan, everything, lengths, paces)


def answers_of(plan: Plan, job: Job) -> dict[str, int]:
    """How many answers each arm of a job gives at most, by phase, the search left out.

    An arm may learn only in its fit that it has no gap (`Arm.why_no_gap`): from the shots it retrieves.
    """
    test, train = len(plan.split.test), len(plan.split.train)
    batched = job.model is not None and job.model.spec.batch
    models = [] if job.model is None else plan.models if job.spans_models else [job.model]
    local = all(provider_of(model.spec).is_local for model in models)
    is_ceiling = traits_of(job.strategy.name).is_ceiling
    races = plan.has_race and not batched and not is_ceiling
    asked_again = consistency_requests(plan.task.consistency, test, prompted=True)
    return {
        "race": len(plan.split.dev) if races else 0,
        "test": test,
        **timing_requests(0 if batched else test, local=local),
        "gap": 0 if traits_of(job.strategy.name).no_gap else min(test, train, GAP_EXAMPLES),
        "consistency": 0 if is_ceiling else asked_again,
        **freshness_answers(plan, job),
    }


def freshness_answers(plan: Plan, job: Job) -> dict[str, int]:
    """How many answers an arm gives about the facts that change: all before, and all after at most."""
    if plan.facts is None or traits_of(job.strategy.name).is_ceiling:
        return {}
    return {"freshness": 2 * len(plan.facts.facts)}


def _forecast(job: Job, plan: Plan, lengths: Mapping[str, Lengths]) -> Forecast | None:
    model = plan.models[0] if job.model is None else job.model
    sizes = replace(
        lengths[model.tag].sizes,
        run=replace(
            run_facts(job, model, plan.models, plan.specs),
            grounds=plan.grounds,
            inputs=lengths[model.tag].inputs,
        ),
    )
    return build_strategy(job.strategy).forecast(plan.brief, sizes)


def _line(job: Job, forecast: Forecast | None, plan: Plan, paces: Mapping[str, Pace]) -> PlanLine:
    if job.model is None:
        return _reading(job, forecast, plan, paces)
    if forecast is None:
        money = Money(None, plan.model_price.currency, "not known in advance")
        return PlanLine(job.key, job.model, cost=money, note="not known in advance")
    usage, requests = forecast.usage, {"search": round(forecast.usage.requests)}
    of_all_arms = sum(forecast.per_answer.values(), Usage())
    for phase, answers in answers_of(plan, job).items():
        usage += of_all_arms * answers
        requests[phase] = round(of_all_arms.requests * answers)
    arms = tuple(job.arm_name(arm) for arm in forecast.per_answer)
    line = PlanLine(
        job.key, job.model, arms, requests, whole(usage), of_all_arms, note=forecast.note
    )
    return _priced(line, job, plan, paces)


def _reading(
    job: Job, forecast: Forecast | None, plan: Plan, paces: Mapping[str, Pace]
) -> PlanLine:
    """What one without a language model reads by the task's models on this machine; no answer is written."""
    tokens = 0.0
    if forecast is not None:
        answers = sum(answers_of(plan, job).values())
        answer = sum(forecast.per_answer.values(), Usage())
        tokens = forecast.usage.input_tokens + answers * answer.input_tokens
    seconds, why = _reading_seconds(tokens, plan, paces)
    usage = whole(Usage(0, tokens))
    money = Money(None, plan.machine_price.currency, why)
    if seconds is not None:
        money = cost_of(usage._replace(machine_seconds=seconds), plan.machine_price)
    note = "reads texts, writes nothing" if tokens else "asks no language model"
    notes = [note, "" if forecast is None else forecast.note, why]
    return PlanLine(
        job.name,
        None,
        (job.name,),
        {},
        usage,
        seconds=seconds,
        cost=money,
        note="; ".join(filter(None, notes)),
    )


def _reading_seconds(
    tokens: float, plan: Plan, paces: Mapping[str, Pace]
) -> tuple[float | None, str]:
    """Time of reading so many tokens by the slowest of the models, or ``None`` with the reason."""
    local = [paces[m.tag] for m in plan.models if provider_of(m.spec).is_tunable] if tokens else []
    if unknown := next((pace for pace in local if not pace.is_known), None):
        return None, f"time is {unknown.source}"
    return max((pace.seconds(0, tokens, 0) or 0.0 for pace in local), default=0.0), ""


def _again(job: Job, forecast: Forecast, plan: Plan, paces: Mapping[str, Pace]) -> PlanLine:
    """What it takes if an arm of this job wins: the saved copy answers again before it is promoted."""
    assert job.model is not None
    test = len(plan.split.test)
    local = provider_of(job.model.spec).is_local
    answers = test if local and test <= RESCORE_WHOLE_BELOW else min(test, RESCORE_EXAMPLES)
    longest = max(forecast.per_answer.values(), key=lambda one: one.input_tokens, default=Usage())
    usage = whole(longest * answers)
    line = PlanLine("the winner again", job.model, (), {"rescore": round(usage.requests)}, usage)
    return _priced(line, job, plan, paces)


def _priced(line: PlanLine, job: Job, plan: Plan, paces: Mapping[str, Pace]) -> PlanLine:
    """Add time and money; what several models may answer is priced as the most expensive one's."""
    assert line.model is not None
    models = plan.models if job.spans_models else (line.model,)
    lines = [_priced_as(model, line, paces[model.tag]) for model in models]
    dearest = max(lines, key=lambda one: (one.cost.amount is None, one.cost.amount or 0))
    if len(models) == 1:
        return dearest
    note = "; ".join(filter(None, [line.note, f"every request goes to {dearest.model_tag}"]))
    return replace(dearest, note=note)


def _priced_as(model: PlannedModel, line: PlanLine, pace: Pace) -> PlanLine:
    seconds = _seconds(line, pace)
    # Training on this machine is paid by its time, whatever the answers of the model cost.
    trained = 0 if provider_of(model.spec).is_local else line.usage.trained_tokens
    usage = line.usage._replace(
        cached_tokens=0, machine_seconds=seconds or 0.0, trained_tokens=trained
    )
    if model.price.machine_hour is not None and seconds is None:
        cost = Money(None, model.price.currency, pace.source)
    else:
        cost = cost_of(usage, model.price)
    unknown = "" if seconds is not None else f"time is {pace.source}"
    note = "; ".join(filter(None, [line.note, unknown]))
    return replace(line, model=model, seconds=seconds, cost=cost, note=note)


def _seconds(line: PlanLine, pace: Pace) -> float | None:
    """Time: the latency probe sends one request at a time, everything else runs at full concurrency."""
    requests = dict(line.requests or {})
    probes, total = requests.get("latency", 0), sum(requests.values())
    trained = line.usage.trained_tokens
    read = line.usage.input_tokens - (line.usage.cached_tokens if pace.keeps_shared else 0)
    seconds = pace.seconds(total, read, line.usage.output_tokens)
    if seconds is None or (trained and pace.training_seconds is None):
        return None
    share = probes / total if total else 0.0
    waiting = seconds * share * (pace.at_once - 1)
    return seconds + waiting + trained * (pace.training_seconds or 0.0)
