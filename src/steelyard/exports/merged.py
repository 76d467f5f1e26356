"""The arm's weights as plain tensors: base and adapter in one network, in fp32."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from steelyard.exports.source import ExportSource
from steelyard.model import huggingface

_PROBED = 8
"""Weights whose change is kept: enough to tell how strongly the tuning is in a file."""


class Merged(NamedTuple):
    """``network`` holds the tuned weights; ``changes`` what tuning added to some of them, by name.

    ``tokenizer`` is the base's as it is saved. ``rank`` and ``alpha`` are those of an adapter.
    """

    network: Any
    tokenizer: Any
    changes: Mapping[str, torch.Tensor]
    rank: int | None = None
    alpha: float | None = None


def merge(source: ExportSource) -> Merged:
    """Load the base in fp32 and add the adapter, as the measured model was built."""
    from transformers import AutoTokenizer

    huggingface.quiet()
    tokenizer = AutoTokenizer.from_pretrained(source.weights, **huggingface.NO_CODE)
    network = huggingface.read_network(source.weights, torch.float32)
    if source.arm.spec.adapter is None:
        return Merged(network, tokenizer, {})
    folder = Path(source.arm.spec.adapter)
    settings = huggingface.read_adapter_settings(folder)
    before = _probes(network, settings)
    network = huggingface.merge_adapter(network, folder)
    after = dict(network.named_parameters())
    changes = {name: after[name].detach() - weight for name, weight in before.items()}
    return Merged(network, tokenizer, changes, settings.get("r"), settings.get("lora_alpha"))


def _probes(network: Any, settings: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Copies of some of the weights that the adapter targets, from first layer to last."""
    targets = settings.get("target_modules") or ()
    ends = (targets,) if isinstance(targets, str) else tuple(targets)
    names = [
        name
        for name, _ in network.named_parameters()
        if name.removesuffix(".weight").endswith(ends) and name.endswith(".weight")
    ]
    probed = names[:: max(1, -(-len(names) // _PROBED))]
    parameters = dict(network.named_parameters())
    return {name: parameters[name].detach().clone() for name in probed}
