"""What is uncertain of the measured arms' money: their tokens, their quality, the prices to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from steelyard.core import Record
from steelyard.economics import ArmDoubt, CostSheet, Doubts, PricePaths, Uncertain
from steelyard.verdict.base import Case
from steelyard.verdict.beliefs import beliefs_of
from steelyard.weigh.arms import MeasuredArm

SCENARIOS = 20_000
TOKENS_A_YEAR, MACHINES_A_YEAR = 0.2, 0.15
"""How far prices may go in a year, of either sign: the standard deviation of the logarithm of the factor."""
PRICES = PricePaths(Uncertain(0.0, TOKENS_A_YEAR), Uncertain(0.0, MACHINES_A_YEAR))
_DRAWS = 4000  # of an arm's quality: as many as keep the result small


def doubts_of(arms: Sequence[MeasuredArm], case: Case, sheets: Mapping[str, CostSheet]) -> Doubts:
    """What is uncertain: an arm's tokens, by their spread over the test; its quality, by the posterior."""
    draws = {}
    if case.error_cost is not None:
        real = [c for c in case.candidates if c.name in sheets and c.quality.value is not None]
        beliefs = beliefs_of(case, real, apart=True)
        draws = {arm.name: beliefs.draws[:_DRAWS, at] for at, arm in enumerate(beliefs.arms)}
    doubts = {}
    for measured in arms:
        name = measured.arm.name
        if name in sheets:
            quality = draws.get(name)
            doubts[name] = ArmDoubt(
                input_tokens=_spread(measured.records) if sheets[name].tokens else None,
                quality=None
                if quality is None
                else Uncertain(draws=tuple(map(float, quality)), in_order=True),
                prices_of="no model" if measured.model is None else measured.model.spec.name,
            )
    return Doubts(doubts, PRICES)


def _spread(records: Sequence[Record]) -> Uncertain:
    """The mean of a request's tokens over the measured mean, with its standard error."""
    usages = [record.answer.completion.usage for record in records]
    tokens = np.array([usage.input_tokens + usage.output_tokens for usage in usages], dtype=float)
    if len(tokens) < 2 or not tokens.mean():
        return Uncertain(1.0)
    return Uncertain(1.0, float(tokens.std(ddof=1) / np.sqrt(len(tokens)) / tokens.mean()))
