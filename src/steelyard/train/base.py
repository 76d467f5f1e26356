"""What a tuner is given and what it returns. A tuner turns examples into a model of their own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import Field

from steelyard.config.options import Options
from steelyard.core import Message, Usage
from steelyard.model.base import ModelSpec

Tick = Callable[[int, int], None]
"""Called with ``(steps done, steps in all)``."""


class ChatSample(NamedTuple):
    """One example to learn from: the chat that is read, and the answer to it."""

    messages: tuple[Message, ...]
    output: str


class Passes(NamedTuple):
    """How often tuning passes over train (trials on a part count as that part) and over dev at most."""

    train: float
    dev: int


class TuningOptions(Options):
    """What every tuner can be told: longer examples, in tokens, are left out of training."""

    max_tokens: int = Field(default=1024, ge=1)


OptionsT = TypeVar("OptionsT", bound=TuningOptions)


@dataclass(frozen=True)
class TuningJob:
    """The model to tune, and a folder that is kept between attempts, so that a killed one can go on."""

    spec: ModelSpec
    folder: Path
    seed: int
    progress: Tick = lambda done, total: None


@dataclass(frozen=True)
class Tuned:
    """A tuned model and how it came about.

    ``spec`` builds it, and its ``base`` is the model it was made of. ``usage`` counts the tokens that
    passed through training, in all attempts, and the machine's seconds. ``trace`` holds the losses that
    ``choice``, the options it was trained with in the end, rests on.
    """

    spec: ModelSpec
    usage: Usage
    trace: tuple[Mapping[str, Any], ...]
    choice: Mapping[str, Any]
    left_out_too_long: int = 0


class Tuner(ABC, Generic[OptionsT]):
    """A way to tune a model. Its options are read and saved by the strategy over it."""

    @abstractmethod
    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: OptionsT,
        job: TuningJob,
    ) -> Tuned:
        """Tune on ``samples`` and choose on ``dev``; a finished job is read back, not repeated."""

    @abstractmethod
    def passes(self, options: OptionsT) -> Passes:
        """Return what tuning may take at most."""

    def refusal(self, spec: ModelSpec) -> str | None:
        """Say why it cannot tune a model; ``None`` where it can."""
        return None

    def reservation(self) -> str | None:
        """Say what is missing on this machine; ``None`` where nothing is."""
        return None
