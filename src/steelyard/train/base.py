"""What a tuner gets and returns: it turns examples into a model."""

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
from steelyard.train.learnt import Learnt

Tick = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


class ChatSample(NamedTuple):
    """One example to learn from: a chat and the answer to it."""

    messages: tuple[Message, ...]
    output: str


class Passes(NamedTuple):
    """How often tuning passes over train, in whole and parts, and over dev at most."""

    train: float
    dev: int


class TuningOptions(Options):
    """Options of every tuner. Examples of more than ``max_tokens`` are left out of training."""

    max_tokens: int = Field(default=1024, ge=1)


OptionsT = TypeVar("OptionsT", bound=TuningOptions)


@dataclass(frozen=True)
class TuningJob:
    """The model to tune; ``folder`` is kept between attempts, so that a killed one can go on."""

    spec: ModelSpec
    folder: Path
    seed: int
    progress: Tick = lambda steps, total: None


@dataclass(frozen=True)
class Tuned:
    """A tuned model.

    ``spec`` builds it, and ``spec.base`` is the model it was made of. ``usage`` counts trained tokens
    and machine seconds of all attempts, ``trace`` holds their losses, and ``choice`` the options that
    these led to.
    """

    spec: ModelSpec
    usage: Usage
    trace: tuple[Mapping[str, Any], ...]
    choice: Mapping[str, Any]
    left_out_too_long: int = 0


class Tuner(ABC, Generic[OptionsT]):
    """A way to tune a model, under a `TunedStrategy` that reads its options."""

    @abstractmethod
    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: OptionsT,
        job: TuningJob,
    ) -> Tuned:
        """Tune on ``samples`` and choose on ``dev``; a finished job is read back, not repeated.

        Raises `ConfigError` for what cannot be tuned, which the strategy names.
        """

    @abstractmethod
    def passes(self, options: OptionsT) -> Passes:
        """Return what tuning may take at most."""

    @abstractmethod
    def learnt(
        self, samples: Sequence[ChatSample], options: OptionsT, spec: ModelSpec, show: int
    ) -> Learnt:
        """Say what of ``samples`` is learnt, with the first ``show`` of them.

        Raises `ConfigError` where it cannot be told, or nothing would be learnt.
        """

    def refusal(self, spec: ModelSpec) -> str | None:
        """Say why it cannot tune a model; ``None`` where it can."""
        return None

    def reservation(self) -> str | None:
        """Say what is missing on this machine; ``None`` where nothing is."""
        return None
