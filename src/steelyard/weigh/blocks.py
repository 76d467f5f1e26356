"""What is told of an arm beside its quality and cost: parts, consistency, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.core import Record
from steelyard.strategy import Arm
from steelyard.weigh.calibration import measure_calibration
from steelyard.weigh.consistency import measure_consistency
from steelyard.weigh.parts import parts
from steelyard.weigh.steps import RunSteps


def blocks_of(steps: RunSteps, arm: Arm, records: Sequence[Record]) -> dict[str, Any]:
    """Return the arm's blocks of ``result.json``; what is ``None`` has its reason beside it."""
    plan = steps.plan
    test = plan.split.test
    steady, why_not_steady = measure_consistency(steps, arm, records, plan.task.consistency)
    target = plan.task.constraints.min_quality
    sure, why_not_sure = measure_calibration(arm, records, test, plan.metrics[0], plan.seed, target)
    return {
        "parts": [
            figure for metric in plan.metrics for figure in parts(metric, records, plan.seed, test)
        ],
        "consistency": steady,
        **({} if steady is not None else {"consistency_reason": why_not_steady}),
        "calibration": sure,
        **({} if sure is not None else {"calibration_reason": why_not_sure}),
    }
