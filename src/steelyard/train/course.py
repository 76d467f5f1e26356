"""A training as it goes on: what it was set to, what each pass came to, what happened. No torch here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from steelyard.config.records import read_as
from steelyard.errors import StorageError
from steelyard.files import read_json, write_whole
from steelyard.train.curve import StepLoss
from steelyard.train.rates import RateOrigin

COURSE_NAME = "course.json"
EventKind = Literal["resumed", "memory", "divergence"]
MACHINE_FIELDS = frozenset({"available_bytes", "memory_bytes", "step_tokens", "folder"})
"""Fields of a configuration that the machine decides, from one start to the next."""
_PASS = ("stage", "learning_rate", "number", "share")
"""What tells passes apart in their figures."""
_FIGURES = frozenset(
    (*_PASS, "train_loss", "dev_loss", "seconds", "dev_items", "dev_score", "dev_low", "dev_high")
)
"""The figures of every pass; an objective may have more."""


@dataclass(frozen=True)
class TrialRound:
    """Learning rates that are each tried on so many ``examples`` of train; ``spare`` more may follow."""

    rates: int
    examples: int
    steps: int
    spare: int = 0


@dataclass(frozen=True)
class TrainingConfig:
    """What a training does, as it was decided before its first step.

    ``targets`` are the layers with adapters, none where all weights learn. ``learning_rate_from`` says
    whether ``learning_rates`` are the user's (``given``), those around the formula's (``trials``), or the
    formula's alone. ``batch_tokens`` is the mean of a step, ``step_tokens`` what is computed at once.
    ``allowed_tokens`` and ``trial_tokens`` are budgets in forward-pass tokens; the latter is ``None`` where
    the rates are the user's. ``memory_bytes`` is a forecast; ``None``: see ``memory_reason``. Where it
    ``is_quantised``, the weights below the adapters are held in four bits.
    """

    model: str
    kind: str
    options: Mapping[str, Any]
    targets: tuple[str, ...]
    trainable: int
    parameters: int
    precision: str
    device: str
    learning_rates: tuple[float, ...]
    learning_rate_from: RateOrigin
    formula_rate: float
    epochs: int
    steps_per_epoch: int
    warmup_steps: int
    batch_size: int
    batch_tokens: float
    step_tokens: int
    trials: tuple[TrialRound, ...]
    trial_dev: int
    trial_tokens: float | None
    allowed_tokens: float
    train_examples: int
    dev_examples: int
    train_too_long: int
    dev_too_long: int
    train_tokens: int
    learnt_tokens: int
    dev_tokens: int
    data_fingerprint: str
    seed: int
    memory_bytes: float | None
    memory_reason: str
    available_bytes: int | None
    folder: str
    loss_unit: str = "nats per learnt token"
    is_quantised: bool = False


@dataclass(frozen=True)
class TrainingEvent:
    """Something a reader must know of, with its time in UTC (ISO 8601)."""

    kind: EventKind
    text: str
    time: str


@dataclass(frozen=True)
class CheckpointChoice:
    """The learning rate and the epoch, by its number from 0, whose weights were taken."""

    learning_rate: float
    number: int


@dataclass(frozen=True)
class TrainingCourse:
    """All that is known of a training but its curve; ``choice`` is ``None`` until it has ended well.

    ``passes`` are as in `Tuned.trace`, with the name of the metric on dev and its interval.
    """

    config: TrainingConfig
    passes: tuple[Mapping[str, Any], ...] = ()
    events: tuple[TrainingEvent, ...] = ()
    choice: CheckpointChoice | None = None
    notes: tuple[str, ...] = ()

    @property
    def epochs(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(one for one in self.passes if one["stage"] == "epoch")

    @property
    def trials(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(one for one in self.passes if one["stage"] == "trial")

    @property
    def seconds(self) -> float:
        """The seconds of all passes."""
        return float(sum(one["seconds"] for one in self.passes))

    def is_choice(self, one: Mapping[str, Any]) -> bool:
        """Whether the weights after that pass were taken."""
        place = None if self.choice is None else (self.choice.learning_rate, self.choice.number)
        return one["stage"] == "epoch" and (one["learning_rate"], one["number"]) == place


class TrainingWatch:
    """Looks on while a model is trained; this one does nothing. It must not fail a training."""

    def began(self, config: TrainingConfig) -> None:
        """Look at what will be done; also when a training that was interrupted goes on."""

    def stepped(self, point: StepLoss) -> None:
        """Look at a point of the curve."""

    def passed(self, figures: Mapping[str, Any]) -> None:
        """Look at what a pass came to, also at one that was finished by an earlier attempt."""

    def happened(self, event: TrainingEvent) -> None:
        """Look at what went otherwise than planned."""

    def chose(self, choice: CheckpointChoice) -> None:
        """Look at the choice, at the end."""


SILENT = TrainingWatch()


def happens(watch: TrainingWatch, kind: EventKind, text: str) -> None:
    """Tell ``watch`` of an event of this moment."""
    watch.happened(TrainingEvent(kind, text, datetime.now(UTC).isoformat(timespec="seconds")))


class Watches(TrainingWatch):
    """Several that look on, in their order."""

    def __init__(self, *watches: TrainingWatch) -> None:
        self._watches = watches

    def began(self, config: TrainingConfig) -> None:
        for watch in self._watches:
            watch.began(config)

    def stepped(self, point: StepLoss) -> None:
        for watch in self._watches:
            watch.stepped(point)

    def passed(self, figures: Mapping[str, Any]) -> None:
        for watch in self._watches:
            watch.passed(figures)

    def happened(self, event: TrainingEvent) -> None:
        for watch in self._watches:
            watch.happened(event)

    def chose(self, choice: CheckpointChoice) -> None:
        for watch in self._watches:
            watch.chose(choice)


class CourseFile(TrainingWatch):
    """Keeps the course of a training in its job's folder, whole after each pass and each event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._course: TrainingCourse | None = None

    def began(self, config: TrainingConfig) -> None:
        former = read_course(self._folder)
        if former is not None and _is_same(former.config, config):
            self._keep(replace(former, config=config))
            return
        self._keep(TrainingCourse(config))

    @property
    def course(self) -> TrainingCourse:
        assert self._course is not None
        return self._course

    def passed(self, figures: Mapping[str, Any]) -> None:
        others = [one for one in self.course.passes if _key(one) != _key(figures)]
        self._keep(replace(self.course, passes=(*others, dict(figures))))

    def happened(self, event: TrainingEvent) -> None:
        """Keep an event; a pass that diverges again, because it is not kept, is one."""
        same = [(one.kind, one.text) for one in self.course.events if one.kind == "divergence"]
        if (event.kind, event.text) not in same:
            self._keep(replace(self.course, events=(*self.course.events, event)))

    def chose(self, choice: CheckpointChoice) -> None:
        self._keep(replace(self.course, choice=choice))

    def noted(self, notes: tuple[str, ...]) -> None:
        """Keep what a reader of the figures must know."""
        self._keep(replace(self.course, notes=notes))

    def _keep(self, course: TrainingCourse) -> None:
        self._course = course
        text = json.dumps(asdict(course), indent=1, allow_nan=False)
        write_whole(self._folder / COURSE_NAME, text)


def more_figures(figures: Mapping[str, Any]) -> dict[str, float]:
    """What a pass measured on dev beside loss and metric, by name."""
    return {
        name: value
        for name, value in figures.items()
        if name not in _FIGURES and isinstance(value, float)
    }


def _key(figures: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(figures[name] for name in _PASS)


def _is_same(former: TrainingConfig, config: TrainingConfig) -> bool:
    """Whether both train alike."""
    return former == replace(config, **{name: getattr(former, name) for name in MACHINE_FIELDS})


def read_course(folder: Path) -> TrainingCourse | None:
    """Read the course of a job's folder; ``None`` where none was kept.

    Raises `StorageError` where something else is there.
    """
    path = folder / COURSE_NAME
    if not path.is_file():
        return None
    try:
        course: TrainingCourse = read_as(TrainingCourse, read_json(path))
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path} is damaged ({error}): remove it, which loses the record of the training, not its weights"
        ) from error
    return course
