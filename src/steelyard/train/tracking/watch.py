"""Looks on at trainings and hands their curves to logs; a log that is away fails no training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.train.course import (
    MACHINE_FIELDS,
    CheckpointChoice,
    TrainingConfig,
    TrainingWatch,
    Watches,
    more_figures,
)
from steelyard.train.curve import StepLoss, read_curve
from steelyard.train.tracking.base import (
    LOGS,
    CurveLog,
    CurveLogError,
    LoggedJob,
    LoggedRun,
    LogTarget,
    Scalar,
    SettingValue,
)
from steelyard.words import counted, listed, one_line

_SEND_SECONDS = 30.0
"""Within a pass points are sent this often."""
_LONGEST_REASON = 200


class Unsent(NamedTuple):
    """What a log did not take of a job."""

    title: str
    job: str
    points: int
    has_begun: bool
    has_choice: bool

    @property
    def words(self) -> str:
        """What is missing there, on one line."""
        parts = [
            "" if self.has_begun else "the settings",
            counted(self.points, "point of the curves", "points of the curves")
            if self.points
            else "",
            "" if self.has_choice else "the choice",
        ]
        missing = listed(list(filter(None, parts))) or "that the training has ended"
        return f"not sent of {self.job} to {self.title}: {missing}"


class LogWatch(TrainingWatch):
    """Hands the curves of one job to one log, in batches; ``say`` is told once that it fails."""

    def __init__(self, log: CurveLog, job: LoggedJob, say: Callable[[str], None]) -> None:
        self._log = log
        self._job = job
        self._say = say
        self._run: LoggedRun | None = None
        self._settings: Mapping[str, SettingValue] = {}
        self._choice: Mapping[str, SettingValue] = {}
        self._pending: list[Scalar] = []
        self._sent_choice = self._has_warned = False
        self._config: TrainingConfig | None = None
        self._last = time.monotonic()

    def began(self, config: TrainingConfig) -> None:
        self._config, self._settings = config, params_of(config)
        for point in read_curve(self._job.folder):  # a killed attempt may not have sent them
            self._add_point(point)
        self._send()

    def stepped(self, point: StepLoss) -> None:
        self._add_point(point)
        if time.monotonic() - self._last >= _SEND_SECONDS and not self._has_warned:
            self._send()

    def _add_point(self, point: StepLoss) -> None:
        figures = {
            "loss/train": point.loss,
            "learning_rate": point.step_rate,
            "tokens_per_second": point.tokens_per_second,
        }
        self._add(_prefix(point.stage, point.learning_rate, point.steps), figures, point.whole_step)

    def passed(self, figures: Mapping[str, Any]) -> None:
        assert self._config is not None
        examples = round(figures["share"] * self._config.train_examples)
        steps = -(-examples // self._config.batch_size)
        values = {"loss/dev": figures["dev_loss"]}
        if figures.get("dev_score") is not None:
            values[f"{figures['metric']}/dev"] = figures["dev_score"]
        values |= {f"{name}/dev": value for name, value in more_figures(figures).items()}
        prefix = _prefix(figures["stage"], figures["learning_rate"], steps)
        earlier = figures["number"] * self._config.steps_per_epoch
        self._add(prefix, values, earlier + steps)
        self._send()

    def chose(self, choice: CheckpointChoice) -> None:
        self._choice = {"epoch": choice.number + 1, "learning_rate": choice.learning_rate}
        self._send()

    def _add(self, prefix: str, figures: Mapping[str, float | None], step: int) -> None:
        now = time.time()
        self._pending += [
            Scalar(prefix + name, value, step, now)
            for name, value in figures.items()
            if value is not None
        ]

    def _send(self) -> None:
        """Send what there is; what is not taken stays for the next time."""
        self._last = time.monotonic()
        try:
            self._run = self._run or self._log.begin(self._job, self._settings)
            if self._pending:
                self._run.scalars(self._pending)
                self._pending = []
            if self._choice and not self._sent_choice:
                self._run.choice(self._choice)
                self._sent_choice = True
        except CurveLogError as error:
            if not self._has_warned:
                reason = one_line(str(error), _LONGEST_REASON)
                self._say(
                    f"{self._log.title} does not take the curves ({reason}); training goes on"
                )
            self._has_warned = True

    def close(self) -> Unsent | None:
        """Send the rest and end it; say what was not sent, ``None`` where all was or nothing was trained."""
        if self._config is None:
            return None
        self._send()
        unsent = Unsent(
            self._log.title,
            self._job.name,
            len(self._pending),
            self._run is not None,
            self._sent_choice or not self._choice,
        )
        is_whole = not unsent.points and unsent.has_begun and unsent.has_choice
        try:
            if self._run is not None:
                self._run.close(is_finished=bool(self._choice))
        except CurveLogError:
            is_whole = False
        return None if is_whole else unsent


def _prefix(stage: str, rate: float, steps: int) -> str:
    return f"trial_{rate:g}_{steps}_steps/" if stage == "trial" else ""


def params_of(config: TrainingConfig) -> dict[str, SettingValue]:
    """What a training is set to, as flat values; what the machine decides is left out."""
    fields = {name: value for name, value in vars(config).items() if name not in MACHINE_FIELDS}
    options = {f"options.{name}": value for name, value in fields.pop("options").items()}
    trials = fields.pop("trials")
    texts = {"trials": ", then ".join(f"{one.rates} rates x {one.steps} steps" for one in trials)}
    plain: dict[str, SettingValue] = {}
    for name, value in {**fields, **texts, **options}.items():
        if isinstance(value, tuple | list):
            plain[name] = ", ".join(map(str, value))
        elif value is not None:
            plain[name] = value if isinstance(value, str | int | float) else str(value)
    return plain


class CurveLogs:
    """All logs of one call, over all its jobs."""

    def __init__(self, logs: Sequence[CurveLog], task: str, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._task = task
        self._say = say
        self._watches: list[LogWatch] = []

    def watch_of(self, job: str, folder: Path) -> TrainingWatch:
        """Return what hands the curves of ``job`` to every log; ``folder`` is the job's own."""
        named = LoggedJob(self._task, job, folder)
        watches = [LogWatch(log, named, self._say) for log in self._logs]
        self._watches += watches
        return Watches(*watches)

    def close(self) -> list[Unsent]:
        """End all of them; return what was not sent."""
        ended = [watch.close() for watch in self._watches]
        self._watches = []
        return [one for one in ended if one is not None]


def open_logs(targets: Sequence[LogTarget], task: str, say: Callable[[str], None]) -> CurveLogs:
    """Open what ``--log`` names for the task of that name, before anything is trained.

    ``say`` is told of what fails later. Raises `MissingExtraError` where a package is missing, `StorageError`
    where a folder cannot be written.
    """
    logs = [LOGS.get(target.kind)(target.place) for target in targets]
    return CurveLogs(logs, task, say)
