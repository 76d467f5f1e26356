"""The two strategies of a cascade: reading them, checking them, and choosing their models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from steelyard.config.options import Options
from steelyard.errors import ConfigError, closest
from steelyard.families import STRATEGIES
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.planned import PlannedModel
from steelyard.output_kinds import KINDS
from steelyard.strategy.base import Brief, Strategy, TaskFacts, build_strategy, traits_of
from steelyard.strategy.traits import StrategySpec, Traits


class CascadePart(Options):
    """A strategy in a cascade: its name, or ``{name, options, model}``.

    ``model`` is one of the task's models, by its tag or name; left out, the first one asks the task's
    first model and ``then`` its last.
    """

    name: str
    options: dict[str, Any] = Field(default_factory=dict)
    model: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, Mapping | CascadePart):
            raise ValueError(
                f"it must be a strategy's name or {{name, options, model}}, got {value!r}"
            )
        return value

    @model_validator(mode="after")
    def _check_strategy(self) -> CascadePart:
        try:
            self.build()
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    def build(self) -> Strategy:
        return build_strategy(StrategySpec(self.name, self.options))

    @property
    def needs_model(self) -> bool:
        return traits_of(self.name).needs_model


def default_first(brief: Brief) -> CascadePart:
    """The first strategy where none is named. Raises `ConfigError` where none is sure of itself."""
    if KINDS[brief.kind].is_labelled:
        return CascadePart(name="tfidf_linear" if len(brief.labels) > 1 else "zero_shot")
    raise ConfigError(
        f"strategy cascade: {brief.kind} answers have no probabilities; name a first strategy that "
        f"gives a confidence ({_names_of_the_sure(brief)}), or leave cascade out of strategies"
    )


def model_of(part: CascadePart, role: str, models: Sequence[PlannedModel]) -> PlannedModel:
    """Return the model a part names, else the first of the task's or, for ``then``, the last."""
    if not part.model:
        return models[-1] if role == "then" else models[0]
    names = {model.spec.name: model for model in reversed(models)}
    names |= {f"{model.spec.provider}:{model.spec.name}": model for model in reversed(models)}
    names |= {model.tag: model for model in models}
    if part.model not in names:
        raise ConfigError(
            f"strategy cascade: option {role} names the model {part.model!r}"
            f"{closest(part.model, names)}; the task has {', '.join(names)}"
        )
    return names[part.model]


def no_confidence(part: CascadePart, brief: Brief, spec: ModelSpec) -> ConfigError:
    """Return the error for a first strategy that is never sure on its model."""
    return ConfigError(
        f"strategy cascade: first: {part.name} gives no confidence on this task; choose one that "
        f"does ({_names_of_the_sure(brief, spec)}), or leave cascade out of strategies"
    )


def check_part(
    role: str, part: CascadePart, task: TaskFacts, models: Sequence[PlannedModel]
) -> None:
    """Raise `ConfigError` where a part cannot be fitted to ``task``."""
    spec, strategy = model_of(part, role, models).spec, part.build()
    reason = strategy.refusal(task, spec)
    if reason is not None:
        raise ConfigError(
            f"strategy cascade: {role}: {part.name} does not fit: {reason}; name another strategy, "
            "or leave cascade out of strategies"
        )
    if strategy.traits.is_ceiling:
        raise ConfigError(
            f"strategy cascade: {role}: {part.name} is shown what no arm in use would know; name another "
            "strategy"
        )
    try:
        strategy.check(task, models)
    except ConfigError as error:
        raise ConfigError(f"strategy cascade: {role}: {error}") from None
    if role == "first" and not _may_be_sure(strategy.traits, task.brief, spec):
        raise no_confidence(part, task.brief, spec)


def _may_be_sure(traits: Traits, brief: Brief, spec: ModelSpec | None) -> bool:
    """Whether answers may hold a confidence, as far as that is known before they are asked for.

    Models that are asked over the network give no probabilities of labels, and none does of sets of them.
    """
    if traits.confidence != "labels":
        return traits.confidence == "any"
    if not traits.needs_model:
        return KINDS[brief.kind].is_labelled
    return brief.kind == "label" and spec is not None and provider_of(spec).has_probabilities


def _names_of_the_sure(brief: Brief, spec: ModelSpec | None = None) -> str:
    """The strategies that may be first."""
    traits = {name: traits_of(name) for name in STRATEGIES}
    return ", ".join(
        name
        for name, facts in traits.items()
        if _may_be_sure(facts, brief, spec)
        and not (facts.is_floor or facts.is_ceiling or facts.spans_models)
    )


def models_of(
    parts: Mapping[str, CascadePart], brief: Brief, models: Sequence[PlannedModel]
) -> tuple[PlannedModel, ...]:
    """Return the models that the parts ask, in the task's order."""
    needed: list[PlannedModel] = []
    for role, part in parts.items():
        strategy = part.build()
        if strategy.traits.spans_models:
            needed += strategy.models_asked(brief, models)
        elif strategy.traits.needs_model:
            needed.append(model_of(part, role, models))
    return tuple(model for model in models if model in needed)
