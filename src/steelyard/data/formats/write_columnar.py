"""Rows to Parquet and to Hugging Face datasets folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steelyard.data.formats.kinds import ColumnType
from steelyard.data.formats.spool import Spool
from steelyard.data.formats.write import WriteRow, note_columns
from steelyard.errors import DataError
from steelyard.extras import require
from steelyard.files import replacing
from steelyard.task.dataset_folder import INFO, STATE

_ARROW_NAME = "data-00000-of-00001.arrow"
_GROUP_ROWS = 10_000
_BATCH_ROWS = 1_000
_BLOCK_BYTES = 32 * 2**20


@contextmanager
def parquet(path: Path, columns: Sequence[str] = ()) -> Iterator[WriteRow]:
    """Write Parquet. Types are those that hold every row, see `ColumnType`. Needs the extra ``data``."""
    module = require("pyarrow.parquet", "data")
    with replacing(path) as scratch, _Columns(path, columns) as rows:
        yield rows.add
        with module.ParquetWriter(scratch, rows.schema()) as writer:
            for batch in rows.batches(_GROUP_ROWS):
                writer.write_batch(batch)


@contextmanager
def dataset_folder(path: Path, columns: Sequence[str] = ()) -> Iterator[WriteRow]:
    """Write a folder that ``datasets.load_from_disk`` reads; it replaces the one at ``path``."""
    pyarrow = require("pyarrow", "data")
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        scratch.mkdir(parents=True)
        with _Columns(scratch / "rows", columns) as rows:
            yield rows.add
            features = {name: kind.feature() for name, kind in rows.kinds.items()}
            info = json.dumps({"info": {"features": features}})
            schema = rows.schema().with_metadata({"huggingface": info})
            with (
                pyarrow.OSFile(str(scratch / _ARROW_NAME), "wb") as file,
                pyarrow.ipc.new_stream(file, schema) as writer,
            ):
                for batch in rows.batches(_BATCH_ROWS):
                    writer.write_batch(batch)
        _write_descriptions(scratch, features)
        _take_place(scratch, path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Columns:
    """Rows on their way to a columnar file, and the kinds of their columns."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._spool = Spool(path.with_name(f".{path.name}.{os.getpid()}.rows"))
        self.kinds = {name: ColumnType.of_column(name) for name in columns}
        self._given = bool(columns)

    def __enter__(self) -> _Columns:
        return self

    def __exit__(self, *_: object) -> None:
        self._spool.close()

    def add(self, fields: Mapping[str, Any]) -> None:
        """Take a row. Raises `ValueError` or `RecursionError` for one that no column can hold."""
        row = {name: fields.get(name) for name in self.kinds} if self._given else dict(fields)
        if not row.keys() <= self.kinds.keys():
            names = dict.fromkeys(self.kinds)
            note_columns(names, row, self._path)
            self.kinds |= {
                name: ColumnType.of_column(name) for name in names if name not in self.kinds
            }
        packed = self._spool.pack(row)
        for name, value in row.items():
            self.kinds[name].observe(value)
        self._spool.add(packed)

    def schema(self) -> Any:
        """The Arrow schema that holds every row."""
        if not self.kinds:
            raise DataError(f"{self._path.name}: no row has a column")
        fields = [kind.arrow_field(name) for name, kind in self.kinds.items()]
        return require("pyarrow", "data").schema(fields)

    def batches(self, most_rows: int) -> Iterator[Any]:
        """Yield the rows as Arrow record batches."""
        pyarrow = require("pyarrow", "data")
        schema = self.schema()
        changed = {name: kind for name, kind in self.kinds.items() if kind.has_json}
        for block in self._spool.blocks(most_rows, _BLOCK_BYTES):
            for row in block:
                for name, kind in changed.items():
                    if name in row:
                        row[name] = kind.fitted(row[name])
            yield pyarrow.RecordBatch.from_pylist(block, schema=schema)


def _write_descriptions(folder: Path, features: Mapping[str, Any]) -> None:
    """Write the two JSON files that ``load_from_disk`` looks for."""
    with (folder / _ARROW_NAME).open("rb") as file:
        fingerprint = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    state: dict[str, Any] = {
        "_data_files": [{"filename": _ARROW_NAME}],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    for name, content in ((STATE, state), (INFO, info)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _take_place(scratch: Path, path: Path) -> None:
    if path.exists():
        old = path.with_name(f".{path.name}.{os.getpid()}.old")
        path.rename(old)
        scratch.rename(path)
        shutil.rmtree(old)
    else:
        scratch.rename(path)
