"""How LoRA is trained: plain data with every default in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LoraConfig:
    """LoRA on all linear layers (Hu et al. 2021; all layers as in Dettmers et al. 2023, "QLoRA").

    Each of ``learning_rates`` is tried for one epoch; the one with the lowest loss on dev goes on to at
    most ``max_epochs``, and stops after ``patience`` epochs without a lower one. The rate warms up over
    ``warmup`` of all steps and falls linearly to zero at ``max_epochs``. ``step_tokens`` bounds how many
    tokens are computed at once; a larger batch is accumulated and gives the same gradient.
    """

    rank: int = 16
    alpha: int = 32
    learning_rates: tuple[float, ...] = (3e-4, 1e-3)
    batch_size: int = 8
    max_epochs: int = 4
    patience: int = 1
    warmup: float = 0.1
    clip: float = 1.0
    step_tokens: int = 640
    precision: Literal["float32", "bfloat16"] = "float32"
