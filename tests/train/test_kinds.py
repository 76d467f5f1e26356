"""What each kind of tuning learns: its steps, what it saves, and the same logits after loading."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from steelyard.errors import StorageError
from steelyard.model import huggingface
from steelyard.train import packing
from steelyard.train.config import FullOptions, LoraOptions, LoraPlusOptions, TrainingOptions
from steelyard.train.trainer import Trainer
from tests.model.tiny import tiny_network
from tests.train.test_gradients import KINDS
from tests.train.test_trainer import samples

IDS = torch.tensor([[10, 11, 12, 40, 77, 3, 4]])
TIED = {"tie_word_embeddings": True}


def trained(options: TrainingOptions, *, precision: Any = "float32", **network: Any) -> Trainer:
    trainer = Trainer(tiny_network(**network), options, 1, precision)
    trainer.epoch(samples(24), samples(4), 1e-2)
    return trainer


@torch.no_grad()
def logits_of(trainer: Trainer) -> torch.Tensor:
    """The logits of `IDS` as the trainer computes them."""
    trainer.network.eval()
    tokens = tuple(IDS[0].tolist())
    packed = packing.pack(
        [packing.TokenSample(tokens[:1], (*tokens[1:], 0))], 0, trainer.device, trainer.dtype
    )
    answer = trainer.network(
        input_ids=packed.tokens,
        position_ids=packed.positions,
        use_cache=False,
        packed=packed,
    )
    return torch.Tensor(answer.logits[0])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_sizes_that_are_rounded_give_the_same_gradient(
    kind: str, tied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact, rounded = (trained(KINDS[kind], tie_word_embeddings=tied) for _ in range(2))
    exact.backward(samples(5, seed=3), 0)
    monkeypatch.setattr(packing, "pack", partial(packing.pack, is_rounded=True))
    rounded.backward(samples(5, seed=3), 0)
    assert any(weight.grad is not None and weight.grad.any() for weight in exact.weights.values())
    for name, weight in exact.weights.items():
        other = rounded.weights[name].grad
        assert (weight.grad is None) == (other is None), name
        if weight.grad is not None:
            torch.testing.assert_close(other, weight.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_saved_answers_as_in_training(kind: str, tied: bool, tmp_path: Path) -> None:
    trainer = trained(KINDS[kind], tie_word_embeddings=tied)
    trainer.save(tmp_path / "tuned")
    loaded = huggingface.tuned_network(
        tmp_path / "tuned", lambda: tiny_network(tie_word_embeddings=tied)
    )
    head, embedding = loaded.get_output_embeddings().weight, loaded.get_input_embeddings().weight
    assert (head is embedding) == tied
    with torch.no_grad():
        logits, before = (
            loaded(IDS).logits[0],
            tiny_network(tie_word_embeddings=tied)(IDS).logits[0],
        )
    torch.testing.assert_close(logits, logits_of(trainer), atol=2e-3, rtol=1e-3)
    assert float((logits - before).abs().max()) > 0.1, "something was learnt"


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_that_learns_moves_and_comes_back(kind: str) -> None:
    trainer = Trainer(tiny_network(), KINDS[kind], 1)
    first = {name: value.clone() for name, value in trainer.values().items()}
    assert first.keys() == trainer.weights.keys()
    trainer.epoch(samples(24), samples(4), 1e-2)
    for name, value in trainer.values().items():
        assert not torch.equal(value, first[name]), name
        assert torch.equal(trainer.weights[name].float(), value), name
    trainer.reset()
    for name, weight in trainer.weights.items():
        assert torch.equal(weight, first[name]), name


def test_full_tuning_learns_all_there_is() -> None:
    network = tiny_network(**TIED)
    trainer = Trainer(network, FullOptions(), 1)
    assert sum(value.numel() for value in trainer.values().values()) == network.num_parameters()
    assert all(weight.data_ptr() for weight in trainer.weights.values())


def test_in_bf16_what_learns_is_kept_in_fp32(tmp_path: Path) -> None:
    for name, options in KINDS.items():
        trainer = trained(options, precision="bfloat16")
        assert {weight.dtype for weight in trainer.weights.values()} == {torch.bfloat16}
        trainer.save(tmp_path / name)
        [path] = (tmp_path / name).glob("*.safetensors")
        from safetensors.torch import load_file

        assert {tensor.dtype for tensor in load_file(str(path)).values()} == {torch.float32}
        saved = torch.cat([one.flatten() for one in load_file(str(path)).values()])
        assert not torch.equal(saved, saved.bfloat16().float()), "steps below bf16 are in it"


def test_b_learns_at_its_ratio_of_the_rate() -> None:
    """The first step of AdamW is of the size of the rate, whatever the gradient is."""
    steps = {}
    for options in (LoraOptions(rank=4), LoraPlusOptions(rank=4, ratio=8.0)):
        trainer = Trainer(tiny_network(), options, 1)
        start = {name: value.clone() for name, value in trainer.values().items()}
        trainer.step(samples(8), 3, 1e-3)
        moved = {name: value - start[name] for name, value in trainer.values().items()}
        steps[type(options)] = max(
            float(change.abs().max()) for name, change in moved.items() if "lora_B" in name
        )
    assert steps[LoraOptions] == pytest.approx(1e-3, rel=0.02)
    assert steps[LoraPlusOptions] == pytest.approx(8e-3, rel=0.02)


def test_a_reread_network_is_where_a_training_starts_again() -> None:
    reads = 0

    def reread() -> Any:
        nonlocal reads
        reads += 1
        return tiny_network()

    trainer = Trainer(tiny_network(), FullOptions(), 1, reread=reread)
    trainer.epoch(samples(8), samples(4), 1e-2)
    trainer.reset()
    assert reads == 1
    expected = dict(tiny_network().named_parameters())
    for name, weight in trainer.weights.items():
        assert torch.equal(weight, expected[name]), name


def test_only_the_last_checkpoint_keeps_optimisers(tmp_path: Path) -> None:
    trainer = trained(FullOptions())
    trainer.checkpoint(tmp_path / "epoch-000.pt")
    trainer.epoch(samples(24), samples(4), 1e-2)
    trainer.checkpoint(tmp_path / "epoch-001.pt")
    trainer.checkpoint(tmp_path / "trial.pt", goes_on=False)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["epoch-000.pt", "epoch-001.pt", "epoch-001.pt.optimisers", "trial.pt"]
    trainer.resume(tmp_path / "epoch-000.pt")
    assert len(trainer.epochs) == 1
    with pytest.raises(StorageError, match="begin anew with --no-cache"):
        trainer.epoch(samples(24), samples(4), 1e-2)
