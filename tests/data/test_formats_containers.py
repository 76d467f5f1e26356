"""How rows lie in files: JSON arrays, packed files, Parquet, datasets folders, damaged ones."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.formats import RawRow, container_of, reader_for
from steelyard.data.formats.stream import MOST_LINE_BYTES, RATIO_FROM_BYTES
from steelyard.data.formats.write import writer_for
from steelyard.data.formats.write_columnar import dataset_folder
from steelyard.errors import DataError
from steelyard.task import load_task
from steelyard.task.dataset_folder import is_dataset_folder

ROWS = [{"input": "a", "output": "A"}, {"input": "b\n\u2028", "output": "Ä"}]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)


def read(path: Path, content: str | bytes | None = None) -> list[RawRow]:
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(reader_for(path)(path, None))


def fields(rows: Sequence[RawRow]) -> list[Any]:
    return [row.fields for row in rows if row.reason is None]


def reasons(rows: Sequence[RawRow]) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in rows if row.reason is not None]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        "\ufeff \n" + json.dumps(ROWS),
        "[" + LINES.strip().replace("\n", ",") + ",]",
        LINES,
    ],
)
def test_a_json_file_may_be_an_array_or_lines(tmp_path: Path, text: str) -> None:
    rows = read(tmp_path / "e.json", text)
    assert fields(rows) == ROWS
    assert [row.line for row in rows] == [1, 2]


def test_an_array_longer_than_a_window_is_read_whole(tmp_path: Path) -> None:
    many = [{"input": "é" * (at % 5000), "output": [at, {"x": '"}],['}]} for at in range(2_000)]
    many[7]["input"] = "long" * 1_000_000
    for text in (json.dumps(many), json.dumps(many, ensure_ascii=False, indent=1)):
        assert fields(read(tmp_path / "e.json", text)) == many


ARRAYS = [
    ('[{"a": 1}, {bad, "x": ["]"]}, {"a": 2}]', [{"a": 1}, {"a": 2}], [2]),
    ('[{"a": 1} {"a": 2}, {"a": 3}]', [{"a": 1}, {"a": 3}], [2]),
    ('[{"a": 1}, 7, [1], {"a": 2}]', [{"a": 1}, {"a": 2}], [2, 3]),
    ('[{"a": 1}, {"a": Infinity}]', [{"a": 1}], [2]),
    ('[{"a": 1}', [{"a": 1}], [2]),
    ('[{"a": 1}, {"a": "x', [{"a": 1}], [2, 3]),
    ('[{"a": 1}] tail', [{"a": 1}], [2]),
    ("[}}, , ]", [], [1, 2]),
    ("[" * 100_000, [], [1, 2]),
    ('[{"a": 12', [], [1, 2]),
]


@pytest.mark.parametrize(("text", "good", "bad"), ARRAYS, ids=range(len(ARRAYS)))
def test_a_broken_array_loses_no_row_unsaid(
    tmp_path: Path, text: str, good: list[Any], bad: list[int]
) -> None:
    rows = read(tmp_path / "e.json", text)
    assert fields(rows) == good
    assert [line for line, _ in reasons(rows)] == bad


def test_lines_that_end_in_carriage_returns_are_lines(tmp_path: Path) -> None:
    rows = read(tmp_path / "e.jsonl", '{"a": 1}\r{"a": 2}\r\n{"a": 3}\n{"a":\r4}\n\r\nx\ry')
    assert fields(rows) == [{"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}]
    assert [line for line, _ in reasons(rows)] == [6, 7]
    assert len({row.line for row in rows}) == len(rows)


def test_a_line_that_is_not_utf8_is_one_bad_row(tmp_path: Path) -> None:
    good = b'{"a": 1}\n'
    rows = read(tmp_path / "e.jsonl", good + b'{"a": "caf\xe9"}\n' + good)
    assert len(fields(rows)) == 2
    ((line, reason),) = reasons(rows)
    assert line == 2
    assert "byte 0xe9 at offset 19, line 2; save it as UTF-8" in reason
    rows = read(tmp_path / "e.csv", b"text,label\na,A\ncaf\xe9,B\nb,\xff\nc,C\n")
    assert [row["label"] for row in fields(rows)] == ["A", "C"]
    assert [line for line, _ in reasons(rows)] == [3, 4]


@pytest.mark.parametrize("name", ["e.jsonl", "e.json", "e.csv"])
def test_utf16_is_refused_as_a_whole(tmp_path: Path, name: str) -> None:
    for packed in (False, True):
        content = LINES.encode("utf-16")
        path = tmp_path / (name + (".gz" if packed else ""))
        with pytest.raises(DataError, match="UTF-8"):
            read(path, gzip.compress(content) if packed else content)


def test_a_huge_line_is_one_bad_row(tmp_path: Path) -> None:
    huge = b'{"a": "' + b"x" * (MOST_LINE_BYTES + 10) + b'"}\n'
    rows = read(tmp_path / "e.jsonl", LINES.encode() + huge + LINES.encode())
    assert fields(rows) == [*ROWS, *ROWS]
    assert reasons(rows) == [(3, "longer than 32 MB")]


def test_an_array_or_a_table_with_an_endless_row_is_refused(tmp_path: Path) -> None:
    endless = b"x" * (MOST_LINE_BYTES + 2**21)
    with pytest.raises(DataError, match="longer than 32 MB"):
        read(tmp_path / "e.json", b'[{"a": "' + endless)
    with pytest.raises(DataError, match="more than 32 MB"):
        read(tmp_path / "e.csv", b"text,label\n" + endless)


def test_packed_files_are_read(tmp_path: Path) -> None:
    table = 'input,output\na,A\n"b\n\u2028",Ä\n'
    for name, text in {"e.jsonl": LINES, "e.csv": table, "e.json": json.dumps(ROWS)}.items():
        assert fields(read(tmp_path / f"{name}.gz", gzip.compress(text.encode()))) == ROWS
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("folder/", "")
            archive.writestr("__MACOSX/._" + name, "x")
            archive.writestr("folder/" + name, text)
        assert fields(read(path)) == ROWS
        assert container_of(path).title.endswith(", zip")


def test_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", 9) as file:
        for _ in range(RATIO_FROM_BYTES // 2**20 + 40):
            file.write(b" " * (2**20 - 1) + b"\n")
    with pytest.raises(DataError, match="zip bomb"):
        read(path)
    path = tmp_path / "bomb.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("e.csv", "w") as member,
    ):
        member.write(b"text,label\n")
        for _ in range(RATIO_FROM_BYTES // 2**20 + 40):
            member.write(b" " * (2**20 - 1) + b"\n")
    with pytest.raises(DataError, match="zip bomb"):
        read(path)


def damaged_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("e.jsonl", LINES * 100)
    content = bytearray(path.read_bytes())
    content[60:80] = b"\x00" * 20
    path.write_bytes(bytes(content))


def encrypted_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("e.jsonl", LINES)
    content = path.read_bytes()
    for mark, flag in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + flag
        content = content[:at] + b"\x01" + content[at + 1 :]
    path.write_bytes(content)


def two_files(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jsonl", LINES)
        archive.writestr("b.jsonl", LINES)


def unknown_inside(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.zip", "x")


DAMAGED: list[tuple[str, Callable[[Path], object], str]] = [
    (
        "e.jsonl.gz",
        lambda path: path.write_bytes(gzip.compress(LINES.encode() * 99)[:-9]),
        "cut off",
    ),
    ("e.csv.gz", lambda path: path.write_bytes(b"text,label\n"), "is not packed"),
    (
        "e.jsonl.gz",
        lambda path: path.write_bytes(b"\x1f\x8b\x08" + b"\xff" * 50),
        "damaged|cut off",
    ),
    ("e.zip", lambda path: path.write_bytes(b"PK\x03\x04 no"), "not a readable zip archive"),
    ("e.zip", damaged_zip, "damaged|cannot be unpacked"),
    ("e.zip", encrypted_zip, "cannot be unpacked"),
    ("e.zip", two_files, "holds 2 files: unpack it"),
    ("e.zip", unknown_inside, r"cannot read \.zip packed as \.zip"),
    ("e.gz", lambda path: path.write_bytes(b""), "a file without an ending packed as .gz"),
    (
        "e.parquet",
        lambda path: path.write_bytes(b"PAR1 no Parquet PAR1"),
        "cannot be read as Parquet",
    ),
    ("e.parquet", lambda path: path.write_bytes(b""), "cannot be read as Parquet"),
    ("e.arrow", lambda path: path.write_bytes(b"\xff\xff\xff\xff no"), "cannot be read as Arrow"),
]


@pytest.mark.parametrize(("name", "make", "said"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_files_are_one_line(
    tmp_path: Path, name: str, make: Callable[[Path], object], said: str
) -> None:
    make(tmp_path / name)
    with pytest.raises(DataError, match=said) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


MIXED: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "ä"}], "n": 1},
    {"messages": [{"role": "user", "content": "q", "name": "bo"}], "n": 2.5, "big": 2**60},
    {"messages": [], "mixed": "text", "tags": ["x", "y"], "meta": {"a": 1}, "huge": 2**80},
    {"messages": [], "mixed": {"a": [1]}, "tags": [], "meta": {"b": None}, "empty": {}},
    {"messages": [], "deep": [[[[[[[[[[[[[[[1]]]]]]]]]]]]]]], "is": True, "like": {"from": "web"}},
    {"messages": [], "like": {"from": "app", "campaign": "x"}, "nameless": {"": 1}},
]


def without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    turns = [{k: v for k, v in turn.items() if v is not None} for turn in row["messages"]]
    return {**row, "messages": turns}


@pytest.mark.parametrize("name", ["e.parquet", "e"])
def test_columnar_files_hold_mixed_rows(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    opener = dataset_folder if name == "e" else writer_for(path)
    with opener(path, ()) as write:
        for row in MIXED:
            write(row)
    assert [without_nulls(dict(row)) for row in fields(read(path))] == MIXED
    left = sorted(item.name for item in tmp_path.rglob("*") if item.name.startswith("."))
    assert left == []


def test_a_row_that_no_column_can_hold_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    bad = [{"a": "\ud800"}, {"a": {"\udfff": 1}}, {"a\ud800": 1}, {"a": deep}, {" a": 1}, {"": 1}]
    for name in ("e.parquet", "e.csv"):
        path = tmp_path / name
        with writer_for(path)(path, ()) as write:
            write({"a": "x", "b": "y"})
            for row in bad:
                if name == "e.parquet" or row["a" if "a" in row else next(iter(row))] is not deep:
                    with pytest.raises((ValueError, RecursionError)):
                        write(row)
        assert fields(read(path)) == [{"a": "x", "b": "y"}]


def test_times_decimals_and_labels_become_text(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    import datetime
    import decimal

    info = {"info": {"features": {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}}}
    table = pyarrow.table(
        {
            "at": [datetime.datetime(2026, 11, 21, 8, tzinfo=datetime.UTC)],
            "day": [datetime.date(2026, 11, 21)],
            "cost": [decimal.Decimal("1.50")],
            "raw": [b"bytes\xff"],
            "label": [1],
            "inner": [{"at": datetime.date(2026, 11, 21)}],
        }
    ).replace_schema_metadata({"huggingface": json.dumps(info)})
    parquet.write_table(table, tmp_path / "e.parquet")
    (row,) = fields(read(tmp_path / "e.parquet"))
    assert row == {
        "at": "2026-11-21T08:00:00+00:00",
        "day": "2026-11-21",
        "cost": "1.50",
        "raw": "Ynl0ZXP/",
        "label": "yes",
        "inner": {"at": "2026-11-21"},
    }


def save_dataset(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with dataset_folder(path, ()) as write:
        for row in rows:
            write(row)


def test_datasets_folders_are_read_in_both_layouts(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    for part in ("train", "test"):
        save_dataset(saved / part, ROWS)
    (saved / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert fields(read(saved / "train")) == ROWS
    both = read(saved)
    assert [row["split"] for row in fields(both)] == ["train", "train", "test", "test"]
    assert [row.line for row in both] == [1, 2, 3, 4]
    hub = tmp_path / "hub"
    (hub / "data").mkdir(parents=True)
    for name in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001"):
        path = hub / "data" / f"{name}.parquet"
        with writer_for(path)(path, ()) as write:
            write(ROWS[0])
    (hub / "README.md").write_text("# card")
    assert [row["split"] for row in fields(read(hub))] == ["train", "train", "validation"]
    assert all(map(is_dataset_folder, (saved, saved / "train", hub)))
    assert not is_dataset_folder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("state.json", "{bad", "is not JSON"),
        ("state.json", '{"_data_files": [{"filename": "../secret"}]}', "names no data files"),
        ("state.json", '{"_data_files": [{"filename": "gone.arrow"}]}', "gone.arrow"),
        ("dataset_dict.json", '{"splits": ["../x"]}', "not a folder name"),
        ("dataset_dict.json", "[]", "lists no splits"),
        ("notes.txt", "", "is not a data set"),
    ],
)
def test_a_folder_that_is_no_data_set_says_why(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises((DataError, FileNotFoundError), match=said):
        read(tmp_path)


def test_a_task_may_name_a_datasets_folder_or_a_packed_file(tmp_path: Path) -> None:
    rows = [{"input": f"text {at}", "output": "AB"[at % 2]} for at in range(8)]
    save_dataset(tmp_path / "ds", rows)
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(LINES.encode()))
    config = "instruction: do\noutput: {kind: text}\nexamples: {train: ds, test: e.jsonl.gz}\n"
    (tmp_path / "task.yaml").write_text(config)
    task = load_task(tmp_path)
    before = task.fingerprint
    assert len(before) == 64
    save_dataset(tmp_path / "ds", rows[1:])
    assert load_task(tmp_path).fingerprint != before


def test_packed_output_does_not_depend_on_the_day(tmp_path: Path) -> None:
    contents = []
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        with writer_for(tmp_path / name)(tmp_path / name, ()) as write:
            write(ROWS[0])
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz"])
def test_tables_hold_every_text(tmp_path: Path, ending: str) -> None:
    texts = ['a,"b"', "x\r", "x\ry", "\n", "\t;|", " lead", "\u2028", "'", "é"]
    rows = [{"text": text, "label": "L"} for text in texts]
    path = tmp_path / f"e{ending}"
    with writer_for(path)(path, ("text", "label")) as write:
        for row in rows:
            write(row)
        with pytest.raises(ValueError, match="all cells are empty"):
            write({"text": " "})
    assert fields(read(path)) == rows
