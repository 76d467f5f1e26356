"""The two strategies of a cascade: read, held against the task, and given their models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.core import Example
from steelyard.errors import ConfigError, closest
from steelyard.model.base import ModelSpec
from steelyard.model.prices import LOCAL_PROVIDERS
from steelyard.strategy.auto import not_on, unfit_for
from steelyard.strategy.base import Brief, Strategy
from steelyard.strategy.catalogue import STRATEGIES, StrategySpec, build_strategy

_KEYS = ("name", "options", "model")
_SURE = ("self_consistency", "cascade")
"""Votes are a confidence for any kind of answer, and a cascade has its first arm's."""
_UNSURE = ("nearest_neighbour",)


@dataclass(frozen=True)
class CascadePart:
    """A strategy in a cascade: its name, or ``{name, options, model}``.

    ``model`` is one of the task's models, by its tag or name; left out, the first one asks the task's
    first model and ``then`` its last.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""

    def build(self) -> Strategy:
        """Build the strategy."""
        return build_strategy(StrategySpec(self.name, self.options))

    @property
    def needs_model(self) -> bool:
        """Whether a language model is asked."""
        return STRATEGIES.get(self.name).needs_model


def read_part(role: str, value: Any) -> CascadePart:
    """Read ``first`` or ``then``. Raises `ConfigError` for anything but a strategy that is known."""
    fields: Any = {"name": value} if isinstance(value, str) else value
    options = fields.get("options") or {} if isinstance(fields, Mapping) else None
    if not isinstance(options, Mapping) or not isinstance(fields.get("name"), str):
        raise ConfigError(
            f"strategy cascade: option {role} must be a strategy's name or "
            f"{{name, options, model}}, got {value!r}"
        )
    for name in fields:
        if name not in _KEYS:
            raise ConfigError(
                f"strategy cascade: option {role} has an unknown key {name!r}"
                f"{closest(str(name), _KEYS)}; known: {', '.join(_KEYS)}"
            )
    part = CascadePart(fields["name"], options, str(fields.get("model") or ""))
    part.build()
    return part


def default_first(brief: Brief) -> CascadePart:
    """The first strategy where none is named. Raises `ConfigError` where none is sure of itself."""
    if brief.kind == "label":
        return CascadePart("tfidf_linear" if len(brief.labels) > 1 else "zero_shot")
    raise ConfigError(
        f"strategy cascade: answers of kind {brief.kind} have no probabilities of their own; name "
        "first: self_consistency, whose votes are a confidence, or leave cascade out of strategies"
    )


def spec_of(
    part: CascadePart, role: str, specs: Sequence[ModelSpec], tags: Sequence[str] = ()
) -> ModelSpec:
    """Return the model a part names, else the first of the task's or, for ``then``, the last."""
    if not part.model:
        return specs[-1] if role == "then" else specs[0]
    named = {spec.name: spec for spec in reversed(specs)}
    named |= {f"{spec.provider}:{spec.name}": spec for spec in reversed(specs)}
    named |= dict(zip(tags, specs, strict=False))
    if part.model not in named:
        raise ConfigError(
            f"strategy cascade: option {role} names the model {part.model!r}"
            f"{closest(part.model, named)}; the task has {', '.join(named)}"
        )
    return named[part.model]


def no_confidence(part: CascadePart) -> ConfigError:
    """Return the error for a first strategy that is never sure."""
    return ConfigError(
        f"strategy cascade: first: {part.name} gives no confidence on this task; choose one that "
        "does (tfidf_linear or zero_shot for labels, self_consistency for its votes), or leave "
        "cascade out of strategies"
    )


def check_part(
    role: str,
    part: CascadePart,
    task: tuple[Brief, Sequence[Example]],
    specs: tuple[ModelSpec, ...],
    tags: tuple[str, ...],
) -> None:
    """Raise `ConfigError` where a part cannot be fitted to ``task``, a brief and train examples."""
    spec, unfit = spec_of(part, role, specs, tags), unfit_for(*task)
    reason = unfit.get(part.name) or not_on(part.name, spec.provider)
    if reason is not None:
        raise ConfigError(
            f"strategy cascade: {role}: {part.name} does not fit: {reason}; name another strategy, "
            "or leave cascade out of strategies"
        )
    try:
        part.build().check(*task, specs, tags)
    except ConfigError as error:
        raise ConfigError(f"strategy cascade: {role}: {error}") from None
    if role == "first" and not _may_be_sure(part, task[0], spec):
        raise no_confidence(part)


def _may_be_sure(part: CascadePart, brief: Brief, spec: ModelSpec) -> bool:
    """Whether answers may hold a confidence, as far as that is known before they are asked for.

    Models told of over the network give no probabilities of labels.
    """
    if part.name in _SURE:
        return True
    told = not part.needs_model or spec.provider in LOCAL_PROVIDERS
    return brief.kind == "label" and told and part.name not in _UNSURE


def tags_of(
    parts: Mapping[str, CascadePart],
    brief: Brief,
    specs: tuple[ModelSpec, ...],
    tags: tuple[str, ...],
) -> tuple[str, ...]:
    """Return the tags of the models that the parts ask, in the task's order."""
    asked: set[str] = set()
    for role, part in parts.items():
        strategy = part.build()
        if strategy.spans_models:
            asked |= set(strategy.tags_asked(brief, specs, tags))
        elif strategy.needs_model:
            asked.add(tags[specs.index(spec_of(part, role, specs, tags))])
    return tuple(tag for tag in tags if tag in asked)
