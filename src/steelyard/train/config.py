"""How LoRA is trained: plain data with every default in one place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class LoraConfig:
    """LoRA on all linear layers (Hu et al. 2021; all layers as in Dettmers et al. 2023, "QLoRA").

    Each of ``learning_rates`` is tried on ``trial_share`` of train; the one with the lowest loss on dev
    starts afresh and trains for at most ``max_epochs``, stopping after ``patience`` epochs without a
    lower loss. The rate warms up over ``warmup`` of all steps and falls linearly to zero at the end.
    ``step_tokens`` bounds how many tokens are computed at once; a larger batch is accumulated and
    gives the same gradient.
    """

    rank: int = 16
    alpha: int = 32
    learning_rates: tuple[float, ...] = (3e-4, 1e-3)
    batch_size: int = 8
    trial_share: float = 0.25
    max_epochs: int = 3
    patience: int = 1
    warmup: float = 0.1
    clip: float = 1.0
    step_tokens: int = 640
    precision: Literal["float32", "bfloat16"] = "float32"
