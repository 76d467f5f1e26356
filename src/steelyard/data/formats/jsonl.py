"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Any

from steelyard.data.formats.base import RawRow, json_kind
from steelyard.data.formats.disguise import HEAD_BYTES, refuse_many_lined, refuse_table
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.stream import (
    MOST_LINE_BYTES,
    ROWS_BETWEEN_REPORTS,
    ByteSource,
    OnBytes,
    open_bytes,
)

_BOM = b"\xef\xbb\xbf"
_WHOLE = frozenset({"$numberInt", "$numberLong"})
_FRACTIONS = frozenset({"$numberDouble"})
_TEXTS = frozenset({"$oid", "$numberDecimal", "$uuid", "$symbol"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NUMBERS = "numbers as written (1.10 is 1.1)"
"""What a row loses whose numbers have digits that a float does not keep."""


class RowDecoding:
    """Decodes rows; says of the last one whether its numbers were ``changed``.

    NaN is a missing value, as pandas writes it. Infinity, and a key that stands twice, raise `ValueError`.
    """

    def __init__(self) -> None:
        decoder = json.JSONDecoder(
            parse_constant=_missing, parse_float=self._float, object_pairs_hook=_object
        )
        self.decode, self.raw_decode = decoder.decode, decoder.raw_decode
        self._changed = False

    def _float(self, text: str) -> float:
        value = float(text)
        if repr(value) != text:
            self._changed = True
        return value

    def changed(self) -> tuple[str, ...]:
        """What the rows decoded since the last call have lost."""
        changed, self._changed = self._changed, False
        return (NUMBERS,) if changed else ()


def _missing(name: str) -> None:
    if name != "NaN":
        raise ValueError(f"{name} is not a JSON number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        repeated = next(key for key, count in Counter(k for k, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {repeated[:40]!r} stands twice")
    return fields


def read_rows(
    path: Path, columns: Columns | None = None, on_bytes: OnBytes | None = None
) -> Iterator[RawRow]:
    """Yield the file's objects; a line that is not one comes with its reason."""
    del columns  # keys are looked up row by row
    decoding = RowDecoding()
    with open_bytes(path) as source:
        head = source.peek(HEAD_BYTES)[:HEAD_BYTES]
        refuse_table(path, head)
        refuse_many_lined(path, head)
        number = offset = 0
        not_utf8 = ""
        while line := source.readline(MOST_LINE_BYTES):
            number += 1
            size = len(line)
            if number == 1 and line.startswith(_BOM):
                line = line[3:]
            if size == MOST_LINE_BYTES and not line.endswith(b"\n"):
                size += _skip_line(source)
                yield RawRow(number, {}, f"longer than {MOST_LINE_BYTES // 2**20} MB")
            elif not line.isspace() and line:
                try:
                    value = decoding.decode(line.decode())
                except UnicodeDecodeError as error:
                    not_utf8 = not_utf8 or _not_utf8(path, number, offset, error)
                    yield RawRow(number, {}, not_utf8)
                except (ValueError, RecursionError) as error:
                    for row in _problem(number, line, error):
                        number = row.line
                        yield row
                else:
                    yield as_row(number, value, decoding.changed())
            offset += size
            if on_bytes is not None and number % ROWS_BETWEEN_REPORTS == 0:
                on_bytes(source.position())


def why_not_json(error: ValueError | RecursionError) -> str:
    """Say what is wrong with a text that is not JSON."""
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg.removesuffix(' at')} at column {error.colno})"
    return f"not JSON ({str(error).partition(';')[0]})"  # NaN, or a number of thousands of digits


def _problem(number: int, line: bytes, error: ValueError | RecursionError) -> Iterator[RawRow]:
    """The row of a line that is not JSON, or its rows where it is lines that end in CR alone."""
    pieces = line.strip().split(b"\r")
    if len(pieces) > 1:
        for place, piece in enumerate(pieces):
            if piece.strip():
                yield _row(number + place, piece)
    else:
        yield RawRow(number, {}, why_not_json(error) + _hint(number, line))


def _row(number: int, line: bytes) -> RawRow:
    decoding = RowDecoding()
    try:
        value = decoding.decode(line.decode())
    except (ValueError, RecursionError) as error:
        return RawRow(number, {}, why_not_json(error))
    return as_row(number, value, decoding.changed())


def as_row(number: int, value: Any, changed: tuple[str, ...], *, in_array: bool = False) -> RawRow:
    """The row of a value, which must be an object."""
    if type(value) is not dict:
        return _no_object(number, value, in_array=in_array)
    if dict in map(type, value.values()):
        for name, cell in value.items():
            if type(cell) is dict and len(cell) == 1:
                value[name] = _plain(cell)
    return RawRow(number, value, None, changed) if changed else RawRow(number, value)


def _plain(cell: dict[str, Any]) -> Any:
    """A value as it is, where MongoDB's extended JSON wraps it to say its type; else the cell.

    Source: https://github.com/mongodb/specifications, extended JSON version 2.
    """
    ((kind, value),) = cell.items()
    if kind == "$date":
        inner = _plain(value) if type(value) is dict and len(value) == 1 else value
        return _moment(inner) if type(inner) is int else inner
    if kind in _WHOLE or kind in _FRACTIONS:
        try:
            return int(value) if kind in _WHOLE else float(value)
        except (TypeError, ValueError):
            return value
    return value if kind in _TEXTS and type(value) is str else cell


def _moment(milliseconds: int) -> Any:
    """The time so long after 1970, in ISO 8601; the number where no calendar has it."""
    try:
        return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat()
    except OverflowError:
        return milliseconds


def _no_object(number: int, value: object, *, in_array: bool) -> RawRow:
    is_of_rows = not in_array and type(value) is list and any(type(item) is dict for item in value)
    hint = _hint(number, b"[") if is_of_rows else ""
    if type(value) is list and not is_of_rows:
        hint = ": write each row with names, such as text and label"
    return RawRow(number, {}, f"a JSON {json_kind(value)}, not an object{hint}")


def _not_utf8(path: Path, number: int, offset: int, error: UnicodeDecodeError) -> str:
    """The reason of every line that is not UTF-8: where the first one of ``path`` stops being it."""
    byte = error.object[error.start]
    return (
        f"not UTF-8 (looks like another encoding): byte 0x{byte:02x} at offset "
        f"{offset + error.start}, line {number}; save it as UTF-8, for example: "
        f"iconv -f CP1252 -t UTF-8 {quote(path.name)} > fixed{path.suffix}"
    )


def _hint(number: int, line: bytes) -> str:
    if number == 1 and line.lstrip()[:1] == b"[":
        return "; the file looks like one JSON array: name it .json, or write one object per line instead"
    if line.lstrip()[:2] == b"{'":
        return ": names and texts need double quotes, as json.dumps writes them"
    return ""


def _skip_line(source: ByteSource) -> int:
    """Read to the end of the line; return how many bytes that were."""
    skipped = 0
    while piece := source.readline(MOST_LINE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
