"""What constrained decoding costs and gives: each constrained arm beside its free twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steelyard.core import Example, Record
from steelyard.score import Metric, compare_records
from steelyard.score.validity import validity
from steelyard.seeds import generator
from steelyard.weigh.conclude import MeasuredArm
from steelyard.weigh.measure import clusters_of, machine_seconds

FREE = "_free"


def free_name(name: str) -> str:
    """The name of a constrained arm's free twin; the model's tag stays at the end."""
    head, at, tag = name.partition("@")
    return f"{head}{FREE}{at}{tag}"


def price_of_constraint(
    arms: Sequence[MeasuredArm],
    metric: Metric,
    examples: Sequence[Example],
    schema: str | None,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the ``constraint`` block: an entry for each pair, differences constrained minus free.

    Both arms are the best that their own search found: prompt and shots may differ besides. Seconds
    are the median of one request alone, ``machine_seconds`` the mean in batches.
    """
    named = {measured.arm.name: measured for measured in arms}
    return [
        _entry(measured, named[free_name(name)], (metric, examples, schema, seed))
        for name, measured in named.items()
        if measured.arm.options.get("decoding") == "constrained" and free_name(name) in named
    ]


def _entry(
    held: MeasuredArm, free: MeasuredArm, rest: tuple[Metric, Sequence[Example], str | None, int]
) -> dict[str, Any]:
    metric, examples, schema, seed = rest
    found = compare_records(
        metric,
        held.records,
        free.records,
        generator(seed, f"constraint:{held.arm.name}"),
        clusters=clusters_of(examples),
    )
    pair = {"constrained": held, "free": free}
    return {
        "strategy": held.arm.strategy,
        "model": held.arm.model_name,
        **{name: each.arm.name for name, each in pair.items()},
        "metric": metric.name,
        "difference": found.difference,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
        "validity": {name: _valid(each.records, schema) for name, each in pair.items()},
        "failed": {name: _failed(each.records) for name, each in pair.items()},
        "seconds": {name: each.latency.get("p50") for name, each in pair.items()},
        "machine_seconds": {name: machine_seconds(each.records) for name, each in pair.items()},
        "output_tokens": {name: each.tokens.get("output_mean") for name, each in pair.items()},
    }


def _valid(records: Sequence[Record], schema: str | None) -> float | None:
    """The share of answers of the form asked for: of the schema, or at all usable."""
    if schema is None:
        return 1 - _failed(records) if records else None
    return validity([record.answer.output for record in records], schema).value


def _failed(records: Sequence[Record]) -> float:
    return sum(record.outcome == "failed" for record in records) / max(1, len(records))
