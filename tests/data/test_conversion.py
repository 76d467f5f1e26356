"""``convert`` as a whole: what it shows, refuses, leaves out and counts; and the command line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli import main
from steelyard.data import convert
from steelyard.data.conversion import LEFT_OUT
from steelyard.data.formats.shapes import SHAPES
from steelyard.data.guess import look
from steelyard.errors import ConfigError, DataError, SteelyardError, StorageError
from tests.data.converting import (
    CHATS,
    converted,
    lines,
    read,
)


def test_rows_in_are_rows_written_or_left_out(tmp_path: Path) -> None:
    source = lines(tmp_path / "in.jsonl", [CHATS[0], "{broken", *CHATS[1:], '{"messages": []}'])
    outcome = convert(source, tmp_path / "out.jsonl", to="alpaca")
    assert (outcome.rows, outcome.written, outcome.left_out) == (6, 3, 3)
    assert outcome.files == (tmp_path / "out.jsonl", tmp_path / f"out.jsonl{LEFT_OUT}")
    assert outcome.lost == {"weight": 2, "name": 1}
    aside = read(outcome.files[1])
    assert [row["line"] for row in aside] == [2, 4, 6]
    assert aside[0]["reason"].startswith("not JSON")
    assert aside[1]["row"] == CHATS[2]
    assert outcome.reasons == {row["reason"]: 1 for row in aside}
    assert read(outcome.files[0])[1] == {
        "instruction": "q2",
        "input": "",
        "output": "Ä",
        "history": [["q1", "a1"]],
    }


def test_what_a_table_cannot_hold_is_left_out_with_advice(tmp_path: Path) -> None:
    source = lines(tmp_path / "in.jsonl", CHATS)
    outcome = convert(source, tmp_path / "out.csv", to="csv")
    assert outcome.written == 2
    reasons = " ".join(outcome.reasons)
    for said in ("2 turns before the last question", "offers tools"):
        assert said in reasons
    assert "system_message,prompt,completion" in (tmp_path / "out.csv").read_text()
    outcome = convert(source, tmp_path / "alpaca.csv", to="alpaca")
    assert outcome.written == 2
    assert outcome.lost["id other than as text"] == 1
    assert read(tmp_path / "alpaca.csv")[0]["system"] == "be kind"


def test_half_a_surrogate_and_infinities_are_left_out_and_listed(tmp_path: Path) -> None:
    rows = [
        '{"prompt": "a", "completion": "b"}',
        '{"prompt": "\\ud800", "completion": "b"}',
        '{"prompt": "a", "completion": "b", "score": 1e999}',
        '{"prompt": "a", "completion": ' + "[" * 500 + "]" * 500 + "}",
    ]
    source = lines(tmp_path / "in.jsonl", rows)
    for name, left in (("out.jsonl", 2), ("out.csv", 2), ("out.parquet", 2)):
        outcome = convert(source, tmp_path / name, to="prompt_completion")
        assert outcome.left_out >= left
        assert "the input holds half a surrogate pair" in outcome.reasons
        listed = read(outcome.files[1])
        assert listed[0]["line"] == 2
        assert listed[0]["row"]["prompt"] == "\ud800"


def test_columns_are_named_or_guessed(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    long = "\n".join(f"a rather long question number {at},{'AB'[at % 2]},{at}" for at in range(9))
    path.write_text(f"eins,zwei,drei\n{long}\n", encoding="utf-8")
    found = look(path)
    assert (dict(found.columns), found.is_guess) == ({"input": "eins", "output": "zwei"}, True)
    outcome = convert(
        path, tmp_path / "o.jsonl", to="prompt_completion", columns={"output": "drei"}
    )
    assert outcome.columns == {"input": "eins", "output": "drei"}
    first = {"prompt": "a rather long question number 0", "completion": "0", "zwei": "A"}
    assert read(tmp_path / "o.jsonl")[0] == first
    with pytest.raises(DataError, match=r"no column 'dri' for the output \(did you mean 'drei'"):
        look(path, {"output": "dri"})
    with pytest.raises(ConfigError, match=r"unknown column 'ouput' \(did you mean 'output'"):
        look(path, {"ouput": "drei"})
    assert not look(lines(tmp_path / "p.jsonl", [{"input": "a", "output": "b"}])).is_guess


def test_a_system_message_for_rows_that_have_none(tmp_path: Path) -> None:
    source = lines(tmp_path / "in.jsonl", [CHATS[0], CHATS[3]])
    convert(source, tmp_path / "o.jsonl", to="openai", system="be brief")
    texts = [row["messages"][0]["content"] for row in read(tmp_path / "o.jsonl")]
    assert texts == ["be kind", "be brief"]


def refused(tmp_path: Path) -> list[tuple[str, str, dict[str, Any], type[SteelyardError], str]]:
    lines(tmp_path / "in.jsonl", CHATS)
    lines(tmp_path / "old.jsonl", CHATS)
    lines(tmp_path / "strange.jsonl", [{"a": 1}])
    lines(tmp_path / "broken.jsonl", ["x"])
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").touch()
    return [
        ("gone.jsonl", "o.jsonl", {}, DataError, "no file"),
        ("in.jsonl", "in.jsonl", {}, ConfigError, "is the source itself"),
        ("in.jsonl", "old.jsonl", {}, ConfigError, "exists: choose another name, or add --force"),
        ("in.jsonl", "o.jsonl", {"to": "opnai"}, ConfigError, "did you mean 'openai'"),
        ("in.jsonl", "o.jsonl", {"to": "logs"}, ConfigError, "can be read but not written"),
        ("in.jsonl", "o.csv", {}, ConfigError, "cannot hold openai: end the name in one of"),
        ("in.jsonl", "o.jsonl.gz", {"to": "azure"}, ConfigError, "cannot hold azure"),
        ("in.jsonl", "o", {"to": "parquet"}, ConfigError, "cannot hold parquet"),
        ("in.jsonl", "folder", {"to": "hf", "force": True}, ConfigError, "not a data set"),
        ("in.jsonl", "old.jsonl", {"to": "hf", "force": True}, ConfigError, "is a file"),
        ("strange.jsonl", "o.jsonl", {}, DataError, "an input and an output column are needed"),
        ("broken.jsonl", "o.jsonl", {}, DataError, "has no readable row: line 1: not JSON"),
        ("empty.jsonl", "o.jsonl", {}, DataError, "it is empty"),
        ("in.jsonl", "o.jsonl", {"to": "preference"}, DataError, "none of the 4 rows"),
        ("in.jsonl", "old.jsonl/o.jsonl", {}, StorageError, "cannot write"),
    ]


@pytest.mark.parametrize("at", range(15))
def test_what_does_not_fit_is_one_line_and_writes_nothing(tmp_path: Path, at: int) -> None:
    source, target, options, kind, said = refused(tmp_path)[at]
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(kind, match=said) as caught:
        convert(tmp_path / source, tmp_path / target, **{"to": "openai", **options})
    assert "\n" not in str(caught.value)
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_force_replaces_what_was_there(tmp_path: Path) -> None:
    source = lines(tmp_path / "in.jsonl", CHATS)
    target = tmp_path / "out.jsonl"
    assert len(convert(source, target, to="alpaca").files) == 2
    with pytest.raises(ConfigError, match="exists"):
        convert(source, target, to="openai")
    outcome = convert(source, target, to="openai", force=True)
    assert outcome.files == (target,)
    assert not target.with_name(target.name + LEFT_OUT).exists()
    for _ in range(2):
        convert(source, tmp_path / "ds", to="hf", force=True)
    assert len(read(tmp_path / "ds")) == 4
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"in.jsonl", "out.jsonl", "ds"}


def test_a_row_that_ends_without_an_answer_is_none_to_learn_from(tmp_path: Path) -> None:
    row = {"messages": CHATS[3]["messages"][:1]}
    with pytest.raises(DataError, match="has no answer to learn, which OpenAI needs"):
        converted(tmp_path, row, "openai")
    with pytest.raises(DataError, match="does not end with an answer"):
        converted(tmp_path, row, "prompt_completion")


def test_progress_ends_with_all_bytes(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl.gz"
    source.write_bytes(
        gzip.compress("".join(json.dumps(CHATS[3]) + "\n" for _ in range(3000)).encode())
    )
    told: list[tuple[int, int]] = []
    convert(source, tmp_path / "o.jsonl", to="openai", on_progress=lambda *each: told.append(each))
    size = source.stat().st_size
    assert told[-1] == (size, size)
    assert len(told) > 3
    assert all(0 <= done <= total == size for done, total in told)


def test_every_shape_is_registered_under_its_own_name() -> None:
    for name in SHAPES:
        assert SHAPES.get(name).name == name


def test_the_command_shows_before_it_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,label,id\nhello,A,1\nworld,B,2\n", encoding="utf-8")
    assert main(["data", "convert", str(path), str(tmp_path / "o.jsonl"), "--to", "openai"]) == 0
    out, err = capsys.readouterr()
    assert "t.csv: CSV, prompt and completion" in err
    assert "columns: input from 'text', output from 'label' (guessed" in err
    assert "2 rows of 2 written to" in out
    assert "openai cannot hold: id (2 rows)" in out


def test_the_command_prints_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = lines(tmp_path / "in.jsonl", CHATS)
    command = ["data", "convert", str(source), str(tmp_path / "o.csv"), "--to", "csv", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["written"], found["left_out"]) == (4, 2, 2)
    assert len(found["files"]) == 2
    assert main(command) == 2
    assert "exists: choose another name" in capsys.readouterr().err


def test_the_command_takes_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b\nhello,A\n", encoding="utf-8")
    command = ["data", "convert", str(path), str(tmp_path / "o.jsonl"), "--to", "prompt_completion"]
    assert main([*command, "--columns", "input=b,output=a"]) == 0
    assert read(tmp_path / "o.jsonl") == [{"prompt": "A", "completion": "hello"}]
    assert "guessed" not in capsys.readouterr().err
    assert main([*command, "--columns", "b"]) == 2
    assert "--columns takes ROLE=NAME" in capsys.readouterr().err
