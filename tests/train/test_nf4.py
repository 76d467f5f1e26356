"""LoRA over weights in four bits: what is learnt belongs to the rounded weights, wherever it is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from steelyard.errors import ModelError
from steelyard.families import STRATEGIES
from steelyard.model import ModelSpec, huggingface, nf4
from steelyard.train.config import LoraOptions
from steelyard.train.trainer import Trainer
from tests.model.tiny import quantise_plainly, save_tiny, tiny_network
from tests.train.test_gradients import rows
from tests.train.test_kinds import IDS, logits_of
from tests.train.test_trainer import samples

pytest.importorskip("bitsandbytes")


def quantised_trainer() -> Trainer:
    network = tiny_network()
    quantise_plainly(network)
    return Trainer(network, LoraOptions(rank=4), 1)


def test_linear_layers_are_rounded_and_the_head_is_not() -> None:
    network, rounded = tiny_network(), tiny_network()
    nf4.quantise(network)
    assert nf4.is_quantised(network) and not nf4.is_quantised(rounded)
    packed = sum(hasattr(weight, "quant_state") for weight in network.parameters())
    assert packed == 7 * network.config.num_hidden_layers
    head = network.get_output_embeddings().weight
    assert torch.equal(head, rounded.get_output_embeddings().weight)


def test_what_is_saved_answers_as_in_training_over_the_rounded_base(tmp_path: Path) -> None:
    trainer = quantised_trainer()
    trainer.epoch(samples(24), samples(4), 1e-2)
    folder = tmp_path / "tuned"
    trainer.save(folder)
    rounded = huggingface.tuned_network(folder, lambda: nf4.base_under(folder, tiny_network()))
    in_full = huggingface.tuned_network(folder, tiny_network)
    with torch.no_grad():
        logits, other = (network(IDS).logits[0] for network in (rounded, in_full))
    torch.testing.assert_close(logits, logits_of(trainer), atol=2e-3, rtol=1e-3)
    assert float((logits - other).abs().max()) > 0.02, "the weights in full are others"


def test_the_gradient_is_that_of_lora_over_the_rounded_weights(tmp_path: Path) -> None:
    folder = tmp_path / "marked"
    folder.mkdir()
    nf4.mark(folder)
    plain = Trainer(nf4.base_under(folder, tiny_network()), LoraOptions(rank=4), 1)
    packed = quantised_trainer()
    some = rows((5, 30, 90))
    gradients = []
    for trainer in (plain, packed):
        trainer.backward(some, 0)
        parts = [weight.grad.flatten() for weight in trainer.weights.values()]
        gradients.append(torch.cat(parts))
    assert plain.weights.keys() == packed.weights.keys()
    difference = torch.linalg.vector_norm(gradients[0] - gradients[1])
    assert float(difference / torch.linalg.vector_norm(gradients[0])) < 1e-4


def test_a_base_in_an_unknown_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.json").write_text('{"weights": "fp3"}')
    with pytest.raises(ModelError, match="fp3"):
        nf4.base_under(tmp_path, tiny_network())


def test_without_a_gpu_it_is_refused_with_the_reason(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    spec = ModelSpec("hf", str(save_tiny(tmp_path / "tiny")))
    reason = STRATEGIES.get("qlora")().tuner.refusal(spec)
    assert reason is not None and "this machine has none" in reason
