"""DPO: its loss and gradient are those of a plain implementation, in every shape and after a kill."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from steelyard.core import Message
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec
from steelyard.train import objective, packing
from steelyard.train.attempts import TrainingPass
from steelyard.train.base import ChatSample, TuningJob
from steelyard.train.config import LoraOptions, PreferenceOptions
from steelyard.train.lora import tokenize
from steelyard.train.packing import TokenSample
from steelyard.train.preference import PreferenceTuner, references_in
from steelyard.train.search import train
from steelyard.train.trainer import Epoch, Trainer
from tests.model.tiny import tiny_network, tiny_tokenizer

OPTIONS = PreferenceOptions(rank=4, learning_rates=(1e-2,), batch_size=4, max_epochs=2, patience=2)


def pairs(count: int = 8, *, prompt: int = 20, seed: int = 3) -> list[TokenSample]:
    """Samples of different lengths, every fourth without a rejected answer; all prompts begin alike."""
    generator = torch.Generator().manual_seed(seed)

    def draw(most: int) -> tuple[int, ...]:
        length = int(torch.randint(2, most, (1,), generator=generator))
        return tuple(torch.randint(20, 100, (length,), generator=generator).tolist())

    return [
        TokenSample(
            (10, 11, 12, *draw(prompt)), (*draw(15), 1), () if n % 4 == 3 else (*draw(30), 1)
        )
        for n in range(count)
    ]


def job(folder: Path, tick: Any = lambda steps, total: None) -> TuningJob:
    return TuningJob(ModelSpec("embedded", "tiny"), folder, 0, tick, checkpoint_seconds=0.0)


def prepared(trainer: Trainer, folder: Path, some: Sequence[TokenSample]) -> list[TokenSample]:
    return list(PreferenceTuner().prepared(trainer, (some, []), job(folder))[0])


def moved(options: LoraOptions = OPTIONS) -> Trainer:
    """A trainer that is not at its start, where the gradient of A is zero."""
    return move(Trainer(tiny_network(), options, seed=1))


def move(trainer: Trainer) -> Trainer:
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in trainer.weights.values():
            weight.add_(0.02 * torch.randn(weight.shape, generator=generator))
    return trainer


def gradient(trainer: Trainer) -> torch.Tensor:
    return torch.cat([block.gradient() for block in trainer.blocks])


def log_probability(network: Any, prompt: Sequence[int], answer: Sequence[int]) -> torch.Tensor:
    """The textbook's: one row at a time, nothing packed, nothing of ours."""
    logits = network(input_ids=torch.tensor([[*prompt, *answer]])).logits[0]
    by_token = torch.log_softmax(logits, dim=-1)[len(prompt) - 1 : -1]
    return by_token.gather(1, torch.tensor(answer).unsqueeze(1)).sum()


def plain_loss(network: Any, untuned: Any, some: Sequence[TokenSample]) -> torch.Tensor:
    """Rafailov et al. 2023, equation 7, with Pang et al. 2024's term, by transformers alone."""
    total = torch.zeros(())
    for one in some:
        better = log_probability(network, one.prompt, one.completion)
        total = total - OPTIONS.sft_weight * better / len(one.completion)
        if not one.rejected:
            continue
        worse = log_probability(network, one.prompt, one.rejected)
        with torch.no_grad():
            first = log_probability(untuned, one.prompt, one.completion)
            second = log_probability(untuned, one.prompt, one.rejected)
        total = total - F.logsigmoid(OPTIONS.beta * ((better - first) - (worse - second)))
    return total / len(some)


@pytest.mark.parametrize("prompt", [6, 60], ids=["short prompts", "long prompts"])
def test_loss_and_gradient_are_those_of_a_plain_implementation(prompt: int, tmp_path: Path) -> None:
    trainer = Trainer(tiny_network(), OPTIONS, seed=1)
    some = prepared(trainer, tmp_path, pairs(prompt=prompt))
    assert (len(objective._packs(some, 3)) > 1) == (prompt == 60), "both ways of packing are tested"
    loss, size = move(trainer).backward(some, packing.shared_prompt(some))
    ours = gradient(trainer)
    trainer.network.zero_grad()
    trainer.network.base_model.model.set_attn_implementation("eager")
    for module in trainer.network.modules():
        module.__dict__.pop("forward", None)  # back to peft's and transformers' own
    expected = plain_loss(trainer.network, tiny_network(), some)
    expected.backward()
    assert loss / size == pytest.approx(expected.item(), rel=1e-5)
    theirs = gradient(trainer)
    assert float((ours - theirs).norm() / theirs.norm()) < 1e-5


@pytest.mark.parametrize("prompt", [6, 60], ids=["short prompts", "long prompts"])
def test_gradients_are_equal_in_every_shape(prompt: int, tmp_path: Path) -> None:
    some = prepared(Trainer(tiny_network(), OPTIONS, seed=1), tmp_path, pairs(prompt=prompt))

    def in_shape(step_tokens: int, prefix: int) -> torch.Tensor:
        trainer = moved()
        trainer.step_tokens = step_tokens
        trainer.backward(some, prefix)
        return gradient(trainer)

    alone = in_shape(1, 0)
    for step_tokens, prefix in ((10_000, 0), (10_000, 3), (250, 3), (1, 3)):
        other = in_shape(step_tokens, prefix)
        assert float((other - alone).norm() / alone.norm()) < 1e-5, (step_tokens, prefix)


def test_pieces_add_up_to_the_loss_and_the_figures(tmp_path: Path) -> None:
    some = prepared(Trainer(tiny_network(), OPTIONS, seed=1), tmp_path, pairs(12))
    whole, pieces = moved(), moved()
    whole.step_tokens, pieces.step_tokens = 10_000, 1
    loss, figures = whole.measured(some)
    other, others = pieces.measured(some)
    assert loss == pytest.approx(other, rel=1e-5) and figures == pytest.approx(others, abs=1e-5)
    rewards = _rewards(whole, some)
    assert figures["reward_margin"] == pytest.approx(
        sum(a - b for a, b in rewards) / len(rewards), rel=1e-3
    )
    assert figures["chosen_reward"] == pytest.approx(
        sum(a for a, _ in rewards) / len(rewards), rel=1e-3
    )
    assert figures["reward_accuracy"] == sum(a > b for a, b in rewards) / len(rewards)


@torch.no_grad()
def _rewards(trainer: Trainer, some: Sequence[TokenSample]) -> list[tuple[float, float]]:
    """The rewards of each pair, row by row."""
    rewards = []
    for one in some:
        if one.reference is not None:
            now = [float(trainer.token_losses([row], 0).sum()) for row in one.rows]
            first, second = one.reference
            rewards.append((0.1 * (first - now[0]), 0.1 * (second - now[1])))
    return rewards


def test_before_the_first_step_the_margin_is_nothing(tmp_path: Path) -> None:
    trainer = Trainer(tiny_network(), OPTIONS, seed=1)
    some = [one for one in prepared(trainer, tmp_path, pairs()) if one.rejected]
    loss, figures = trainer.measured(some)
    assert figures["reward_margin"] == pytest.approx(0, abs=1e-4)
    nll = sum(float(trainer.token_losses(one.rows[:1], 0).mean().detach()) for one in some) / len(
        some
    )
    assert loss == pytest.approx(math.log(2) + nll, rel=1e-4)


def test_without_pairs_it_is_the_loss_of_answers_by_example() -> None:
    some = [one._replace(rejected=()) for one in pairs()]
    trainer = moved()
    loss, figures = trainer.measured(some)
    means = [float(trainer.token_losses([one], 0).mean().detach()) for one in some]
    assert loss == pytest.approx(sum(means) / len(means), rel=1e-4)
    assert figures == {}, "a margin of no pair is not 0"


def test_training_raises_the_margin_and_leaves_the_answer_as_likely(tmp_path: Path) -> None:
    train_pairs, dev = pairs(24), pairs(8, seed=5)
    trainer = Trainer(tiny_network(), OPTIONS, seed=1)
    samples = PreferenceTuner().prepared(trainer, (train_pairs, dev), job(tmp_path))
    trained = train(trainer, samples, job(tmp_path), 1e-2)
    for entry in trained.trace:
        assert {"reward_margin", "reward_accuracy", "chosen_reward"} <= entry.keys()
    _, figures = trainer.measured(samples[0])
    assert figures["reward_margin"] > 0.5 and figures["reward_accuracy"] > 0.8
    assert figures["chosen_reward"] > 0, (
        "its own probability has not fallen with that of the rejected"
    )


def test_a_killed_training_ends_as_one_that_was_not(tmp_path: Path) -> None:
    sets = (pairs(16), pairs(8, seed=5))

    def attempt(folder: Path, tick: Any = lambda steps, total: None) -> Any:
        trainer = Trainer(tiny_network(), OPTIONS, seed=1)
        samples = PreferenceTuner().prepared(trainer, sets, job(folder))
        return train(trainer, samples, job(folder, tick), 1e-2)

    def kill(steps: int, total: int) -> None:
        if steps == 6:
            raise KeyboardInterrupt

    calm = attempt(tmp_path / "calm")
    with pytest.raises(KeyboardInterrupt):
        attempt(tmp_path / "torn", kill)
    before = references_in(tmp_path / "torn")
    torn = attempt(tmp_path / "torn")
    assert references_in(tmp_path / "torn") == before, "they are read back, not computed again"
    without = [
        [{k: v for k, v in entry.items() if k != "seconds"} for entry in one.trace]
        for one in (calm, torn)
    ]
    assert without[0] == without[1]
    weights = [
        one.folder.joinpath("adapter_model.safetensors").read_bytes() for one in (calm, torn)
    ]
    assert weights[0] == weights[1]


def test_references_of_other_samples_are_computed_anew(tmp_path: Path) -> None:
    trainer = Trainer(tiny_network(), OPTIONS, seed=1)
    prepared(trainer, tmp_path, pairs())
    first = references_in(tmp_path)
    other = prepared(trainer, tmp_path, pairs(seed=9))
    assert references_in(tmp_path).digest != first.digest
    assert all((one.reference is not None) == bool(one.rejected) for one in other)
    assert references_in(tmp_path).losses == tuple(
        one.reference for one in other if one.reference is not None
    )


def test_references_are_never_those_of_a_tuned_network(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the reference would be a tuned network"):
        prepared(moved(), tmp_path, pairs())


def test_a_pair_is_two_rows_of_one_prompt_that_both_end_their_turn() -> None:
    chat = (Message("user", "hi"),)
    samples = [
        ChatSample(chat, "yes", "no way"),
        ChatSample(chat, "yes"),
        ChatSample(chat, "yes", "yes"),
    ]
    pair, alone, equal = tokenize(tiny_tokenizer(), samples)
    assert {row.prompt for row in pair.rows} == {pair.prompt}
    assert pair.completion[-1] == pair.rejected[-1] and len(pair.rejected) > len(pair.completion)
    assert pair.length == sum(row.length for row in pair.rows)
    assert pair.longest == len(pair.prompt) + len(pair.rejected)
    assert alone.rejected == equal.rejected == ()
    assert alone.length == alone.longest == len(alone.prompt) + len(alone.completion)


def test_the_saved_references_are_plain_numbers(tmp_path: Path) -> None:
    prepared(Trainer(tiny_network(), OPTIONS, seed=1), tmp_path, pairs())
    saved = json.loads((tmp_path / "references.json").read_text())
    assert saved["tokens"] == sum(one.length for one in pairs() if one.rejected)
    assert len(saved["losses"]) == 6


def test_without_a_pair_in_train_nothing_is_trained(tmp_path: Path) -> None:
    alone = [one._replace(rejected=()) for one in pairs(12)]
    with pytest.raises(ConfigError, match="no pair of train is within 1,024 tokens"):
        prepared(Trainer(tiny_network(), OPTIONS, seed=1), tmp_path, alone)


def test_references_are_computed_in_smaller_pieces_where_memory_runs_out(tmp_path: Path) -> None:
    trainer, plain = (Trainer(tiny_network(), OPTIONS, seed=1) for _ in range(2))
    whole = trainer.token_losses

    def short(some: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        if sum(row.length for row in some) > 120:
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return whole(some, prefix)

    trainer.token_losses = short  # type: ignore[method-assign]
    first = prepared(trainer, tmp_path / "short", pairs(12))
    second = prepared(plain, tmp_path / "plain", pairs(12))
    of_pairs = [(a, b) for a, b in zip(first, second, strict=True) if a.rejected]
    assert of_pairs
    for one, other in of_pairs:
        assert one.reference == pytest.approx(other.reference, rel=1e-5)
    assert trainer.step_tokens < 640


def test_figures_that_are_no_numbers_are_none_in_the_trace() -> None:
    epoch = Epoch(0, 1.0, math.nan, 1.0, figures={"reward_margin": math.nan})
    trace = TrainingPass(1e-3, 1.0, epoch, 4).to_trace()
    assert trace["reward_margin"] is None and trace["dev_loss"] is None
