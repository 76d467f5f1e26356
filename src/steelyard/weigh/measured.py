"""One arm, measured: its quality, tokens, gap, and what its fit took. `timing` adds how fast it is."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Record, Usage
from steelyard.model.accounts import merged
from steelyard.planning.jobs import Job
from steelyard.result.arm import Tokens
from steelyard.result.figures import Gap, Quality
from steelyard.result.read import NO_INTERVAL
from steelyard.strategy import Arm
from steelyard.weigh.arms import ArmBlocks, MeasuredArm
from steelyard.weigh.calibration import measure_calibration
from steelyard.weigh.consistency import measure_consistency
from steelyard.weigh.freshness import measure_freshness
from steelyard.weigh.measure import quality, tokens
from steelyard.weigh.parts import parts
from steelyard.weigh.steps import FITTED, RunSteps


def measure_arm(steps: RunSteps, job: Job, arm: Arm) -> MeasuredArm:
    """Measure an arm of ``job`` on the test split, and all else that a result says of it.

    What an earlier attempt measured comes from the store. Raises what asking the arm's models raises.
    """
    records = steps.test(arm)
    figures = [
        quality(metric, records, steps.plan.split.test, steps.plan.seed) for metric in steps.metrics
    ]
    gap = _gap(steps, arm, figures[0].value)
    return with_fit(steps, job, arm, records, figures, gap, _blocks(steps, job, arm, records))


def with_fit(
    steps: RunSteps,
    job: Job,
    arm: Arm,
    records: Sequence[Record],
    figures: Sequence[Quality],
    gap: Gap,
    blocks: ArmBlocks,
) -> MeasuredArm:
    """What an arm answered, with what its fit took; the first of ``figures`` decides."""
    fitted = steps.store.step(f"fit:{job.key}", FITTED) or {}
    wall = float(fitted.get("seconds", 0.0))
    return MeasuredArm(
        arm=arm,
        model=job.model,
        records=records,
        quality=figures[0],
        more_qualities=figures[1:],
        tokens=tokens(records) if arm.model_name else _NO_TOKENS,
        search=merged([_searched(steps, job), _embedded(arm)]),
        fit_seconds=wall,
        training=Usage(
            trained_tokens=arm.trained_tokens,
            machine_seconds=arm.machine_seconds if arm.model_name else wall,
        ),
        gap=gap,
        blocks=blocks,
        is_kept=job in steps.plan.kept,
    )


def _searched(steps: RunSteps, job: Job) -> dict[str, Usage]:
    """What a job's fit asked of models, by the names that accounts know them by."""
    names = {name for model in steps.plan.all_models for name in model.names}
    usages = steps.store.usage_by_model(f"fit:{job.key}")
    return merged(
        {model.fingerprint if model.fingerprint in names else model.name: usage}
        for model, usage in usages.items()
    )


def _embedded(arm: Arm) -> dict[str, Usage]:
    """What endpoints were asked to encode for the arm's index."""
    return {account: Usage(0, tokens) for account, tokens in arm.fit.embedded.items()}


_NO_TOKENS = Tokens(reason="it asks no language model for an answer")


def _gap(steps: RunSteps, arm: Arm, test_score: float | None) -> Gap:
    if (why := arm.why_no_gap) is not None:
        return Gap(reason=why)
    examples = steps.gap_examples(arm)
    if not examples:
        return Gap(reason="there is no test example to compare with")
    gap = steps.gap(arm, test_score, examples)
    undefined = f"{steps.metrics[0].name} is undefined on train or test"
    return Gap(value=gap, n=len(examples), reason=undefined if gap is None else NO_INTERVAL)


def _blocks(steps: RunSteps, job: Job, arm: Arm, records: Sequence[Record]) -> ArmBlocks:
    """Measure the arm's parts, consistency, calibration and freshness."""
    plan = steps.plan
    test = plan.split.test
    consistency, not_asked_why = measure_consistency(steps, arm, records, plan.task.consistency)
    calibration, unsure_why = measure_calibration(arm, records, test, plan.metrics[0], plan.seed)
    freshness, not_fresh_why = measure_freshness(steps, arm, may_ask=job not in plan.kept)
    return ArmBlocks(
        tuple(part for metric in plan.metrics for part in parts(metric, records, plan.seed, test)),
        consistency,
        not_asked_why,
        calibration,
        unsure_why,
        freshness,
        not_fresh_why,
    )
