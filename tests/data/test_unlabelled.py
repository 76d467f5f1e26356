"""Files of inputs without outputs: read as rows are, and none of them asks what dev or test asks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.dataset import Dataset
from steelyard.data.prepare import prepare
from steelyard.data.unlabelled import read_unlabelled
from steelyard.errors import ConfigError, DataError
from steelyard.task import load_task
from tests.tickets import write_task

FRESH = [
    "the tram to the harbour was late",
    "my parcel is wet and the box is torn",
    "who repairs the blue bicycle in the yard",
]


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return prepare(load_task(write_task(tmp_path / "task", rows=60)), seed=0)


def write(data: Dataset, rows: Sequence[Mapping[str, Any] | str], name: str = "new.jsonl") -> str:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (data.task.folder / name).write_text("\n".join(lines) + "\n")
    return name


def test_inputs_of_dev_and_test_are_left_out_and_counted(data: Dataset) -> None:
    sealed = [data.split.dev[0].input, data.split.test[0].input.upper() + "!"]
    rows = [
        {"input": text} for text in [*FRESH, *sealed, FRESH[0].title(), data.split.train[0].input]
    ]
    read = read_unlabelled(data, write(data, rows))
    assert [one.input for one in read.examples] == [*FRESH, data.split.train[0].input]
    assert (read.leaking, read.repeated, read.unusable) == (2, 1, 0)
    assert {one.output for one in read.examples} == {""}
    assert len({one.id for one in read.examples}) == 4
    assert read.note == (
        "new.jsonl: 4 inputs; left out: 2 because dev or test asks the same, or nearly and "
        "1 because an earlier row asks the same"
    )


def test_near_copies_of_test_are_left_out(data: Dataset) -> None:
    near = data.split.test[0].input + " x"
    assert read_unlabelled(data, write(data, [{"input": near}])).leaking == 1


def test_outputs_count_as_those_of_the_task_do(data: Dataset) -> None:
    rows = [{"input": FRESH[0], "output": "BILLING"}, {"input": FRESH[1], "output": ""}]
    read = read_unlabelled(data, write(data, rows))
    assert [one.output for one in read.examples] == ["BILLING", ""]
    wrong = write(data, [*rows, {"input": FRESH[2], "output": "BILING"}], "wrong.jsonl")
    with pytest.raises(DataError, match=r"^inputs: 1 bad row in wrong\.jsonl: line 3: "):
        read_unlabelled(data, wrong)
    skipped = read_unlabelled(data, wrong, skip_bad_rows=True)
    assert skipped.unusable == 1 and "1 because they cannot be read" in skipped.note


def test_other_files_are_read_by_the_same_readers(data: Dataset) -> None:
    name = write(data, ["input", *FRESH], "new.csv")
    assert [one.input for one in read_unlabelled(data, name).examples] == FRESH


def test_bad_rows_and_missing_files_are_one_line(data: Dataset) -> None:
    broken = write(data, [{"input": FRESH[0]}, "{not json", {"input": ""}])
    with pytest.raises(DataError, match=r"^inputs: 2 bad rows in new\.jsonl") as error:
        read_unlabelled(data, broken)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match=r"inputs: no file .*nwe\.jsonl"):
        read_unlabelled(data, "nwe.jsonl")


def test_private_values_are_counted_and_other_rows_have_other_fingerprints(data: Dataset) -> None:
    private = {"input": "write to jane.roe@acme-corp.com about the tram"}
    one = read_unlabelled(data, write(data, [private, {"input": FRESH[0]}]))
    other = read_unlabelled(data, write(data, [{"input": FRESH[0]}]))
    assert (one.private, other.private) == (1, 0)
    assert one.fingerprint != other.fingerprint
