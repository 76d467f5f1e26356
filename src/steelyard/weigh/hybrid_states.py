"""Which arms a hybrid is held against: those of its own prompt and of its own options of training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from steelyard.core import Example
from steelyard.planning.jobs import Job
from steelyard.planning.plan import Plan
from steelyard.result.hybrids import StateName
from steelyard.score import Metric
from steelyard.strategy import build_strategy, traits_of
from steelyard.strategy.prompting import PromptArm
from steelyard.train.config import LoraOptions
from steelyard.weigh.arms import MeasuredArm
from steelyard.words import listed

_MAY_DIFFER = ("max_tokens",)
"""Options of training that a longer prompt needs otherwise."""


@dataclass(frozen=True)
class Weighed:
    """What states are compared by: the task's metrics, its test, its margin; ``jobs`` are what ran."""

    metrics: Sequence[Metric]
    examples: Sequence[Example]
    margin: float
    seed: int
    jobs: Sequence[Job] = ()

    @classmethod
    def of(cls, plan: Plan) -> Self:
        margin = plan.task.constraints.margin
        jobs = (*plan.jobs, *plan.kept)
        return cls(plan.metrics, plan.split.test, margin, plan.seed, jobs)

    @property
    def metric(self) -> Metric:
        """The first metric that is a mean over examples; where none is, the first."""
        means = (metric for metric in self.metrics if metric.decomposable)
        return next(means, self.metrics[0])

    def training(self, measured: MeasuredArm) -> Mapping[str, object]:
        """The options of training that an arm of the run was fitted with, defaults among them."""
        arm = measured.arm
        job = next(job for job in self.jobs if job.names(arm.name, arm.strategy))
        config = build_strategy(job.strategy).config
        return {
            name: getattr(config, name)
            for name in LoraOptions.model_fields
            if name not in _MAY_DIFFER
        }


class StateArms(NamedTuple):
    """The arms that may be a state: those that fit the hybrid, all where none does."""

    arms: Sequence[MeasuredArm]
    is_fit: bool

    @classmethod
    def among(cls, arms: Sequence[MeasuredArm], fits: Callable[[MeasuredArm], bool]) -> Self:
        fit = [one for one in arms if fits(one)]
        return cls(fit or arms, bool(fit))

    @property
    def is_open(self) -> bool:
        """Whether to take one would be a guess."""
        return len(self.arms) > 1 and not self.is_fit

    @property
    def names(self) -> str:
        return listed([one.arm.name for one in self.arms])


AllStateArms = Mapping[StateName, StateArms]


def strategies_of(both: MeasuredArm) -> dict[StateName, str]:
    """The strategy of each state of a hybrid's arm."""
    joins = traits_of(both.arm.strategy).joins
    assert joins is not None
    return {
        "neither": joins.neither,
        "prompt": joins.prompt,
        "weights": joins.weights,
        "both": both.arm.strategy,
    }


def choices_of(
    names: Mapping[StateName, str],
    both: MeasuredArm,
    arms: Sequence[MeasuredArm],
    weighed: Weighed,
) -> AllStateArms:
    """The arms for each state: the hybrid's own prompt, its options of training, and their common words."""
    on_model = {state: _on_model(name, both, arms) for state, name in names.items()}
    training = weighed.training(both)
    weights = StateArms.among(on_model["weights"], lambda one: weighed.training(one) == training)
    neither = StateArms.among(
        on_model["neither"], lambda one: any(ask_alike(one, other) for other in weights.arms)
    )
    if weights.is_fit:
        worded = StateArms.among(weights.arms, lambda one: ask_alike(one, *neither.arms[:1]))
        weights = weights._replace(arms=worded.arms)
    prompt = StateArms.among(on_model["prompt"], lambda one: ask_alike(one, both))
    return {
        "neither": neither,
        "prompt": prompt,
        "weights": weights,
        "both": StateArms([both], is_fit=True),
    }


def prompted(measured: MeasuredArm) -> PromptArm:
    """The arm, which every state has as one that prompts."""
    assert isinstance(measured.arm, PromptArm)
    return measured.arm


def _on_model(name: str, both: MeasuredArm, arms: Sequence[MeasuredArm]) -> Sequence[MeasuredArm]:
    """The arms of a strategy on the hybrid's model, which decode as it does."""
    hybrid = prompted(both)
    return [
        one
        for one in arms
        if one.arm.strategy == name
        and prompted(one).spec.base.unpaced == hybrid.spec.base.unpaced
        and prompted(one).prompt.recipe.decoding == hybrid.prompt.recipe.decoding
    ]


def ask_alike(*measured: MeasuredArm) -> bool:
    """Whether arms put an input to their models in the same words, the limit on answers left out."""
    arms = [prompted(one) for one in measured]
    words = [
        (
            replace(arm.prompt.recipe, max_output_tokens=1),
            None if arm.prompt.grounding is None else arm.prompt.grounding.options,
            arm.options.get("finder"),
            arm.options.get("retrieval"),
        )
        for arm in arms
    ]
    return all(one == words[0] for one in words)
