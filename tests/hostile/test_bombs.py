"""Small files that stand for huge ones are refused in a process that has little memory and time."""

from __future__ import annotations

import gzip
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.hostile.test_task_files import laughs
from tests.tickets import write_task

MOST_BYTES = 3 * 2**30
SECONDS = 90  # the process is killed: generous, for a busy machine


def bounded(words: Sequence[object]) -> str:
    """Run a command under limits; return what it says."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))

    done = subprocess.run(
        [sys.executable, "-m", "steelyard", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=limit,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2_000:]
    return done.stderr


def test_aliases_of_yaml(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task")
    (task / "task.yaml").write_text(laughs("k{1}: {0}"), encoding="utf-8")
    assert "more than 100,000 values" in bounded(["plan", task])


def test_gzip(tmp_path: Path) -> None:
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(bytes(100_000_000)))
    assert "bomb" in bounded(["data", "check", tmp_path / "e.jsonl.gz"])


@pytest.mark.parametrize("line", [b"\n", b"a,b\n", b",\n"])
def test_rows_without_end(line: bytes, tmp_path: Path) -> None:
    """Refused before the rows are made, which would take minutes."""
    rows = b"input,output\n" + line * (60_000_000 // len(line))
    (tmp_path / "e.csv.gz").write_bytes(gzip.compress(rows))
    started = time.perf_counter()
    assert "bomb" in bounded(["data", "check", tmp_path / "e.csv.gz"])
    assert time.perf_counter() - started < 30


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip(method: int, tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("e.jsonl", bytes(100_000_000))
    assert "bomb" in bounded(["data", "check", path])


def test_rows_of_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    ones = pa.DictionaryArray.from_arrays(pa.array(np.zeros(3_000_000, np.int8)), pa.array(["x"]))
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"input": ones, "output": ones}), path)
    assert path.stat().st_size < 100_000
    assert "bomb" in bounded(["data", "check", path])


def test_values_of_parquet(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    places = pa.array(np.zeros(20_000, np.int32))
    texts = pa.DictionaryArray.from_arrays(places, pa.array(["x" * 100_000]))
    path = tmp_path / "e.parquet"
    pq.write_table(pa.table({"input": texts, "output": ["a"] * 20_000}), path)
    assert "bomb" in bounded(["data", "check", path])


def test_a_deep_file_of_rows(tmp_path: Path) -> None:
    (tmp_path / "e.json").write_bytes(b"[" * 3_000_000)
    assert "e.json" in bounded(["data", "check", tmp_path / "e.json"])
