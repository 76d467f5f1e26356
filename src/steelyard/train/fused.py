"""Decoder layers of the Llama kind as one step forward and one back, with the same values and gradients.

transformers, peft and autograd take some five hundred small operations for a layer and its gradient. On a
CPU, with a few hundred tokens in a step, that takes most of the time that the products with the weights
take again. Here a layer is one function with its gradient written out: projections of one input are one
product, and attention reads and writes its rows by index. A network that this does not fit keeps its own
layers: the gradients on a probe decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MethodType
from typing import Any

import torch
from torch import nn

from steelyard.model.ready import PackedLinear, can_pack
from steelyard.train.fast import epsilon_of, normalised, normalised_back
from steelyard.train.packing import PackedBatch, TokenSample, pack
from steelyard.train.rows import Attended, Heads, attention_rows

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
    packed = pack(_PROBE, 2, parameter.device, parameter.dtype)
    logits = network(
        input_ids=packed.tokens,
        position_ids=packed.positions,
        use_cache=False,
        logits_to_keep=packed.keep,
        packed=packed,
    ).logits[0]
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


class _Projections:
    """Linear layers of one input under LoRA, as one product; their weights become parts of one array."""

    def __init__(self, modules: Sequence[Any]) -> None:
        bases = [module.base_layer for module in modules]
        downs = [module.lora_A[_ADAPTER].weight for module in modules]
        self.weight = _joined([base.weight for base in bases])
        biases = [base.bias for base in bases]
        self.bias = None if any(bias is None for bias in biases) else torch.cat(biases)
        if self.bias is None and any(bias is not None for bias in biases):
            raise ValueError("some of the projections have a bias")
        self.down = _joined(downs)
        self._packed = _packed(self.weight, self.bias)
        self.ups = [module.lora_B[_ADAPTER].weight for module in modules]
        self.scales = [module.scaling[_ADAPTER] for module in modules]
        self.parameters = [one for pair in zip(downs, self.ups, strict=True) for one in pair]
        self._sizes = [len(up) for up in self.ups]
        self._ranks = [len(down) for down in downs]

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The outputs side by side, and the low-rank inner states; ``inputs`` are (tokens, size)."""
        if self._packed is None:
            outputs = nn.functional.linear(inputs, self.weight, self.bias)
        else:
            outputs = self._packed[0](inputs)
        inner = inputs @ self.down.T
        for part, low, up, scale in self._parts(outputs, inner):
            part.addmm_(low, up.T, alpha=scale)
        return outputs, inner

    def back(
        self,
        outer: torch.Tensor,
        inputs: torch.Tensor,
        inner: torch.Tensor,
        *,
        to_inputs: bool = True,
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """The gradient of the inputs, and those of ``parameters`` in their order."""
        lows, ups = [], []
        for part, low, up, scale in self._parts(outer, inner):
            lows.append((part @ up).mul_(scale))
            ups.append((low.T @ part).mul_(scale).T)
        inner_gradient = torch.cat(lows, dim=1)
        downs = (inner_gradient.T @ inputs).split(self._ranks)
        gradient = None
        if to_inputs:
            gradient = outer @ self.weight if self._packed is None else self._packed[1](outer)
            gradient.addmm_(inner_gradient, self.down)
        return gradient, [one for pair in zip(downs, ups, strict=True) for one in pair]

    def _parts(self, wide: torch.Tensor, inner: torch.Tensor) -> Any:
        parts, lows = wide.split(self._sizes, dim=1), inner.split(self._ranks, dim=1)
        return zip(parts, lows, self.ups, self.scales, strict=True)


def _joined(weights: Sequence[Any]) -> torch.Tensor:
    """One array with the rows of all ``weights``, which become views of it."""
    joined = torch.cat([weight.detach() for weight in weights])
    for weight, part in zip(
        weights, joined.split([len(weight) for weight in weights]), strict=True
    ):
        weight.data = part
    return joined


def _packed(
    weight: torch.Tensor, bias: torch.Tensor | None
) -> tuple[PackedLinear, PackedLinear] | None:
    """The products with a weight and with its transpose, in the layout that is fastest here.

    It holds the weight twice more, and is left out in fp32, where it gains nothing.
    """
    if weight.dtype != torch.bfloat16 or not can_pack("bfloat16"):
        return None
    forth, back = (nn.Linear(1, 1, bias=False) for _ in range(2))
    forth.weight, back.weight = (
        nn.Parameter(one, requires_grad=False) for one in (weight, weight.T.contiguous())
    )
    if bias is not None:
        forth.bias = nn.Parameter(bias, requires_grad=False)
    return PackedLinear(forth), PackedLinear(back)


class _FusedLayer:
    """A decoder layer's weights, as `_Layer` needs them.

    After the attention of the last layer, only the tokens that predict one are computed.
    """

    def __init__(self, layer: Any, *, is_last: bool) -> None:
        self.is_last = is_last
        attention, mlp = layer.self_attn, layer.mlp
        if any(one.requires_grad for module in _bases(layer) for one in module.parameters()):
            raise ValueError("weights beside the adapter learn")
        self.before, self.after = layer.input_layernorm, layer.post_attention_layernorm
        self.qkv = _Projections([attention.q_proj, attention.k_proj, attention.v_proj])
        self.out = _Projections([attention.o_proj])
        self.wide = _Projections([mlp.gate_proj, mlp.up_proj])
        self.narrow = _Projections([mlp.down_proj])
        size = attention.head_dim
        self.heads = Heads(
            len(attention.q_proj.base_layer.weight) // size,
            len(attention.k_proj.base_layer.weight) // size,
            size,
        )
        self.scale = float(attention.scaling)
        self.parameters = [
            one
            for group in (self.qkv, self.out, self.wide, self.narrow)
            for one in group.parameters
        ]


def _bases(layer: Any) -> list[Any]:
    return [one.base_layer for one in layer.modules() if hasattr(one, "base_layer")]


def _forward(
    layer: _FusedLayer,
    hidden_states: torch.Tensor,
    *_: Any,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    packed: PackedBatch,
    **__: Any,
) -> torch.Tensor:
    """Stands in for the forward of a layer: ``hidden_states`` is [1, tokens, size]."""
    turn = _Turn(*(one[0].unsqueeze(1) for one in position_embeddings))
    output: torch.Tensor = _Layer.apply(  # type: ignore[no-untyped-call]
        hidden_states[0], layer, turn, packed, *layer.parameters
    )
    return output.unsqueeze(0)


class _Turn:
    """Rotary positions (Su et al. 2021): ``cosine`` and ``sine`` are (tokens, 1, size)."""

    def __init__(self, cosine: torch.Tensor, sine: torch.Tensor) -> None:
        self._cosine = cosine
        self._half = cosine.shape[-1] // 2
        self._sines = sine[..., : self._half], sine[..., self._half :]

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """``states`` are (tokens, heads, size)."""
        half, (low, high) = self._half, self._sines
        turned = states * self._cosine
        turned[..., :half].addcmul_(states[..., half:], low, value=-1)
        turned[..., half:].addcmul_(states[..., :half], high)
        return turned

    def back(self, outer: torch.Tensor, states: torch.Tensor) -> None:
        """Write the gradient of the states to ``states``."""
        half, (low, high) = self._half, self._sines
        torch.mul(outer, self._cosine, out=states)
        states[..., :half].addcmul_(outer[..., half:], high)
        states[..., half:].addcmul_(outer[..., :half], low, value=-1)


class _Layer(torch.autograd.Function):
    """Norm, attention, norm and gated linear unit, each added to what comes in (Touvron et al. 2023)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        layer: _FusedLayer,
        turn: _Turn,
        packed: PackedBatch,
        *_: torch.Tensor,
    ) -> torch.Tensor:
        heads = layer.heads
        first, normal, inverse = normalised(inputs, layer.before.weight, epsilon_of(layer.before))
        whole, qkv_inner = layer.qkv.forward(first)
        whole = whole.view(len(inputs), -1, heads.size)
        turned = turn.forward(whole[:, : heads.queries + heads.pairs])
        every = attention_rows(packed, heads)
        attended, parts = [], []
        for rows in every:
            output, part = rows.attend(turned, whole, layer.scale)
            attended.append(output)
            parts.append(part)
        joined = torch.cat(attended) if len(attended) > 1 else attended[0]
        keep = packed.keep if layer.is_last else None
        residual = inputs
        if keep is not None:
            joined, residual = joined.index_select(0, keep), inputs.index_select(0, keep)
        mixed, out_inner = layer.out.forward(joined)
        middle = mixed.add_(residual)
        second, normal2, inverse2 = normalised(middle, layer.after.weight, epsilon_of(layer.after))
        gates, wide_inner = layer.wide.forward(second)
        gate, up = gates.chunk(2, dim=1)
        silu = nn.functional.silu(gate)
        product = silu * up
        output, narrow_inner = layer.narrow.forward(product)
        ctx.save_for_backward(
            *(first, normal, inverse, qkv_inner, joined, out_inner),
            *(second, normal2, inverse2, gates, wide_inner, silu, product, narrow_inner),
            *(one for part in parts for one in part),
        )
        ctx.layer, ctx.turn, ctx.every, ctx.keep = layer, turn, every, keep
        output.add_(middle)
        return output if keep is None else torch.zeros_like(inputs).index_copy_(0, keep, output)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[Any, ...]:
        layer, every = ctx.layer, ctx.every
        heads, saved = layer.heads, ctx.saved_tensors
        first, normal, inverse, qkv_inner, joined, out_inner = saved[:6]
        second, normal2, inverse2, gates, wide_inner, silu, product, narrow_inner = saved[6:14]
        parts = [Attended(*saved[at : at + 4]) for at in range(14, len(saved), 4)]
        (gradient,) = outer if ctx.keep is None else (outer[0].index_select(0, ctx.keep),)

        inner, narrow = layer.narrow.back(gradient, product, narrow_inner)
        gate, up = gates.chunk(2, dim=1)
        both = torch.empty_like(gates)
        torch.mul(inner, silu, out=both[:, silu.shape[1] :])
        both[:, : silu.shape[1]] = torch.ops.aten.silu_backward(inner.mul_(up), gate)
        inner, wide = layer.wide.back(both, second, wide_inner)
        gradient = normalised_back(inner, normal2, inverse2, layer.after.weight).add_(gradient)

        inner, out = layer.out.back(gradient, joined, out_inner)
        ended = inner.new_zeros(len(first) + 1, inner.shape[1])
        if ctx.keep is None:
            ended[:-1] = inner
        else:
            ended.index_copy_(0, ctx.keep, inner)
            gradient = torch.zeros_like(outer[0]).index_copy_(0, ctx.keep, gradient)
        whole = inner.new_zeros(len(first), heads.queries + 2 * heads.pairs, heads.size)
        turned = inner.new_zeros(len(first), heads.queries + heads.pairs, heads.size)
        for rows, part in zip(every, parts, strict=True):
            rows.back(ended, turned, whole, part, layer.scale)
        ctx.turn.back(turned, whole[:, : heads.queries + heads.pairs])
        needs_inputs = ctx.needs_input_grad[0]
        inner, qkv = layer.qkv.back(
            whole.view(len(whole), -1), first, qkv_inner, to_inputs=needs_inputs
        )
        if inner is not None:
            gradient = normalised_back(inner, normal, inverse, layer.before.weight).add_(gradient)
        return (gradient if needs_inputs else None, None, None, None, *qkv, *out, *wide, *narrow)
