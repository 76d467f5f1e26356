"""What ``data convert`` can write: formats, the files that hold them, and how rows become fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from steelyard.data.formats.shapes import SHAPES, Conversation, Shape, Written
from steelyard.data.formats.write import OpenWriter, ending_of, writer_for
from steelyard.errors import ConfigError, closest

FOLDER = "folder"
_LINES = (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz")
_NESTED = (*_LINES, ".json", ".json.gz", ".parquet")
_CSV, _TSV = (".csv", ".csv.gz"), (".tsv", ".tsv.gz")
_NOT_IN_A_NAME = frozenset('",;\t|\r\n')
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "prompt_completion": (*_NESTED, *_CSV, *_TSV),
    "openai": _NESTED,
    "azure": (".jsonl",),
    "together": (".jsonl",),
    "fireworks": (".jsonl",),
    "mistral": (".jsonl",),
    "sharegpt": _NESTED,
    "alpaca": (*_NESTED, *_CSV, *_TSV),
    "preference": (*_NESTED, *_CSV, *_TSV),
    "hf": (FOLDER,),
    "parquet": (".parquet",),
    "csv": _CSV,
    "tsv": _TSV,
}
"""The formats by name, and the endings of the files that can hold them."""
_KEEP_SHAPE = frozenset({"hf", "parquet", "csv", "tsv"})

ToFields = Callable[[Conversation], Written]


@dataclass(frozen=True)
class ConversionTarget:
    """A format in a file: what turns conversations into its fields, and what writes those."""

    name: str
    title: str
    to_fields: ToFields
    open: OpenWriter
    is_folder: bool = False


def target_for(path: Path, to: str, source: Shape) -> ConversionTarget:
    """Return what writes rows of shape ``source`` to ``path`` as ``to``. Raises `ConfigError`."""
    if to == "logs":
        raise ConfigError("logs can be read and not written; write openai, or another format")
    if to not in ENDINGS:
        names = ", ".join(ENDINGS)
        raise ConfigError(f"unknown format {to!r}{closest(to, ENDINGS)}; known: {names}")
    ending = FOLDER if to == "hf" else ending_of(path)
    if ending not in ENDINGS[to]:
        raise ConfigError(
            f"{path.name} cannot hold {to}: end the name in one of {', '.join(ENDINGS[to])}"
        )
    is_flat = ending.startswith((".csv", ".tsv"))
    is_columnar = is_flat or ending in {".parquet", FOLDER}
    title, to_fields = _fields_of(to, source, is_flat=is_flat, is_columnar=is_columnar)
    if is_columnar:
        to_fields = _Columnar(to_fields, is_flat=is_flat)
    return ConversionTarget(to, title, to_fields, _writer(path, to), to == "hf")


def _writer(path: Path, to: str) -> OpenWriter:
    from steelyard.data.formats.shapes.chat import vendors
    from steelyard.data.formats.write import jsonl

    if to == "hf":
        from steelyard.data.formats.write_columnar import dataset_folder

        return dataset_folder
    vendor = vendors().get(to)
    return partial(jsonl, mark=True) if vendor is not None and vendor.mark else writer_for(path)


def _fields_of(to: str, source: Shape, *, is_flat: bool, is_columnar: bool) -> tuple[str, ToFields]:
    """The title of the rows to be written, and what makes them."""
    from steelyard.data.formats.shapes import chat, preference

    vendor = chat.vendors().get(to)
    if vendor is not None:
        return vendor.title, lambda row: chat.write_for(vendor, row, is_flat)
    name = _kept_shape(source.name, is_flat=is_flat) if to in _KEEP_SHAPE else to
    shape = SHAPES.get(name)
    if name == "preference" and is_columnar:
        shape = preference.PAIR
    write = shape.write
    if write is None:
        raise ConfigError(f"{name} can be read and not written; write openai, or another format")
    return shape.title, lambda row: write(row, is_flat)


def _kept_shape(name: str, *, is_flat: bool) -> str:
    """The shape in which rows of shape ``name`` lie in a container that leaves the choice."""
    if is_flat:
        return name if name in {"alpaca", "preference"} else "prompt_completion"
    return "openai" if name == "logs" else name


class _Columnar:
    """Makes fields that are columns: drops names that cannot be one, notes values that become text."""

    def __init__(self, to_fields: ToFields, *, is_flat: bool) -> None:
        self._to_fields, self._is_flat = to_fields, is_flat
        self._is_good: dict[str, bool] = {}

    def __call__(self, row: Conversation) -> Written:
        """Write a row's fields."""
        fields, lost = self._to_fields(row)
        more: list[str] = []
        for name, value in fields.items():
            if name not in self._is_good:
                self._is_good[name] = self._can_name(name)
            if not self._is_good[name]:
                more.append(f"{name!r} (no name for a column)")
            elif self._is_flat and value is not None and type(value) is not str:
                more.append(f"{name} other than as text")
        if not more:
            return Written(fields, lost)
        columns = {name: value for name, value in fields.items() if self._is_good[name]}
        return Written(columns, (*lost, *more))

    def _can_name(self, name: str) -> bool:
        is_clean = bool(name) and name == name.strip() and name.isprintable()
        return is_clean and not (self._is_flat and _NOT_IN_A_NAME & set(name))


def place_of(value: Any) -> Path:
    """A path as the user gave it, with ``~`` resolved."""
    return Path(value).expanduser()
