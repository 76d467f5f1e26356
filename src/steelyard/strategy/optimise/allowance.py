"""The budget of a search: the user's, or what fine-tuning may take in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.strategy.base import Brief
from steelyard.strategy.catalogue import StrategySpec
from steelyard.strategy.lora import LoraOptions, short_instruction
from steelyard.strategy.optimise.budget import tuning_budget
from steelyard.strategy.options import parse_options

_TUNING = "lora"
OnePass = Callable[[str], tuple[float, float]]
"""Tokens of one pass over train, and of one over dev, under an instruction."""


class Allowance(NamedTuple):
    """Forward-pass tokens, and where that number comes from."""

    tokens: int
    source: str


def allowance(
    budget: int, brief: Brief, tunings: Sequence[Mapping[str, Any]], once: OnePass
) -> Allowance:
    """Return ``budget`` where there is one, else what the dearest of the run's tunings may take.

    ``tunings`` are options of strategy lora; where the run tunes nothing, its defaults hold.
    """
    if budget:
        return Allowance(budget, "the option budget")
    most = max(_taken(brief, options, once) for options in tunings or [{}])
    return Allowance(most, "this run's lora" if tunings else "the defaults of lora")


def tunings_of(specs: Iterable[StrategySpec]) -> tuple[Mapping[str, Any], ...]:
    """Return the options of those of a run's strategies that fine-tune."""
    return tuple(spec.options for spec in specs if spec.name == _TUNING)


def _taken(brief: Brief, options: Mapping[str, Any], once: OnePass) -> int:
    config = parse_options(_TUNING, LoraOptions, options)
    return tuning_budget(*once(short_instruction(brief, config.instruction)), config)
