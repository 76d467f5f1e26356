"""The arm's weights as plain tensors: one network in fp32, with what tuning changed in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from steelyard.exports.source import ExportSource
from steelyard.model import huggingface
from steelyard.model.nf4 import base_under
from steelyard.model.prompts import without_thought

_PROBED = 8
"""Weights whose change is kept: enough to tell how strongly the tuning is in a file."""


class Merged(NamedTuple):
    """``network`` holds the tuned weights; ``changes`` what tuning added to some of them, by name.

    ``tokenizer`` is the base's as it is saved, but that a thought which its template opens is closed.
    ``rank`` and ``alpha`` are those of an adapter.
    """

    network: Any
    tokenizer: Any
    changes: Mapping[str, torch.Tensor]
    rank: int | None = None
    alpha: float | None = None


def merge(source: ExportSource) -> Merged:
    """Load the base in fp32 and put in what tuning changed, as the measured model was built."""
    from transformers import AutoTokenizer

    huggingface.quiet()
    tokenizer = AutoTokenizer.from_pretrained(source.weights, **huggingface.NO_CODE)
    network = huggingface.read_network(source.weights, torch.float32)
    if source.arm.spec.adapter is None:
        return Merged(network, tokenizer, {})
    tokenizer = without_thought(tokenizer)
    folder = Path(source.arm.spec.adapter)
    is_whole = huggingface.is_whole(folder)
    settings = {} if is_whole else huggingface.read_adapter_settings(folder)
    base = base_under(folder, network)
    before = _probes(base, settings)
    network = huggingface.tuned_network(folder, lambda: base)
    after = dict(network.named_parameters())
    changes = {name: after[name].detach() - weight for name, weight in before.items()}
    return Merged(network, tokenizer, changes, settings.get("r"), settings.get("lora_alpha"))


def _probes(network: Any, settings: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Copies of some of the weight matrices that tuning changed, from first layer to last.

    Those that an adapter targets; where all weights were tuned there are no ``settings``.
    """
    targets = settings.get("target_modules") or ()
    ends = (targets,) if isinstance(targets, str) else tuple(targets)
    names = [
        name
        for name, weight in network.named_parameters()
        if name.endswith(".weight")
        and weight.ndim == 2
        and (not settings or name.removesuffix(".weight").endswith(ends))
    ]
    probed = names[:: max(1, -(-len(names) // _PROBED))]
    parameters = dict(network.named_parameters())
    return {name: parameters[name].detach().clone() for name in probed}
