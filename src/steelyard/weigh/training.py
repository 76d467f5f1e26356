"""Tuning alone, for people who want the weights: what is learnt, and the fit without a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from steelyard.errors import ConfigError, FitError
from steelyard.families import STRATEGIES
from steelyard.planning.jobs import Job, LeftOut, left_out_texts
from steelyard.planning.options import RunOptions
from steelyard.planning.plan import Plan, default_folder, make_plan
from steelyard.progress import Display, logged
from steelyard.store import folder as files
from steelyard.strategy import Arm, build_strategy, traits_of
from steelyard.strategy.record import TrainingRecord
from steelyard.strategy.tuned import TunedStrategy
from steelyard.task import Task
from steelyard.train.course import SILENT, TrainingWatch
from steelyard.train.learnt import Learnt
from steelyard.weigh.opening import check_trust, open_run
from steelyard.words import listed

_TUNES_NOTHING = "train only tunes; steelyard run weighs all"


class JobLearnt(NamedTuple):
    """What a strategy would learn of train; ``model`` is the name of what it tunes.

    ``learnt`` is ``None`` where that is not known before a fit, for the ``reason``.
    """

    strategy: str
    model: str
    learnt: Learnt | None
    reason: str = ""


@dataclass(frozen=True)
class TrainedJob:
    """A finished tuning: the arms it gave, in their folders, and its record."""

    strategy: str
    model: str
    folders: tuple[Path, ...]
    training: TrainingRecord
    dev_score: float | None


def training_plan(task: Task | Path | str, options: RunOptions) -> Plan:
    """Plan the strategies of ``task`` that tune, or where it names none the first that there is.

    Raises `ConfigError` for a strategy that does not tune, and where none can tune here.
    """
    if options.strategies is None:
        plan = _tuning_alone(make_plan(task, options))
        if plan.jobs:
            return plan
        options = replace(options, strategies=_tuning()[:1])
    for name in options.strategies or ():
        if name != "auto" and not traits_of(name).tunes:
            raise ConfigError(
                f"strategy {name}: it tunes nothing; those that do: {listed(_tuning())}"
            )
    plan = _tuning_alone(make_plan(task, options))
    if not plan.jobs:
        raise ConfigError("; ".join(left_out_texts(plan.left_out)))
    return plan


def _tuning() -> tuple[str, ...]:
    """The strategies that tune, by name."""
    return tuple(name for name in STRATEGIES if traits_of(name).tunes)


def _tuning_alone(plan: Plan) -> Plan:
    jobs = tuple(job for job in plan.jobs if traits_of(job.strategy.name).tunes)
    return replace(
        plan,
        specs=tuple(spec for spec in plan.specs if traits_of(spec.name).tunes),
        jobs=jobs,
        left_out=tuple(entry for entry in plan.left_out if traits_of(entry.strategy).tunes),
    )


def _untuned(plan: Plan) -> list[str]:
    """Which of the strategies that the task names are not tuned, and why."""
    strategies = plan.task.strategies
    names = [] if strategies == "auto" else list(dict.fromkeys(one.name for one in strategies))
    entries = [LeftOut(name, _TUNES_NOTHING) for name in names if not traits_of(name).tunes]
    entries += [entry for entry in plan.left_out if entry.strategy in names]
    return left_out_texts(entries)


def learnt_of_plan(plan: Plan, show: int) -> list[JobLearnt]:
    """Return what each job would learn, with the first ``show`` examples of train; nothing is trained.

    Raises `ConfigError` where that can be said of none.
    """
    several, errors = [], []
    for job in plan.jobs:
        assert job.model is not None
        spec = job.model.spec
        try:
            learnt = _strategy(job).learnt(plan.task_facts, spec, show)
        except ConfigError as error:
            errors.append(error)
            several.append(JobLearnt(job.key, spec.name, None, str(error)))
        else:
            several.append(JobLearnt(job.key, spec.name, learnt))
    if len(errors) == len(several):
        raise errors[0]
    return several


def train(
    plan: Plan,
    out: Path | None,
    display: Display,
    watch_of: Callable[[str], TrainingWatch] = lambda key: SILENT,
) -> list[TrainedJob]:
    """Tune, and leave the arms in ``out`` (default: the task's run folder), where a run goes on from them.

    ``watch_of`` gives what looks on at the training of a job, by its key. A killed one resumes at its last
    checkpoint when it is called again. Test is not read. Where one cannot be fitted the others are tuned
    before its `FitError` is raised.
    """
    folder = out or default_folder(plan)
    check_trust(plan)
    for text in _untuned(plan):
        display.say(f"left out: {text}")
    with open_run(plan, folder, display) as steps, logged(folder), files.storage_guard(folder):
        steps.watch_of = watch_of
        trained, errors = [], []
        for job in steps.plan.jobs:
            try:
                trained.append(_trained(job, steps.fit(job), folder))
            except FitError as error:
                errors.append(str(error))
                if len(steps.plan.jobs) > 1:  # of a single one the error itself says it
                    display.say(f"ended: {job.key}: {error}")
    if not errors:
        return trained
    rest = f"; tuned: {listed([one.strategy for one in trained])}" if trained else ""
    raise FitError(f"{'; '.join(errors)}{rest}")


def _trained(job: Job, arms: Sequence[Arm], folder: Path) -> TrainedJob:
    assert job.model is not None
    first = arms[0]
    assert first.fit.training is not None
    folders = tuple(folder / "arms" / arm.name for arm in arms)
    return TrainedJob(
        job.key, job.model.spec.name, folders, first.fit.training, first.fit.dev_score
    )


def _strategy(job: Job) -> TunedStrategy:
    strategy = build_strategy(job.strategy)
    assert isinstance(strategy, TunedStrategy)
    return strategy
