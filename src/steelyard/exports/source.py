"""The measured arm that is exported: its run, its records, the test examples they were of, its base."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from steelyard.changes import FinishedRun, read_run
from steelyard.commands import command
from steelyard.core import Example, Record
from steelyard.data.prepare import prepare
from steelyard.errors import ArmError, DataError, StorageError, closest
from steelyard.files import expanded, read_json
from steelyard.model import load_model
from steelyard.model.base import ModelSpec, provider_of
from steelyard.result import ArmResult
from steelyard.score import Metric, build_metrics
from steelyard.store.database import Store
from steelyard.strategy import load_arm
from steelyard.strategy.prompting import PromptArm
from steelyard.task import Task, load_task
from steelyard.weigh.items import item_facts
from steelyard.weigh.opening import TASK_FOLDER


@dataclass(frozen=True)
class ExportSource:
    """A tuned arm of a finished run, with what it answered to which examples.

    ``weights`` is the folder or hub name of its base; ``fingerprint`` that of the model that answered the
    test.
    """

    run: FinishedRun
    task: Task
    arm: PromptArm
    records: Sequence[Record]
    examples: Sequence[Example]
    metric: Metric
    weights: str
    fingerprint: str

    @property
    def figures(self) -> ArmResult:
        return next(arm for arm in self.run.result.arms if arm.name == self.arm.name)

    @property
    def spec(self) -> ModelSpec:
        return self.arm.spec


def open_source(arm: str, run: Path | str | None, task: Path | str | None) -> ExportSource:
    """Find the arm: a folder (``runs/NAME/arms/ARM``, a ``winner/``, a run), or a name in ``run``.

    ``task`` is needed where the run does not know its task's folder or that has moved. Raises `ArmError`
    for what is no tuned arm of this machine, `StorageError` for a run that is not finished, `DataError`
    where the task's rows are not those of the run, `ModelError` where its base is not the measured one.
    """
    folder, name = place_of(arm, run)
    _check_is_weighed(folder, name)
    finished = read_run(folder)
    if name not in finished.records:
        raise ArmError(
            f"{folder} has measured no arm {name!r}{closest(name, finished.records)}: "
            f"choose one of {', '.join(finished.records)}"
        )
    loaded = load_arm(folder / "arms" / name, cache(load_model))
    tuned = _tuned(loaded)
    place, fingerprint = _stored(folder, name)
    task_read, examples = _sealed(finished, task or place)
    weights = provider_of(tuned.spec).weights
    assert weights is not None
    source = ExportSource(
        finished,
        task_read,
        tuned,
        [finished.records[name][example.id] for example in examples],
        examples,
        build_metrics(task_read)[0],
        weights(tuned.spec),
        fingerprint,
    )
    _check_weights(source)
    return source


def place_of(arm: str, run: Path | str | None) -> tuple[Path, str]:
    """The run folder and the arm's name."""
    if run is not None:
        return expanded(run), arm
    folder = expanded(arm)
    for place in (folder, folder / "winner"):
        if (place / "arm.json").is_file():
            name = str(read_json(place / "arm.json").get("name"))
            home = place.parent.parent if place.parent.name == "arms" else place.parent
            return home, name
    if folder.name != arm and not folder.is_dir():
        raise ArmError(f"no arm at {arm!r}: there is no such folder")
    runs = [path.parent.parent for path in sorted(Path("runs").glob(f"*/arms/{folder.name}"))]
    if len(runs) == 1:
        return runs[0], folder.name
    if runs:
        raise ArmError(
            f"{len(runs)} runs have an arm {arm!r}: say which one, such as --run {runs[0]}"
        )
    raise ArmError(f"no arm at {arm!r}: give its folder, or its name and --run FOLDER")


def _check_is_weighed(folder: Path, name: str) -> None:
    """Refuse what ``steelyard train`` left: it has no answers that an export could be held against."""
    if (folder / "arms" / name / "arm.json").is_file() and not (folder / "result.json").is_file():
        raise StorageError(
            f"{name} was tuned and not weighed, so that there are no answers to hold an export against: "
            f"run {command('run')} TASK --out {folder} first"
        )


def _tuned(arm: Any) -> PromptArm:
    """Refuse what has no weights of its own on this machine."""
    specs = arm.specs
    tuned = [spec for spec in specs if spec.adapter is not None or spec.tuned_from is not None]
    if not tuned or not isinstance(arm, PromptArm):
        what = f"is a prompt over {arm.model_name}" if specs else "asks no language model"
        raise ArmError(
            f"arm {arm.name} {what} and has no tuned weights to export: its recipe is in its arm.json"
        )
    if not provider_of(arm.spec).is_tunable:
        raise ArmError(
            f"arm {arm.name}: the weights of {arm.spec.name} lie with {arm.spec.provider}, not on this "
            "machine; they cannot be exported from here"
        )
    return arm


def _stored(folder: Path, name: str) -> tuple[str | None, str]:
    """What the run's store knows of its task's folder, and of the model that answered the test."""
    store = Store.of_former_run(folder, to_read=True)
    assert store is not None, "read_run has opened it"
    with closing(store):
        models = store.usage_by_model(f"test:{name}")
        place = store.meta(TASK_FOLDER)
    if len(models) != 1:
        raise StorageError(
            f"{folder} does not say which model answered the test for {name} ({len(models)} did): run its "
            f"task again with {command('run')} … --out {folder}"
        )
    return cast("str | None", place), next(iter(models)).fingerprint


def _sealed(run: FinishedRun, place: Path | str | None) -> tuple[Task, tuple[Example, ...]]:
    """Read the task's rows again and return the test examples, proved to be those of the run."""
    if place is None:
        raise DataError(f"{run.folder} does not say where its task lies: give it with --task")
    result = run.result
    data = prepare(load_task(place), seed=result.seed, skip_bad_rows=bool(result.skipped_rows))
    test = data.split.test
    today = {name: facts.digest for name, facts in item_facts(test).items()}
    if today != {name: facts.digest for name, facts in run.items.items()}:
        same = sum(
            run.items[name].digest == digest for name, digest in today.items() if name in run.items
        )
        raise DataError(
            f"{place} does not hold the test examples of {run.folder}: {same:,} of {len(run.items):,} are "
            "the same; give the task as it was measured with --task"
        )
    return data.task, test


def _check_weights(source: ExportSource) -> None:
    """Refuse a base, or an adapter, that is not the one that was measured; precision may differ."""
    today = source.arm.model.fingerprint
    if _weights_of(today) != _weights_of(source.fingerprint):
        raise ArmError(
            f"the weights of {source.arm.name} are not those that were measured ({_weights_of(today)}, "
            f"measured {_weights_of(source.fingerprint)}): an adapter fits only the very base it was "
            "trained on; restore that base, or run the task again"
        )


def _weights_of(fingerprint: str) -> str:
    return fingerprint.rpartition(":")[0]
