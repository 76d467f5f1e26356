"""Who answers what a student learns: a prompt of its own model, or another model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steelyard.errors import ConfigError, closest
from steelyard.families import STRATEGIES
from steelyard.model.base import ModelSpec
from steelyard.model.config import spec_in_option
from steelyard.model.planned import PlannedModel
from steelyard.strategy.base import FitContext, Strategy, TaskFacts, build_strategy, traits_of
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.traits import StrategySpec
from steelyard.words import listed

PROMPT = "prompt"
_BEST_PROMPT = "optimized_prompt"
_INSTRUCTION = "zero_shot"
"""How a model teaches: it is asked with the task's instruction."""


@dataclass(frozen=True)
class Teacher:
    """The option ``teacher``: ``prompt``, a strategy that prompts, a tag of the task's models, or a model.

    A ``model`` is another one than the student's base, by its tag among the task's or as a spec; the
    ``strategy`` is how the teacher is asked.
    """

    strategy: Strategy
    tag: str = ""
    spec: ModelSpec | None = None

    @classmethod
    def parse(cls, value: Any, options: Mapping[str, Any]) -> Teacher:
        """Read the option, and ``options`` of its strategy. Raises `ConfigError`."""
        where = "strategy distilled: option teacher"
        if value == PROMPT:
            return cls(_built(_BEST_PROMPT, options))
        if isinstance(value, str) and value in STRATEGIES:
            if not _prompts(value):
                raise ConfigError(
                    f"{where}: {value} does not prompt one model; those that do: "
                    f"{listed([name for name in STRATEGIES if _prompts(name)])}"
                )
            return cls(_built(value, options))
        strategy = _built(_INSTRUCTION, options)
        if isinstance(value, str) and value and ":" not in value:
            return cls(strategy, tag=value)
        spec = spec_in_option(value, where, f"{PROMPT} or a strategy")
        return cls(strategy, spec=spec)

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """The models to ask that the task may not have."""
        more = () if self.spec is None else (self.spec,)
        return (*more, *self.strategy.more_models)

    def model(self, models: Sequence[PlannedModel], student: ModelSpec) -> ModelSpec:
        """Return the model that teaches. Raises `ConfigError` for a tag that the task does not have."""
        if self.spec is not None:
            return self.spec
        if not self.tag:
            return student
        for model in models:
            if self.tag in (model.tag, model.spec.name):
                return model.spec
        tags = [model.tag for model in models]
        near = closest(self.tag, [*tags, PROMPT, *filter(_prompts, STRATEGIES)])
        raise ConfigError(
            f"strategy distilled: option teacher names {self.tag!r}, which is no strategy and none of the "
            f"task's models ({', '.join(tags)}){near}; write PROVIDER:NAME for another model"
        )

    def refusal(self, task: TaskFacts, student: ModelSpec | None) -> str | None:
        """Say why the teacher cannot be asked; ``None`` where it can."""
        model = self.spec if self.spec is not None else None if self.tag else student
        reason = self.strategy.refusal(task, model)
        return None if reason is None else f"its teacher {self.strategy.name}: {reason}"

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Raise `ConfigError` for a model that the task does not have, and unfit options."""
        if self.tag:
            self.model(models, models[0].spec)
        try:
            self.strategy.check(task, models)
        except ConfigError as error:
            raise ConfigError(f"strategy distilled: option teacher: {error}") from None

    def fit(self, context: FitContext) -> PromptArm:
        """Return the teacher's first arm, whose settings are chosen on dev."""
        spec = self.model(context.models, context.spec)
        folder = context.folder / "teacher"
        folder.mkdir(parents=True, exist_ok=True)
        model = context.model if spec == context.spec else context.build_model(spec)
        options = self.strategy.options
        arm = self.strategy.fit(
            replace(context, model=model, spec=spec, folder=folder, options=options)
        )[0]
        assert isinstance(arm, PromptArm)
        return arm


def _built(name: str, options: Mapping[str, Any]) -> Strategy:
    try:
        return build_strategy(StrategySpec(name, options))
    except ConfigError as error:
        raise ConfigError(f"strategy distilled: option teacher_options: {error}") from None


def _prompts(name: str) -> bool:
    """Whether a strategy asks one model by prompts alone."""
    traits = traits_of(name)
    if traits.tunes or traits.spans_models or traits.is_ceiling or not traits.needs_model:
        return False
    return issubclass(STRATEGIES.get(name).arm_type, PromptArm)
