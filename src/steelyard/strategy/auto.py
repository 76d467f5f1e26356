"""Which strategies fit a task, and why the others are left out."""

from __future__ import annotations

from typing import NamedTuple

from steelyard.families import STRATEGIES
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Strategy, TaskFacts, build_strategy
from steelyard.strategy.traits import StrategySpec


class Selection(NamedTuple):
    """The strategies to run, and the ones left out, each with its reason in plain words."""

    specs: list[StrategySpec]
    left_out: list[tuple[str, str]]


def auto(task: TaskFacts, model: ModelSpec | None) -> Selection:
    """Choose strategies for a task on ``model``, ``None`` where there is no model to ask."""
    strategies = [build_strategy(StrategySpec(name)) for name in STRATEGIES]
    reasons = {strategy.name: _reason(strategy, task, model) for strategy in strategies}
    specs = [StrategySpec(name) for name, reason in reasons.items() if reason is None]
    left_out = [(name, reason) for name, reason in reasons.items() if reason is not None]
    return Selection(specs, left_out)


def _reason(strategy: Strategy, task: TaskFacts, model: ModelSpec | None) -> str | None:
    refusal = strategy.refusal(task, model)
    if refusal is not None:
        return refusal
    if model is None and strategy.traits.needs_model:
        return f"there is no language model to {'tune' if strategy.traits.tunes else 'ask'}"
    return None if model is None else strategy.reservation(task, model)
