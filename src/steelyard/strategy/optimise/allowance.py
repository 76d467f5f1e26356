"""The budget of a search: the user's, or what fine-tuning may take in the same run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from steelyard.strategy.base import Brief, OnePass, traits_of
from steelyard.strategy.catalogue import build_strategy
from steelyard.strategy.traits import StrategySpec
from steelyard.words import listed

DEFAULT_TUNING = StrategySpec("lora")


class Allowance(NamedTuple):
    """Forward-pass tokens, and where that number comes from."""

    tokens: int
    source: str


def allowance(
    budget: int, brief: Brief, tunings: Sequence[StrategySpec], once: OnePass
) -> Allowance:
    """Return ``budget`` where there is one, else what the dearest of the run's ``tunings`` may take.

    Where the run tunes nothing, the defaults of `DEFAULT_TUNING` hold.
    """
    if budget:
        return Allowance(budget, "the option budget")
    most = max(
        build_strategy(tuning).tuning_tokens(brief, once) for tuning in tunings or [DEFAULT_TUNING]
    )
    names = listed(list(dict.fromkeys(tuning.name for tuning in tunings)))
    return Allowance(
        most, f"this run's {names}" if tunings else f"the defaults of {DEFAULT_TUNING.name}"
    )


def tunings_of(specs: Iterable[StrategySpec]) -> tuple[StrategySpec, ...]:
    """Return those of a run's strategies that fine-tune."""
    return tuple(spec for spec in specs if traits_of(spec.name).tunes)
