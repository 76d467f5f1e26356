"""The arithmetic of forecasts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, Question, Usage
from steelyard.model.fake_script import ScriptedModel
from steelyard.score import build_metric
from steelyard.strategy import STRATEGIES, StrategySpec, build_strategy, traits_of
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.forecasting import answer_limit, forecast_of, shots_that_fit
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.search import Halving, SearchCandidate, choose, questions_in
from tests.strategy.samples import tickets

LABELS = Brief("Say which.", "label", ("A", "B", "C"))
MakeContext = Callable[..., FitContext]
JSON = Brief("Extract.", "json", metric="json_match", schema='{"type": "object"}')
DEV = st.integers(0, 120)
SIZES = Sizes(100, 40, 60, 3, 30.0, 20.0, 2.0, 3.0)


@given(
    prompts=st.lists(st.floats(1, 2000), min_size=1, max_size=12),
    screen=st.integers(0, 60),
    finalists=st.integers(1, 5),
    dev=st.integers(0, 120),
    share=st.floats(0, 1),
)
def test_a_forecast_adds_up_the_stages_that_the_search_runs(
    prompts: list[float], screen: int, finalists: int, dev: int, share: float
) -> None:
    plan = Halving(screen, finalists)
    sizes = [Usage(1, prompt, share * prompt, 4.0) for prompt in sorted(prompts)]
    stages = plan.stages(sizes, dev)
    usage = forecast_of(stages).usage
    assert usage.requests == questions_in(stages)
    assert usage.output_tokens == 4 * usage.requests
    assert min(prompts) * usage.requests - 2 <= usage.input_tokens
    assert usage.input_tokens <= max(prompts) * usage.requests + 2
    assert usage.cached_tokens == pytest.approx(share * usage.input_tokens, abs=4)


@given(count=st.integers(1, 12), screen=st.integers(0, 60), finalists=st.integers(1, 5), dev=DEV)
def test_choosing_asks_what_its_stages_say(
    count: int, screen: int, finalists: int, dev: int
) -> None:
    plan, asked = Halving(screen, finalists), []

    def answer(name: str, questions: Sequence[Question]) -> list[Answer]:
        asked.extend(questions)
        return [Answer(name, Completion(name, "stop"))] * len(questions)

    candidates = [SearchCandidate(str(number), str(number)) for number in range(count)]
    choose(candidates, tickets(dev), answer, lambda *_: 0.5, np.random.default_rng(0), plan)
    assert len(asked) == questions_in(plan.stages(candidates, dev))


RUNS = [
    *(
        (name, brief, {})
        for brief in ("label", "json")
        for name in (
            "zero_shot",
            "few_shot",
            "retrieved_few_shot",
            "chain_of_thought",
            "self_consistency",
        )
    ),
    ("zero_shot", "label", {"free_candidates": 0}),
    ("few_shot", "label", {"screen": 0, "k": [1, 30], "sets": 4}),
    ("retrieved_few_shot", "label", {"k": [1, 2, 100]}),
    ("chain_of_thought", "label", {"k": [1, 2], "bootstrap": 0}),
    ("self_consistency", "label", {"over": "zero_shot"}),
    ("self_consistency", "label", {"over": "few_shot", "samples": [2, 2, 5]}),
    ("optimized_prompt", "json", {"budget": 20_000}),
]


@pytest.mark.parametrize(("name", "kind", "options"), RUNS)
def test_a_fit_asks_no_more_than_was_forecast_and_ends_within_its_progress(
    fit_context: MakeContext, name: str, kind: str, options: Mapping[str, Any]
) -> None:
    model = ScriptedModel(lambda request: '{"a": ' if kind == "json" else "BILLING")
    shown: list[tuple[int, int]] = []
    context = fit_context(model=model, progress=lambda *counts: shown.append(counts))
    if kind == "json":
        rows = [replace(row, output=json.dumps({"a": row.output})) for row in tickets(120)]
        context = replace(
            context, brief=JSON, metric=build_metric("json_match"), train=rows[:60], dev=rows[60:]
        )
    strategy = build_strategy(StrategySpec(name, options))
    arms = strategy.fit(context)
    forecast = strategy.forecast(context.brief, Sizes(60, 60, 40, 3, 20, 9, 6, 9))
    assert forecast is not None
    # a request that was asked before is answered from the record
    assert 0 < len(set(model.requests)) <= forecast.usage.requests
    assert {arm.name for arm in arms} <= set(forecast.per_answer)
    assert all(count <= total for count, total in shown)
    assert len({total for _, total in shown}) == 1


def test_what_prompts_share_is_all_but_the_input_or_but_the_neighbours_found_for_it() -> None:
    few = StrategySpec("few_shot", {"k": [4], "formats": ["system_user"]})
    looked_up = StrategySpec("retrieved_few_shot", {"k": [12], "formats": ["system_user"]})
    same, own = (build_strategy(spec).forecast(LABELS, SIZES) for spec in (few, looked_up))
    assert same is not None
    assert own is not None
    assert same.usage.cached_tokens > same.usage.input_tokens - 40 * same.usage.requests
    assert own.per_answer["retrieved_few_shot"].cached_tokens == SIZES.instruction_tokens
    assert own.usage.cached_tokens == SIZES.instruction_tokens * own.usage.requests
    one = same.per_answer["few_shot"]
    assert one.input_tokens - one.cached_tokens < 40


def test_shots_fit_a_prompt_by_their_mean_length() -> None:
    assert shots_that_fit(SIZES, 24, 1500) == 24
    assert shots_that_fit(SIZES, 24, 330) == 10
    assert shots_that_fit(SIZES, 24, 10) == 1


def test_the_limit_of_an_answer_is_the_one_that_searches_use() -> None:
    assert answer_limit(LABELS, SIZES) == 9
    text = replace(LABELS, kind="text", labels=())
    assert answer_limit(text, SIZES) == 16
    assert answer_limit(text, replace(SIZES, longest_output_tokens=4000)) == 5000
    assert answer_limit(replace(text, max_output_tokens=7), SIZES) == 7


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_every_strategy_says_what_it_asks_of_labels(name: str) -> None:
    found = build_strategy(StrategySpec(name)).forecast(LABELS, SIZES)
    assert found is not None
    if not traits_of(name).needs_model:
        assert (found.usage.requests, found.usage.input_tokens, found.per_answer) == (0, 0, {})
    else:
        assert found.usage.requests > 0 and found.usage.input_tokens > found.usage.requests
        assert all(
            one.requests and one.input_tokens and one.output_tokens
            for one in found.per_answer.values()
        )


def test_more_shots_and_larger_sets_are_dearer() -> None:
    small = build_strategy(StrategySpec("few_shot", {"k": [1], "sets": 1})).forecast(LABELS, SIZES)
    large = build_strategy(StrategySpec("few_shot")).forecast(LABELS, SIZES)
    assert small is not None and large is not None
    assert small.usage.input_tokens < large.usage.input_tokens
    assert small.per_answer["few_shot"].input_tokens < large.per_answer["few_shot"].input_tokens


def test_training_counts_every_epoch_and_every_trial() -> None:
    options = {"max_epochs": 2, "learning_rates": [1e-3], "trial_share": 0.5}
    once = build_strategy(StrategySpec("lora", options)).forecast(LABELS, SIZES)
    twice = build_strategy(
        StrategySpec("lora", {**options, "learning_rates": [1e-3, 1e-4]})
    ).forecast(LABELS, SIZES)
    assert once is not None and twice is not None
    assert twice.usage.trained_tokens == pytest.approx(1.5 * once.usage.trained_tokens, abs=1)
    assert set(once.per_answer) == {"lora", "lora_free"}


@pytest.mark.parametrize("name", ["zero_shot", "optimized_prompt", "chain_of_thought"])
def test_json_may_be_repaired_at_every_answer(name: str) -> None:
    plain, repairing = (
        build_strategy(StrategySpec(name, {"repairs": repairs})).forecast(JSON, SIZES)
        for repairs in (0, 2)
    )
    assert plain is not None and repairing is not None
    assert f"{name}_repair" not in plain.per_answer
    repaired = repairing.per_answer[f"{name}_repair"]
    assert repaired.requests == 3 and repaired.input_tokens > 3 * SIZES.input_tokens
    assert repairing.usage.requests >= plain.usage.requests + 2 * 36  # dev items at least
    assert set(plain.per_answer) < set(repairing.per_answer)


@pytest.mark.parametrize("name", ["chain_of_thought", "self_consistency"])
def test_reasoning_is_taken_to_need_its_whole_limit(name: str) -> None:
    numeric = Brief("Add.", "text", metric="numeric")
    options = {"max_output_tokens": 200}
    found = build_strategy(StrategySpec(name, options)).forecast(numeric, SIZES)
    assert found is not None
    one = found.per_answer[name]
    assert one.output_tokens == 200 * one.requests
    assert found.usage.output_tokens == 200 * found.usage.requests
    assert "all 200 tokens" in found.note
