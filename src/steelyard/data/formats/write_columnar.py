"""What kinds of values a column holds, seen row by row, and the Arrow type that holds them all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from steelyard.data.formats.columnar import JSON_MARK
from steelyard.data.formats.write import ScratchFile, WriteRow, note_columns
from steelyard.errors import DataError
from steelyard.extras import require
from steelyard.files import hash_file, replacing, whole_folder
from steelyard.task.dataset_folder import INFO, STATE

_SCALARS = {str: "string", bool: "bool", int: "int64", float: "float64"}
_INT64 = 2**63
_EXACT_IN_FLOAT = 2**53
_MOST_MEMBERS = 64
_MOST_LEVELS = 12
_MOST_DEPTH = 200
_TURN_COLUMNS = frozenset(
    {"messages", "conversations", "prompt", "completion", "chosen", "rejected"}
)
_TURN_KEYS = frozenset({"role", "from"})
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_ARROW_NAME = "data-00000-of-00001.arrow"
_GROUP_ROWS = 10_000
_BATCH_ROWS = 1_000
_BLOCK_BYTES = 32 * 2**20


class ColumnType:
    """The kinds of values seen in one place of the rows.

    Objects become a struct when all have the same keys, or when they are chat turns, whose keys
    differ and whose nulls mean "not there". Everything that Arrow cannot hold as it is (mixed kinds,
    objects with keys of their own) becomes JSON text, marked as such in the schema.
    """

    __slots__ = (
        "holds_turns",
        "is_inexact",
        "is_ragged",
        "is_wide",
        "items",
        "level",
        "members",
        "types",
    )

    def __init__(self, level: int = 0, *, holds_turns: bool = False) -> None:
        self.types: set[type] = set()
        self.is_wide = False  # some integer needs more than 64 bits
        self.is_inexact = False  # some integer is more than a float can hold
        self.is_ragged = False
        self.items: ColumnType | None = None
        self.members: dict[str, ColumnType] | None = None
        self.level = level
        self.holds_turns = holds_turns

    @classmethod
    def of_column(cls, name: str) -> ColumnType:
        """The kind of a column; those that shapes keep turns in may hold turns."""
        return cls(holds_turns=name in _TURN_COLUMNS)

    def observe(self, value: Any) -> None:
        """Take note of a plain JSON value. Raises `RecursionError` for one that is nested too deeply."""
        kind = type(value)
        if value is None:
            return
        self.types.add(kind)
        if kind is int and not -_EXACT_IN_FLOAT <= value <= _EXACT_IN_FLOAT:
            self.is_inexact = True
            self.is_wide |= not -_INT64 <= value < _INT64
        elif kind is list:
            self._observe_list(value)
        elif kind is dict:
            self._observe_object(value)

    def _observe_list(self, value: list[Any]) -> None:
        if self._is_too_deep(value):
            return
        if self.items is None:
            self.items = ColumnType(self.level + 1, holds_turns=self.holds_turns)
        for item in value:
            self.items.observe(item)

    def _observe_object(self, value: dict[str, Any]) -> None:
        if self.is_ragged or self._is_too_deep(value):
            _refuse_depth(value)
            return
        if self.members is None and not all(value):  # a member without a name
            self.is_ragged = True
        elif self.members is None:
            self.members = {key: ColumnType(self.level + 1) for key in value}
        elif value.keys() != self.members.keys():
            if not self._is_turn(value):
                self.is_ragged, self.members = True, None
                _refuse_depth(value)
                return
            new = [key for key in value if key not in self.members]
            self.members |= {key: ColumnType(self.level + 1) for key in new}
        if self.members is not None:
            for key, member in value.items():
                self.members[key].observe(member)

    def _is_turn(self, value: dict[str, Any]) -> bool:
        fits = self.holds_turns and not _TURN_KEYS.isdisjoint(value)
        return fits and all(value) and len(self.members or ()) < _MOST_MEMBERS

    def _is_too_deep(self, value: Any) -> bool:
        if self.level < _MOST_LEVELS:
            return False
        _refuse_depth(value)
        self.is_ragged = True
        return True

    @property
    def is_json(self) -> bool:
        if self.is_ragged or (dict in self.types and not self.members):
            return True
        if self.types == {int, float}:
            return self.is_inexact
        return self.is_wide or len(self.types) > 1

    @property
    def scalar(self) -> str | None:
        """The type's name, the same for Arrow and datasets; ``None`` for lists and objects."""
        if self.is_json or not self.types:
            return "string"
        if self.types == {int, float}:
            return "float64"
        return _SCALARS.get(next(iter(self.types)))

    def arrow_type(self) -> Any:
        pyarrow = require("pyarrow", "data")
        if self.scalar is not None:
            return pyarrow.type_for_alias(self.scalar)
        if self.types == {list}:
            inner = self.items or ColumnType()
            return pyarrow.list_(inner.arrow_field("item"))
        members = self.members or {}
        return pyarrow.struct([kind.arrow_field(name) for name, kind in members.items()])

    def arrow_field(self, name: str) -> Any:
        """The Arrow field called ``name``, marked where it holds JSON text."""
        metadata = {JSON_MARK: b"1"} if self.is_json else None
        return require("pyarrow", "data").field(name, self.arrow_type(), metadata=metadata)

    @property
    def has_json(self) -> bool:
        inner = [self.items] if self.items else list((self.members or {}).values())
        return self.is_json or any(kind.has_json for kind in inner)

    def fitted(self, value: Any) -> Any:
        if value is None:
            return None
        if self.is_json:
            return _encode(value)
        if type(value) is list and self.items is not None:
            return [self.items.fitted(item) for item in value]
        if type(value) is dict and self.members is not None:
            return {key: self.members[key].fitted(member) for key, member in value.items()}
        return value

    def feature(self) -> Any:
        """The type as Hugging Face datasets write it in ``dataset_info.json``."""
        if self.scalar is not None:
            return {"dtype": self.scalar, "_type": "Value"}
        if self.types == {list}:
            return [(self.items or ColumnType()).feature()]
        return {name: kind.feature() for name, kind in (self.members or {}).items()}


def _refuse_depth(value: Any) -> None:
    """Refuse what the json module may not be able to write at the end, when no row can be left out."""
    level = [value]
    for _ in range(_MOST_DEPTH):
        inner = (
            item.values() if type(item) is dict else item
            for item in level
            if type(item) is dict or type(item) is list
        )
        level = [member for members in inner for member in members]
        if not level:
            return
    raise RecursionError


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
    with whole_folder(path, replaces=path.exists()) as scratch:
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


class _Columns:
    """Rows on their way to a columnar file, and the kinds of their columns."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._path = path
        self._scratch = ScratchFile(path.with_name(f".{path.name}.{os.getpid()}.rows"))
        self.kinds = {name: ColumnType.of_column(name) for name in columns}
        self._given = bool(columns)

    def __enter__(self) -> _Columns:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def add(self, fields: Mapping[str, Any]) -> None:
        """Take a row. Raises `ValueError` or `RecursionError` for one that no column can hold."""
        row = {name: fields.get(name) for name in self.kinds} if self._given else dict(fields)
        if not row.keys() <= self.kinds.keys():
            names = dict.fromkeys(self.kinds)
            note_columns(names, row, self._path)
            self.kinds |= {
                name: ColumnType.of_column(name) for name in names if name not in self.kinds
            }
        packed = self._scratch.pack(row)
        for name, value in row.items():
            self.kinds[name].observe(value)
        self._scratch.add(packed)

    def schema(self) -> Any:
        if not self.kinds:
            raise DataError(f"{self._path.name}: no row has a column")
        fields = [kind.arrow_field(name) for name, kind in self.kinds.items()]
        return require("pyarrow", "data").schema(fields)

    def batches(self, most_rows: int) -> Iterator[Any]:
        pyarrow = require("pyarrow", "data")
        schema = self.schema()
        changed = {name: kind for name, kind in self.kinds.items() if kind.has_json}
        for block in self._scratch.blocks(most_rows, _BLOCK_BYTES):
            for row in block:
                for name, kind in changed.items():
                    if name in row:
                        row[name] = kind.fitted(row[name])
            yield pyarrow.RecordBatch.from_pylist(block, schema=schema)


def _write_descriptions(folder: Path, features: Mapping[str, Any]) -> None:
    """Write the two JSON files that ``load_from_disk`` looks for."""
    state: dict[str, Any] = {
        "_data_files": [{"filename": _ARROW_NAME}],
        "_fingerprint": hash_file(folder / _ARROW_NAME)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    for name, content in ((STATE, state), (INFO, info)):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
