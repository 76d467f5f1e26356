"""What a result states of an arm besides its quality and cost: parts, consistency, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from steelyard.core import Record
from steelyard.result.figures import PartFigure
from steelyard.result.steadiness import Calibration, Consistency
from steelyard.strategy import Arm
from steelyard.weigh.calibration import measure_calibration
from steelyard.weigh.consistency import measure_consistency
from steelyard.weigh.parts import parts
from steelyard.weigh.steps import RunSteps


class ArmBlocks(NamedTuple):
    """Fields of an `ArmResult`, by their names; what is ``None`` has its reason beside it."""

    parts: tuple[PartFigure, ...] = ()
    consistency: Consistency | None = None
    consistency_reason: str | None = None
    calibration: Calibration | None = None
    calibration_reason: str | None = None


def blocks_of(steps: RunSteps, arm: Arm, records: Sequence[Record]) -> ArmBlocks:
    """Measure the arm's parts, consistency and calibration."""
    plan = steps.plan
    test = plan.split.test
    consistency, not_asked_why = measure_consistency(steps, arm, records, plan.task.consistency)
    target = plan.task.constraints.min_quality
    calibration, unsure_why = measure_calibration(
        arm, records, test, plan.metrics[0], plan.seed, target
    )
    return ArmBlocks(
        tuple(part for metric in plan.metrics for part in parts(metric, records, plan.seed, test)),
        consistency,
        not_asked_why,
        calibration,
        unsure_why,
    )
