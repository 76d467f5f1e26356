"""What constrained decoding costs and gives: each constrained arm compared with its free twin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steelyard.core import Record
from steelyard.result.verdict import ConstraintPrice, Pair
from steelyard.score.validity import validity
from steelyard.stats import Family
from steelyard.strategy.prompt import free_name
from steelyard.weigh.arms import MeasuredArm


def price_of_constraint(
    arms: Sequence[MeasuredArm], family: Family, schema: str | None
) -> tuple[ConstraintPrice, ...]:
    """Compare each constrained arm of ``family`` with its free twin, differences constrained minus free.

    An arm out of the family, a ceiling, is no choice and has no price.
    Both arms are the best that their own search found: prompt and shots may differ too. Seconds
    are the median of one request alone, ``machine_seconds`` the mean in batches.
    """
    named = {measured.arm.name: measured for measured in arms if family.covers([measured.arm.name])}
    return tuple(
        _price(measured, named[free_name(name)], family, schema)
        for name, measured in named.items()
        if measured.arm.options.get("decoding") == "constrained" and free_name(name) in named
    )


def _price(
    constrained: MeasuredArm, free: MeasuredArm, family: Family, schema: str | None
) -> ConstraintPrice:
    comparison = family.corrected(constrained.arm.name, free.arm.name)

    def pair(figure: Callable[[MeasuredArm], float | None]) -> Pair:
        return Pair(constrained=figure(constrained), free=figure(free))

    return ConstraintPrice(
        strategy=constrained.arm.strategy,
        model=constrained.arm.model_name,
        constrained=constrained.arm.name,
        free=free.arm.name,
        metric=comparison.metric,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        level=comparison.level,
        p_value=comparison.p_value,
        p_adjusted=comparison.p_adjusted,
        validity=pair(lambda arm: _valid(arm.records, schema)),
        failed=pair(lambda arm: _failed(arm.records)),
        seconds=pair(lambda arm: arm.latency.p50),
        machine_seconds=pair(lambda arm: arm.machine_seconds),
        output_tokens=pair(lambda arm: arm.tokens.output_mean),
    )


def _valid(records: Sequence[Record], schema: str | None) -> float | None:
    """The share of answers that fit the schema, or that are usable where there is none."""
    if schema is None:
        return 1 - _failed(records) if records else None
    return validity([record.answer.output for record in records], schema).value


def _failed(records: Sequence[Record]) -> float:
    return sum(record.outcome == "failed" for record in records) / max(1, len(records))
