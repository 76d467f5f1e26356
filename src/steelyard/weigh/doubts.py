"""What is uncertain of the measured arms' money: their tokens, their quality, the prices to come."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Record
from steelyard.economics import ArmDoubt, CostSheet, Doubts, PricePaths, Uncertain
from steelyard.stats.resample import Floats
from steelyard.verdict.base import Case
from steelyard.verdict.beliefs import beliefs_of, beside_floor
from steelyard.weigh.arms import MeasuredArm

SCENARIOS = 20_000
TOKENS_A_YEAR, MACHINES_A_YEAR = 0.2, 0.15
"""How far prices may go in a year, of either sign: the standard deviation of the logarithm of the factor."""
PRICES = PricePaths(Uncertain(0.0, TOKENS_A_YEAR), Uncertain(0.0, MACHINES_A_YEAR))
_DRAWS = 4000  # of an arm's quality: as many as keep the result small


class Expected(NamedTuple):
    """What is expected of an arm's quality on new inputs: its mean, and draws of it, (draws,)."""

    mean: float
    draws: Floats


def expected_qualities(
    case: Case, names: Collection[str], weighed: Collection[str]
) -> dict[str, Expected]:
    """What is expected of the arms called ``names``; of those that the verdict ``weighed``, by its beliefs.

    So wrong answers cost the same here and there. The floor is drawn towards no arm.
    """
    arms = [c for c in case.candidates if c.name in names and c.quality.value is not None]
    if not arms:
        return {}
    apart = beliefs_of(case, arms, apart=True)
    expected = {
        arm.name: Expected(float(apart.measured[at]), apart.draws[:, at])
        for at, arm in enumerate(apart.arms)
    }
    together = [arm for arm in arms if arm.name in weighed and not arm.is_floor]
    if together:
        beliefs = beliefs_of(case, together)
        for at, arm in enumerate(beliefs.arms):
            expected[arm.name] = Expected(float(beliefs.mean[at]), beliefs.draws[:, at])
        for floor in (arm for arm in arms if arm.is_floor):
            free = beside_floor(case, beliefs, floor)[1].floor
            expected[floor.name] = Expected(float(floor.quality.value or 0.0), free)
    return expected


def doubts_of(
    arms: Sequence[MeasuredArm],
    sheets: Mapping[str, CostSheet],
    qualities: Mapping[str, Expected] = {},
) -> Doubts:
    """What is uncertain: an arm's tokens, by their spread over the test; its quality, where that counts."""
    doubts = {}
    for measured in arms:
        name = measured.arm.name
        if name in sheets:
            quality = qualities.get(name)
            doubts[name] = ArmDoubt(
                input_tokens=_spread(measured.records) if sheets[name].tokens else None,
                quality=None
                if quality is None
                else Uncertain(draws=tuple(map(float, quality.draws[:_DRAWS])), in_order=True),
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
