"""What constrained decoding costs and gives: each constrained arm compared with its free twin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from steelyard.core import Example, Record, clusters_of
from steelyard.result.verdict import ConstraintPrice, Pair
from steelyard.score import Metric, compare_records
from steelyard.score.validity import validity
from steelyard.seeds import generator
from steelyard.strategy.prompt import free_name
from steelyard.weigh.conclude import MeasuredArm


def price_of_constraint(
    arms: Sequence[MeasuredArm],
    metric: Metric,
    examples: Sequence[Example],
    schema: str | None,
    seed: int,
) -> tuple[ConstraintPrice, ...]:
    """Compare each constrained arm with its free twin, differences constrained minus free.

    Both arms are the best that their own search found: prompt and shots may differ too. Seconds
    are the median of one request alone, ``machine_seconds`` the mean in batches.
    """
    named = {measured.arm.name: measured for measured in arms}
    return tuple(
        _price(measured, named[free_name(name)], metric, examples, schema, seed)
        for name, measured in named.items()
        if measured.arm.options.get("decoding") == "constrained" and free_name(name) in named
    )


def _price(
    constrained: MeasuredArm,
    free: MeasuredArm,
    metric: Metric,
    examples: Sequence[Example],
    schema: str | None,
    seed: int,
) -> ConstraintPrice:
    comparison = compare_records(
        metric,
        constrained.records,
        free.records,
        generator(seed, f"constraint:{constrained.arm.name}"),
        clusters=clusters_of(examples),
    )

    def pair(figure: Callable[[MeasuredArm], float | None]) -> Pair:
        return Pair(constrained=figure(constrained), free=figure(free))

    return ConstraintPrice(
        strategy=constrained.arm.strategy,
        model=constrained.arm.model_name,
        constrained=constrained.arm.name,
        free=free.arm.name,
        metric=metric.name,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        p_value=comparison.p_value,
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
