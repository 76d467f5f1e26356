"""The replaced modules give the values and gradients of those they replace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from steelyard.train.fast import speed_up, surprises
from tests.model.tiny import tiny_network

IDS = torch.tensor([[5, 9, 40, 41, 77, 3]])


VARIANTS: dict[str, dict[str, Any]] = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
}


def adapted(**variant: Any) -> Any:
    torch.manual_seed(3)
    network = get_peft_model(
        tiny_network(), LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", **variant)
    )
    for name, weight in network.named_parameters():
        if "lora_B" in name:  # which begins at zero
            torch.nn.init.normal_(weight, std=0.1)
        if "magnitude" in name:  # which begins at the norm of the weight
            weight.data *= torch.linspace(0.5, 1.5, len(weight))
    return network


def gradients(network: Any) -> dict[str, torch.Tensor]:
    network(input_ids=IDS, labels=IDS).loss.backward()
    return {n: p.grad for n, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("variant", VARIANTS)
def test_values_and_gradients_stay_the_same(variant: str) -> None:
    plain, fast = (adapted(**VARIANTS[variant]) for _ in range(2))
    speed_up(fast)
    replaced = sum("forward" in module.__dict__ for module in fast.modules())
    assert replaced == (5 if variant == "dora" else 14 + 5)
    torch.testing.assert_close(fast(input_ids=IDS).logits, plain(input_ids=IDS).logits)
    expected, computed = gradients(plain), gradients(fast)
    assert computed.keys() == expected.keys()
    assert all("lora_" in name for name in computed), "the network's own weights are frozen"
    assert any("magnitude" in name for name in computed) == (variant == "dora")
    for name, gradient in expected.items():
        torch.testing.assert_close(computed[name], gradient, rtol=1e-3, atol=1e-5)


def test_norms_that_learn_get_their_gradients() -> None:
    plain, fast = tiny_network(), tiny_network()
    speed_up(fast)
    expected, computed = gradients(plain), gradients(fast)
    assert computed.keys() == expected.keys()
    assert sum("norm" in name for name in computed) == 5
    for name, gradient in expected.items():
        torch.testing.assert_close(computed[name], gradient, rtol=1e-3, atol=1e-5)


class OnePlusRMSNorm(torch.nn.Module):
    """Scales by one plus its weight, as Gemma does."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(8))
        self.eps = 1e-6

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(inputs.square().mean(-1, keepdim=True) + self.eps)
        return inputs * scale * (1 + self.weight)


@pytest.mark.parametrize("kind", [OnePlusRMSNorm, torch.nn.LayerNorm])
def test_a_norm_of_another_kind_keeps_its_own_forward(kind: Any) -> None:
    norm = kind() if kind is OnePlusRMSNorm else kind(8)
    inputs = torch.randn(3, 8, generator=torch.Generator().manual_seed(1))
    before = norm(inputs)
    speed_up(torch.nn.Sequential(norm))
    assert torch.equal(norm(inputs), before)


@pytest.mark.parametrize("count", [7, 8, 20])
@pytest.mark.parametrize("more", [0, 3])
def test_the_loss_has_the_value_and_gradient_of_cross_entropy(count: int, more: int) -> None:
    torch.manual_seed(1)
    logits = (30 * torch.randn(count + more, 50)).requires_grad_()
    targets = torch.randint(50, (count,))
    expected = torch.nn.functional.cross_entropy(logits[:count], targets, reduction="sum")
    (gradient,) = torch.autograd.grad(0.25 * expected, logits)
    computed = surprises(logits, targets).sum()
    torch.testing.assert_close(computed, expected)
    torch.testing.assert_close(torch.autograd.grad(0.25 * computed, logits)[0], gradient)
