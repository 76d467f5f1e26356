"""Curves for MLflow: an experiment for each task, and a run for each job, also where that is resumed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from steelyard.errors import ConfigError, MissingExtraError
from steelyard.extras import require
from steelyard.files import read_json, write_whole
from steelyard.model.hosted.address import without_secrets
from steelyard.train.tracking.base import (
    CurveLog,
    CurveLogError,
    LoggedJob,
    LoggedRun,
    Scalar,
    SettingValue,
)
from steelyard.words import one_line

_RUN_NAME = "mlflow.json"
_MOST_METRICS, _MOST_PARAMS = 1000, 100
"""What one request may carry, by MLflow's REST interface."""
_LONGEST_VALUE, _LONGEST_REASON = 500, 300
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""Unless the user sets them: MLflow's own wait for minutes on a server that is away, and training with it."""
_FORBIDDEN = re.compile(r"[^\w\-. /]")


class MlflowLog(CurveLog):
    """Writes to a tracking server, or to a store that MLflow can open.

    Whether a server answers shows when the first curve is sent. Raises `MissingExtraError` for a package that
    is missing, `ConfigError` for a place that MLflow refuses.
    """

    place_word: ClassVar[str] = "URI"

    def __init__(self, place: str) -> None:
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._mlflow = require("mlflow", "mlflow")
        self.title = without_secrets(f"mlflow:{place}")
        try:
            self._client = self._mlflow.MlflowClient(tracking_uri=place)
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                f"--log {self.title}: such a store needs the package {error.name}; run: pip install mlflow"
            ) from error
        except self._mlflow.exceptions.MlflowException as error:
            reason = one_line(without_secrets(str(error)), _LONGEST_REASON)
            raise ConfigError(f"--log {self.title}: MLflow refuses it: {reason}") from error

    def begin(self, job: LoggedJob, settings: Mapping[str, SettingValue]) -> LoggedRun:
        params = {
            _FORBIDDEN.sub("_", name): str(value)[:_LONGEST_VALUE]
            for name, value in settings.items()
        }
        with self.guarded():
            run_id = self._former(job.folder, params) or self._new(job, params)
            return _MlflowRun(self, self._client, run_id, self._mlflow.entities)

    def _new(self, job: LoggedJob, params: Mapping[str, str]) -> str:
        client = self._client
        experiment = client.get_experiment_by_name(job.task)
        place = (
            client.create_experiment(job.task) if experiment is None else experiment.experiment_id
        )
        run_id = str(client.create_run(place, run_name=job.name).info.run_id)
        pairs = [self._mlflow.entities.Param(*pair) for pair in params.items()]
        for some in _parts(pairs, _MOST_PARAMS):
            client.log_batch(run_id, params=some)
        run = {"place": self.title, "run_id": run_id, "params": params}
        write_whole(job.folder / _RUN_NAME, json.dumps(run))
        return run_id

    def _former(self, folder: Path, params: Mapping[str, str]) -> str | None:
        """The run that an interrupted training of these settings began in this store, if it is there."""
        path = folder / _RUN_NAME
        if not path.is_file():
            return None
        try:
            kept = read_json(path)
        except ValueError:
            return None
        if not isinstance(kept, dict) or kept.get("place") != self.title:
            return None
        if kept.get("params") != params:  # those of a run cannot be changed
            return None
        run_id = str(kept.get("run_id"))
        try:
            self._client.update_run(run_id, status="RUNNING")
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return run_id

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn what MLflow and the network below it raise into `CurveLogError`."""
        try:
            yield
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise CurveLogError(without_secrets(str(error))) from error


def _parts(several: list[Any], most: int) -> Iterator[list[Any]]:
    return (several[first : first + most] for first in range(0, len(several), most))


class _MlflowRun(LoggedRun):
    """One run of MLflow."""

    def __init__(self, log: MlflowLog, client: Any, run_id: str, entities: Any) -> None:
        self._log = log
        self._client = client
        self._id = run_id
        self._entities = entities

    def scalars(self, points: Sequence[Scalar]) -> None:
        metrics = [
            self._entities.Metric(
                _FORBIDDEN.sub("_", one.name), one.value, round(1000 * one.time), one.step
            )
            for one in points
        ]
        with self._log.guarded():
            for some in _parts(metrics, _MOST_METRICS):
                self._client.log_batch(self._id, metrics=some)

    def choice(self, values: Mapping[str, SettingValue]) -> None:
        tags = [self._entities.RunTag(f"steelyard.{name}", str(v)) for name, v in values.items()]
        with self._log.guarded():
            self._client.log_batch(self._id, tags=tags)

    def close(self, *, is_finished: bool) -> None:
        with self._log.guarded():
            self._client.set_terminated(self._id, "FINISHED" if is_finished else "FAILED")
