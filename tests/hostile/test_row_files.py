"""Whatever a file of examples holds: rows, each bad one with its reason, or one line that refuses it."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from steelyard.data import check
from steelyard.errors import SteelyardError
from tests.hostile.inputs import CONTENTS, FILES, PLACES, VALUES, Spoil, keys_in, with_value
from tests.hostile.told import in_time, told

PAIRS = [(f"text {i} about thing{i % 7}", f"L{i % 3}") for i in range(30)]
LINES = "".join(json.dumps({"input": a, "output": b}) + "\n" for a, b in PAIRS).encode()
TABLE = "input,output\n" + "".join(f"{a},{b}\n" for a, b in PAIRS)
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "plain": {"input": "q", "output": "a", "id": "r", "group": "g", "timestamp": "t", "weight": 1},
    "chat": {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
    "ShareGPT": {"conversations": [{"from": "human", "value": "q"}], "tools": "[]"},
    "Alpaca": {"instruction": "i", "input": "x", "output": "o", "history": [["a", "b"]]},
    "preference": {"prompt": "p", "chosen": "a", "rejected": "b"},
    "log": {
        "request": {"messages": [{"role": "user", "content": "q"}]},
        "response": {"choices": [{"message": {"role": "assistant", "content": "a"}}]},
    },
    "IFEval": {"prompt": "p", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
    "rules": {"input": "q", "output": "a", "rules": [{"type": "never", "words": ["x"]}]},
}
ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".jsonl.gz", ".csv.zip", ".txt")
TEXTS = {
    "many columns": (".csv", ",".join(f"c{i}" for i in range(20_000)).encode()),
    "one column": (".tsv", b"x" * 100_000 + b"\n"),
    "a column twice": (".csv", b"input,input,output\na,b,c\n"),
    "quotes": (".csv", TABLE.encode() + b'"' * 10_001),
    "an open quote": (".csv", TABLE.encode() + b'"abc\n' * 1_000),
    "NUL in a cell": (".csv", TABLE.encode() + b"a\0b,c\n"),
    "commas": (".json", b"[,,,,]"),
    "many numbers": (".json", b"[" + b"1," * 20_000 + b"1]"),
    "an open string": (".json", b'[{"input":"' + b"x" * 2_000_000),
    "an array in arrays": (".json", b"[" * 5_000),
    "a deep row": (".jsonl", LINES + b'{"input":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"),
    "a wide row": (
        ".jsonl",
        LINES + b"{" + b",".join(b'"k%d":1' % i for i in range(20_000)) + b"}",
    ),
    "NaN": (".jsonl", b'{"input": NaN, "output": "a"}\n' * 5),
    "an endless weight": (".jsonl", LINES + b'{"input":"q","output":"a","weight":1e999}\n'),
    "mixed line ends": (".jsonl", LINES.replace(b"\n", b"\r\n", 3).replace(b"\n", b"\r", 2)),
}
PACKED = gzip.compress(LINES)
GZIPS = {
    "torn": PACKED[:-20],
    "torn at once": PACKED[:5],
    "junk behind": PACKED + b"junk" * 10,
    "NULs behind": PACKED + bytes(512),
    "twice": PACKED + PACKED,
    "a wrong checksum": PACKED[:-8] + bytes(8),
    "packed twice": gzip.compress(PACKED),
    "not packed": LINES,
    "all flags": b"\x1f\x8b\x08\xff" + bytes(50),
}
ZIPS: Mapping[str, tuple[tuple[str, bytes], ...]] = {
    "slip": (("../../evil.jsonl", LINES),),
    "absolute": (("/etc/evil.jsonl", LINES),),
    "nothing": (),
    "two": (("a.jsonl", LINES), ("b.jsonl", LINES)),
    "a folder": (("d/", b""),),
    "a program": (("a.exe", LINES),),
    "an escape": (("\x1b[31m.jsonl", LINES),),
    "many": tuple((f"a{i}.jsonl", b"") for i in range(3_000)),
}
STATES = ("../x.arrow", "/dev/zero", "a\0", "x" * 300, "no.arrow", "", ".", "..")


def audited(path: Path) -> None:
    with in_time():
        try:
            check(path, only="format")
        except SteelyardError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("shape", SHAPES)
def test_any_value_under_any_key(shape: str, tmp_path: Path) -> None:
    path, row = tmp_path / "e.jsonl", SHAPES[shape]
    for key in keys_in(row):
        rows = [json.dumps(with_value(row, key, value)) for value in VALUES.values()]
        path.write_text("\n".join([*rows, *[json.dumps(row)] * 3]), encoding="utf-8")
        audited(path)


@pytest.mark.parametrize("ending", ENDINGS)
def test_any_content_under_any_ending(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"e{ending}"
    for data in CONTENTS.values():
        path.write_bytes(data)
        audited(path)


@pytest.mark.parametrize("spoil", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet", ".jsonl.gz", ".csv.zip"])
def test_what_is_no_file(
    spoil: Spoil, ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"e{ending}"
    spoil(path)
    assert told(["data", "check", path], capsys)[0] == 2
    out = tmp_path / "o.csv"
    assert told(["data", "convert", path, out, "--to", "csv", "--yes"], capsys)[0] == 2


@pytest.mark.parametrize("name", TEXTS)
def test_hostile_texts(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ending, data = TEXTS[name]
    (tmp_path / f"e{ending}").write_bytes(data)
    told(["data", "check", tmp_path / f"e{ending}", "--only", "format"], capsys)


@pytest.mark.parametrize("name", GZIPS)
def test_hostile_gzip(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "e.jsonl.gz").write_bytes(GZIPS[name])
    told(["data", "check", tmp_path / "e.jsonl.gz", "--only", "format"], capsys)


@pytest.mark.parametrize("name", ZIPS)
def test_hostile_zip(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    with zipfile.ZipFile(folder / "e.jsonl.zip", "w") as archive:
        for member, data in ZIPS[name]:
            archive.writestr(member, data)
    told(["data", "check", folder / "e.jsonl.zip", "--only", "format"], capsys)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["e.jsonl.zip"], "nothing is unpacked"


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    columns = {"input": [a for a, _ in PAIRS], "output": [b for _, b in PAIRS]}
    pq.write_table(pa.table(columns), tmp_path / "e.parquet")
    return tmp_path / "e.parquet"


def test_flipped_bytes_of_parquet(parquet: Path) -> None:
    good, dice = parquet.read_bytes(), random.Random(0)
    for _ in range(40):
        data = bytearray(good)
        for _ in range(5):
            data[dice.randrange(len(data))] = dice.randrange(256)
        parquet.write_bytes(data)
        audited(parquet)
    for torn in (good[:-10], good[: len(good) // 2], b"PAR1", b"PAR1PAR1"):
        parquet.write_bytes(torn)
        audited(parquet)


def test_strange_columns_of_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    text = ["a"] * 3
    marked = pa.field("input", pa.int32(), metadata={b"steelyard.json": b"1"})
    tables = {
        "far times": pa.table({"input": pa.array([2**62, 2, 3], pa.timestamp("s"))}),
        "far days": pa.table({"input": pa.array([2**31 - 1, 1, 2], pa.int32()).cast(pa.date32())}),
        "no zone": pa.table({"input": pa.array([1, 2, 3], pa.timestamp("us", "Nowhere/Land"))}),
        "bytes": pa.table({"input": [b"\xff\xfe"] * 3}),
        "nulls": pa.table({"input": pa.nulls(3)}),
        "marked": pa.table([pa.array([1] * 3, pa.int32())], schema=pa.schema([marked])),
        "an escape": pa.table({"in\x1b[31mput": text}),
    }
    for name, table in tables.items():
        whole = table.append_column("output", pa.array(text))
        if name != "far times":  # Parquet cannot hold them
            pq.write_table(whole, tmp_path / "e.parquet")
            audited(tmp_path / "e.parquet")
        with (
            pa.OSFile(str(tmp_path / "e.arrow"), "wb") as sink,
            pa.ipc.new_file(sink, whole.schema) as writer,
        ):
            writer.write_table(whole)
        audited(tmp_path / "e.arrow")


@pytest.mark.parametrize("name", ["state.json", "dataset_dict.json"])
def test_the_files_of_a_data_set(name: str, tmp_path: Path, parquet: Path) -> None:
    for spoil in FILES.values():
        folder = tmp_path / "set"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        spoil(folder / name)
        audited(folder)
    for file in STATES:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        listed = {"splits": [file], "_data_files": [{"filename": file}]}
        (folder / name).write_text(json.dumps(listed), encoding="utf-8")
        audited(folder)
