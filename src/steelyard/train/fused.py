"""Decoder layers of the Llama kind as one step forward and one back, with the same values and gradients.

transformers, peft and autograd take some five hundred small operations for a layer and its gradient. On a
CPU, with a few hundred tokens in a step, that takes most of the time that the products with the weights
take again. Here a layer is one function with its gradient written out: projections of one input are one
product, and attention reads and writes its rows by index. A network that this does not fit keeps its own
layers: the gradients on a probe decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MethodType
from typing import Any

import torch
from torch import nn

from steelyard.model.ready import PACKED_ROWS, can_pack
from steelyard.train.fast import epsilon_of
from steelyard.train.layer_math import (
    LayerPass,
    LayerWeights,
    Projections,
    compiled,
    layer_back,
    layer_forward,
)
from steelyard.train.packing import PackedBatch, TokenSample, pack, predicted
from steelyard.train.rows import Heads, row_maps

_PROBE = tuple(TokenSample((3, 4, *own), (6, 2)) for own in ((5, 3, 9), (7,), (8, 1)))
_TOLERANCE = 1e-3
"""Of a gradient, relative; thirty layers of rounding in fp32 come to a tenth of it."""
_ADAPTER = "default"


def fits(network: Any) -> bool:
    """Whether a network in fp32 with LoRA on all of its layers gives the same gradients with them fused.

    It is left as it was.
    """
    layers = _layers(network)
    count = getattr(network.config.get_text_config(), "num_hidden_layers", None)
    if not layers or len(layers) != count:
        return False
    weights = {name: one for name, one in network.named_parameters() if one.requires_grad}
    first = {name: one.detach().clone() for name, one in weights.items()}
    generator = torch.Generator().manual_seed(0)
    for one in weights.values():  # LoRA begins with zeros, which would hide half of the gradient
        one.data = one.data + 0.02 * torch.randn(one.shape, generator=generator).to(one.device)
    try:
        plain = _probe(network, weights)
        fuse(network)
        return _are_equal(plain, _probe(network, weights))
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
        return False  # its layers take, hold or give something else
    finally:
        for name, one in weights.items():
            one.data = first[name]
        for layer in layers:
            layer.__dict__.pop("forward", None)


def fuse(network: Any) -> None:
    """Give each layer of a network that `fits` one function; to be called again where weights were cast."""
    layers = _layers(network)
    for layer in layers:
        layer.forward = MethodType(_forward, _FusedLayer(layer, is_last=layer is layers[-1]))


def _layers(network: Any) -> list[Any]:
    return [one for one in network.modules() if hasattr(one, "self_attn") and hasattr(one, "mlp")]


def _probe(network: Any, weights: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    parameter = next(network.parameters())
    packed = pack(_PROBE, 2, parameter.device, parameter.dtype, is_rounded=True)
    logits = predicted(network, packed)[: len(packed.targets)]
    loss = nn.functional.cross_entropy(logits, packed.targets, reduction="sum")
    gradients = torch.autograd.grad(loss, list(weights.values()))
    return {"loss": loss.detach(), **dict(zip(weights, gradients, strict=True))}


def _are_equal(plain: Mapping[str, torch.Tensor], fused: Mapping[str, torch.Tensor]) -> bool:
    return all(
        bool(
            torch.linalg.vector_norm(fused[name] - one)
            <= _TOLERANCE * torch.linalg.vector_norm(one)
        )
        for name, one in plain.items()
    )


def _projections(modules: Sequence[Any]) -> Projections:
    """Linear layers of one input under LoRA; their frozen weights become parts of one array."""
    bases = [module.base_layer for module in modules]
    biases = [base.bias for base in bases if base.bias is not None]
    if biases and len(biases) < len(bases):
        raise ValueError("some of the projections have a bias")
    weight = _joined([base.weight for base in bases])
    bias = torch.cat([one.detach() for one in biases]) if biases else None
    return Projections(
        weight,
        *_packed(weight),
        bias,
        [float(module.scaling[_ADAPTER]) for module in modules],
        [len(base.weight) for base in bases],
        [len(module.lora_A[_ADAPTER].weight) for module in modules],
    )


def _joined(weights: Sequence[Any]) -> torch.Tensor:
    """One array with the rows of all ``weights``, which become views of it."""
    joined = torch.cat([weight.detach() for weight in weights])
    parts = joined.split([len(weight) for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.data = part
    return joined


def _packed(weight: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    """A weight and its transpose in the layout that is fastest here; in fp32 that gains nothing.

    They are held in addition.
    """
    if weight.dtype != torch.bfloat16 or not can_pack("bfloat16"):
        return None, None
    forth, back = (
        torch.ops.mkldnn._reorder_linear_weight(one, PACKED_ROWS)
        for one in (weight, weight.T.contiguous())
    )
    return forth, back


class _FusedLayer:
    """A decoder layer's weights, as `layer_forward` and `layer_back` need them.

    After the attention of the last layer, only the tokens that predict one are computed.
    """

    def __init__(self, layer: Any, *, is_last: bool) -> None:
        self.is_last = is_last
        attention, mlp = layer.self_attn, layer.mlp
        groups = (
            [attention.q_proj, attention.k_proj, attention.v_proj],
            [attention.o_proj],
            [mlp.gate_proj, mlp.up_proj],
            [mlp.down_proj],
        )
        if any(one.base_layer.weight.requires_grad for group in groups for one in group):
            raise ValueError("weights beside the adapter learn")
        before, after = layer.input_layernorm, layer.post_attention_layernorm
        qkv, out, wide, narrow = map(_projections, groups)
        self.weights = LayerWeights(
            qkv,
            out,
            wide,
            narrow,
            before.weight.detach(),
            after.weight.detach(),
            epsilon_of(before),
            epsilon_of(after),
            float(attention.scaling),
        )
        size = attention.head_dim
        queries, pairs, _ = (width // size for width in self.weights.qkv.sizes)
        self.heads = Heads(queries, pairs)
        self.parameters = [
            part[_ADAPTER].weight
            for group in groups
            for one in group
            for part in (one.lora_A, one.lora_B)
        ]


def _forward(
    layer: _FusedLayer,
    hidden_states: torch.Tensor,
    *_: Any,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    packed: PackedBatch,
    **__: Any,
) -> torch.Tensor:
    """Stands in for the forward of a layer: ``hidden_states`` is [1, tokens, size]."""
    angles = tuple(one[0].unsqueeze(1) for one in position_embeddings)
    output: torch.Tensor = _Layer.apply(  # type: ignore[no-untyped-call]
        hidden_states[0], layer, angles, packed, *layer.parameters
    )
    return output.unsqueeze(0)


class _Layer(torch.autograd.Function):
    """`layer_forward`, with `layer_back` as its gradient for the inputs and the low-rank arrays."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        layer: _FusedLayer,
        angles: tuple[torch.Tensor, torch.Tensor],
        packed: PackedBatch,
        *low: torch.Tensor,
    ) -> torch.Tensor:
        keep = packed.keep if layer.is_last else None
        one = LayerPass(layer.weights, row_maps(packed, layer.heads), *angles, keep)
        forward, _back = _compiled()
        output, saved = forward(inputs, list(low), one)
        ctx.save_for_backward(*low, *saved)
        ctx.one, ctx.count = one, len(low)
        result: torch.Tensor = output
        return result

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[Any, ...]:
        _forward, back = _compiled()
        to_inputs = ctx.needs_input_grad[0]
        low, saved = list(ctx.saved_tensors[: ctx.count]), list(ctx.saved_tensors[ctx.count :])
        gradient, others = back(outer[0].contiguous(), saved, low, ctx.one, to_inputs)
        return (gradient if to_inputs else None, None, None, None, *others)


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any]:
    return compiled(layer_forward), compiled(layer_back)
