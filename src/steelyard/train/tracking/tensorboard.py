"""Curves for TensorBoard: event files in a folder, one folder for each job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from steelyard.errors import StorageError
from steelyard.extras import require
from steelyard.files import expanded
from steelyard.train.tracking.base import (
    CurveLog,
    CurveLogError,
    LoggedJob,
    LoggedRun,
    Scalar,
    SettingValue,
)

_EXTRA = "tensorboard"


class TensorBoardLog(CurveLog):
    """Writes below a folder, which is made here.

    Raises `MissingExtraError` without the package, `StorageError` where the folder cannot be written.
    """

    place_word: ClassVar[str] = "DIR"

    def __init__(self, place: str) -> None:
        require("tensorboard", _EXTRA)
        self._writer = require("torch.utils.tensorboard", "local")
        self._place = expanded(place)
        self.title = f"tensorboard:{self._place}"
        try:
            self._place.mkdir(parents=True, exist_ok=True)
            probe = self._place / ".steelyard"
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or error
            raise StorageError(
                f"--log {self.title}: the folder cannot be written: {reason}; choose another"
            ) from error

    def begin(self, job: LoggedJob, settings: Mapping[str, SettingValue]) -> LoggedRun:
        with _guarded():
            return _TensorBoardRun(self._writer, self._place / job.name, settings)


class _TensorBoardRun(LoggedRun):
    """Event files of one job, which begin with its settings."""

    def __init__(self, module: Any, folder: Path, settings: Mapping[str, SettingValue]) -> None:
        self._writer = module.SummaryWriter(log_dir=str(folder))
        # What `add_hparams` writes, but for figures of metrics that are not there yet.
        whole, start, self._end = module.summary.hparams(dict(settings), {"loss/dev": 0.0})
        for part in (whole, start):
            self._writer.file_writer.add_summary(part)
        lines = (f"| {name} | {value} |" for name, value in settings.items())
        self._writer.add_text("settings", "\n".join(["| setting | value |", "|---|---|", *lines]))
        self._writer.flush()

    def scalars(self, points: Sequence[Scalar]) -> None:
        with _guarded():
            for one in points:
                self._writer.add_scalar(one.name, one.value, one.step, walltime=one.time)
            self._writer.flush()

    def choice(self, values: Mapping[str, SettingValue]) -> None:
        with _guarded():
            text = ", ".join(f"{name} {value}" for name, value in values.items())
            self._writer.add_text("choice", text)

    def close(self, *, is_finished: bool) -> None:
        with _guarded():
            if is_finished:
                self._writer.file_writer.add_summary(self._end)
            self._writer.close()


@contextmanager
def _guarded() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: its writer was closed by an earlier one
        raise CurveLogError(str(error)) from error
