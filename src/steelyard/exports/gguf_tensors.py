"""Tensors of llama-family networks under llama.cpp's names, in its order of rows, quantized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from steelyard.exports.merged_format import distinct_tensors
from steelyard.exports.weights import interleaved


class GgufFamily(NamedTuple):
    """An architecture of llama.cpp: its name there, and whether it rotates neighbouring rows."""

    name: str
    interleaves: bool


FAMILIES = {
    "llama": GgufFamily("llama", True),
    "mistral": GgufFamily("llama", True),
    "qwen2": GgufFamily("qwen2", False),
}
"""By the ``model_type`` of transformers. llama.cpp's converter permutes what its ``llama`` rotates."""
_BIASED = {"qwen2": ("q_proj", "k_proj", "v_proj")}


def network_refusal(network: Any) -> str | None:
    """Say why a network cannot be written; ``None`` where it can."""
    config = network.config
    if config.model_type not in FAMILIES:
        return (
            f"its architecture is {config.model_type}, and only {', '.join(FAMILIES)} are written"
        )
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type", "default") != "default":
        return f"its rotary positions are scaled ({rope['rope_type']}), which is not written yet"
    if getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True):
        return "its attention has a sliding window, which is not written yet"
    if config.hidden_act != "silu":
        return f"its activation is {config.hidden_act}, and llama.cpp computes silu"
    allowed = _BIASED.get(config.model_type, ())
    biased = [
        name
        for name, _ in network.named_parameters()
        if name.endswith(".bias") and not name.removesuffix(".bias").endswith(allowed or ("\0",))
    ]
    if biased:
        return (
            f"it has biases that {config.model_type} has none of in llama.cpp, such as {biased[0]}"
        )
    return None


def gguf_tensors(network: Any, precision: str) -> Iterator[tuple[str, NDArray[Any], Any]]:
    """Yield name, data and type of each tensor: matrices in ``precision``, vectors in fp32.

    A matrix whose rows Q8_0 cannot cut into blocks of 32 is written in F16.
    """
    from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGMLQuantizationType, get_tensor_name_map, quants

    family = FAMILIES[network.config.model_type]
    arch = next(key for key, name in MODEL_ARCH_NAMES.items() if name == family.name)
    assert isinstance(arch, MODEL_ARCH)
    names = get_tensor_name_map(arch, network.config.num_hidden_layers)
    for name, tensor in distinct_tensors(network, torch.float32).items():
        ordered = _ordered(name, tensor, network.config) if family.interleaves else tensor
        data = ordered.numpy()
        kind = (
            GGMLQuantizationType.F32 if data.ndim < 2 else GGMLQuantizationType[precision.upper()]
        )
        if kind is GGMLQuantizationType.Q8_0 and data.shape[-1] % 32:
            kind = GGMLQuantizationType.F16
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert target is not None, f"{name} has no name in llama.cpp"
        yield target, _encoded(data, kind, quants), kind


def _encoded(data: NDArray[Any], kind: Any, quants: Any) -> NDArray[Any]:
    with np.errstate(over="ignore"):  # what is too large for F16 is seen when it is read back
        encoded: NDArray[Any] = quants.quantize(np.ascontiguousarray(data), kind)
    return encoded


def _ordered(name: str, tensor: torch.Tensor, config: Any) -> torch.Tensor:
    if ".q_proj." in name:
        return interleaved(tensor, config.num_attention_heads).contiguous()
    if ".k_proj." in name:
        return interleaved(tensor, config.num_key_value_heads).contiguous()
    return tensor
