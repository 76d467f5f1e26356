"""How LoRA is trained: each default in one place. Importing it loads no torch."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat

from steelyard.config.options import Several
from steelyard.train.base import TuningOptions


class LoraOptions(TuningOptions):
    """LoRA on all linear layers (Hu et al. 2021; all layers as in Dettmers et al. 2023, "QLoRA").

    Each of ``learning_rates`` is tried on ``trial_share`` of train; the one with the lowest loss on dev
    starts afresh and trains for at most ``max_epochs``, stopping after ``patience`` epochs without a
    lower loss.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    learning_rates: Several[NonNegativeFloat] = (3e-4, 1e-3)
    batch_size: int = Field(default=8, ge=1)
    trial_share: NonNegativeFloat = 0.25
    max_epochs: int = Field(default=3, ge=1)
    patience: int = Field(default=1, ge=1)

    @property
    def trials(self) -> int:
        return len(self.learning_rates) if len(self.learning_rates) > 1 else 0
