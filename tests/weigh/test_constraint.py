"""The price of constrained decoding: each constrained arm beside its free twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from steelyard.core import Answer, Completion, Example, Record
from steelyard.result.arm import Latency, Tokens
from steelyard.result.verdict import Pair
from steelyard.score import build_metric
from steelyard.stats import Family
from steelyard.strategy import Arm, ArmFacts, Brief
from steelyard.strategy.majority import MajorityArm
from steelyard.strategy.prompt import free_name
from steelyard.weigh.constraint import price_of_constraint
from steelyard.weigh.measure import compare_all, family_of

SCHEMA = '{"type": "object", "required": ["a"]}'
EXAMPLES = [Example(str(i), "x", '{"a": 1}') for i in range(8)]


class Measured(NamedTuple):
    arm: Arm
    records: Sequence[Record]
    latency: Latency = Latency(p50=0.1)
    machine_seconds: float = 0.5
    tokens: Tokens = Tokens(output_mean=7.0)


def measured(name: str, decoding: str, outputs: Sequence[str | None]) -> Measured:
    records = []
    for example, output in zip(EXAMPLES, outputs, strict=True):
        failure = None if output is not None else "not JSON"
        answer = Answer(output, Completion(output or "", "stop", total_seconds=0.5), failure)
        score = float(output == example.output)
        outcome = "failed" if output is None else "scored"
        records.append(Record(name, example.id, outcome, score, example.output, answer))
    arm = MajorityArm(
        ArmFacts(name, "majority", Brief("Extract.", "json"), {"decoding": decoding}), "{}"
    )
    return Measured(arm, records)


def family(arms: Sequence[Measured]) -> Family:
    records = {each.arm.name: each.records for each in arms}
    return family_of(build_metric("json_match"), records, EXAMPLES, 0)


@pytest.mark.parametrize(
    ("name", "free"), [("few_shot", "few_shot_free"), ("few_shot@b", "few_shot_free@b")]
)
def test_an_arm_is_held_against_its_free_twin(name: str, free: str) -> None:
    assert free_name(name) == free
    right, wrong = '{"a": 1}', '{"b": 1}'
    held = measured(name, "constrained", [right] * 6 + [wrong] * 2)
    loose = measured(free, "free", [right] * 3 + [wrong] * 3 + [None] * 2)
    [found] = price_of_constraint([loose, held], family([loose, held]), SCHEMA)
    assert (found.constrained, found.free) == (name, free)
    assert found.difference == pytest.approx(3 / 8)
    assert found.low is not None and found.high is not None
    assert found.low < 3 / 8 < found.high
    same = compare_all(family([loose, held]), free)[0]
    assert (found.p_value, found.p_adjusted, found.low) == (same.p_value, same.p_adjusted, same.low)
    assert found.validity == Pair(constrained=6 / 8, free=3 / 8)
    assert found.failed == Pair(constrained=0, free=2 / 8)
    assert found.seconds == Pair(constrained=0.1, free=0.1)
    assert found.machine_seconds == Pair(constrained=0.5, free=0.5)
    assert found.output_tokens == Pair(constrained=7, free=7)


def test_arms_without_a_twin_have_no_price() -> None:
    alone = measured("few_shot", "constrained", ['{"a": 1}'] * 8)
    other = measured("zero_shot_free", "free", ['{"a": 1}'] * 8)
    assert price_of_constraint([alone, other], family([alone, other]), None) == ()
