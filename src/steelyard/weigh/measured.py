"""One arm, measured: its quality, tokens, latency, gap, and what its fit took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.cost import Usage
from steelyard.planning.jobs import Job
from steelyard.strategy import Arm
from steelyard.weigh.blocks import blocks_of
from steelyard.weigh.conclude import MeasuredArm
from steelyard.weigh.measure import latency, quality, tokens
from steelyard.weigh.steps import RunSteps, trained_seconds, why_no_gap

_NO_TOKENS: Mapping[str, Any] = {
    "input_mean": None,
    "cached_mean": None,
    "output_mean": None,
    "reason": "no language model is asked",
}


def measure_arm(steps: RunSteps, job: Job, arm: Arm) -> MeasuredArm:
    """Measure an arm of ``job`` on the test split, and all else that a result says of it.

    What an earlier attempt measured comes from the store. Raises what asking the arm's models raises.
    """
    records = steps.test(arm)
    primary, *others = [
        quality(metric, records, steps.plan.split.test, steps.plan.seed) for metric in steps.metrics
    ]
    fitted = steps.store.step(f"fit:{job.key}") or {}
    wall = float(fitted.get("seconds", 0.0))
    gap, why = _gap(steps, arm, primary["value"])
    return MeasuredArm(
        arm=arm,
        model=job.model,
        records=records,
        quality=primary,
        more_qualities=others,
        tokens=tokens(records) if arm.model_name else _NO_TOKENS,
        latency=latency(steps.latency(arm), steps.is_batched(arm)),
        search=_searched(steps, job),
        fit_seconds=wall,
        trained_seconds=trained_seconds(arm) if arm.model_name else wall,
        gap=gap,
        gap_reason=why,
        blocks=blocks_of(steps, arm, records),
    )


def _searched(steps: RunSteps, job: Job) -> dict[str, Usage]:
    """What a job's fit asked of models, by the names that accounts know them by."""
    names = {name for model in steps.plan.asked for name in model.names}
    searched: dict[str, Usage] = {}
    for model, spent in steps.store.usage_by_model(f"fit:{job.key}").items():
        name = model.fingerprint if model.fingerprint in names else model.name
        before = searched.get(name, Usage())
        searched[name] = Usage(
            before.input_tokens + spent.input_tokens,
            before.cached_tokens + spent.cached_tokens,
            before.output_tokens + spent.output_tokens,
            before.machine_seconds + spent.machine_seconds,
        )
    return searched


def _gap(steps: RunSteps, arm: Arm, test_score: float | None) -> tuple[float | None, str | None]:
    if (why := why_no_gap(arm)) is not None:
        return None, why
    examples = steps.gap_examples(arm)
    if not examples:
        return None, "there is no test example to compare with"
    return steps.gap(arm, test_score, examples), None
