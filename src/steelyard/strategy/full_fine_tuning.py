"""Full fine-tuning on this machine: all weights of the model learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from steelyard.errors import ConfigError
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.strategy.base import TaskFacts
from steelyard.strategy.lora import Lora
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedOptions, TunedStrategy
from steelyard.train.base import Tuner
from steelyard.train.config import FullOptions
from steelyard.train.full import FullTuner


class FullStrategyOptions(FullOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class FullFineTuning(TunedStrategy):
    """Tunes every weight of the task's model on train; rate and epoch are chosen as LoRA's are."""

    name: ClassVar[str] = "full_fine_tuning"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="all weights fine-tuned, short instruction"
    )
    options_type = FullStrategyOptions
    tuner: ClassVar[Tuner[Any]] = FullTuner()

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        return "it trains all weights, at several times the memory of lora: name it in strategies to weigh it"

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse a model in a folder whose training does not fit into memory, before anything is run."""
        super().check(task, models)
        for model in models:
            if not Path(model.spec.name).is_dir() or self.refusal(task, model.spec):
                continue
            from steelyard.train.memory import shortage

            if (reason := shortage(model.spec.name)) is not None:
                raise ConfigError(f"strategy {self.name}: {reason}")
