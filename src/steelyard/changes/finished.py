"""A finished run, read from its folder: its result, its records, and which test examples it had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.commands import command
from steelyard.core import Record
from steelyard.errors import StorageError
from steelyard.files import expanded
from steelyard.result import Result, read_result
from steelyard.score import Metric, build_metric
from steelyard.score.base import CorpusMetric
from steelyard.score.measure import item_scores
from steelyard.store.database import Store
from steelyard.task.members import metric_class
from steelyard.weigh import RunResult
from steelyard.weigh.items import ItemFacts, kept_documents, read_items

_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Measured:
    """What decides whether two runs can be compared: kind of output, metric, test examples by id.

    ``name`` is how messages call it; ``metric`` is what its identity says of the metric that decides.
    """

    name: str
    kind: str
    metric: Mapping[str, Any]
    items: Mapping[str, ItemFacts]


@dataclass(frozen=True)
class FinishedRun:
    """A run that ended. ``records`` holds each arm's by example id, ``replayed`` its cached test requests.

    ``documents`` has a digest of each file of its documents; ``None`` where that is not known.
    """

    folder: Path
    result: Result
    identity: Mapping[str, Any]
    items: Mapping[str, ItemFacts]
    records: Mapping[str, Mapping[str, Record]]
    replayed: Mapping[str, int]
    documents: Mapping[str, str] | None = None

    @property
    def measured(self) -> Measured:
        (metric, *_) = self.identity["metric"]
        return Measured(str(self.folder), self.result.task.kind, metric, self.items)

    @property
    def metric(self) -> Metric:
        """The metric that decides; of one that is the mean of its items, what the records hold of it."""
        config = self.measured.metric
        if issubclass(metric_class(str(config["name"])), CorpusMetric):
            return build_metric(str(config["name"]), config.get("options"))
        return RecordedScores(name=self.result.task.metric)

    @property
    def deployed(self) -> str | None:
        """The recommended arm, or else the one that leads; it has records."""
        arm = self.result.verdict.first_arm
        return arm if arm in self.records else None


class RecordedScores(Metric):
    """A metric whose items were scored when they were answered; it scores nothing anew."""

    def score_answer(self, output: str, reference: str) -> float:
        """Raise `StorageError`: the record has no score of this metric."""
        raise StorageError(f"run.db has no score of {self.name}: run the task again")


def read_run(run: RunResult | Path | str) -> FinishedRun:
    """Read a finished run. Raises `StorageError`, with what to do, where there is none to compare."""
    folder = run.folder if isinstance(run, RunResult) else expanded(run)
    result = read_result(folder)
    store = Store.of_former_run(folder, to_read=True)
    if store is None:
        raise StorageError(f"{folder} has no run.db of this version, {_again(folder)}")
    with closing(store):
        stored, items = store.run(), read_items(store)
        if stored is None or items is None:
            raise StorageError(
                f"{folder} was made by a version that did not keep its test examples, {_again(folder)}"
            )
        documents = kept_documents(store)
        names = [arm.name for arm in result.arms]
        records = {name: store.records(name) for name in names}
        replayed = {name: store.reused(f"test:{name}") for name in names}
    finished = FinishedRun(
        folder,
        result,
        stored.identity,
        items,
        {name: {record.example_id: record for record in rows} for name, rows in records.items()},
        replayed,
        documents,
    )
    _check(finished)
    return finished


def _again(folder: Path) -> str:
    return (
        f"so it cannot be compared: run its task again with --out {folder}, which asks only what is "
        "missing"
    )


def _check(run: FinishedRun) -> None:
    """Refuse a result that its records do not bear out: an interrupted rerun may have changed them."""
    for arm in run.result.arms:
        records = run.records[arm.name]
        if records.keys() != run.items.keys():
            wrong = f"{len(records)} answers of {arm.name} for {len(run.items)} test examples"
        elif not _agrees(arm.quality.value, _figure(run.metric, list(records.values()))):
            wrong = f"the answers of {arm.name} do not add up to its {run.result.task.metric}"
        else:
            continue
        raise StorageError(
            f"result.json and run.db of {run.folder} do not belong together ({wrong}): "
            f"run its task again with {command('run')} … --out {run.folder}"
        )


def _agrees(stated: float | None, figure: float | None) -> bool:
    if stated is None or figure is None:
        return stated is figure
    return abs(stated - figure) <= _TOLERANCE


def _figure(metric: Metric, records: Sequence[Record]) -> float | None:
    if not records:
        return None
    if isinstance(metric, CorpusMetric):
        outputs = [record.answer.output for record in records]
        return metric.figure(*metric.encode(outputs, [record.reference for record in records]))
    return float(np.mean(item_scores(metric, records)))
