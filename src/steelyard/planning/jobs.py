"""What a run fits: each strategy on each model, and what its arms are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steelyard.model.planned import PlannedModel
from steelyard.strategy import StrategySpec, build_strategy, traits_of
from steelyard.words import listed


@dataclass(frozen=True)
class Job:
    """One strategy to fit, on one model or (``None``) on no language model.

    ``name`` is unique in the run (``few_shot``, ``few_shot-2``). ``tag`` is the model's where a run
    has several, else empty.
    """

    strategy: StrategySpec
    name: str
    model: PlannedModel | None = None
    tag: str = ""

    @property
    def spans_models(self) -> bool:
        return self.model is not None and traits_of(self.strategy.name).spans_models

    @property
    def key(self) -> str:
        """What its steps are kept under: ``few_shot``, or ``few_shot@TAG`` among several models."""
        return f"{self.name}@{self.tag}" if self.tag else self.name

    def followed(self, models: Sequence[PlannedModel]) -> list[list[str]]:
        """Return what of the run's ``models`` decides its fit: all, in order, or none."""
        if not build_strategy(self.strategy).follows_models:
            return []
        return [[model.tag, model.spec.account] for model in models]

    def arm_name(self, strategy_arm: str) -> str:
        """Return the name in this run of an arm that its strategy calls ``strategy_arm``."""
        name = strategy_arm.replace(self.strategy.name, self.name, 1)
        return f"{name}@{self.tag}" if self.tag else name

    def names(self, arm: str, strategy: str) -> bool:
        """Whether :meth:`arm_name` gives ``arm``, which is of ``strategy``, its name."""
        head, _, tag = arm.partition("@")
        is_mine = head == self.name or head.startswith(f"{self.name}_")
        return strategy == self.strategy.name and tag == self.tag and is_mine


class LeftOut(NamedTuple):
    """A strategy that is not run, why, and on which model (``None``: all)."""

    strategy: str
    reason: str
    model: str | None = None


def left_out_texts(entries: Sequence[LeftOut]) -> list[str]:
    """A text for each reason: the strategies that are left out for it, and on which model."""
    names: dict[str, list[str]] = {}
    for entry in entries:
        name = f"{entry.strategy} on {entry.model}" if entry.model else entry.strategy
        names.setdefault(entry.reason, []).append(name)
    return [f"{listed(some)} ({reason})" for reason, some in names.items()]


class EndedArm(NamedTuple):
    """An arm that could not be measured to its end: where it stood, and why.

    ``arm`` is ``None`` where the strategy has no arm yet; ``phase`` is ``fit``, ``measure``, or
    ``skipped`` for what was no longer tried.
    """

    strategy: str
    arm: str | None
    model: str
    model_tag: str
    phase: str
    reason: str


def names_of(specs: Sequence[StrategySpec]) -> list[str]:
    """Return one name for each strategy; a second ``few_shot`` becomes ``few_shot-2``."""
    counts: dict[str, int] = {}
    names = []
    for spec in specs:
        counts[spec.name] = counts.get(spec.name, 0) + 1
        names.append(spec.name if counts[spec.name] == 1 else f"{spec.name}-{counts[spec.name]}")
    return names


def jobs_of(
    specs: Sequence[StrategySpec],
    models: Sequence[PlannedModel],
    left_out: Sequence[LeftOut] = (),
) -> tuple[Job, ...]:
    """Return every strategy on every model it is not left out on; classical ones once, and first.

    A strategy that spans models is fitted once, on the first. Names of one model carry no tag.
    """
    named = list(zip(specs, names_of(specs), strict=True))
    skipped = {(entry.strategy, entry.model) for entry in left_out}
    if len(models) == 1:
        return tuple(
            Job(spec, name, models[0] if traits_of(spec.name).needs_model else None)
            for spec, name in named
        )
    once = [(spec, name) for spec, name in named if runs_once(spec)]
    jobs = [Job(spec, name) for spec, name in once if not traits_of(spec.name).needs_model]
    for model in models:
        jobs += [
            Job(spec, name, model, model.tag)
            for spec, name in named
            if not runs_once(spec) and (spec.name, model.tag) not in skipped
        ]
    spanning = [
        Job(spec, name, models[0]) for spec, name in once if traits_of(spec.name).needs_model
    ]
    return (*jobs, *spanning)


def runs_once(spec: StrategySpec) -> bool:
    """Whether a strategy is fitted once however many models there are."""
    traits = traits_of(spec.name)
    return not traits.needs_model or traits.spans_models
