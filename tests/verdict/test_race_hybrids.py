"""What a hybrid is held against finishes the race with it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from steelyard.verdict.race import Racer, losers


def racer(strategy: str, right: int, cost: int = 1) -> Racer:
    scores = np.array([1.0] * right + [0.0] * (100 - right))
    return Racer(strategy, strategy, scores, Decimal(0), Decimal(cost))


def stopped(*racers: Racer) -> set[str]:
    return {one.arm.name for one in losers(racers, None, np.random.default_rng(0))}


def test_states_finish_with_their_hybrid_only() -> None:
    prompt, weak = racer("optimized_prompt", 90), racer("few_shot", 10, cost=9)
    tuned = racer("lora", 20, cost=9)
    best_tuned = racer("lora_prompt", 5, cost=9)
    assert stopped(prompt, weak) == {"few_shot"}
    assert stopped(prompt, weak, tuned, best_tuned) == {"few_shot"}, "lora_prompt does not join it"
    shots = racer("lora_shots", 5, cost=9)
    assert stopped(prompt, weak, tuned, shots) == set()
