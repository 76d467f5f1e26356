"""Put a loaded network into the state the engine needs, and prove that its answers are the same."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from steelyard.model.engine import attention
from steelyard.model.local import EngineSettings, cache_shape

PACKED_ROWS = 256
"""Tokens in one product that the layout of packed weights is tuned for."""
PROBE = (11, 7, 42, 23, 5, 19, 3, 31, 2, 13)


def make_ready(network: Any, settings: EngineSettings) -> tuple[Any, bool]:
    """Return the network in its precision and device, and whether the packed engine may drive it.

    The engine replaces the attention of the network. Architectures it does not understand (sliding
    windows, state-space layers, capped scores) would answer wrongly, so the packed logits of a short
    probe must equal the plain ones in fp32; otherwise the network is left to plain ``generate``.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    packed = understands(network)
    if packed:
        network.set_attn_implementation(attention.IMPLEMENTATION)
    cast_parameters(network.to(device), getattr(torch, settings.precision))
    if packed and device.type == "cpu" and can_pack(settings.precision):
        pack_linears(network)
    return network, packed


def cast_parameters(network: Any, dtype: torch.dtype) -> None:
    """Cast the weights in place, and the weights alone.

    `torch.nn.Module.to` would round the rotary frequencies as well, which transformers keeps in fp32:
    far into a long prompt that turns a position by a visible angle.
    """
    for parameter in network.parameters():
        if parameter.is_floating_point():  # not where four bits are packed into whole numbers
            parameter.data = parameter.data.to(dtype)


def understands(network: Any) -> bool:
    """Whether the packed engine's logits equal the network's own on a probe with a shared prefix."""
    from steelyard.model.engine.runner import PendingPrompt, Runner

    before = network.config._attn_implementation
    if getattr(network.config.get_text_config(), "sliding_window", None):
        return False  # right on a short probe, wrong beyond the window
    tokens = [token % network.config.get_text_config().vocab_size for token in PROBE]
    attention.register()
    try:
        with torch.inference_mode():
            plain = network(input_ids=torch.tensor([tokens]), use_cache=False).logits[0, -1].float()
            network.set_attn_implementation(attention.IMPLEMENTATION)
            runner = Runner(network, cache_shape(network), frozenset(), 64)
            prefix = runner.fill(tokens[:4])
            state = runner.probe(
                prefix, [PendingPrompt(tuple(tokens[4:]), 1), PendingPrompt(tuple(tokens[4:7]), 1)]
            )
        return bool(torch.allclose(plain, state[0], atol=1e-3, rtol=1e-3))
    except (TypeError, AttributeError, RuntimeError, ValueError, AssertionError):
        return False  # the architecture does not take the packed call at all
    finally:
        network.set_attn_implementation(before)


def can_pack(precision: str) -> bool:
    """Whether this processor reorders weights of that precision: for bf16 oneDNN needs AVX-512."""
    return precision == "float32" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class PackedLinear(nn.Module):
    """A linear layer over a weight reordered by oneDNN; inference only."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, PACKED_ROWS)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return ``inputs @ weight.T + bias``."""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs, self.packed, self.bias, "none", [], ""
        )
        return result


def pack_linears(network: nn.Module) -> bool:
    """Replace every plain linear layer of ``network``; returns whether this build of torch can.

    The output head stays as it is when its weight is shared with the embedding, which must not be held
    twice.
    """
    if not (
        torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        return False
    tied = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and id(child.weight) not in tied:
                setattr(parent, name, PackedLinear(child))
    return True
