"""Curves for TensorBoard and MLflow: complete, continued, and never the end of a training."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import pytest

from steelyard.errors import ConfigError, MissingExtraError, StorageError
from steelyard.train.tracking import CurveLogs, LogTarget, open_logs
from steelyard.train.tracking.base import LOGS
from steelyard.train.tracking.watch import params_of
from tests.conftest import HidePackages
from tests.train.courses import config_with, figures, train_by_hand


class Point(NamedTuple):
    key: str
    value: float
    timestamp: int
    step: int


class Pair(NamedTuple):
    key: str
    value: str


class FakeMlflowError(Exception):
    def __init__(self, message: str, error_code: str = "INTERNAL_ERROR") -> None:
        super().__init__(message)
        self.error_code = error_code


class MlflowStore:
    """A tracking server in memory; ``is_away`` refuses every call, ``refuses`` a place at once."""

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.experiments: list[str] = []
        self.is_away = False
        self.refuses: BaseException | None = None
        self.calls = 0

    def client(self, tracking_uri: str) -> MlflowStore:
        if self.refuses is not None:
            raise self.refuses
        return self

    def _check(self) -> None:
        self.calls += 1
        if self.is_away:
            raise FakeMlflowError("cannot reach http://me:secret@server/api?token=abc")

    def get_experiment_by_name(self, name: str) -> Any:
        self._check()
        return SimpleNamespace(experiment_id=name) if name in self.experiments else None

    def create_experiment(self, name: str) -> str:
        self.experiments.append(name)
        return name

    def create_run(self, experiment: str, run_name: str) -> Any:
        self._check()
        run_id = f"{experiment}-{run_name}-{len(self.runs)}"
        self.runs[run_id] = {"status": "RUNNING", "params": {}, "metrics": [], "tags": {}}
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id))

    def update_run(self, run_id: str, status: str) -> None:
        self._check()
        if run_id not in self.runs:
            raise FakeMlflowError("gone", "RESOURCE_DOES_NOT_EXIST")
        self.runs[run_id]["status"] = status

    def set_terminated(self, run_id: str, status: str) -> None:
        self.update_run(run_id, status)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Point] = (),
        params: Sequence[Pair] = (),
        tags: Sequence[Pair] = (),
    ) -> None:
        self._check()
        assert len(metrics) <= 1000 and len(params) <= 100
        run = self.runs[run_id]
        run["metrics"] += metrics
        for one in params:
            if run["params"].setdefault(one.key, one.value) != one.value:
                raise FakeMlflowError("params cannot be changed")
        run["tags"] |= dict(tags)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> MlflowStore:
    store = MlflowStore()
    module = ModuleType("mlflow")
    entities = SimpleNamespace(Metric=Point, Param=Pair, RunTag=Pair)
    errors = SimpleNamespace(MlflowException=FakeMlflowError)
    vars(module).update(MlflowClient=store.client, entities=entities, exceptions=errors)
    monkeypatch.setitem(sys.modules, "mlflow", module)
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "3")
    return store


class EventFiles:
    """What was written for TensorBoard, by folder; ``is_full`` is a disk without room."""

    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[str, float, int]]] = {}
        self.summaries: list[Any] = []
        self.texts: dict[str, str] = {}
        self.is_full = False
        self.closed = 0

    def module(self) -> ModuleType:
        files = self

        class SummaryWriter:
            def __init__(self, log_dir: str) -> None:
                self.file_writer = self
                self._points = files.scalars.setdefault(log_dir, [])

            def add_summary(self, summary: Any) -> None:
                files.summaries.append(summary)

            def add_text(self, tag: str, text: str) -> None:
                files.texts[tag] = text

            def add_scalar(self, tag: str, value: float, step: int, walltime: float) -> None:
                if files.is_full:
                    raise OSError("no space left")
                self._points.append((tag, value, step))

            def flush(self) -> None: ...

            def close(self) -> None:
                files.closed += 1

        def hparams(values: dict[str, Any], metrics: dict[str, float]) -> tuple[Any, Any, Any]:
            assert all(isinstance(one, str | int | float) for one in values.values())
            return ("experiment", metrics), ("start", values), ("end", None)

        module = ModuleType("torch.utils.tensorboard")
        vars(module).update(SummaryWriter=SummaryWriter, summary=SimpleNamespace(hparams=hparams))
        return module


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> EventFiles:
    written = EventFiles()
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", written.module())
    return written


def opened(*texts: str, warnings: list[str] | None = None) -> CurveLogs:
    lines: list[str] = [] if warnings is None else warnings
    return open_logs([LogTarget.parse(text) for text in texts], "tickets", lines.append)


def logged(logs: CurveLogs, folder: Path, *, ends: bool = True) -> None:
    folder.mkdir(exist_ok=True)
    train_by_hand(logs.watch_of("lora", folder), folder, ends=ends)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("foo", r"'foo' names no log: give tensorboard:DIR or mlflow:URI"),
        ("", r"'' names no log"),
        ("tensorbord:x", r"did you mean 'tensorboard'"),
        ("tensorboard", r"'tensorboard' says no place: give tensorboard:DIR"),
        ("tensorboard:", r"says no place: give tensorboard:DIR"),
        ("mlflow:  ", r"says no place: give mlflow:URI"),
        ("C:\\logs", r"names no log"),
    ],
)
def test_what_names_no_log_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        LogTarget.parse(text)


def test_an_address_may_hold_colons() -> None:
    assert LogTarget.parse("mlflow:http://h:5000") == ("mlflow", "http://h:5000")


@pytest.mark.parametrize("kind", sorted(LOGS))
def test_a_missing_package_is_said_with_the_command(
    kind: str, tmp_path: Path, without_packages: HidePackages
) -> None:
    without_packages(kind)
    with pytest.raises(MissingExtraError, match=rf'pip install "steelyard\[{kind}\]"'):
        opened(f"{kind}:{tmp_path}")


def test_a_folder_that_cannot_be_written_is_refused(files: EventFiles, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(StorageError, match=r"the folder cannot be written: .*; choose another"):
            opened(f"tensorboard:{tmp_path / place}")


def test_tensorboard_gets_every_curve(files: EventFiles, tmp_path: Path) -> None:
    logs = opened(f"tensorboard:{tmp_path / 'tb'}")
    logged(logs, tmp_path / "job")
    assert logs.close() == [] and files.closed == 1
    [(folder, points)] = files.scalars.items()
    assert folder == str(tmp_path / "tb" / "lora")
    by_tag = {
        tag: [(step, value) for name, value, step in points if name == tag] for tag, *_ in points
    }
    assert [step for step, _ in by_tag["loss/train"]] == list(range(1, 13))
    assert by_tag["loss/dev"] == [(4, 1.5), (8, 1.4), (12, 1.3)]
    assert [step for step, _ in by_tag["accuracy/dev"]] == [4, 8, 12]
    assert by_tag["trial_0.001_2_steps/loss/dev"] == [(2, 1.5)]
    assert len(by_tag["learning_rate"]) == len(by_tag["tokens_per_second"]) == 12
    assert [name for name, _ in files.summaries] == ["experiment", "start", "end"]
    assert files.summaries[1][1]["options.rank"] == 4
    assert "epoch 2" in files.texts["choice"] and "| seed | 0 |" in files.texts["settings"]


def test_what_an_objective_measures_is_sent_too(files: EventFiles, tmp_path: Path) -> None:
    watch = opened(f"tensorboard:{tmp_path / 'tb'}").watch_of("lora", tmp_path)
    watch.began(config_with())
    watch.passed(figures("epoch", 0, 1.0, reward_margin=0.4))
    [points] = files.scalars.values()
    assert ("reward_margin/dev", 0.4, 4) in points


def test_a_training_that_stops_has_no_end_there(files: EventFiles, tmp_path: Path) -> None:
    logs = opened(f"tensorboard:{tmp_path / 'tb'}")
    logged(logs, tmp_path / "job", ends=False)
    assert logs.close() == []
    assert [name for name, _ in files.summaries] == ["experiment", "start"]


def test_a_full_disk_is_said_once_and_what_is_missing_at_the_end(
    files: EventFiles, tmp_path: Path
) -> None:
    warnings: list[str] = []
    logs = opened(f"tensorboard:{tmp_path / 'tb'}", warnings=warnings)
    files.is_full = True
    logged(logs, tmp_path / "job")
    [unsent] = logs.close()
    assert (
        len(warnings) == 1 and "no space left" in warnings[0] and "training goes on" in warnings[0]
    )
    points = 3 * (2 + 12) + 2 * (1 + 3)
    assert f"{points} points of the curves and the choice" in unsent.words
    assert "settings" not in unsent.words, "those were written"


def test_mlflow_gets_settings_curves_and_choice(server: MlflowStore, tmp_path: Path) -> None:
    logs = opened("mlflow:http://server")
    logged(logs, tmp_path / "job")
    assert logs.close() == []
    [run] = server.runs.values()
    assert server.experiments == ["tickets"] and run["status"] == "FINISHED"
    assert run["params"]["learning_rates"] == "0.0005, 0.001, 0.002"
    assert run["tags"] == {"steelyard.epoch": "2", "steelyard.learning_rate": "0.001"}
    dev = [(one.step, one.value) for one in run["metrics"] if one.key == "loss/dev"]
    assert dev == [(4, 1.5), (8, 1.4), (12, 1.3)]
    assert all(one.timestamp > 1e12 for one in run["metrics"]), "milliseconds"


def test_a_resumed_training_goes_on_in_its_run(server: MlflowStore, tmp_path: Path) -> None:
    first = opened("mlflow:http://server")
    logged(first, tmp_path / "job", ends=False)
    [run] = server.runs.values()
    again = opened("mlflow:http://server")
    watch = again.watch_of("lora", tmp_path / "job")
    train_by_hand(watch, tmp_path / "job", config_with(available_bytes=1, step_tokens=320))
    assert again.close() == [] and len(server.runs) == 1
    assert run["status"] == "FINISHED"
    steps = {one.step for one in run["metrics"] if one.key == "loss/train"}
    assert steps == set(range(1, 13))


def test_other_settings_another_server_or_a_deleted_run_begin_a_new_one(
    server: MlflowStore, tmp_path: Path
) -> None:
    logged(opened("mlflow:http://server"), tmp_path / "job")
    opened("mlflow:http://server").watch_of("lora", tmp_path / "job").began(config_with(seed=1))
    assert len(server.runs) == 2
    opened("mlflow:http://other").watch_of("lora", tmp_path / "job").began(config_with(seed=1))
    assert len(server.runs) == 3
    server.runs.clear()
    opened("mlflow:http://other").watch_of("lora", tmp_path / "job").began(config_with(seed=1))
    assert len(server.runs) == 1


def test_a_server_that_is_away_fails_no_training(server: MlflowStore, tmp_path: Path) -> None:
    warnings: list[str] = []
    server.is_away = True
    logs = opened("mlflow:http://me:secret@server?token=abc", warnings=warnings)
    logged(logs, tmp_path / "job")
    [unsent] = logs.close()
    assert len(warnings) == 1 and "cannot reach" in warnings[0]
    assert "the settings, 50 points of the curves and the choice" in unsent.words
    assert "secret" not in warnings[0] + unsent.words and "abc" not in warnings[0] + unsent.words
    assert server.calls <= 8, "it is tried after each pass, not at each step"


def test_a_server_that_comes_back_gets_all(server: MlflowStore, tmp_path: Path) -> None:
    server.is_away = True
    logs = opened("mlflow:http://server")
    logged(logs, tmp_path / "job")
    server.is_away = False
    assert logs.close() == []
    [run] = server.runs.values()
    assert len(run["metrics"]) == 50 and run["status"] == "FINISHED"


def test_a_place_that_mlflow_refuses_is_said_before_training(server: MlflowStore) -> None:
    server.refuses = FakeMlflowError("no such\nstore")
    with pytest.raises(ConfigError, match="--log mlflow:x: MLflow refuses it: no such store"):
        opened("mlflow:x")
    server.refuses = ModuleNotFoundError("alembic", name="alembic")
    with pytest.raises(MissingExtraError, match="needs the package alembic"):
        opened("mlflow:sqlite:///x")


def test_several_logs_and_none(files: EventFiles, server: MlflowStore, tmp_path: Path) -> None:
    logs = opened(f"tensorboard:{tmp_path / 'tb'}", "mlflow:http://server")
    server.is_away = True
    logged(logs, tmp_path / "job")
    [unsent] = logs.close()
    assert "mlflow" in unsent.words and sum(map(len, files.scalars.values())) == 50
    nothing = opened()
    logged(nothing, tmp_path / "other")
    assert nothing.close() == []


def test_a_job_that_trains_nothing_is_not_begun(server: MlflowStore, tmp_path: Path) -> None:
    logs = opened("mlflow:http://server")
    logs.watch_of("lora", tmp_path)
    assert logs.close() == [] and server.runs == {}


def test_settings_are_flat_and_none_of_the_machines() -> None:
    params = params_of(config_with())
    assert all(isinstance(value, str | int | float) for value in params.values())
    assert params["trials"] == "3 rates x 2 steps" and params["targets"] == "k_proj, q_proj"
    assert not {"available_bytes", "memory_bytes", "step_tokens", "folder"} & set(params)
