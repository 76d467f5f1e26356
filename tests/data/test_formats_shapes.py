"""Rows of other shapes as examples: ShareGPT, Alpaca, logs, pairs, in every kind of file."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Message
from steelyard.data.formats.base import RawRow
from steelyard.data.formats.roles import resolve
from steelyard.data.formats.write import writer_for
from steelyard.data.formats.write_columnar import dataset_folder
from steelyard.data.guess import guess_file
from steelyard.data.prepare import read_task
from steelyard.data.rows import RowParser
from steelyard.data.starter import init_from_file
from steelyard.errors import DataError
from steelyard.task import load_task
from tests.conftest import MakeTask

QUESTION = {"role": "user", "content": "hi"}
ANSWER = {"role": "assistant", "content": "A"}
SHAPES: list[dict[str, Any]] = [
    {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "A"}]},
    {"instruction": "hi", "input": "", "output": "A"},
    {"request": {"messages": [QUESTION]}, "response": {"choices": [{"message": ANSWER}]}},
    {"messages": [QUESTION], "response": {"choices": [{"message": ANSWER}]}},
    {"prompt": "hi", "chosen": "A", "rejected": "B"},
    {"prompt": "hi", "completion": "A"},
]


@pytest.mark.parametrize("row", SHAPES, ids=range(len(SHAPES)))
def test_one_row_in_many_shapes(make_task: MakeTask, row: dict[str, Any]) -> None:
    result = read_task(make_task({"e.jsonl": [{**row, "group": "g"}]}))
    (example,) = result.usable.examples
    assert (example.input, example.output, example.group) == ("hi", "A", "g")
    assert result.ignored_keys == ()


def test_alpaca_joins_instruction_and_input() -> None:
    parser = RowParser("text", (), {})
    row = {
        "instruction": "Translate",
        "input": "Hallo",
        "output": "Hello",
        "system": "s",
        "history": [["q", "a"]],
    }
    example = parser.parse(RawRow(1, row), "e").example
    assert (example.input, example.output) == ("Translate\nHallo", "Hello")
    assert example.context == (
        Message("system", "s"),
        Message("user", "q"),
        Message("assistant", "a"),
    )


def test_alpaca_may_have_more_columns_and_capitals_unless_the_columns_are_named() -> None:
    row = {"instruction": "Translate", "input": "Hallo", "output": "Hello", "language": "de"}
    parser = RowParser("text", (), {})
    assert parser.parse(RawRow(1, row), "e").example.input == "Translate\nHallo"
    assert list(parser.ignored) == ["language"]
    capitals = {name.title(): value for name, value in row.items()}
    assert parser.parse(RawRow(1, capitals), "e").example.input == "Translate\nHallo"
    named = RowParser("text", (), {"input": "input", "output": "output"})
    del row["language"]
    assert named.parse(RawRow(1, row), "e").example.input == "Hallo"


def test_columns_called_request_and_response_are_plain_text() -> None:
    row = {"request": "hi", "response": "A"}
    example = RowParser("text", (), {}).parse(RawRow(1, row), "e").example
    assert (example.input, example.output) == ("hi", "A")


def test_json_outputs_of_alpaca_follow_the_kind() -> None:
    row = RawRow(1, {"instruction": "hi", "input": "", "output": {"a": 1}})
    assert RowParser("json", (), {}).parse(row, "e").example.output == '{"a": 1}'
    refusal = RowParser("label", (), {}).parse(row, "e").refusal
    assert refusal is not None
    assert refusal.startswith("the output is a JSON object, not text")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("prompt", "completion", "label"), ("prompt", "completion")),
        (("text", "prompt", "completion"), ("prompt", "completion")),
        (("input", "output", "prompt", "completion"), ("input", "output")),
        (("Text", "Label"), ("Text", "Label")),
        (("prompt", "label"), ("prompt", "label")),
    ],
)
def test_names_that_belong_together_are_taken_together(
    names: tuple[str, ...], expected: tuple[str, str]
) -> None:
    roles = resolve(names, {})
    assert (roles["input"], roles["output"]) == expected
    assert resolve(names, {"output": names[-1]})["output"] == names[-1]


ROWS = [
    {"instruction": f"Say {at}", "input": "x" * (at % 2), "output": "AB"[at % 2]} for at in range(8)
]


def write(path: Path) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, ROWS[0])
            writer.writeheader()
            writer.writerows(ROWS)
    else:
        opener = writer_for(path) if path.suffix else dataset_folder
        with opener(path, ()) as add:
            for row in ROWS:
                add(row)
    return path


@pytest.mark.parametrize("name", ["e.csv", "e.parquet", "e.json", "e.jsonl.gz", "e"])
def test_a_task_can_start_from_any_container(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / name)
    guess = guess_file(source)
    assert (guess.kind, set(guess.labels), dict(guess.columns)) == ("label", {"A", "B"}, {})
    task = load_task(init_from_file(tmp_path / "task", source))
    examples = read_task(task).usable.examples
    assert [example.input for example in examples][:2] == ["Say 0", "Say 1\nx"]
    assert {example.output for example in examples} == {"A", "B"}


def test_columns_of_a_parquet_file_are_guessed_and_checked(
    tmp_path: Path, make_task: MakeTask
) -> None:
    path = tmp_path / "e.parquet"
    with writer_for(path)(path, ()) as add:
        for at in range(20):
            add({"eins": f"a longer question {at}", "zwei": "AB"[at % 2]})
    assert dict(guess_file(path).columns) == {"input": "eins", "output": "zwei"}
    content = path.read_bytes()
    with pytest.raises(DataError, match=r"cannot tell which column of e\.parquet"):
        read_task(make_task({"e.parquet": content}))
    columns = {"input": "eins", "output": "zwei"}
    task = make_task({"e.parquet": content}, labels=["A", "B"], columns=columns)
    assert len(read_task(task).usable.examples) == 20


def test_bad_rows_of_other_shapes_say_why(make_task: MakeTask) -> None:
    rows = [
        SHAPES[0],
        {"conversations": [{"from": "alien", "value": "hi"}]},
        {"instruction": None, "output": "A"},
        {**SHAPES[2], "error": "timeout"},
    ]
    result = read_task(make_task({"e.jsonl": rows}), skip_bad_rows=True)
    reasons = [row.bad.reason for row in result.unusable]
    assert "turn 1 is from 'alien'" in reasons[0]
    assert reasons[1:] == ["no instruction", "the request failed: timeout"]
