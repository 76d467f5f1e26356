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
        "new.jsonl: 4 of 7 inputs used; left out: 2 because dev or test asks the same, or nearly and "
        "1 because another row asks the same"
    )


def test_near_copies_of_test_are_left_out(data: Dataset) -> None:
    near = data.split.test[0].input + " x"
    assert read_unlabelled(data, write(data, [{"input": near}])).leaking == 1


def dated(tmp_path: Path, days: Mapping[str, Sequence[str]]) -> Dataset:
    """A task of given parts, each with rows of these days; every fifth row of a part is of a group."""
    folder = write_task(tmp_path / "dated", rows=60)
    lines = (folder / "examples.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    files = {}
    for at, (part, stamps) in enumerate(days.items()):
        some = [
            {**row, "timestamp": stamps[place % len(stamps)]}
            | ({"group": f"{part} group"} if place % 5 == 0 else {})
            for place, row in enumerate(rows[20 * at : 20 * at + 20])
        ]
        files[part] = f"{part}.jsonl"
        (folder / files[part]).write_text("".join(json.dumps(row) + "\n" for row in some))
    text = (folder / "task.yaml").read_text()
    (folder / "task.yaml").write_text(
        text.replace("examples: examples.jsonl", f"examples: {json.dumps(files)}")
    )
    return prepare(load_task(folder), seed=0)


IN_ORDER = {"train": ["2025-01-01", "2025-01-20"], "dev": ["2025-02-01"], "test": ["2025-03-01"]}
MIXED = {part: ["2025-01-01", "2025-03-01"] for part in IN_ORDER}


def test_inputs_of_a_group_of_dev_or_test_are_left_out_and_counted(tmp_path: Path) -> None:
    data = dated(tmp_path, MIXED)
    rows = [
        {"input": FRESH[0], "group": "dev group"},
        {"input": FRESH[1], "group": "train group"},
        {"input": FRESH[2]},
    ]
    read = read_unlabelled(data, write(data, rows))
    assert [one.input for one in read.examples] == FRESH[1:]
    assert (read.grouped, read.ungrouped, read.late) == (1, 1, 0)
    assert read.note == (
        "new.jsonl: 2 of 3 inputs used; left out: 1 because dev or test has rows of the same group; "
        "1 without a group, so that whether they belong to one of dev or test is not known"
    )


def test_inputs_that_are_not_older_than_a_later_test_are_left_out(tmp_path: Path) -> None:
    data = dated(tmp_path, IN_ORDER)
    texts = [*FRESH, "how do I whistle to the dog", "a lamp for the cellar"]
    stamps = ["2025-01-25", "2025-02-01", "2026-07-01T10:00:00Z", None, "last week"]
    rows = [
        {"input": text, "timestamp": when, "group": "another"}
        for text, when in zip(texts, stamps, strict=True)
    ]
    read = read_unlabelled(data, write(data, rows))
    assert [one.input for one in read.examples] == [texts[0], *texts[3:]]
    assert (read.late, read.undated) == (2, 2)
    assert "2 because they are not older than the rows that they are tested on" in read.note
    assert "2 without a timestamp" in read.note


def test_where_the_parts_are_of_the_same_days_no_input_is_too_late(tmp_path: Path) -> None:
    data = dated(tmp_path, MIXED)
    rows = [{"input": FRESH[0], "timestamp": "2026-01-01", "group": "another"}, {"input": FRESH[1]}]
    read = read_unlabelled(data, write(data, rows))
    assert len(read.examples) == 2 and (read.late, read.undated) == (0, 0)


def test_of_a_repeated_input_the_row_with_an_output_stays(data: Dataset) -> None:
    rows = [
        {"input": FRESH[0]},
        {"input": FRESH[1], "output": "BILLING"},
        {"input": FRESH[0].title(), "output": "ACCOUNT"},
        {"input": FRESH[0], "output": "ACCOUNT"},
        {"input": FRESH[1], "output": "ACCOUNT"},
    ]
    read = read_unlabelled(data, write(data, rows))
    assert [one.output for one in read.examples] == ["ACCOUNT", "BILLING"]
    assert (read.repeated, read.contradicting) == (3, 1)
    assert read.note.endswith(
        "1 of those that ask the same have another output than the one that stays"
    )


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
