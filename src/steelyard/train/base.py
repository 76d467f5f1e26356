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
from steelyard.train.course import SILENT, TrainingWatch
from steelyard.train.learnt import Learnt

Tick = Callable[[int, int], None]
"""Called with the steps done and the steps in all."""


class ChatSample(NamedTuple):
    """One example to learn from: a chat and the answer to it, and from a pair a worse one."""

    messages: tuple[Message, ...]
    output: str
    rejected: str | None = None


BACKWARD = 3
"""A training token costs three forward passes: 6ND against 2ND operations (Kaplan et al. 2020)."""


class Passes(NamedTuple):
    """How often tuning passes over train, in whole and parts, and over dev."""

    train: float
    dev: int

    def tokens(self, train_tokens: float, dev_tokens: float) -> float:
        """Forward-pass tokens of these passes, where one takes ``train_tokens`` or ``dev_tokens``.

        Passes over train go forward and backward; after them two arms answer dev.
        """
        return BACKWARD * self.train * train_tokens + (self.dev + 2) * dev_tokens


@dataclass(frozen=True)
class DevScore:
    """The task's ``metric`` over dev examples, in [0, 1], and the score of each of them.

    ``low`` to ``high`` is the 95 % interval of ``total``, where it has one.
    """

    metric: str
    total: float
    items: tuple[float, ...]
    low: float | None = None
    high: float | None = None


ScoreDev = Callable[[ModelSpec, int | None], DevScore]
"""Scores a tuned model on the first so many of the dev samples that a tuner is given, or on all."""


class TuningOptions(Options):
    """Options of every tuner. Examples of more than ``max_tokens`` are left out of training."""

    max_tokens: int = Field(default=1024, ge=1)


OptionsT = TypeVar("OptionsT", bound=TuningOptions)


@dataclass(frozen=True)
class TuningJob:
    """The model to tune; ``folder`` is kept between attempts, so that a killed one can go on.

    ``score`` is what the task judges by; without it the loss on dev decides. Checkpoints within
    a pass are at least ``checkpoint_seconds`` apart; 0: at every point of its curve. ``watch`` looks on.
    ``data_fingerprint`` is that of the run's examples.
    """

    spec: ModelSpec
    folder: Path
    seed: int
    progress: Tick = lambda steps, total: None
    score: ScoreDev | None = None
    checkpoint_seconds: float = 300.0
    watch: TrainingWatch = SILENT
    data_fingerprint: str = ""


@dataclass(frozen=True)
class Tuned:
    """A tuned model.

    ``spec`` builds it, and ``spec.base`` is the model it was made of. ``usage`` counts trained tokens
    and machine seconds of all attempts, ``trace`` holds what was measured after each pass: the losses and,
    where dev was answered, ``dev_score``, over the first ``dev_items`` of dev (default: all). ``choice``
    holds the options that these led to, ``notes`` what a reader of its figures must know.
    """

    spec: ModelSpec
    usage: Usage
    trace: tuple[Mapping[str, Any], ...]
    choice: Mapping[str, Any]
    left_out_too_long: int = 0
    notes: tuple[str, ...] = ()

    @property
    def dev_asked(self) -> int:
        """How many answers on dev the choice went by; 0 where it went by the loss."""
        scored = (entry for entry in self.trace if entry.get("dev_score") is not None)
        return sum(int(entry.get("dev_items", 0)) for entry in scored)


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

        Every beginning of ``dev`` has each output in its share.

        Raises `ConfigError` for what cannot be tuned, which the strategy names.
        """

    @abstractmethod
    def passes(self, options: OptionsT) -> Passes:
        """Return what tuning may take at most."""

    def dev_answers(self, options: OptionsT, dev: int) -> int:
        """How many times one of ``dev`` examples is answered at most before the model is chosen."""
        return 0

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
