"""What has the name of a file of rows and is something else is called what it is."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.data import check, convert, fix, split
from steelyard.data.dataset import open_dataset
from steelyard.data.starter import start_from_file
from steelyard.errors import DataError

TABLE = b"text,label\n" + b"".join(
    b"some text %d,%s\n" % (n, b"ab"[n % 2 :][:1]) for n in range(40)
)
LINES = b"".join(
    json.dumps({"text": f"some text {n}", "label": "ab"[n % 2]}).encode() + b"\n" for n in range(40)
)


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "text " * 100)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("rows.csv")
        member.size = len(TABLE)
        archive.addfile(member, io.BytesIO(TABLE))
    return file.getvalue()


def database(folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "rows.db")
    connection.execute("create table rows (text, label)")
    connection.commit()
    connection.close()
    return (folder / "rows.db").read_bytes()


WEIGHTS = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
OFFICE = ("[Content_Types].xml", "_rels/.rels")
LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)
DISGUISED = {
    "gzip": (gzip.compress(TABLE), "packed with gzip", "name it {name}.gz"),
    "bzip2": (bz2.compress(TABLE), "packed with bzip2", "bunzip2 {name}"),
    "xz": (lzma.compress(TABLE), "packed with xz", "unxz {name}"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00", "packed with zstd", "unzstd {name}"),
    "zip": (zipped("rows.csv"), "a zip archive", "name it {name}.zip"),
    "tar": (tarred(), "a tar archive", "tar xf {name}"),
    "xlsx": (zipped("docProps/app.xml", *OFFICE, "xl/workbook.xml"), "an Excel workbook", "CSV"),
    "docx": (zipped(*OFFICE, "word/document.xml"), "a Word document", "CSV"),
    "ods": (zipped("mimetype", "content.xml", "META-INF/manifest.xml"), "OpenDocument", "CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "old Excel", "CSV"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document", "JSON Lines"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a PNG image", "texts"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG image", "texts"),
    "sqlite": (None, "an SQLite database", "sqlite3 -header -csv {name}"),
    "pickle": (pickle.dumps([{"text": "a"}], protocol=4), "a Python pickle", "to_json"),
    "torch": (zipped("archive/data.pkl", "archive/version"), "a PyTorch file", "JSON Lines"),
    "safetensors": (struct.pack("<Q", len(WEIGHTS)) + WEIGHTS + bytes(4), "safetensors", "weights"),
    "npy": (b"\x93NUMPY\x01\x00v\x00", "a NumPy array", "JSON Lines"),
    "lfs": (LFS, "a Git LFS pointer", "git lfs pull"),
    "annex": (
        b"/annex/objects/SHA256E-s1--0a.csv\n",
        "a git-annex pointer",
        "git annex get {name}",
    ),
    "login": (
        b"\n<!DOCTYPE html>\n<html><head><title>Sign in \xc2\xb7 GitHub</title>",
        "a web page ('Sign in · GitHub')",
        "download the file again",
    ),
    "error": (
        b"<?xml version='1.0'?><Error><Message>Access Denied</Message></Error>",
        "XML ('Access Denied')",
        "download the file again",
    ),
    "missing": (b"404: Not Found", "the error of a server", "check its address"),
}


def disguised(folder: Path, name: str, ending: str) -> Path:
    content = DISGUISED[name][0]
    path = folder / f"tickets{ending}"
    path.write_bytes(database(folder) if content is None else content)
    return path


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("name", DISGUISED)
def test_a_wrong_name_is_told(name: str, ending: str, tmp_path: Path) -> None:
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    path = disguised(tmp_path, name, ending)
    with pytest.raises(DataError) as caught:
        open_dataset(path)
    _, what, do = DISGUISED[name]
    assert str(caught.value).startswith(f"{path.name} is ")
    assert what in str(caught.value) and do.format(name=path.name) in str(caught.value)


@pytest.mark.parametrize("name", ["xlsx", "login", "lfs", "gzip"])
def test_every_verb_says_the_same(name: str, tmp_path: Path) -> None:
    path = disguised(tmp_path, name, ".csv")
    said = set()
    for verb in (
        lambda: start_from_file(tmp_path / "task", path),
        lambda: check(path),
        lambda: fix(path, tmp_path / "out.csv"),
        lambda: split(path, tmp_path / "parts"),
        lambda: convert(path, tmp_path / "out.jsonl", to="openai"),
    ):
        with pytest.raises(DataError) as caught:
            verb()
        said.add(str(caught.value))
    assert len(said) == 1
    assert not (tmp_path / "task").exists()


def test_a_run_says_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disguised(tmp_path, "lfs", ".csv")
    task = "name: t\ninstruction: Do.\noutput: {kind: label}\nexamples: tickets.csv\n"
    (tmp_path / "task.yaml").write_text(task)
    for verb in ("plan", "run"):
        assert main([verb, str(tmp_path), "--out", str(tmp_path / "out")]) == 2
        assert "tickets.csv is a Git LFS pointer" in capsys.readouterr().err


def test_a_file_of_datasets_under_the_wrong_name(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": ["a", "b"], "label": ["x", "y"]})
    path = tmp_path / "rows.csv"
    parquet.write_table(table, path)
    with pytest.raises(DataError, match=r"is a Parquet file: name it rows.parquet"):
        open_dataset(path)
    with pyarrow.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    with pytest.raises(DataError, match=r"is an Arrow file: name it rows.arrow"):
        open_dataset(path)
    path.rename(tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"is an Arrow file: name it rows.arrow"):
        open_dataset(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (LINES, "rows.csv", "rows.csv holds JSON and not a table: name it rows.jsonl"),
        (b"[" + LINES.replace(b"\n", b",")[:-1] + b"]", "rows.tsv", "name it rows.json"),
        (TABLE, "rows.jsonl", "rows.jsonl holds a table and not JSON: name it rows.csv"),
        (TABLE.replace(b",", b"\t"), "rows.json", "name it rows.tsv"),
        (LINES, "rows.parquet", "rows.parquet is text and not Parquet: name it rows.jsonl"),
        (TABLE, "rows.arrow", "rows.arrow is text and not Arrow: name it rows.csv"),
        (TABLE, "rows.csv.gz", "rows.csv.gz is not packed: name it rows.csv"),
        (TABLE, "rows.csv.zip", "rows.csv.zip is not packed: name it rows.csv"),
        (LFS, "rows.csv.gz", "rows.csv.gz is a Git LFS pointer"),
        (LFS, "rows.zip", "rows.zip is a Git LFS pointer"),
        (zipped(*OFFICE, "xl/workbook.xml"), "rows.csv.zip", "is an Excel workbook"),
        (gzip.compress(zipped(*OFFICE, "xl/workbook.xml")), "rows.csv.gz", "is a zip archive"),
        (gzip.compress(gzip.compress(TABLE)), "rows.csv.gz", "is a file packed with gzip"),
    ],
)
def test_rows_under_the_name_of_another_form(
    content: bytes, name: str, said: str, tmp_path: Path
) -> None:
    if name.endswith((".parquet", ".arrow")):
        pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        open_dataset(tmp_path / name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "header", ["ID3,label", "GIF89,label", "PAR1,PAR2", "BM25,label", "GGUF,label", "MZ,label"]
)
def test_a_header_that_begins_as_other_files_do_is_a_header(header: str, tmp_path: Path) -> None:
    rows = TABLE.decode().partition("\n")[2]
    (tmp_path / "rows.csv").write_text(f"{header}\n{rows}")
    assert len(open_dataset(tmp_path / "rows.csv").examples) == 40


def test_a_file_under_its_own_name_is_told_what_to_do(tmp_path: Path) -> None:
    for name, ending in (("xlsx", ".xlsx"), ("pdf", ".pdf"), ("sqlite", ".db"), ("lfs", "")):
        path = disguised(tmp_path, name, ending)
        with pytest.raises(DataError) as caught:
            open_dataset(path)
        _, what, do = DISGUISED[name]
        assert what in str(caught.value) and do.format(name=path.name) in str(caught.value)
