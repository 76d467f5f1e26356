"""The race on dev: arms that cannot win stop before the test, and are listed with what they had shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.core import clusters_of
from steelyard.planning.jobs import Job
from steelyard.result.figures import Gap
from steelyard.result.run import StoppedArm
from steelyard.seeds import generator
from steelyard.strategy import Arm, traits_of
from steelyard.verdict.race import Lost, Racer, losers
from steelyard.weigh.arms import ArmBlocks, MeasuredArm
from steelyard.weigh.conclude import costs_of
from steelyard.weigh.failed_arms import FailedArms
from steelyard.weigh.kept import stopped_before
from steelyard.weigh.measure import quality
from steelyard.weigh.measured import with_fit
from steelyard.weigh.steps import RunSteps

Fitted = Sequence[tuple[Job, Arm]]
_UNTESTED = Gap(reason="the arm stopped before the test")


def waits(steps: RunSteps, job: Job) -> bool:
    """Whether a job's arms are measured only after the race: others finish whatever comes of it."""
    traits = traits_of(job.strategy.name)
    return steps.plan.has_race and job not in steps.plan.kept and not traits.must_finish


def is_out(steps: RunSteps, job: Job, arm: Arm) -> bool:
    """Whether an earlier run stopped an arm that this one was not asked for."""
    return job in steps.plan.kept and stopped_before(steps.store, arm.name) is not None


def stop_losers(steps: RunSteps, fitted: Fitted, failures: FailedArms) -> list[StoppedArm]:
    """Ask arms the dev examples, most of which their fits have asked before, and stop those that lose.

    An arm that was tested before goes on, and one that is asked in batches. A ceiling does not race: it is no
    choice, so that no arm loses to it.
    """
    earlier = [
        stopped_before(steps.store, arm.name) for job, arm in fitted if job in steps.plan.kept
    ]
    kept = [arm for arm in earlier if arm is not None]
    if not steps.plan.has_race:
        return kept
    racing = [
        (job, arm)
        for job, arm in fitted
        if job not in steps.plan.kept
        and not steps.is_batched(arm)
        and not traits_of(job.strategy.name).is_ceiling
    ]
    racers = {}
    for job, arm in racing:
        with failures.catching(job, arm.name):
            racers[arm.name] = job, _on_dev(steps, job, arm)
    lost = losers(
        [_racer(steps, dev) for _, dev in racers.values()],
        clusters_of(steps.plan.split.dev),
        generator(steps.plan.seed, "race"),
    )
    stopped = [
        _stopped(racers[one.arm.name][0], one)
        for one in lost
        if steps.store.step(f"test:{one.arm.name}", {"records": int}) is None
    ]
    for one in stopped:
        steps.store.finish_step(f"stopped:{one.arm}", one.to_dict(), 0.0)
        steps.display.say(one.sentence)
    return [*kept, *stopped]


def _on_dev(steps: RunSteps, job: Job, arm: Arm) -> MeasuredArm:
    """What an arm showed on dev, with what its fit cost."""
    dev = steps.plan.split.dev
    records = steps.graded(arm, dev, "race")
    figures = quality(steps.metrics[0], records, dev, steps.plan.seed)
    return with_fit(steps, job, arm, records, [figures], _UNTESTED, ArmBlocks())


def _racer(steps: RunSteps, dev: MeasuredArm) -> Racer:
    costs = costs_of(dev, steps.plan)
    return Racer(
        name=dev.arm.name,
        strategy=dev.arm.strategy,
        scores=np.array([record.score for record in dev.records], dtype=np.float64),
        upfront=costs.upfront.amount,
        per_request=costs.per_request.amount,
    )


def _stopped(job: Job, lost: Lost) -> StoppedArm:
    return StoppedArm(
        arm=lost.arm.name,
        strategy=lost.arm.strategy,
        model=None if job.model is None else job.model.spec.name,
        quality=round(lost.arm.quality, 4),
        rival=lost.rival.name,
        rival_quality=round(lost.rival.quality, 4),
        chance=round(lost.chance, 4),
        n=len(lost.arm.scores),
    )
