"""Fused layers give the gradients of the layers that they stand for, or are not used."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    GemmaConfig,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from steelyard.train import packing
from steelyard.train.fast import speed_up, surprises
from steelyard.train.fused import fits, fuse
from steelyard.train.lanes import Lanes, lanes_for
from steelyard.train.layer_math import compiled, layer_back, layer_forward
from steelyard.train.packing import TokenSample

SAMPLES = [
    TokenSample((10, 11, 12, *range(20, 20 + own)), tuple(range(40, 40 + answer)))
    for own, answer in ((5, 2), (9, 1), (1, 4), (3, 3))
]
LLAMA_LIKE = [LlamaConfig, Qwen2Config, MistralConfig]
OTHERS = [Qwen3Config, GemmaConfig, GraniteConfig, Phi3Config]
"""Norms of queries, weights plus one, scaled residuals, one matrix for all projections."""


def network(kind: type[PretrainedConfig], targets: str | list[str] = "all-linear") -> Any:
    torch.manual_seed(5)
    more = {"residual_multiplier": 0.3} if kind is GraniteConfig else {}
    config = kind(
        vocab_size=60,
        hidden_size=24,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=64,
        sliding_window=None,
        pad_token_id=0,
        **more,
    )
    packing.register()
    made = MODEL_FOR_CAUSAL_LM_MAPPING[kind](config).eval()
    made.set_attn_implementation(packing.IMPLEMENTATION)
    made = get_peft_model(made, LoraConfig(r=3, lora_alpha=7, target_modules=targets))
    speed_up(made)
    generator = torch.Generator().manual_seed(1)
    for weight in made.parameters():
        if weight.requires_grad:  # half of the adapter begins with zeros
            weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    return made


def gradients(
    of: Any,
    prefix: int,
    samples: Sequence[packing.TokenSample] = SAMPLES,
    is_rounded: bool | None = None,
) -> dict[str, torch.Tensor]:
    """Those of the mean loss."""
    dtype = next(of.parameters()).dtype
    packed = packing.pack(samples, prefix, torch.device("cpu"), dtype, is_rounded=is_rounded)
    logits = packing.predicted(of, packed)
    of.zero_grad()
    surprises(logits, packed.targets).mean().backward()
    return {name: one.grad for name, one in of.named_parameters() if one.grad is not None}


@pytest.mark.parametrize("prefix", [0, 1, 3])
@pytest.mark.parametrize("kind", LLAMA_LIKE)
def test_values_and_gradients_are_equal(kind: type[PretrainedConfig], prefix: int) -> None:
    one = network(kind)
    plain = gradients(one, prefix)
    assert fits(one)
    fuse(one)
    assert sum("_FusedLayer" in repr(layer.forward) for layer in one.modules()) == 2
    fused = gradients(one, prefix)
    assert fused.keys() == plain.keys() and len(plain) == 2 * 14
    for name, gradient in plain.items():
        torch.testing.assert_close(fused[name], gradient, rtol=1e-4, atol=1e-6)


ONE_TOKEN = TokenSample((10, 11, 12, 13), (40,))
PAIR = TokenSample((10, 11, 12, 13, 14), tuple(range(40, 49)), (41, 42)).rows


@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.parametrize(
    "samples", [SAMPLES[:1], SAMPLES[:3], SAMPLES, [ONE_TOKEN], [ONE_TOKEN] * 17, PAIR]
)
@pytest.mark.parametrize("prefix", [0, 3])
def test_tokens_that_round_sizes_change_no_gradient(
    prefix: int, samples: Sequence[TokenSample], is_fused: bool
) -> None:
    one = network(LlamaConfig)
    if is_fused:
        fuse(one)
    plain = gradients(one, prefix, samples)
    rounded = gradients(one, prefix, samples, is_rounded=True)
    assert rounded.keys() == plain.keys() and len(plain) == 2 * 14
    for name, gradient in plain.items():
        torch.testing.assert_close(rounded[name], gradient, rtol=1e-4, atol=1e-6)


def test_gradients_in_bf16_are_those_of_fp32_but_for_rounding() -> None:
    one = network(LlamaConfig)
    exact = gradients(one, 3)
    one.to(torch.bfloat16)
    fuse(one)
    for name, gradient in gradients(one, 3).items():
        assert (gradient.float() - exact[name]).norm() < 0.05 * exact[name].norm(), name


@pytest.mark.parametrize("kind", OTHERS)
def test_layers_of_another_kind_are_left_alone(kind: type[PretrainedConfig]) -> None:
    one = network(kind)
    before = {name: weight.detach().clone() for name, weight in one.named_parameters()}
    assert not fits(one)
    assert not any("_FusedLayer" in repr(layer.forward) for layer in one.modules())
    for name, weight in one.named_parameters():
        assert torch.equal(weight, before[name]), name


def test_layers_that_lora_covers_in_part_are_left_alone() -> None:
    assert not fits(network(LlamaConfig, ["q_proj", "v_proj"]))


def test_a_copied_weight_is_followed() -> None:
    """Projections of one input share an array, which the trainer writes to through its parts."""
    one = network(LlamaConfig)
    fuse(one)
    with torch.no_grad():
        for weight in one.parameters():
            weight.copy_(torch.full_like(weight, 0.01))
    other = network(LlamaConfig)
    with torch.no_grad():
        for weight in other.parameters():
            weight.fill_(0.01)
    fused, plain = gradients(one, 2), gradients(other, 2)
    for name, gradient in plain.items():
        torch.testing.assert_close(fused[name], gradient, rtol=1e-4, atol=1e-7)


def test_lanes_hold_every_sample_once_and_where_they_pay() -> None:
    before = torch.get_num_threads()
    lanes = Lanes(2)
    torch.set_num_threads(before)
    few = lanes.pieces(SAMPLES, 3, 640)
    assert len(few) == 2 and sorted(few[0] + few[1]) == sorted(SAMPLES)
    assert lanes.pieces(SAMPLES[:1], 3, 640) == [SAMPLES[:1]]
    long = [TokenSample((*range(500), one), (1,)) for one in range(4)]
    assert lanes.pieces(long, 500, 4_000) == [long], "a long prefix is not computed twice"
    assert lanes.pieces(long, 500, 600) == [[one] for one in long]
    assert list(lanes.map(str, range(50))) == [str(one) for one in range(50)]


def test_lanes_share_the_threads_evenly_and_leave_as_few_idle_as_may_be() -> None:
    shares = [lanes_for(threads) for threads in range(1, 14)]
    assert shares[:8] == [(1, 1), (2, 1), (3, 1), (4, 1), (4, 1), (3, 2), (3, 2), (4, 2)]
    idle = [threads - count * some for threads, (count, some) in enumerate(shares, 1)]
    assert idle == [0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 2, 0, 1]


def test_every_lane_has_as_many_threads(caplog: pytest.LogCaptureFixture) -> None:
    before = torch.get_num_threads()
    with caplog.at_level("DEBUG", "steelyard"):
        lanes = Lanes(7)
    torch.set_num_threads(before)
    assert set(lanes.map(lambda _: torch.get_num_threads(), range(12))) == {2}
    assert "training leaves 1 of 7 threads idle" in caplog.text


def test_layers_are_compiled() -> None:
    """Else pieces side by side would wait for Python's lock, without a word."""
    for function in (layer_forward, layer_back):
        assert isinstance(compiled(function), torch.jit.ScriptFunction)


def test_where_a_piece_fails_no_other_goes_on() -> None:
    before = torch.get_num_threads()
    lanes = Lanes(2)
    torch.set_num_threads(before)
    ended: list[int] = []

    def work(number: int) -> int:
        if number == 1:
            raise MemoryError
        time.sleep(0.05)
        ended.append(number)
        return number

    with pytest.raises(MemoryError):
        list(lanes.map(work, range(40)))
    after = len(ended)
    time.sleep(0.2)
    assert len(ended) == after < 40
