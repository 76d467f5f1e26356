"""Packed training is the same function as plain training, and goes on where it stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from steelyard.files import linked
from steelyard.model.files import hash_folder
from steelyard.train import memory, packing
from steelyard.train.config import FullOptions, LoraOptions, LoraPlusOptions, TrainingOptions
from steelyard.train.curve import read_curve
from steelyard.train.packing import TokenSample
from steelyard.train.search import load_trained, save_trained
from steelyard.train.trainer import Trainer
from tests.model.tiny import tiny_network
from tests.train.scripted import search


def samples(count: int, seed: int = 0) -> list[TokenSample]:
    """The answer is decided by the first token of the question."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(count):
        length = int(torch.randint(2, 9, (1,), generator=generator))
        question = torch.randint(20, 100, (length,), generator=generator).tolist()
        answer = (3, 4) if question[0] % 2 else (5, 6, 7)
        made.append(TokenSample((10, 11, 12, *question), (*answer, 1)))
    return made


CONFIG = LoraOptions(rank=4, learning_rates=(1e-2,), batch_size=4, max_epochs=3, patience=3)


def test_packed_loss_and_gradient_equal_one_example_at_a_time() -> None:
    some = samples(5)
    trainer = Trainer(tiny_network(), CONFIG, seed=1)
    with torch.no_grad():
        for weight in trainer.weights.values():
            weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
    loss = trainer.sums(some, packing.shared_prompt(some))[0]
    loss.backward()
    packed = {name: weight.grad.clone() for name, weight in trainer.weights.items()}
    trainer.network.zero_grad()
    trainer.network.base_model.model.set_attn_implementation("eager")
    for module in trainer.network.modules():
        module.__dict__.pop("forward", None)  # back to peft's and transformers' own
    total = torch.zeros(())
    for sample in some:
        ids = torch.tensor([[*sample.prompt, *sample.completion]])
        logits = trainer.network(input_ids=ids).logits[0, len(sample.prompt) - 1 : -1]
        total = total + F.cross_entropy(logits, torch.tensor(sample.completion), reduction="sum")
    total.backward()
    assert loss.item() == pytest.approx(total.item(), rel=1e-4)
    for name, weight in trainer.weights.items():
        assert torch.allclose(packed[name], weight.grad, atol=1e-4, rtol=1e-3), name


def test_training_learns_what_the_examples_say() -> None:
    trainer = Trainer(tiny_network(), CONFIG, seed=1)
    before = trainer.loss(samples(20, seed=9))
    for _ in range(3):
        last = trainer.epoch(samples(60), samples(20, seed=9), 1e-2)
    assert last.dev_loss < 0.5 * before


def test_steps_in_pieces_give_the_same_gradient() -> None:
    whole, pieces = (Trainer(tiny_network(), LoraOptions(rank=4), seed=1) for _ in range(2))
    whole.step_tokens, pieces.step_tokens = 4096, 16
    some = samples(8)
    assert whole.step(some, 3, 1e-2)[0] == pytest.approx(pieces.step(some, 3, 1e-2)[0], rel=1e-4)
    for name, value in whole.values().items():
        assert torch.allclose(value, pieces.values()[name], atol=1e-4), name


def test_full_tuning_gives_memory_back_in_every_step_and_adapters_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[int] = []
    monkeypatch.setattr("steelyard.train.trainer.give_back", lambda: calls.append(1))
    for options, count in ((FullOptions(), 2), (LoraOptions(rank=4), 0)):
        Trainer(tiny_network(), options, seed=1).step(samples(8), 3, 1e-2)
        assert len(calls) == count
        calls.clear()


def test_giving_memory_back_needs_no_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_library(_name: str | None) -> None:
        raise OSError("no such library")

    memory.give_back()
    memory._libc.cache_clear()
    monkeypatch.setattr("ctypes.CDLL", no_library)
    memory.give_back()
    assert memory._libc() is None
    memory._libc.cache_clear()


def test_an_epoch_ends_where_the_loss_is_not_a_number() -> None:
    trainer, steps = Trainer(tiny_network(), CONFIG, seed=1), 0

    def count(done: int, total: int) -> None:
        nonlocal steps
        steps = done

    epoch = trainer.epoch(samples(60), samples(4), float("inf"), count)
    assert not epoch.is_finite and steps < 15


class StopError(Exception):
    """Stands for a kill."""


COURSE: dict[str, Any] = {
    "learning_rates": (1e-2, 1e-3),
    "batch_size": 4,
    "max_epochs": 3,
    "patience": 2,
}


@pytest.mark.parametrize(
    "options",
    [
        LoraOptions(rank=4, **COURSE),
        LoraPlusOptions(rank=4, **COURSE),
        FullOptions(**COURSE),
        LoraOptions(rank=4, batch_size=4),
    ],
    ids=["lora", "lora_plus", "full", "with a part of an epoch"],
)
def test_a_killed_training_ends_as_an_undisturbed_one(
    tmp_path: Path, options: TrainingOptions
) -> None:
    sets = (samples(24), samples(8, seed=5))
    calm = search(Trainer(tiny_network(), options, 0), tmp_path / "calm", sets=sets)
    steps = 0

    def kill(done: int, total: int) -> None:
        nonlocal steps
        steps += 1
        if steps in (2, 11, 17, 24):
            raise StopError

    for _ in range(5):
        try:
            torn = search(Trainer(tiny_network(), options, 0), tmp_path / "torn", kill, sets=sets)
            break
        except StopError:
            continue
    assert steps > 17
    assert (torn.learning_rate, torn.epoch) == (calm.learning_rate, calm.epoch)
    [calm_file], [torn_file] = (
        (tmp_path / name / "adapter").glob("*.safetensors") for name in ("calm", "torn")
    )
    assert calm_file.read_bytes() == torn_file.read_bytes()


def test_a_part_of_an_epoch_goes_on_with_the_steps_and_the_schedule(tmp_path: Path) -> None:
    sets = (samples(24), samples(8, seed=5))
    options = LoraOptions(rank=4, batch_size=4, max_epochs=2)
    trained = search(Trainer(tiny_network(), options, 0), tmp_path, sets=sets)
    assert [entry["share"] for entry in trained.trace] == [1, 1, 0.5]
    points = read_curve(tmp_path)
    assert [point.whole_step for point in points] == list(range(1, 16))
    rates = [point.step_rate or 0.0 for point in points]
    assert rates[12:] == sorted(rates[12:], reverse=True) and 0 < rates[-1] < rates[12] < rates[6]


def test_a_finished_training_is_read_back(tmp_path: Path) -> None:
    options = LoraOptions(rank=2, learning_rates=(1e-2,), max_epochs=1)
    sets = (samples(8), samples(4))
    trained = search(Trainer(tiny_network(), options, 0), tmp_path, sets=sets)
    save_trained(trained, tmp_path / "trained.json")
    assert load_trained(tmp_path / "trained.json") == trained
    assert load_trained(tmp_path / "nothing.json") is None


def test_what_is_saved_again_leaves_the_files_that_an_arm_shares(tmp_path: Path) -> None:
    trainer = Trainer(tiny_network(), LoraOptions(rank=2, batch_size=4), 0)
    trainer.save(tmp_path / "adapter")
    shutil.copytree(tmp_path / "adapter", tmp_path / "arm", copy_function=linked)
    before = hash_folder(tmp_path / "arm")
    trainer.epoch(samples(8), samples(4), 1e-2)
    trainer.save(tmp_path / "adapter")
    assert hash_folder(tmp_path / "arm") == before
    assert hash_folder(tmp_path / "adapter") != before
