"""Full fine-tuning on this machine: all weights learn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from steelyard.errors import ConfigError
from steelyard.train.base import TuningJob
from steelyard.train.config import TrainingOptions
from steelyard.train.lora import LocalTuner, read_trainable

if TYPE_CHECKING:
    from steelyard.train.trainer import Trainer


class FullTuner(LocalTuner):
    """Tunes all weights of a local model; the tuned model's folder holds them all."""

    def trainer(self, source: str, options: TrainingOptions, job: TuningJob) -> Trainer:
        """Load the network to train it. Raises `ConfigError` where memory does not suffice, too."""
        from steelyard.model import huggingface
        from steelyard.train.memory import shortage
        from steelyard.train.trainer import Trainer

        if (reason := shortage(source)) is not None:
            raise ConfigError(reason)
        precision = huggingface.best_settings(source).precision
        network = read_trainable(source, job.spec)
        reread = partial(huggingface.read_network, source, "float32")
        return Trainer(network, options, job.seed, precision, reread)
