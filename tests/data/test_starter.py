from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.data.prepare import prepare
from steelyard.data.starter import init_from_example, init_from_file, list_examples
from steelyard.errors import ConfigError, DataError, StorageError
from steelyard.task import load_task


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def chat(question: str, answer: str) -> str:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return json.dumps({"messages": turns}) + "\n"


def test_a_csv_of_labels_becomes_a_task_that_prepares(tmp_path: Path) -> None:
    lines = [f"s{i},long message {i * 7919},{['YES', 'no: way', '😀 x'][i % 3]}" for i in range(40)]
    source = write(tmp_path, "my data.csv", "Subject,Body,Team\n" + "\n".join(lines))
    folder = init_from_file(tmp_path / "task", source)
    task = load_task(folder)
    assert task.output.kind == "label"
    assert set(task.output.labels) == {"YES", "no: way", "😀 x"}
    assert task.columns.by_role() == {"input": "{Subject}\n\n{Body}", "output": "Team"}
    assert "# The prompt you use today" in (folder / "task.yaml").read_text(encoding="utf-8")
    assert (folder / "my data.csv").read_bytes() == source.read_bytes()
    assert len(prepare(task, seed=0).split.train) == 20


def test_columns_without_usual_names_are_told_by_their_cells(tmp_path: Path) -> None:
    rows = "".join(f"{'AB'[i % 2]},some longer text {i}\n" for i in range(30))
    task = load_task(init_from_file(tmp_path / "t", write(tmp_path, "a.csv", "col1,col2\n" + rows)))
    assert task.columns.by_role() == {"input": "col2", "output": "col1"}
    assert task.output.labels == ("A", "B")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("".join(chat(f"q{i}", f"answer number {i}") for i in range(20)), "text"),
        ("".join(chat(f"q{i}", "AB"[i % 2]) for i in range(20)), "label"),
        (
            "".join(json.dumps({"input": f"q{i}", "output": {"n": i}}) + "\n" for i in range(20)),
            "json",
        ),
    ],
)
def test_the_kind_is_guessed_from_the_outputs(tmp_path: Path, text: str, kind: str) -> None:
    task = load_task(init_from_file(tmp_path / "t", write(tmp_path, "a.jsonl", text)))
    assert task.output.kind == kind
    assert sum(len(part) for part in prepare(task, seed=0).split) == 20


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "holds no examples"),
        ("a.csv", "text,label\n", "holds no examples"),
        ("a.csv", "one\nx\n", "has one column"),
        ("a.csv", "text,label\n" + "x,Bill\ny,bill\n" * 10, "differ only by case"),
        ("a.jsonl", "x\n", "holds no usable example; a.jsonl line 1: not JSON"),
        ("a.txt", "x", "cannot read .txt"),
    ],
)
def test_an_unusable_file_writes_nothing(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        init_from_file(tmp_path / "t", write(tmp_path, name, text))
    assert said in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_missing_source_suggests_the_closest(tmp_path: Path) -> None:
    write(tmp_path, "tickets.csv", "x")
    with pytest.raises(DataError, match=r"did you mean 'tickets.csv'"):
        init_from_file(tmp_path / "t", tmp_path / "ticket.csv")


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path, "a.jsonl", "".join(chat(f"q{i}", f"a {i}") for i in range(20)))
    with pytest.raises(ConfigError, match="is not empty"):
        init_from_file(tmp_path, source)
    with pytest.raises(ConfigError, match="is a file"):
        init_from_file(source, source)
    (tmp_path / "empty").mkdir()
    assert load_task(init_from_file(tmp_path / "empty", source)).name == "empty"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    source = write(tmp_path, "a.jsonl", "".join(chat(f"q{i}", f"a {i}") for i in range(20)))
    with pytest.raises(StorageError, match="cannot write"):
        init_from_file(source / "below" / "a" / "file", source)


def test_an_unknown_example_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown example 'nonsense'; known: "):
        init_from_example(tmp_path / "t", "nonsense")


@pytest.mark.parametrize("name", list_examples())
def test_every_packaged_example_loads_and_prepares(tmp_path: Path, name: str) -> None:
    task = load_task(init_from_example(tmp_path / "t", name))
    assert all(prepare(task, seed=0).split)
