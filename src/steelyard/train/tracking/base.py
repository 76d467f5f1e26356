"""Where curves are written to beside the run folder: the protocol, and the places that there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

from steelyard.errors import ConfigError, closest
from steelyard.registry import Registry

SettingValue = str | int | float | bool


class LogTarget(NamedTuple):
    """What ``--log`` names: a kind and a place, a folder or an address."""

    kind: str
    place: str

    @classmethod
    def parse(cls, text: str) -> LogTarget:
        """Read ``tensorboard:DIR`` or ``mlflow:URI``. Raises `ConfigError` for anything else."""
        kind, colon, place = text.partition(":")
        forms = {name: f"{name}:{LOGS.get(name).place_word}" for name in LOGS}
        if kind not in forms:
            every = " or ".join(forms.values())
            raise ConfigError(f"{text!r} names no log{closest(kind, forms)}: give {every}")
        if not colon or not place.strip():
            raise ConfigError(f"{text!r} says no place: give {forms[kind]}")
        return cls(kind, place.strip())


class Scalar(NamedTuple):
    """A figure by ``name`` at a step; ``time`` is in seconds since 1970."""

    name: str
    value: float
    step: int
    time: float


class LoggedJob(NamedTuple):
    """The task's and the job's names, and the job's own folder."""

    task: str
    name: str
    folder: Path


class CurveLogError(Exception):
    """What a log could not take, in words; a training goes on after it."""


class LoggedRun(ABC):
    """The curves of one job in a log. Methods raise `CurveLogError` for what is not written."""

    @abstractmethod
    def scalars(self, points: Sequence[Scalar]) -> None:
        """Write points, all or none of them."""

    @abstractmethod
    def choice(self, values: Mapping[str, SettingValue]) -> None:
        """Write what was chosen."""

    @abstractmethod
    def close(self, *, is_finished: bool) -> None:
        """End it; ``is_finished`` says whether the training came to its end."""


class CurveLog(ABC):
    """A log that is there and may be written to; ``title`` names it in messages, without secrets.

    ``place_word`` stands for its place in what people are told to write.
    """

    place_word: ClassVar[str]
    title: str

    @abstractmethod
    def __init__(self, place: str) -> None:
        """Open the log at ``place``."""

    @abstractmethod
    def begin(self, job: LoggedJob, settings: Mapping[str, SettingValue]) -> LoggedRun:
        """Begin the curves of a job of those ``settings``, or go on with them. Raises `CurveLogError`."""


LOGS: Registry[type[CurveLog]] = Registry(
    "log",
    {
        "tensorboard": "steelyard.train.tracking.tensorboard:TensorBoardLog",
        "mlflow": "steelyard.train.tracking.mlflow:MlflowLog",
    },
)
