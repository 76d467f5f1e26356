"""LoRA's variants, each a strategy of its own, so that one run weighs them against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from steelyard.model.base import ModelSpec
from steelyard.strategy.base import TaskFacts
from steelyard.strategy.lora import Lora, LoraStrategyOptions
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedOptions, TunedStrategy
from steelyard.train.base import Tuner
from steelyard.train.config import DoraOptions, LoraPlusOptions, RsLoraOptions
from steelyard.train.lora import LoraTuner, QLoraTuner


class RsLoraStrategyOptions(RsLoraOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class DoraStrategyOptions(DoraOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class LoraPlusStrategyOptions(LoraPlusOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class LoraVariant(TunedStrategy):
    """A variant of LoRA; ``auto`` leaves it out, because none was shown to be better on small data."""

    tuner: ClassVar[Tuner[Any]] = LoraTuner()

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        return "a variant of LoRA: name it in strategies to weigh it"


class RsLora(LoraVariant):
    """LoRA scaled by the root of the rank; see `RsLoraOptions`."""

    name: ClassVar[str] = "rslora"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="fine-tuned weights (rsLoRA), short instruction"
    )
    options_type = RsLoraStrategyOptions


class QLora(LoraVariant):
    """LoRA over weights in four bits (Dettmers et al. 2023), for what a GPU cannot hold in full."""

    name: ClassVar[str] = "qlora"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="fine-tuned weights (QLoRA), short instruction"
    )
    options_type = LoraStrategyOptions
    tuner: ClassVar[Tuner[Any]] = QLoraTuner()


class Dora(LoraVariant):
    """LoRA whose magnitudes learn apart; see `DoraOptions`."""

    name: ClassVar[str] = "dora"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="fine-tuned weights (DoRA), short instruction"
    )
    options_type = DoraStrategyOptions


class LoraPlus(LoraVariant):
    """LoRA whose B learns faster than A; see `LoraPlusOptions`."""

    name: ClassVar[str] = "lora_plus"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="fine-tuned weights (LoRA+), short instruction"
    )
    options_type = LoraPlusStrategyOptions
