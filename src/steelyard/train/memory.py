"""What training all weights needs of memory, and what there is of it."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

_BYTES = 16
"""Each weight in fp32 or its bf16 copy, its gradient, and AdamW's two means: 4 + 4 + 8, or 4 + 2 + 2 + 8."""
_MORE = 1.2
"""What the allocator adds, and the gradients of one block in fp32."""
_ACTIVATIONS, _HALF = 70 * 640, 2
"""Bytes for each layer and unit of the hidden size, in numbers of two bytes: 640 tokens are computed at
once. As it was measured (``benchmarks/tuning_memory.py``); in fp32 they are twice as many."""
_GIGABYTE = 1e9
_MEMINFO = Path("/proc/meminfo")


def shortage(source: str) -> str | None:
    """Say that all weights at ``source`` cannot be trained in the memory there is; ``None`` where they can.

    Also ``None`` where the system does not say how much there is. Reads the configuration alone.
    """
    available, parameters = available_bytes(), parameters_of(source)
    needed = needed_bytes(source, parameters)
    if available is None or needed <= available:
        return None
    return (
        f"training all {parameters:,} weights needs about {needed / _GIGABYTE:.1f} GB of memory, and "
        f"{available / _GIGABYTE:.1f} GB are available: free some, take a smaller model, or name lora"
    )


def needed_bytes(source: str, parameters: int) -> float:
    """What training so many weights needs, with the activations of the network at ``source``."""
    from steelyard.model import huggingface

    text = huggingface.read_config(source).get_text_config()
    return training_bytes(int(text.num_hidden_layers * text.hidden_size), parameters)


def training_bytes(units: int, learns: int, frozen: float = 0.0, element: int = _HALF) -> float:
    """What training ``learns`` weights needs, beside ``frozen`` bytes of others.

    ``units`` are the layers times the hidden size, ``element`` the bytes of a number that is computed with.
    """
    return _BYTES * _MORE * learns + frozen + _ACTIVATIONS * element / _HALF * units


@cache
def _libc() -> Any:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "malloc_trim") else None
    except (OSError, TypeError):
        return None


def give_back() -> None:
    """Give freed memory back to the system, where the C library can (glibc).

    What is freed between tensors that stay is kept by the allocator, and a gradient of another size does
    not fit into it.
    """
    if (libc := _libc()) is not None:
        libc.malloc_trim(0)


def parameters_of(source: str) -> int:
    """Count the weights of the network at ``source``, a tied head once, without loading them."""
    import torch
    from transformers import AutoModelForCausalLM

    from steelyard.model import huggingface

    config = huggingface.read_config(source)
    with torch.device("meta"):
        network = AutoModelForCausalLM.from_config(config, **huggingface.NO_CODE)
    network.tie_weights()
    return sum(parameter.numel() for parameter in network.parameters())


def available_bytes() -> int | None:
    """Memory that a new program gets without swapping: the GPU's where there is one, else the machine's."""
    import torch

    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    if _MEMINFO.is_file():  # free pages alone leave out the file cache, which is given up on demand
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
