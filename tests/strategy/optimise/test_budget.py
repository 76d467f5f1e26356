from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Completion, Message
from steelyard.model.fake import FakeModel
from steelyard.strategy.optimise.budget import (
    BudgetTracker,
    chat_pass_tokens,
    pass_tokens,
    tokens_of,
    tuning_budget,
    tuning_used,
)
from steelyard.train.base import ChatSample, Passes
from steelyard.train.config import LoraOptions
from steelyard.train.lora import LoraTuner
from tests.strategy.samples import tickets


def answered(given: int, cached: int = 0, output: int = 1) -> Completion:
    return Completion("x", "stop", input_tokens=given, cached_tokens=cached, output_tokens=output)


def passes(**options: Any) -> Passes:
    return LoraTuner().passes(LoraOptions(**options))


def test_a_tunings_budget_is_its_passes_forward_and_backward_and_dev() -> None:
    several = passes(learning_rates=(1e-4, 1e-3), trial_share=0.25, max_epochs=3)
    assert (
        tuning_budget(1000, 100, several) == 3 * (2 * 0.25 + 3) * 1000 + (2 * (2 + 3) - 1 + 2) * 100
    )
    one = passes(learning_rates=(1e-4,), max_epochs=2)
    assert tuning_budget(1000, 100, one) == 3 * 2 * 1000 + (2 * 2 - 1 + 2) * 100
    assert tuning_used(2000, 100, 4) == 6400


def test_what_was_used_is_within_what_was_allowed() -> None:
    most = passes()
    used = tuning_used(round(most.train * 1000), 100, most.dev + 2)
    assert used == tuning_budget(1000, 100, most)


def test_a_pass_reads_instruction_input_and_output_of_every_example() -> None:
    model = FakeModel("smart")
    [first] = tickets(1)
    own = sum(model.count_tokens(text) or 0 for text in ("Label it.", first.input, first.output))
    assert pass_tokens(model, "Label it.", tickets(1)) == own + 24
    assert pass_tokens(model, "Label it.", ()) == 0


def test_what_training_leaves_out_is_not_counted() -> None:
    model = FakeModel("smart")
    short = (Message("user", "Why?"),)
    alone = chat_pass_tokens(model, [ChatSample(short, "so")])
    long = ChatSample((Message("user", "why " * 90),), "so")
    pair = ChatSample(short, "so", rejected="no " * 90)
    assert chat_pass_tokens(model, [ChatSample(short, "so"), long, pair], 60) == alone
    assert chat_pass_tokens(model, [ChatSample(short, "so")], alone) == alone
    assert chat_pass_tokens(model, [ChatSample(short, "so")], alone - 1) == 0


@pytest.mark.parametrize(
    ("cached", "computed"),
    [([0, 0, 0], 33), ([0, 8, 8], 17), ([8, 8, 8], 17), ([], 0)],
)
def test_a_shared_prefix_counts_once_on_this_machine(cached: list[int], computed: int) -> None:
    call = [answered(10, shared) for shared in cached]
    assert tokens_of(call, local=True) == computed
    assert tokens_of(call, local=False) == 11 * len(call)


def test_a_stage_ends_at_its_share_and_calls_are_bounded_alike() -> None:
    budget = BudgetTracker(1000, local=True, calls=100)
    budget.stage(0.3)
    assert budget.affords(300, 30)
    assert not budget.affords(301, 1)
    assert not budget.affords(1, 31)
    budget.book([answered(199)], 1)
    assert (budget.spent, budget.questions, budget.remaining) == (200, 1, 100)
    budget.stage(0.5)
    assert budget.remaining == 400
    assert budget.affords(400, 50) and not budget.affords(400, 51)
    budget.keep(300, 90)
    assert budget.remaining == 500
    assert budget.affords(500, 9) and not budget.affords(500, 10)
    budget.keep(900, 0)
    assert budget.remaining == 0
    assert budget.to_dict() == {
        "unit": "forward-pass tokens",
        "allowed": 1000,
        "used": 200,
        "max_calls": 100,
    }


def test_nothing_is_afforded_without_a_budget() -> None:
    assert not BudgetTracker(0, local=True).affords(1, 1)
