"""Fine-tuning with LoRA on this machine."""

from __future__ import annotations

from typing import Any, ClassVar

from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedOptions, TunedStrategy
from steelyard.train.base import Tuner
from steelyard.train.config import LoraOptions
from steelyard.train.lora import LoraTuner


class LoraStrategyOptions(LoraOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class Lora(TunedStrategy):
    """Tunes the task's model on train; learning rate and epoch are chosen on dev, by metric and loss."""

    name: ClassVar[str] = "lora"
    traits: ClassVar[Traits] = Traits(
        family="fine_tune",
        about="fine-tuned weights, short instruction",
        needs_references=True,
        tunes=True,
        carries="upload",
    )
    options_type = LoraStrategyOptions
    tuner: ClassVar[Tuner[Any]] = LoraTuner()
