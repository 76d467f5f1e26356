"""The published formula, the grid around it, and how a budget is cut into trials."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.config.options import read_options
from steelyard.errors import ConfigError
from steelyard.train.config import (
    FullOptions,
    LoraOptions,
    LoraPlusOptions,
    PreferenceOptions,
    TrainingOptions,
)
from steelyard.train.rates import (
    Rung,
    TrialCost,
    beyond,
    formula_rate,
    grid,
    lora_multiplier,
    rungs,
)


@pytest.mark.parametrize(
    ("hidden", "family", "rate"),
    [
        (576, "llama", 1.3e-3),  # SmolLM2-135M
        (2048, "llama", 4.9e-4),
        (4096, "llama", 2.9e-4),
        (896, "qwen2", 5.3e-4),
        (4096, "qwen3_moe", 4.7e-4),
        (576, "gemma3_text", 1.3e-3),
    ],
)
def test_the_formula_goes_by_width_and_family(hidden: int, family: str, rate: float) -> None:
    assert formula_rate(hidden, family, lora_multiplier(780)) == rate


@pytest.mark.parametrize(
    ("options", "short", "long"),
    [
        (LoraOptions(), 15, 10),
        (LoraPlusOptions(ratio=4), 7.5, 5),
        (PreferenceOptions(), 15, 10),
        (PreferenceOptions(sft_weight=0), 1.5, 1),
        (FullOptions(), 1, 1),
    ],
)
def test_low_rank_rates_are_higher_in_short_runs(
    options: TrainingOptions, short: float, long: float
) -> None:
    assert options.multiplier(1) == options.multiplier(100) == short
    assert options.multiplier(780) == options.multiplier(10_000) == long
    between = [options.multiplier(steps) for steps in (100, 150, 250, 400, 780)]
    assert between == sorted(between, reverse=True) and len(set(between)) == (
        1 if short == long else 5
    )
    assert options.multiplier(279) == pytest.approx((short + long) / 2, rel=0.01)  # sqrt(100 * 780)


def test_the_grid_doubles_around_its_centre_and_ends() -> None:
    assert grid(1e-3, 5) == (2.5e-4, 5e-4, 1e-3, 2e-3, 4e-3)
    assert grid(1e-3, 1) == (1e-3,)
    tried = grid(1e-3, 3)
    assert [beyond(rate, tried) for rate in tried] == [2.5e-4, None, 4e-3]


@given(
    st.floats(0, 1e7),
    st.floats(1, 2000),
    st.floats(0, 1e5),
    st.integers(1, 64),
    st.integers(1, 9000),
)
def test_trials_stay_within_the_budget_and_are_never_of_a_few_steps(
    allowed: float, example: float, dev: float, batch_size: int, train: int
) -> None:
    plan = rungs(allowed, TrialCost(example, dev), batch_size, train)
    assert [rung.rates for rung in plan] in ([], [3], [5, 2])
    cost = 0.0
    for rung in plan:
        cost += (rung.rates + rung.spare) * (rung.examples * example + 2 * dev)
    assert cost <= allowed * (1 + 1e-9)
    if plan:
        assert plan[-1].examples >= 12 * batch_size and plan[0].examples >= 6 * batch_size
        assert max(rung.examples for rung in plan) <= min(100 * batch_size, train)


def test_more_budget_tries_more() -> None:
    cost = TrialCost(3.0, 40.0)
    assert rungs(1000, cost, 8, 1000) == ()
    assert rungs(1500, cost, 8, 1000) == (Rung(3, 12 * 8, 1),)
    first, last = rungs(3000, cost, 8, 1000)
    assert (first.rates, last.rates, last.spare) == (5, 2, 1)


@pytest.mark.parametrize("rates", [(0.0,), (-1e-3,), (1e-3, 1e-3), (1e-3, 2e-3, 1.0000001e-3)])
def test_a_rate_that_trains_nothing_or_is_there_twice_is_refused(rates: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match="learning_rates"):
        read_options("strategy lora", LoraOptions, {"learning_rates": list(rates)})
