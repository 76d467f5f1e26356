"""Arms that dev shows cannot win."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from steelyard.verdict.race import Racer, losers


def _racer(strategy: str, right: int, n: int = 60, *, shift: int = 0, cost: str | None = "0.001"):
    scores = np.roll(np.array([1.0] * right + [0.0] * (n - right)), shift)
    price = None if cost is None else Decimal(cost)
    return Racer(strategy, strategy, scores, Decimal(0), price)


def _stopped(*racers: Racer) -> dict[str, str]:
    lost = losers(racers, None, np.random.default_rng(0))
    return {one.arm.name: one.rival.name for one in lost}


def test_an_arm_stops_where_one_that_costs_no_more_is_clearly_better():
    few, chain = _racer("few_shot", 54), _racer("chain_of_thought", 30, cost="0.01")
    assert _stopped(few, chain) == {"chain_of_thought": "few_shot"}
    [lost] = losers([few, chain], None, np.random.default_rng(0))
    assert lost.chance > 0.99


@pytest.mark.parametrize(
    ("why", "other"),
    [
        ("it is cheaper", _racer("chain_of_thought", 30, cost="0.0001")),
        ("its cost is unknown", _racer("chain_of_thought", 30, cost=None)),
        ("it may be as good", _racer("chain_of_thought", 52, cost="0.01")),
        ("it is a reference", _racer("nearest_neighbour", 10, cost="0.01")),
        ("it is the user's own prompt", _racer("zero_shot", 10, cost="0.01")),
        ("it is the best tuned arm", _racer("lora", 10, cost="0.01")),
    ],
)
def test_an_arm_goes_on_where(why, other):
    assert _stopped(_racer("few_shot", 54), other) == {}, why


def test_the_best_prompt_goes_on():
    tuned = _racer("lora", 58)
    assert _stopped(tuned, _racer("few_shot", 20, cost="0.01")) == {}
    both = _racer("few_shot", 20, cost="0.01"), _racer("chain_of_thought", 10, cost="0.02")
    assert _stopped(tuned, *both) == {"chain_of_thought": "lora"}


def test_few_dev_examples_stop_no_arm():
    arms = _racer("few_shot", 29, 29), _racer("chain_of_thought", 0, 29, cost="0.01")
    assert _stopped(*arms) == {}


def test_repeated_rows_are_no_evidence():
    few, chain = _racer("few_shot", 40), _racer("chain_of_thought", 20, cost="0.01")
    clusters = ["one"] * 20 + ["other"] * 20 + ["third"] * 20
    assert losers([few, chain], None, np.random.default_rng(0))
    assert not losers([few, chain], clusters, np.random.default_rng(0))
