"""Weights in four bits, NF4 with scales in eight (Dettmers et al. 2023, "QLoRA"), by bitsandbytes.

What was learnt over rounded weights belongs to them: put on the weights in full, it answers otherwise than
in training. So the folder of such an adapter says so, and its base is rounded again before it is merged.
"""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from steelyard.errors import ModelError
from steelyard.extras import command, require
from steelyard.files import read_json, write_whole

_PACKAGE = "bitsandbytes"
_MARK = "base.json"
_FORMAT = {"weights": "nf4", "scales": "8 bit"}


def missing() -> str | None:
    """Say which of a GPU and bitsandbytes, which four bits need, is missing; ``None``: neither."""
    if find_spec(_PACKAGE) is None:
        return f"the package {_PACKAGE} is not installed; run: {command('qlora')}"
    if find_spec("torch") is None:
        return None  # the extra that every tuner needs is missed elsewhere
    import torch

    if not torch.cuda.is_available():
        return "four bits save memory on a GPU, and this machine has none"
    return None


def quantise(network: Any) -> None:
    """Hold the linear layers of ``network``, but not its head, in four bits; in place."""
    from torch import nn

    bnb = require(_PACKAGE, "qlora").nn
    for parent, name, layer in _linear_layers(network):
        small = bnb.Linear4bit(
            layer.in_features,
            layer.out_features,
            bias=layer.bias is not None,
            quant_type="nf4",
            device="meta",
        )
        small.weight = bnb.Params4bit(
            layer.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
        )
        if layer.bias is not None:
            small.bias = nn.Parameter(layer.bias.data, requires_grad=False)
        setattr(parent, name, small.to(layer.weight.device))
    network.is_loaded_in_4bit = True  # by which peft knows it


def is_quantised(network: Any) -> bool:
    """Whether some weights of ``network`` are held in four bits."""
    return any(hasattr(weight, "quant_state") for weight in network.parameters())


def mark(folder: Path) -> None:
    """Write beside an adapter that it was learnt over weights in four bits."""
    write_whole(folder / _MARK, json.dumps(_FORMAT))


def is_marked(folder: Path) -> bool:
    """Whether the adapter in ``folder`` was learnt over weights in four bits."""
    return (folder / _MARK).is_file()


def base_under(folder: Path, network: Any) -> Any:
    """Return ``network`` as the adapter in ``folder`` was learnt over it: its weights rounded, in place.

    Where the folder says nothing of that they stay as they are. Raises `ModelError` for a format that this
    version does not know, and `MissingExtraError` without bitsandbytes.
    """
    if not is_marked(folder):
        return network
    if (stated := read_json(folder / _MARK)) != _FORMAT:
        raise ModelError(
            f"{folder / _MARK}: the adapter was learnt over weights in {stated}, not in {_FORMAT}"
        )
    functional = require(_PACKAGE, "qlora").functional
    for _parent, _name, layer in _linear_layers(network):
        weight = layer.weight.data
        small, state = functional.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
        layer.weight.data = functional.dequantize_4bit(small, state).to(weight.dtype)
    return network


def _linear_layers(network: Any) -> list[tuple[Any, str, Any]]:
    """Linear layers with their parents and names there, but for the head."""
    from torch import nn

    head = network.get_output_embeddings()
    return [
        (parent, name, layer)
        for parent in network.modules()
        for name, layer in parent.named_children()
        if type(layer) is nn.Linear and layer is not head
    ]
