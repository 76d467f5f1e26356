"""Parquet and Arrow files: rows out of column batches."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.data.formats.base import RawRow
from steelyard.data.formats.disguise import head_of, refuse_disguise, refuse_text
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.stream import OnBytes
from steelyard.data.formats.table import check_columns
from steelyard.errors import DataError
from steelyard.extras import require
from steelyard.files import open_file

JSON_MARK = b"steelyard.json"
"""Key in a field's metadata: its texts hold JSON, because Arrow has no type for the values."""
_BATCH_ROWS = 1_000
MANY_ROWS, MOST_ROWS_A_BYTE = 1_000_000, 4
"""More rows than bytes can stand for are those of a bomb: one value, repeated without end."""
MOST_RATIO = 250
RATIO_FROM_BYTES = 2**28
"""As of packed text, from more bytes on: columns of equal values pack well."""
_BUFFER_BYTES = 2**20

Decode = Callable[[Any], Any]


class Batches(NamedTuple):
    """The schema of a file and its record batches, one after the other."""

    schema: Any
    rows: int | None
    batches: Iterator[Any]


def read_rows(
    path: Path, columns: Columns | None = None, on_bytes: OnBytes | None = None
) -> Iterator[RawRow]:
    """Yield rows by column name, the row number as line; a null is no field.

    Times and decimals come as text, the numbers of a datasets label as the label. The schema
    is checked for ``columns``, unless they are ``None``. Raises `DataError` for a file that is
    damaged or not what its name says.
    """
    size = path.stat().st_size
    table = _open(path)
    _check_names(path, table.schema.names)
    if columns is not None:
        check_columns(path, tuple(table.schema.names), columns)
    if table.rows is not None and table.rows > MANY_ROWS and table.rows > MOST_ROWS_A_BYTE * size:
        raise _bomb(path)
    line = 0
    for rows in _row_lists(path, table):
        for fields in rows:
            line += 1
            yield RawRow(line, fields)
        if on_bytes is not None and table.rows:
            on_bytes(int(size * min(line / table.rows, 1)))


def _row_lists(path: Path, table: Batches) -> Iterator[list[dict[str, Any]]]:
    decoders = {
        field.name: decode
        for field in table.schema
        if (decode := decoder_of(field.type, field.metadata)) is not None
    } | _label_decoders(table.schema)
    unpacked, most = 0, max(path.stat().st_size * MOST_RATIO, RATIO_FROM_BYTES)
    while True:
        with _errors(path):
            batch = next(table.batches, None)
            unpacked += 0 if batch is None else _unpacked_bytes(batch)
            if unpacked > most:
                raise _bomb(path)
        if batch is None:
            return
        columns = {}
        for name, column in zip(table.schema.names, batch.columns, strict=True):
            values = _values(column)
            decode = decoders.get(name)
            columns[name] = (
                values if decode is None else [x if x is None else decode(x) for x in values]
            )
        rows = [
            dict(zip(columns, values, strict=True))
            for values in zip(*columns.values(), strict=True)
        ]
        yield [{name: value for name, value in row.items() if value is not None} for row in rows]


def _check_names(path: Path, names: Sequence[str]) -> None:
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise DataError(f"{path.name} has two columns named {repeated!r}: rename one of them")


def _values(column: Any) -> list[Any]:
    """The values of a column as Python has them; as text, or none at all, where it cannot."""
    pyarrow = require("pyarrow", "data")
    try:
        return list(column.to_pylist())
    except (pyarrow.ArrowException, ValueError, OverflowError, TypeError):
        pass
    try:  # nanoseconds, years out of range
        texts = column.cast(pyarrow.string()).to_pylist()
        return [None if str(text).startswith("<value out of range") else text for text in texts]
    except (pyarrow.ArrowException, ValueError, TypeError):
        return [None] * len(column)


def _unpacked_bytes(batch: Any) -> int:
    types = require("pyarrow", "data").types
    columns = (
        column.dictionary_decode() if types.is_dictionary(column.type) else column
        for column in batch.columns
    )
    return sum(int(column.nbytes) for column in columns)


def _bomb(path: Path) -> DataError:
    return DataError(
        f"{path.name} unpacks to more than {MOST_RATIO} times its size, as a bomb does: unpack it "
        "yourself if you trust it"
    )


def _label_decoders(schema: Any) -> dict[str, Decode]:
    """Decoders of the columns whose numbers stand for labels that datasets keeps in the schema."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        named = {name: names for name, feature in features.items() if (names := _names_in(feature))}
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
    return {name: _label_decoder(names) for name, names in named.items() if isinstance(names, list)}


def _names_in(feature: Any) -> list[Any] | None:
    """The labels of a feature, or of the items of a list of it."""
    if isinstance(feature, list) and len(feature) == 1:
        return _names_in(feature[0])
    if "names" in feature:
        names = feature["names"]
        return names if isinstance(names, list) else None
    return (
        _names_in(feature["feature"]) if isinstance(feature.get("feature"), dict | list) else None
    )


def _label_decoder(names: list[Any]) -> Decode:
    """A number as its label, a list of them as theirs; -1 is how datasets says that there is none."""

    def decode(value: Any) -> Any:
        if isinstance(value, list):
            return [decode(item) for item in value]
        if value == -1:
            return None
        return names[value] if value in range(len(names)) and names[value] != "" else value

    return decode


def _open(path: Path) -> Batches:
    with open_file(path) as file:
        head = head_of(file)
    suffix = path.suffix.lower()
    refuse_disguise(path, head, *((suffix,) if suffix == ".parquet" else (".parquet", ".arrow")))
    refuse_text(path, head, "Arrow" if suffix == ".arrow" else "Parquet")
    if path.suffix.lower() == ".parquet" or head[:4] == b"PAR1":
        return _open_parquet(path)
    return _open_arrow(path, is_file=head.startswith(b"ARROW1"))


def _open_parquet(path: Path) -> Batches:
    parquet = require("pyarrow.parquet", "data")
    with _errors(path):
        # a buffer keeps a column chunk of a large row group from being read at once
        file = parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        batches = file.iter_batches(batch_size=_BATCH_ROWS, use_threads=False)
        return Batches(file.schema_arrow, file.metadata.num_rows, iter(batches))


def _open_arrow(path: Path, *, is_file: bool) -> Batches:
    pyarrow = require("pyarrow", "data")
    with _errors(path):
        source = pyarrow.OSFile(str(path))  # a memory map would count as memory
        if is_file:
            reader = pyarrow.ipc.open_file(source)
            batches = (reader.get_batch(at) for at in range(reader.num_record_batches))
            return Batches(reader.schema, None, _cut(batches))
        reader = pyarrow.ipc.open_stream(source)
        return Batches(reader.schema, None, _cut(iter(reader)))


def _cut(batches: Iterator[Any]) -> Iterator[Any]:
    for batch in batches:
        batch.validate(full=True)  # damaged offsets would lead out of the buffers
        for at in range(0, batch.num_rows, _BATCH_ROWS):
            yield batch.slice(at, _BATCH_ROWS)


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises over a damaged file into one line."""
    pyarrow = require("pyarrow", "data")
    try:
        yield
    except (FileNotFoundError, PermissionError, DataError):
        raise
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
        what = path.suffix.lstrip(".").capitalize() or "Arrow"
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path.name} cannot be read as {what}: {reason}") from None


def decoder_of(kind: Any, metadata: Mapping[bytes, bytes] | None = None) -> Decode | None:
    """What turns a value of an Arrow type into plain JSON values; ``None`` where it is one already."""
    types = require("pyarrow", "data").types
    if metadata is not None and JSON_MARK in metadata:
        return _from_json
    if types.is_struct(kind):
        return _struct_decoder(kind)
    if types.is_map(kind):
        return lambda pairs: {str(key): value for key, value in pairs}
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = decoder_of(kind.value_type, kind.value_field.metadata)
        return inner and (lambda items: [None if x is None else inner(x) for x in items])
    if types.is_temporal(kind) and not (types.is_duration(kind) or types.is_interval(kind)):
        return lambda value: value if isinstance(value, str) else value.isoformat()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return lambda value: _bytes_text(value) if isinstance(value, bytes) else str(value)
    if types.is_floating(kind):
        return _finite
    if types.is_decimal(kind) or types.is_duration(kind) or types.is_interval(kind):
        return str
    is_plain = types.is_integer(kind) or types.is_boolean(kind) or types.is_null(kind)
    return None if is_plain or _is_text(types, kind) else _as_text


def _bytes_text(value: bytes) -> str:
    """Bytes as the text that they are in UTF-8, else in base64."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def _is_text(types: Any, kind: Any) -> bool:
    if types.is_dictionary(kind):
        return _is_text(types, kind.value_type)
    is_view = getattr(types, "is_string_view", lambda _: False)(kind)
    return bool(types.is_string(kind) or types.is_large_string(kind) or is_view)


def _finite(value: float) -> float | None:
    """A number; NaN is how pandas writes that there is none."""
    return None if math.isnan(value) else value


def _as_text(value: Any) -> Any:
    """A value of a type without a decoder: as it is where JSON has it, else its text."""
    return value if isinstance(value, str | int | float | bool | list | dict) else str(value)


def _struct_decoder(kind: Any) -> Decode | None:
    inner = {
        field.name: decode
        for field in kind
        if (decode := decoder_of(field.type, field.metadata)) is not None
    }
    if not inner:
        return None

    def decode_members(value: dict[str, Any]) -> dict[str, Any]:
        return {
            name: inner[name](member) if name in inner and member is not None else member
            for name, member in value.items()
        }

    return decode_members


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):  # marked as JSON by somebody else
        return text
