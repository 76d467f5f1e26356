"""What of a network learns, by the options; and how what was learnt is saved."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from steelyard.model import nf4
from steelyard.train.config import LoraOptions, TrainingOptions


def attach(network: Any, options: TrainingOptions, seed: int) -> Any:
    """Return ``network`` with what learns requiring gradients: adapters drawn from ``seed``, or all of it."""
    if not isinstance(options, LoraOptions):
        return network.requires_grad_(True)
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)  # peft draws the adapter's first values from the global generator
    settings = {"target_modules": "all-linear", "lora_dropout": 0.0, "task_type": "CAUSAL_LM"}
    return get_peft_model(network, LoraConfig(**settings, **options.peft_settings))


def rate_ratio(options: TrainingOptions, name: str) -> float:
    """How many times the stated rate the weight of that name learns at."""
    return options.up_ratio if isinstance(options, LoraOptions) and ".lora_B." in name else 1.0


def save_tuned(network: Any, values: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write ``values``, what was learnt in fp32: an adapter as peft reads it, or whole weights.

    Whole weights are written as transformers reads them, each tensor once: a head that is the embedding
    is tied again when they are loaded. Files that were there are left to the arms that share them.
    """
    shutil.rmtree(folder, ignore_errors=True)
    state = dict(values)
    if not hasattr(network, "peft_config"):
        names = {name for name, _ in network.named_parameters(remove_duplicate=False)}
        state |= {name: one for name, one in network.state_dict().items() if name not in names}
    network.save_pretrained(str(folder), state_dict=state)
    if nf4.is_quantised(network):
        nf4.mark(folder)
