"""YAML with the line of each key, and what is said of a file that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from steelyard.config.source import encoding_problem, names_in, read_text, read_yaml
from steelyard.errors import ConfigError


def written(folder: Path, content: str | bytes) -> Path:
    file = folder / "task.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_every_key_and_item_has_its_line(tmp_path: Path) -> None:
    text = "name: t\noutput:\n  kind: label\n  labels:\n  - A\n  - B\n"
    data, lines = read_yaml(written(tmp_path, text))
    assert data == {"name": "t", "output": {"kind": "label", "labels": ["A", "B"]}}
    assert lines[("name",)] == 1
    assert lines[("output", "kind")] == 3
    assert lines[("output", "labels")] == 4
    assert lines[("output", "labels", 1)] == 6


def test_labels_stay_as_they_are_written(tmp_path: Path) -> None:
    data, _ = read_yaml(written(tmp_path, "output: {labels: [NO, 007, 1.10]}\nother: [NO, 7]\n"))
    assert data == {"output": {"labels": ["NO", "007", "1.10"]}, "other": [False, 7]}


@pytest.mark.parametrize(
    ("written_as", "value"),
    [
        ("0500", 500),
        ("010", 10),
        ("-0017", -17),
        ("+08_0", "+08_0"),
        ("0_1", 1),
        ("00", 0),
        ("0", 0),
        ("100", 100),
        ("007.50", 7.5),
        ("'010'", "010"),
        ("'1:30'", "1:30"),
    ],
)
def test_numbers_are_decimal(tmp_path: Path, written_as: str, value: object) -> None:
    data, _ = read_yaml(written(tmp_path, f"a: {written_as}\nb: [{{c: {written_as}}}]\n"))
    assert data == {"a": value, "b": [{"c": value}]}


def test_numbers_as_keys_stay_as_they_are_written(tmp_path: Path) -> None:
    data, lines = read_yaml(written(tmp_path, "a: {010: 1, 1:30: 2, 7: 3}\n"))
    assert data == {"a": {"010": 1, "1:30": 2, 7: 3}}
    assert lines["a", "010"] == 1


def test_words_as_keys_stay_as_they_are_written(tmp_path: Path) -> None:
    data, _ = read_yaml(written(tmp_path, "ways: {on: 1, off: 2, Yes: 3}\n"))
    assert data == {"ways": {"on": 1, "off": 2, "Yes": 3}}


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("0x10", "0x10 is a number in another base"),
        ("-0b101", "-0b101 is a number in another base"),
        ("2026-13-01", "'2026-13-01' is no date: month must be in 1..12"),
    ],
)
def test_what_yaml_would_turn_into_something_else_is_refused_with_its_line(
    tmp_path: Path, value: str, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        read_yaml(written(tmp_path, f"name: t\na: [{value}]\n"))
    assert str(caught.value).startswith("task.yaml line 2: ")
    assert read_yaml(written(tmp_path, f"a: '{value}'\n"))[0] == {"a": value}


@pytest.mark.parametrize("number", ["1:30", "12:30:45", "-1:30", "190:20:30.15"])
def test_numbers_in_base_60_are_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(written(tmp_path, f"b: 1\na: [{number}]\n"))
    assert f"task.yaml line 2: {number} is in base 60" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1\nb: 2\na: 3\n", "task.yaml line 3: key 'a' is given twice"),
        ("a:\n  b: 1\n  b: 2\n", "task.yaml line 3: key 'b' is given twice"),
        ("a: [1\nb: 2\n", "task.yaml line 2, column 2 is not valid YAML"),
        ("", "must contain keys such as 'instruction:', not nothing (the file is empty)"),
        ("- text: a\n  label: b\n", "not a list; save examples as .jsonl, .json, .csv or .parquet"),
        ("word\n", "must contain keys such as 'instruction:', not text"),
        ("a: " + "[" * 3000, "task.yaml is nested too deeply: flatten it"),
    ],
)
def test_what_is_no_mapping_is_one_line(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(written(tmp_path, text))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    assert read_text(written(tmp_path, "\ufeffname: t\n")) == "name: t\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a: caf\xe9\n", "looks like another encoding): byte 0xe9 at offset 6, line 1"),
        (b"a: 1\nb: \xff\n", "byte 0xff at offset 8, line 2; save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "looks like UTF-16"),
    ],
)
def test_another_encoding_is_named_with_the_way_out(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    file = written(tmp_path, content)
    assert sentence in encoding_problem(file)
    assert "iconv -f" in encoding_problem(file)
    with pytest.raises(ConfigError) as caught:
        read_text(file)
    assert str(caught.value) == encoding_problem(file)


def test_utf_8_has_no_problem(tmp_path: Path) -> None:
    assert encoding_problem(written(tmp_path, "a: café\n")) == ""


def test_a_file_or_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none\.yaml: No such file"):
        read_text(tmp_path / "none.yaml")
    assert names_in(tmp_path / "none") == []
    written(tmp_path, "a: 1\n")
    assert names_in(tmp_path) == ["task.yaml"]
