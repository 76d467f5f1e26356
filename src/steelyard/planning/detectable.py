"""What the test split of a plan can show, after correction for all pairs of the arms it will compare."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Split
from steelyard.model import provider_of
from steelyard.model.planned import PlannedModel
from steelyard.planning.jobs import Job
from steelyard.stats import Detectable
from steelyard.strategy import Brief, StrategySpec, build_strategy
from steelyard.strategy.optimise.budget import tunings_of
from steelyard.strategy.outlook import RunFacts, Sizes
from steelyard.words import points


def arm_count(
    job: Job,
    brief: Brief,
    split: Split,
    models: Sequence[PlannedModel],
    specs: Sequence[StrategySpec],
) -> int:
    """How many arms a job leaves, by its strategy's own forecast; one where it has none."""
    if job.model is None:
        return 1
    sizes = Sizes(
        train=len(split.train),
        dev=len(split.dev),
        test=len(split.test),
        labels=len(brief.labels),
        instruction_tokens=1.0,
        input_tokens=1.0,
        output_tokens=1.0,
        run=run_facts(job, job.model, models, specs),
    )
    forecast = build_strategy(job.strategy).forecast(brief, sizes)
    return 1 if forecast is None else max(1, len(forecast.per_answer))


def run_facts(
    job: Job,
    model: PlannedModel,
    models: Sequence[PlannedModel],
    specs: Sequence[StrategySpec],
) -> RunFacts:
    """What of a run of ``models`` and strategies (``specs``) a job's forecast may know."""
    may_ask = models if job.spans_models else (model,)
    return RunFacts(
        models=tuple(models),
        tunings=tunings_of(specs),
        local=any(provider_of(planned.spec).is_local for planned in may_ask),
    )


def detectable_text(detectable: Detectable | None, metric: str) -> str:
    """Say in words which difference the test split can show; ``None`` where that is not known."""
    if detectable is None:
        return f"depends on the spread of {metric}, which only answers show"
    if detectable.difference is None:
        return f"none ({detectable.reason})"
    return (
        f"{points(detectable.difference)} ({detectable.n} test examples, power "
        f"{detectable.power:.0%}, if two arms differ on {detectable.discordant:.0%} of them"
        f"{detectable.correction}){detectable.dependence}"
    )
