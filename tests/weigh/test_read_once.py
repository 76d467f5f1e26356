"""A plan and a run open each example file once, and search near pairs once."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.task import Task
from tests.conftest import MakeTask
from tests.reads import opened_in

ROWS = [
    {"input": f"question {i * 7919} about {'xyz'[i % 3] * 9}", "output": "ABB"[i % 3]}
    for i in range(60)
]
ONE_FILE = ({"e.jsonl": ROWS}, "e.jsonl")
PARTS = (
    {"train.jsonl": ROWS[:30], "dev.jsonl": ROWS[30:40], "test.jsonl": ROWS[40:]},
    {"train": "train.jsonl", "dev": "dev.jsonl", "test": "test.jsonl"},
)
SEARCH = "searching 60 rows for near pairs"
WITHIN_TEST = "searching 20 rows for near pairs"
"""A given test part is searched for itself: which of its rows count as one."""
LEAKS = "searching 60 rows for leaks between parts"
ARGUMENTS: dict[str, Any] = {"strategies": ["majority", "zero_shot"], "model": "fake:smart"}


class Searches(logging.Handler):
    """Counts the searches that the data room logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.counts[record.getMessage()] += 1


@pytest.fixture
def searches() -> Iterator[Counter[str]]:
    log, handler = logging.getLogger("steelyard.data"), Searches()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler.counts
    log.removeHandler(handler)
    log.setLevel(before)


def task_of(make_task: MakeTask, files: dict[str, Any], examples: Any) -> Task:
    return make_task(files, labels=["A", "B"], examples=examples, consistency=False)


@pytest.mark.parametrize(("files", "examples"), [ONE_FILE, PARTS], ids=["one file", "three files"])
@pytest.mark.parametrize(("verb", "count"), [(steelyard.plan, 1), (steelyard.run, 2)])
def test_each_file_is_opened_once_and_near_pairs_are_searched_once(
    make_task: MakeTask,
    tmp_path: Path,
    searches: Counter[str],
    verb: Any,
    count: int,
    files: dict[str, Any],
    examples: Any,
) -> None:
    """A run opens a file again for the task's fingerprint, as bytes."""
    task = task_of(make_task, files, examples)
    with opened_in(tmp_path) as opened:
        verb(task, tmp_path / "run", **ARGUMENTS)
    assert {name: opened[name] for name in files} == dict.fromkeys(files, count)
    within = {} if "e.jsonl" in files else {WITHIN_TEST: 1}
    assert searches == {SEARCH: 1, LEAKS: 1, **within}


def test_rows_left_out_are_not_searched(
    make_task: MakeTask, tmp_path: Path, searches: Counter[str]
) -> None:
    task = task_of(make_task, {"e.jsonl": [*ROWS, {"input": "x", "output": ""}]}, "e.jsonl")
    with opened_in(tmp_path) as opened:
        steelyard.plan(task, tmp_path / "run", skip_bad_rows=True, **ARGUMENTS)
    assert opened["e.jsonl"] == 1
    assert searches == {SEARCH: 1, LEAKS: 1}
