"""LoRA layers and RMS norms with fewer passes over memory, and the same values and gradients.

peft scales, casts and adds the low-rank part in separate steps, and transformers normalises in fp32
step by step; on a CPU, with a few hundred tokens per step, that takes longer than the products.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import nn

from steelyard.train.layer_math import normalised, normalised_back

_ROWS = 8
"""Rows of logits computed at once."""


class _LowRank(torch.autograd.Function):
    """``x W' + b + s (x A') B'`` with gradients for x, A and B; W and b are frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        flat = inputs.reshape(-1, inputs.shape[-1])
        inner = flat @ down.T
        output = torch.nn.functional.linear(flat, weight, bias)
        output.addmm_(inner, up.T, alpha=scale)
        ctx.save_for_backward(flat, inner, weight, down, up)
        ctx.scale = scale
        return output.reshape(*inputs.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        flat, inner, weight, down, up = ctx.saved_tensors
        gradient = outer[0].reshape(-1, outer[0].shape[-1])
        inner_gradient = (gradient @ up).mul_(ctx.scale)
        up_gradient = (inner.T @ gradient).mul_(ctx.scale).T
        down_gradient = inner_gradient.T @ flat
        input_gradient = None
        if ctx.needs_input_grad[0]:
            input_gradient = gradient @ weight
            input_gradient.addmm_(inner_gradient, down)
            input_gradient = input_gradient.reshape(*outer[0].shape[:-1], -1)
        return input_gradient, None, None, down_gradient, up_gradient, None


class _Normalise(torch.autograd.Function):
    """``w x / sqrt(mean(x²) + e)`` with gradients for x and, if it learns, w (Zhang & Sennrich 2019)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: torch.Tensor, weight: torch.Tensor, epsilon: float
    ) -> torch.Tensor:
        output, normal, inverse = normalised(inputs, weight, epsilon)
        ctx.save_for_backward(normal, inverse, weight)
        return output

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        normal, inverse, weight = ctx.saved_tensors
        weight_gradient = None
        if ctx.needs_input_grad[1]:
            weight_gradient = (outer[0] * normal).reshape(-1, normal.shape[-1]).sum(0)
        return normalised_back(outer[0], normal, inverse, weight), weight_gradient, None


class _Surprise(torch.autograd.Function):
    """The cross-entropy of rows of logits, in nats; one pass makes its gradient, too.

    On a CPU, rows are computed a few at once: the fp32 intermediates of a few rows stay in the cache, and
    those of all rows would be allocated anew at every step. A second backward raises: the gradient is
    scaled in place.
    """

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        places, count = targets.unsqueeze(1), len(targets)
        losses = torch.empty(count, 1, device=logits.device)
        gradient = torch.empty_like(logits) if ctx.needs_input_grad[0] else None
        rows = _ROWS if logits.device.type == "cpu" else max(1, count)
        for first in range(0, count, rows):
            some = slice(first, min(first + rows, count))
            scores = torch.log_softmax(logits[some], dim=1, dtype=torch.float32)
            right = scores.gather(1, places[some])
            losses[some] = -right
            if gradient is not None:
                scores.exp_().scatter_add_(1, places[some], torch.full_like(right, -1.0))
                gradient[some] = scores
        if gradient is not None:
            gradient[count:] = 0
            ctx.save_for_backward(gradient)
        return losses.squeeze(1)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        gradient[: len(outer[0])].mul_(outer[0].to(gradient.dtype).unsqueeze(1))
        return gradient, None


def surprises(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The losses of logits (rows, vocabulary) at ``targets`` (K,), in nats: (K,).

    Rows beyond K have no target.
    """
    losses: torch.Tensor = _Surprise.apply(logits, targets)  # type: ignore[no-untyped-call]
    return losses


def speed_up(network: nn.Module) -> None:
    """Replace the forward of LoRA layers and of plain RMS norms in place, for training.

    A norm is replaced only where the values on a probe stay the same: some families scale by one plus
    the weight. Variants of LoRA that compute otherwise (DoRA) keep peft's own forward.
    """
    from peft.tuners.lora import Linear

    for module in network.modules():
        if isinstance(module, Linear):
            if module.lora_variant:
                continue
            module.forward = MethodType(_lora_forward, module)
        elif type(module).__name__.endswith("RMSNorm") and _is_plain_norm(module):
            module.forward = MethodType(_norm_forward, module)


def _lora_forward(layer: Any, inputs: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    base = layer.base_layer
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    scale = layer.scaling["default"]
    result: torch.Tensor = _LowRank.apply(  # type: ignore[no-untyped-call]
        inputs, base.weight, base.bias, down, up, scale
    )
    return result


def _norm_forward(norm: Any, inputs: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
        inputs, norm.weight, epsilon_of(norm)
    )
    return result


def epsilon_of(norm: Any) -> float:
    """What a norm adds below its root; 0 where it states nothing."""
    return float(getattr(norm, "variance_epsilon", getattr(norm, "eps", 0.0)))


def _is_plain_norm(norm: Any) -> bool:
    weight = getattr(norm, "weight", None)
    if weight is None or not epsilon_of(norm):
        return False
    probe = torch.linspace(-2, 3, 2 * weight.numel(), device=weight.device).reshape(2, -1)
    probe = probe.to(weight.dtype)
    with torch.no_grad():
        expected, computed = norm(probe), _norm_forward(norm, probe)
    return bool(torch.allclose(expected.float(), computed.float(), rtol=2e-2, atol=1e-3))
