"""How LoRA is trained: each default in one place. Importing it loads no torch."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat

from steelyard.train.base import Passes, TuningOptions

_TRIALS = 2
"""Without ``learning_rates``, all trials together take what so many of ``trial_share`` would."""


class LoraOptions(TuningOptions):
    """LoRA on all linear layers (Hu et al. 2021; all layers as in Dettmers et al. 2023, "QLoRA").

    Several ``learning_rates`` are each tried on ``trial_share`` of train; without any they are those
    around a published formula (`steelyard.train.rates`). The best on dev starts afresh and trains for
    ``max_epochs``, stopping after ``patience`` epochs in which dev got no better.
    """

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    learning_rates: tuple[NonNegativeFloat, ...] = ()
    batch_size: int = Field(default=8, ge=1)
    trial_share: NonNegativeFloat = 0.25
    max_epochs: int = Field(default=3, ge=1)
    patience: int = Field(default=1, ge=1)

    @property
    def passes(self) -> Passes:
        """What training may take: every trial its share of train, and dev after it and every epoch."""
        count = len(self.learning_rates) or _TRIALS
        trials = count if count > 1 else 0
        return Passes(trials * self.trial_share + self.max_epochs, trials + self.max_epochs)
