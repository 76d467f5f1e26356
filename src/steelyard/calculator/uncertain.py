"""What the user wrote of a way's uncertainty, for the scenarios."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from steelyard.calculator.sections import WayConfig
from steelyard.economics.scenarios import ArmDoubt, Uncertain
from steelyard.economics.sheet import CostSheet

_POINTS = 101
"""Of a range, evenly spaced: each is as likely."""


def arm_doubt(way: WayConfig, low: CostSheet, high: CostSheet) -> ArmDoubt:
    """Standard errors as they are written, and the range of the sum upfront, each amount in it as likely.

    Ways on one model see the same price path.
    """
    ends = [sum(float(m.amount or 0) for m in sheet.upfront.values()) for sheet in (low, high)]
    points = np.linspace(ends[0], ends[1], _POINTS).tolist() if ends[0] < ends[1] else []
    tokens = bool(low.tokens)
    return ArmDoubt(
        input_tokens=_uncertain(way.input_tokens, way.input_tokens_sd) if tokens else None,
        output_tokens=_uncertain(way.output_tokens, way.output_tokens_sd) if tokens else None,
        upfront=Uncertain(draws=tuple(points)) if points else None,
        quality=_uncertain(way.quality, way.quality_sd),
        prices_of=way.model or "tokens",
    )


def _uncertain(mean: Decimal | None, sd: Decimal | None) -> Uncertain | None:
    return None if not mean or sd is None else Uncertain(float(mean), float(sd))
